"""The only place of the sponge that locks files, and minds which descriptor they get.

Where there is ``fcntl``, a lock is ``flock``'s: it belongs to the open file, and goes with its last descriptor, however
a process ends. Elsewhere (Windows) it is one of ``msvcrt.locking``, which locks bytes: of each file the one byte at
:data:`_LOCKED_BYTE`, far beyond what anybody writes, for a locked byte can be read by nobody else. It belongs to the
open file too, and Windows frees it when the file is closed or the process ends.

The second kind is tested with a stand-in for ``msvcrt`` that behaves as Microsoft documents it. It has not been tried
on a real Windows.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_PAUSE = 0.01
"""Seconds between two tries; neither kind of lock has a deadline of its own."""

_STANDARD_ERROR = 2

_LOCKED_BYTE: Final = 2**40
"""Every file system lets one seek there, and no journal gets there."""


def _module(name: str) -> Any:
    """A module that only some systems have."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_fcntl: Any = _module("fcntl")
_msvcrt: Any = None if _fcntl else _module("msvcrt")

OPEN_FILES_MOVE: Final = _fcntl is not None
"""Whether a file that somebody has open can be renamed, and its directory: not on Windows."""

AS_BYTES: Final[int] = getattr(os, "O_BINARY", 0)
"""To open a file with, so that what is written to it is not changed on the way: Windows puts in carriage returns."""

_held: set[int] = set()
"""The descriptors of :func:`locked` in this process."""


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it."""
    try:
        if _fcntl is not None:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        elif _msvcrt is not None:
            _of_the_byte(descriptor, _msvcrt.LK_NBLCK)
    except (BlockingIOError, PermissionError):
        # The second is how msvcrt says it.
        return False
    return True


def _unlock(descriptor: int) -> None:
    """Give a lock back before its file is closed: flock's goes with the file, but Windows may take its time."""
    if _msvcrt is not None:
        _of_the_byte(descriptor, _msvcrt.LK_UNLCK)


def _of_the_byte(descriptor: int, mode: int) -> None:
    os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
    try:
        _msvcrt.locking(descriptor, mode, 1)
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock of the file: its writer is gone. Raises FileNotFoundError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        is_mine = try_lock(descriptor)
        if is_mine:
            _unlock(descriptor)
        return is_mine
    finally:
        os.close(descriptor)


def above_standard_streams(descriptor: int) -> int:
    """The descriptor, or another of the same open file if it is that of a standard stream.

    A program may be started with those closed; whoever then writes to "standard error", by its number, must not write
    into a file of ours.
    """
    low = []
    try:
        while descriptor <= _STANDARD_ERROR:
            low.append(descriptor)
            descriptor = os.dup(descriptor)
    finally:
        for each in low:
            os.close(each)
    return descriptor


@contextmanager
def locked(path: Path, seconds_left: Callable[[], float]) -> Iterator[bool]:
    """Hold the lock of a file, made if missing; yields whether it was had in time. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    _held.add(descriptor)
    is_mine = False
    try:
        is_mine = _lock_in_time(descriptor, seconds_left)
        yield is_mine
    finally:
        if descriptor in _held:
            _held.discard(descriptor)
            if is_mine:
                _unlock(descriptor)
            os.close(descriptor)


def _lock_in_time(descriptor: int, seconds_left: Callable[[], float]) -> bool:
    while not try_lock(descriptor):
        if seconds_left() <= 0:
            return False
        time.sleep(min(_PAUSE, max(seconds_left(), 0)))
    return True


def forked() -> None:
    """In a child made by fork: let go of the locks that its parent holds, or it would hold them as long as it lives."""
    for descriptor in list(_held):
        os.close(descriptor)
    _held.clear()
