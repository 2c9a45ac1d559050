"""The lock that mail programs hold on a mailbox: a file beside it, ``me.lock``, as Debian's tools make it.

The file is made under another name and then linked, which is either done or not, on a network's disk too. One that is
older than five minutes was left by somebody who died, as liblockfile has it (lockfile_create(3)).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Final

from mailsponge import clock
from mailsponge.courier.descriptors import NEW_FILE

STALE: Final = 300.0
"""Seconds after which a lock is nobody's. Who holds one is done in far less."""


@contextlib.contextmanager
def dotlocked(
    directory: int, name: str, wait: Callable[[], bool], now: clock.Clock = clock.now
) -> Iterator[bool]:
    """Hold the lock of a mailbox; False: somebody else holds it.

    ``wait`` is called between attempts, and says whether there shall be another. Raises OSError.
    """
    lock = f"{name}.lock"
    while not (made := _make(directory, lock)):
        _break_stale(directory, lock, now)
        if not wait():
            break
    try:
        yield made
    finally:
        if made:
            os.unlink(lock, dir_fd=directory)


def _make(directory: int, lock: str) -> bool:
    mine = f".lk{os.getpid()}{os.urandom(4).hex()}.{lock}"[:255]
    descriptor = os.open(mine, NEW_FILE, 0o644, dir_fd=directory)
    try:
        os.write(
            descriptor, b"0\n"
        )  # a process's number means nothing on another host, or in another container
        with contextlib.suppress(FileExistsError):
            os.link(mine, lock, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
            return True
        return False
    finally:
        os.close(descriptor)
        os.unlink(mine, dir_fd=directory)


def _break_stale(directory: int, lock: str, now: clock.Clock) -> None:
    """Remove it if it is nobody's. Two of us never do that at once: who comes here holds the kernel's lock."""
    with contextlib.suppress(FileNotFoundError):
        made = os.stat(lock, dir_fd=directory, follow_symlinks=False)
        if now() - made.st_mtime > STALE:
            os.unlink(lock, dir_fd=directory)
