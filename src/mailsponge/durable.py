"""Write, fsync, rename, fsync the directory: the only place that does.

A file written here is, after a crash at any moment, either the old one or the new one, whole. ``after_step`` is called
after each step with its name, so that a test can make any of them the last.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def _nothing(step: str) -> None:
    """Do nothing after a step: what a program wants, as opposed to a crash test."""


def write_file(
    path: Path, content: bytes, *, mode: int = 0o600, after_step: Callable[[str], None] = _nothing
) -> None:
    """Put ``content`` at ``path``, durably: once this returns, a power loss does not undo it.

    The directory must exist. Raises OSError; the old file, if any, is then still there, or the new one if it was only
    the directory that could not be synced.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            after_step("write")
            file.flush()
            os.fsync(file.fileno())
        after_step("fsync")
        scratch.rename(path)
        after_step("rename")
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            scratch.unlink()
        raise
    sync_directory(path.parent)
    after_step("sync directory")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable. A no-op where directories cannot be opened (Windows). Raises OSError."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
