"""``with source("In Our Time"):`` — what happens inside belongs to that source, and leaving it well is an OK."""

from __future__ import annotations

import functools
import inspect
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, TypeVar, cast

from mailsponge.sponge.journal import block_entered, block_left
from mailsponge.sponge.model import JOB_ITSELF
from mailsponge.sponge.process import process

current: ContextVar[str] = ContextVar("mailsponge_source", default=JOB_ITSELF)
"""The source that this thread or task is in."""

_ATTRIBUTED = "__mailsponge_attributed__"
"""Marks an exception whose failure the innermost block has taken upon itself."""

_F = TypeVar("_F", bound=Callable[..., Any])


class source:  # noqa: N801 - it is used like a function, as contextlib's are
    """Name what the work inside belongs to: one feed, one host, one table.

    Use it as a context manager, or as a decorator of a function or coroutine function. Inside it, records of every
    logger belong to this source. If an exception leaves it, the source failed; if nothing failed, it is OK.
    Blocks may be nested, and the innermost counts; threads and tasks each have their own.
    """

    __slots__ = ("_name", "_tokens")

    def __init__(self, name: str) -> None:
        self._name = str(name)
        self._tokens: list[Token[str]] = []

    def __enter__(self) -> source:
        self._tokens.append(current.set(self._name))
        _write_everywhere(block_entered(self._name, time.time()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        current.reset(self._tokens.pop())
        _write_everywhere(block_left(self._name, time.time(), _failure(error)))

    def __call__(self, function: _F) -> _F:
        name = self._name
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with source(name):
                    return await function(*args, **kwargs)

            return cast(_F, coroutine)

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            with source(name):
                return function(*args, **kwargs)

        return cast(_F, plain)


def _failure(error: BaseException | None) -> str | None:
    """The traceback of an exception that is this block's failure. Ctrl-C, sys.exit and a cancelled task are none."""
    if not isinstance(error, Exception) or getattr(error, _ATTRIBUTED, False):
        return None
    error.__dict__[_ATTRIBUTED] = True
    return "".join(traceback.format_exception(error))


def _write_everywhere(line: bytes) -> None:
    for job in process.jobs():
        job.current().write(line)
