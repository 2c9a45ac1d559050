"""The only place of the sponge that locks files, and minds which descriptor they get.

The locks are ``flock``'s: they belong to the open file, and go with its last
descriptor, however a process ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.01
"""Seconds between two tries; flock has no deadline of its own."""

_STANDARD_ERROR = 2


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock of the file: its writer is gone. Raises FileNotFoundError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def above_standard_streams(descriptor: int) -> int:
    """The descriptor, or another of the same open file if it is that of a standard stream.

    A program may be started with those closed; whoever then writes to "standard error", by its number, must not write
    into a file of ours.
    """
    if descriptor > _STANDARD_ERROR:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STANDARD_ERROR + 1)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, seconds_left: Callable[[], float]) -> Iterator[bool]:
    """Hold the lock of a file, made if missing; yields whether it was had in time. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _lock_in_time(descriptor, seconds_left)
    finally:
        os.close(descriptor)


def _lock_in_time(descriptor: int, seconds_left: Callable[[], float]) -> bool:
    while not try_lock(descriptor):
        if seconds_left() <= 0:
            return False
        time.sleep(min(_PAUSE, max(seconds_left(), 0)))
    return True
