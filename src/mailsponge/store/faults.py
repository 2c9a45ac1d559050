"""What SQLite says went wrong, in words that tell what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from mailsponge.errors import StoreError, StoreFull, StoreReadOnly

BUSY_AFTER = 10.0
"""Seconds that one writer waits for another process to finish: ample for any command line, short for a person."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_READ_ONLY = "it cannot be written: look at its owner, and whether its disk is mounted read-only"

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (apsw.BusyError, f"another program has kept it locked for {BUSY_AFTER:.0f} seconds: end that program"),
    (apsw.LockedError, f"another program has kept it locked for {BUSY_AFTER:.0f} seconds: end that program"),
    (apsw.CantOpenError, "it cannot be opened: look at its owner, and at the directory's"),
    (apsw.PermissionsError, "it cannot be opened: look at its owner, and at the directory's"),
    (
        apsw.NotADBError,
        "it is no mail store, or damaged. It was left as it is: name another data directory, or restore a backup",
    ),
    (
        apsw.CorruptError,
        "it is damaged. It was left as it is: stop the server, copy it, save what `sqlite3 store.db .recover` finds",
    ),
    (apsw.ConnectionClosedError, "it has been closed"),
)


def store_error(error: Exception, file: Path, system_errno: int = 0) -> StoreError:
    """Why the store in ``file`` could not; ``system_errno`` is what the system told SQLite last, for errors of
    input and output.
    """
    if isinstance(error, StoreError):
        return error
    number = system_errno if isinstance(error, apsw.IOError) else 0
    if isinstance(error, apsw.FullError) or number in _NO_ROOM:
        said: StoreError = StoreFull(
            f"{file}: there is no room left on its disk: make some, and mail is taken again"
        )
    elif isinstance(error, apsw.ReadOnlyError) or number == errno.EROFS:
        said = StoreReadOnly(f"{file}: {_READ_ONLY} ({type(error).__name__}: {error})")
    else:
        said = StoreError(f"{file}: {_words(error)} ({type(error).__name__}: {error})")
    said.__cause__ = error
    return said


def _words(error: Exception) -> str:
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, apsw.IOError):
        return "the disk under it failed: look at the system's log"
    return "it could not do what was asked"


def locked_out(fault: StoreError | None) -> bool:
    """The store was locked by another program all the while: trying the next thing would only wait as long again."""
    return fault is not None and isinstance(fault.__cause__, apsw.BusyError)


def is_damaged(fault: StoreError) -> bool:
    """Something in the file is not as it was written, and will not be so at the next try either."""
    return isinstance(fault.__cause__, apsw.CorruptError)


@contextmanager
def worded(file: Path) -> Iterator[None]:
    """Raise what SQLite raises inside as StoreError."""
    try:
        yield
    except apsw.Error as error:
        raise store_error(error, file) from error
