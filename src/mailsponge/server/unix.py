"""The Unix socket for programs on this machine: made with care, and who is at the other end of it.

Anybody may connect (mode 0666). That is no hole: the kernel names the user of each peer (SO_PEERCRED, unix(7)), which
no program can forge.
"""

from __future__ import annotations

import os
import pwd
import socket
import stat
import struct
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge.errors import UsageError

MODE: Final = 0o666
DIRECTORY_MODE: Final = 0o755

_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid


class LocalUser(NamedTuple):
    """A user of this machine."""

    uid: int
    name: str
    """As /etc/passwd has it; ``uid1000`` for one that it does not have."""

    def __str__(self) -> str:
        return f"local uid {self.uid} ({self.name})"


def peer(connected: socket.socket) -> LocalUser:
    """Who connected, by the word of the kernel. Raises OSError."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return LocalUser(uid, name_of(uid))


def bound(path: Path) -> socket.socket:
    """A socket at ``path``; what a server that died left there is removed, and nothing else.

    Raises UsageError that says what to do.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        raise UsageError("local.socket needs Linux: this system does not say who connects; leave it out")
    try:
        _make_directory(path.parent)
        _clear(path)
        return _bind(path)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {path}: {error.strerror or error}; make its directory, or choose another path"
        ) from error


def remove(path: Path, made: os.stat_result) -> None:
    """Remove the socket that was ``made``; a later server's in its place stays. Raises OSError."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if (found.st_dev, found.st_ino) == (made.st_dev, made.st_ino):
        path.unlink()


def name_of(uid: int) -> str:
    """As /etc/passwd has it; ``uid1000`` for one that it does not have."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"


def _make_directory(directory: Path) -> None:
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir()
        place.chmod(DIRECTORY_MODE)  # whatever the umask is: others have to get through


def _clear(path: Path) -> None:
    """Make room at ``path``, if only a dead server's socket is there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UsageError(f"cannot listen on {path}: that is no socket; move it away, or choose another path")
    if _somebody_listens(path):
        raise UsageError(
            f"cannot listen on {path}: another program does (`ss -xlp` shows which); stop it, or choose another path"
        )
    path.unlink(missing_ok=True)


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.setblocking(False)  # where nobody takes connections any more, the queue may be full
        try:
            knocking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            return True
        return True


def _bind(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        path.chmod(MODE)  # nobody can connect before listen()
    except BaseException:
        made.close()
        raise
    return made
