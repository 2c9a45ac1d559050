"""The lock that lets one server, and one only, take mail into a data directory.

The system lets go of it when its holder dies, however that happens, so there is no stale lock to clean up.
Readers from other processes need none: SQLite's own locks keep them apart.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mailsponge.errors import StoreError


class ServerLock:
    """Held from its creation to `close`. Raises StoreError when another server holds it, or it cannot be made."""

    def __init__(self, file: Path) -> None:
        try:
            self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreError(
                f"cannot write {file}: {error.strerror}. A server needs a directory of its own"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreError(
                f"another server (process {holder}) already keeps its mail in {file.parent}: "
                "stop it first, or give this one another data directory"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let go. The file stays: removing it would let two servers lock two files of one name."""
        os.close(self._descriptor)
