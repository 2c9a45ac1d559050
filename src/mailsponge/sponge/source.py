"""``with source("In Our Time"):`` — what happens inside belongs to that source, and leaving it well is an OK."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import os
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, TypeVar, cast

from mailsponge.sponge.journal import block_cut, block_entered, block_left
from mailsponge.sponge.model import JOB_ITSELF
from mailsponge.sponge.process import process

current: ContextVar[str] = ContextVar("mailsponge_source", default=JOB_ITSELF)
"""The source that this thread or task is in."""

_ATTRIBUTED = "__mailsponge_attributed__"
"""Marks an exception with the block that took its failure upon itself: the process and the block's number."""

_numbers = itertools.count(1)
"""Tells a block that was open when an exception was taken from one that the same exception reaches later."""

_F = TypeVar("_F", bound=Callable[..., Any])


class source:  # noqa: N801 - it is used like a function, as contextlib's are
    """Name what the work inside belongs to: one feed, one host, one table.

    Use it as a context manager, or as a decorator of a function or coroutine function. Inside it, records of every
    logger belong to this source. If an exception leaves it, the source failed; if nothing failed, it is OK.
    Blocks may be nested, and the innermost counts; threads and tasks each have their own.
    """

    __slots__ = ("_name", "_open")

    def __init__(self, name: str) -> None:
        self._name = str(name)
        self._open: list[tuple[Token[str], int]] = []

    def __enter__(self) -> source:
        self._open.append((current.set(self._name), next(_numbers)))
        _write_everywhere(block_entered(self._name, time.time()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token, number = self._open.pop()
        # A generator may be closed by another task than the one that ran it; there, nothing is to be put back.
        with contextlib.suppress(ValueError):
            current.reset(token)
        _write_everywhere(_left(self._name, number, error))

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


def _left(name: str, number: int, error: BaseException | None) -> bytes:
    """The line of a block's end. Ctrl-C, sys.exit and a cancelled task are no failure, and prove nothing good."""
    if error is not None and not isinstance(error, Exception):
        return block_cut(name, time.time())
    if error is None or _was_taken_inside(number, error):
        return block_left(name, time.time(), None)
    error.__dict__[_ATTRIBUTED] = os.getpid(), number
    return block_left(name, time.time(), "".join(traceback.format_exception(error)))


def _was_taken_inside(number: int, error: Exception) -> bool:
    """Whether a block inside this one has taken the failure: one entered later, or in a child process."""
    pid, taker = error.__dict__.get(_ATTRIBUTED, (os.getpid(), 0))
    return bool(pid != os.getpid() or taker > number)


def _write_everywhere(line: bytes) -> None:
    for job in process.jobs():
        job.write(line)
