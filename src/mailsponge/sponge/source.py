"""``with source("In Our Time"):`` — what happens inside belongs to that source, and leaving it well is an OK."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import MethodType, TracebackType
from typing import Any

from mailsponge.sponge.journal import block_cut, block_entered, block_in_part, block_left
from mailsponge.sponge.model import JOB_ITSELF
from mailsponge.sponge.process import process
from mailsponge.sponge.run import units
from mailsponge.sponge.wrapping import F, wrapped

current: ContextVar[str] = ContextVar("mailsponge_source", default=JOB_ITSELF)
"""The source that this thread or task is in."""

_ATTRIBUTED = "__mailsponge_attributed__"
"""Marks an exception with the block that took its failure upon itself: the process and the block's number."""

_numbers = itertools.count(1)
"""Tells a block that was open when an exception was taken from one that the same exception reaches later."""


class source:  # noqa: N801 - it is used like a function, as contextlib's are
    """Name what the work inside belongs to: one feed, one host, one table.

    Use it as a context manager, or as a decorator of a function, a coroutine function or a generator of either kind.
    Inside it, records of every logger belong to this source. If an exception leaves it, the source failed; if nothing
    failed, it is OK. Blocks may be nested, and the innermost counts; threads and tasks each have their own.

    A decorated generator is in its source while it runs, and whoever iterates over it is not. One that is not iterated
    over to its end proves nothing good.
    """

    __slots__ = ("_name", "_open")

    def __init__(self, name: str) -> None:
        self._name = str(name)
        self._open: list[tuple[Token[str], _Block]] = []

    def __enter__(self) -> source:
        block = _Block(self._name)
        self._open.append((current.set(self._name), block))
        block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token, block = self._open.pop()
        # A generator may be closed by another task than the one that ran it; there, nothing is to be put back.
        with contextlib.suppress(ValueError):
            current.reset(token)
        block.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        name = self._name
        return wrapped(function, lambda: _Block(name), lambda: _Within(name, units.get()))

    @staticmethod
    def carry(function: F) -> F:
        """The function, to be run by a thread or an executor in the source that is current now.

        ``pool.submit(source.carry(download), feed)``. The unit of ``with handler.run():`` is carried along. It may be
        called many times and by many threads at once; each of them is afterwards in the source that it was in before.
        It begins no block: a failure inside is the failure of the block that is around it here, if it gets there.

        Tasks of asyncio and ``asyncio.to_thread`` need nothing of the kind. A pool of processes takes what it returns
        if it could take the function.
        """
        name, names = current.get(), units.get()
        return wrapped(
            function,
            contextlib.nullcontext,
            lambda: _Within(name, names),
            lambda plain: _Carried(plain, name, names),
        )


class _Block:
    """The lines that tell of a block, without making its source the current one."""

    __slots__ = ("_name", "_number")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._number = next(_numbers)
        line = block_entered(self._name, time.time())
        for job in process.jobs():
            job.entered(self._number, self._name, line)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        line, line_of_a_part = _left(self._name, self._number, error)
        for job in process.jobs():
            job.left(self._number, line, line_of_a_part)


class _Within:
    """A source and units that are current while it is entered."""

    __slots__ = ("_name", "_names", "_tokens")

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        self._name, self._names = name, names

    def __enter__(self) -> None:
        self._tokens = current.set(self._name), units.set(self._names)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # As above: a coroutine may be closed by another task than the one that ran it.
        with contextlib.suppress(ValueError):
            current.reset(self._tokens[0])
            units.reset(self._tokens[1])


class _Carried:
    """A function that takes a source along. An object, so that it can be pickled if the function can."""

    def __init__(self, function: Callable[..., Any], name: str, names: tuple[str, ...]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._name, self._names = function, name, names

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _Within(self._name, self._names):
            return self._function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Become a method, as a function in a class does."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Carried, (self._function, self._name, self._names)

    def __repr__(self) -> str:
        return f"<{self._function!r} in source {self._name!r}>"


def _left(name: str, number: int, error: BaseException | None) -> tuple[bytes, bytes]:
    """The line of a block's end, and what to write instead if it is known from before that it was not well.

    Ctrl-C, sys.exit and a cancelled task are no failure, and prove nothing good.
    """
    if error is not None and not isinstance(error, Exception):
        line = block_cut(name, time.time())
    elif error is None or _was_taken_inside(number, error):
        return block_left(name, time.time(), None), block_in_part(name, time.time())
    else:
        error.__dict__[_ATTRIBUTED] = os.getpid(), number
        line = block_left(name, time.time(), "".join(traceback.format_exception(error)))
    return line, line


def _was_taken_inside(number: int, error: Exception) -> bool:
    """Whether a block inside this one has taken the failure: one entered later, or in a child process."""
    pid, taker = error.__dict__.get(_ATTRIBUTED, (os.getpid(), 0))
    return bool(pid != os.getpid() or taker > number)
