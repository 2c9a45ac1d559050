"""Leaves a letter for the server to collect, when it is down: a file in a directory that everybody may write to.

Its name cannot be guessed and nobody but the server can list the directory, so nobody else can read it. It gets its
name when it is whole and on the disk; then it is synced again, for what most file systems (ext4, XFS, btrfs) sync of
a file that has just been renamed is its name, too. The directory itself a stranger cannot sync, who may not open it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator

_READ_BY_ITS_OWNER = 0o600
_READ_BY_WHO_KNOWS_ITS_NAME = 0o644


class NoPickup(Exception):
    """There is nowhere to leave it; the message says what to do."""


def leave(places: Iterable[str], content: bytes) -> str:
    """Leave the content at the first place that is there; returns which. Raises NoPickup, and OSError."""
    tried = []
    for place in places:
        tried.append(place)
        with contextlib.suppress(FileNotFoundError), _opened(place) as directory:
            _write(directory, content)
            return place
    raise NoPickup(f"there is no pickup directory at {' or '.join(tried)}")


@contextlib.contextmanager
def _opened(place: str) -> Iterator[int]:
    """A descriptor of a directory in which nobody can touch what another has put there. Raises NoPickup, OSError."""
    # Not to be read, only to be gone through: that is all that strangers may.
    directory = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(directory)
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
            raise NoPickup(
                f"{place} is not used: everybody may remove there what others left; `chmod 1733 {place}`"
            )
        yield directory
    finally:
        os.close(directory)


def _write(directory: int, content: bytes) -> None:
    name = os.urandom(16).hex()
    unfinished = f"tmp-{name}"
    is_ours = os.fstat(directory).st_uid == os.getuid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(unfinished, flags, _READ_BY_ITS_OWNER, dir_fd=directory)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # The server runs as another user, and has no rights here but those that all have who know the name.
            os.fchmod(descriptor, _READ_BY_ITS_OWNER if is_ours else _READ_BY_WHO_KNOWS_ITS_NAME)
            os.fsync(descriptor)
            os.rename(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
            os.fsync(descriptor)
    except BaseException:
        for left in (unfinished, name):
            with contextlib.suppress(OSError):
                os.unlink(left, dir_fd=directory)
        raise
