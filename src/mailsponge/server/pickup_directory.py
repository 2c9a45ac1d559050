"""The directory where programs leave mail while the server is down, looked at without trusting anything in it.

Everybody may write there (mode 1733), so what lies there may be anything: a link to somebody else's file, a pipe that
never ends, a file that grows. All is done relative to a descriptor of the directory, no link is followed, and nothing
is read but a regular file with one name. Whose it is says the kernel, never what stands in it.

A file whose name is 32 hexadecimal digits is whole: it was renamed to that when it was. Everything else is being
written, or is rubbish, and is removed after an hour.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge.errors import UsageError

MODE: Final = 0o1733
"""Everybody puts in; nobody but the owner takes out, or sees what is there."""
OWN_MODE: Final = 0o700
"""Of one that is in a directory where only its owner gets in any case."""
RUBBISH_AFTER: Final = 3600.0
"""Seconds after which what is no letter is removed."""
LETTERS_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = 100_000_000
"""What is collected of one user before it is looked anew who else is waiting."""
RUBBISH_AT_ONCE: Final = 1000

_WHOLE: Final = re.compile("[0-9a-f]{32}").fullmatch
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Unfit(Exception):
    """It is no letter; the message says why."""


class Letter(NamedTuple):
    """A letter that is open to be read."""

    name: str
    uid: int
    """Whose it is."""
    left_at: float
    """Seconds since the epoch."""
    size: int
    """Bytes."""
    descriptor: int
    state: tuple[int, int, int]
    """What would be another if somebody changed it."""


class Found(NamedTuple):
    """What one look at the directory finds."""

    letters: list[str]
    """Their names, in the order in which they are to be collected: everybody in turn, each one's oldest first."""
    rubbish: list[str]
    """The names of what is to be removed."""


class PickupDirectory:
    """One pickup directory. Every method may block, and raises OSError."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError that says what to do."""
        self.path = path
        self._descriptor = _opened(path)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def look(self, now: float) -> Found:
        """What waits, and what has lain there for too long; ``now`` is in seconds since the epoch."""
        by_user: dict[int, _Waiting] = {}
        rubbish: list[str] = []
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    state = entry.stat(follow_symlinks=False)
                    if _WHOLE(entry.name) and _is_plain(state):
                        by_user.setdefault(state.st_uid, _Waiting()).add(state, entry.name)
                    elif now - state.st_ctime > RUBBISH_AFTER and len(rubbish) < RUBBISH_AT_ONCE:
                        rubbish.append(entry.name)
        turns = zip_longest(*(waiting.at_once() for waiting in by_user.values()))
        return Found([name for turn in turns for name in turn if name is not None], rubbish)

    def open(self, name: str) -> Letter:
        """Open a letter. Raises Unfit."""
        try:
            descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        except PermissionError:
            raise Unfit("the server may not read it: leave mail with mailsponge-sendmail") from None
        state = os.fstat(descriptor)
        if not _is_plain(state):
            os.close(descriptor)
            raise Unfit("it is no regular file with one name")
        return Letter(name, state.st_uid, state.st_ctime, state.st_size, descriptor, _state(state))

    def is_unchanged(self, letter: Letter) -> bool:
        """Whether nobody has written to it, or linked it, since it was opened."""
        state = os.fstat(letter.descriptor)
        return _is_plain(state) and _state(state) == letter.state

    def remove(self, name: str) -> None:
        """Remove what has that name, if it still lies there: a file, a link, an empty directory."""
        with contextlib.suppress(FileNotFoundError):
            try:
                os.unlink(name, dir_fd=self._descriptor)
            except IsADirectoryError:
                os.rmdir(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        """Make it durable that what was removed is."""
        os.fsync(self._descriptor)


def prepare(path: Path, uid: int, gid: int, mode: int = MODE) -> None:
    """See to it that it is there, and that it is the server's, who runs as that user; ``mode`` is for one that is
    made. Raises UsageError.
    """
    try:
        if not path.exists():
            _make(path, uid, gid, mode)
        _check(path, path.lstat(), uid)
    except OSError as error:
        raise UsageError(
            f"local.pickup, {path}: {error.strerror or error}; name a directory that the server can make, "
            f"or make it: `{_how(path)}`"
        ) from error


def _make(path: Path, uid: int, gid: int, mode: int) -> None:
    missing = [place for place in path.parents if not place.exists()]
    for place in reversed(missing):
        place.mkdir()
        place.chmod(0o755)  # whatever the umask is: others have to get through
    path.mkdir(mode=0o700)
    path.chmod(mode)  # while it is still ours: root whose rights systemd bounds may not do it later
    if uid != os.geteuid():
        os.chown(path, uid, gid)


def _check(path: Path, found: os.stat_result, uid: int) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError(f"local.pickup, {path}, is no directory: move it away, or name another")
    writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if found.st_uid != uid or (writable and not found.st_mode & stat.S_ISVTX):
        raise UsageError(
            f"local.pickup, {path}, is not the server's alone to take things out of: "
            f"`chown {uid} {path} && chmod 1733 {path}`"
        )


def _how(path: Path) -> str:
    return f"mkdir -p {path} && chmod 1733 {path}"


def _opened(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(
            f"local.pickup, {path}, cannot be looked at: {error.strerror}; `{_how(path)}`"
        ) from error
    try:
        _check(path, os.fstat(descriptor), os.geteuid())
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_plain(state: os.stat_result) -> bool:
    return stat.S_ISREG(state.st_mode) and state.st_nlink == 1


def _state(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


class _Waiting:
    """What waits of one user: the oldest of it, however much there is."""

    def __init__(self) -> None:
        self._oldest: list[tuple[int, int, str]] = []

    def add(self, state: os.stat_result, name: str) -> None:
        self._oldest.append((state.st_ctime_ns, state.st_size, name))
        if len(self._oldest) >= 2 * LETTERS_AT_ONCE:
            self._forget_the_newest()

    def _forget_the_newest(self) -> None:
        self._oldest.sort()
        del self._oldest[LETTERS_AT_ONCE:]

    def at_once(self) -> Iterator[str]:
        """What is collected before it is looked anew: always something, be it large."""
        self._forget_the_newest()
        taken = 0
        for _, size, name in self._oldest:
            if taken and taken + size > BYTES_AT_ONCE:
                return
            taken += size
            yield name
