"""A stand-in for Windows, put into a program before it imports mailsponge: msvcrt for fcntl, open files stay put.

What it does is what Microsoft documents of ``_locking`` and of files opened by the C runtime (which does not share them
for deletion): a lock belongs to an open file and to a range of its bytes, may lie beyond its end, keeps even another
descriptor of the same process out, and fails with EACCES; nothing that is open can be renamed or removed, nor the
directory that it is in. It cannot show that a locked byte is not to be read, nor how long Windows takes for anything.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import subprocess  # so that it does not find msvcrt, and take this for Windows in earnest
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PUT_IN = f"""\
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from kit.without_fcntl import put_in
put_in()
"""
"""How a program begins that is to think itself there."""

LK_UNLCK, LK_LOCK, LK_NBLCK = 0, 1, 2


def locking(descriptor: int, mode: int, count: int) -> None:
    """Lock or unlock so many bytes from the file's position on, as ``msvcrt.locking`` does."""
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    kind = fcntl.F_UNLCK if mode == LK_UNLCK else fcntl.F_WRLCK
    if kind == fcntl.F_WRLCK and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        # Windows locks what can only be read, too; here a lock that keeps writers' locks out has to do.
        kind = fcntl.F_RDLCK
    # A lock of the open file, as flock's are, but of a range: struct flock of Linux.
    asked = struct.pack("hhqqi4x", kind, os.SEEK_SET, start, count, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, asked)
    except (BlockingIOError, PermissionError):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


def put_in() -> None:
    """Make this process, and those that it forks, like one of Windows, as far as the sponge could notice."""
    assert subprocess
    msvcrt = ModuleType("msvcrt")
    for name, thing in {"locking": locking, "LK_UNLCK": 0, "LK_LOCK": 1, "LK_NBLCK": 2}.items():
        setattr(msvcrt, name, thing)
    sys.modules.update({"fcntl": None, "pwd": None, "grp": None, "resource": None, "msvcrt": msvcrt})  # type: ignore[dict-item]
    for name in (
        *(
            "O_CLOEXEC",
            "O_NONBLOCK",
            "O_DIRECTORY",
            "register_at_fork",
            "uname",
            "getuid",
            "geteuid",
            "getgid",
        ),
        *("fork", "set_blocking", "fchmod", "chown"),
    ):
        if hasattr(os, name):
            delattr(os, name)
    for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGALRM"):
        delattr(signal, name)
    for name in ("rename", "replace", "unlink", "remove", "rmdir"):
        setattr(os, name, _unless_open(getattr(os, name)))


def _unless_open(change: Any) -> Any:
    def changed(path: Any, *more: Any, **options: Any) -> Any:
        if not options and (opened := _open_below(os.path.realpath(path))):
            raise PermissionError(errno.EACCES, f"opened as {opened}", path)
        return change(path, *more, **options)

    return changed


def _open_below(path: str) -> str:
    """A descriptor of any process that leads to the file or into the directory, as ``/proc`` shows it."""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            leads_to = os.readlink(descriptor)
        except OSError:
            continue
        if leads_to == path or leads_to.startswith(f"{path}/"):
            return str(descriptor)
    return ""
