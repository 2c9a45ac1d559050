"""Disks in a test's hands: every write and every sync that SQLite does goes by the test first.

A disk is a VFS of SQLite's that does what the real one does, after asking. So it can have little room, fail at
one step, end the process at another, or lose at a power cut whatever was not synced.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from mailsponge.store import database

_REAL = apsw.vfs_names()[0]
"""SQLite's own way to the disk."""

_names = (f"test disk {number}" for number in itertools.count())


class Disk:
    """A disk that does as it is told; others override what they want to know of."""

    def __init__(self, *, everywhere: bool = False) -> None:
        """``everywhere``: whatever database this process opens from now on lies on it."""
        self.name = next(_names)
        self._vfs = _Vfs(self.name, self, everywhere)
        self.connect: database.Connect = partial(database.connect, vfs=self.name)

    def before_write(self, file: Path, data: bytes, offset: int) -> None:
        """Raise to refuse."""

    def before_sync(self, file: Path) -> None:
        """Raise to refuse."""

    def before_truncate(self, file: Path, size: int) -> None:
        """Raise to refuse."""

    def before_delete(self, file: Path) -> None:
        """Raise to refuse."""

    def close(self) -> None:
        self._vfs.unregister()


class SmallDisk(Disk):
    """Has room for the bytes it has now, and for `room` more."""

    def __init__(self) -> None:
        super().__init__()
        self.room: int | None = None
        self._sizes: defaultdict[Path, int] = defaultdict(int)

    def before_write(self, file: Path, data: bytes, offset: int) -> None:
        growth = max(0, offset + len(data) - self._sizes[file])
        if self.room is not None:
            if growth > self.room:
                raise apsw.FullError("the test's disk is full")
            self.room -= growth
        self._sizes[file] += growth


class StumblingDisk(Disk):
    """Refuses one step, the `stumble`-th from now on, and counts them all."""

    def __init__(self, error: type[apsw.Error] = apsw.IOError, *, everywhere: bool = False) -> None:
        super().__init__(everywhere=everywhere)
        self.steps = 0
        self.stumble = 0
        self._error = error

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.stumble:
            self.fall()

    def fall(self) -> None:
        raise self._error("the test's disk failed")

    def before_write(self, file: Path, data: bytes, offset: int) -> None:
        self.step()

    def before_sync(self, file: Path) -> None:
        self.step()


class ForgetfulDisk(Disk):
    """Remembers in another folder what a power cut would leave: of each file, what was synced."""

    def __init__(self, remains: Path) -> None:
        super().__init__()
        self._remains = remains
        self._pending: defaultdict[Path, list[tuple[bytes, int] | int]] = defaultdict(list)

    def before_write(self, file: Path, data: bytes, offset: int) -> None:
        self._pending[file].append((bytes(data), offset))

    def before_truncate(self, file: Path, size: int) -> None:
        self._pending[file].append(size)

    def before_sync(self, file: Path) -> None:
        """SQLite syncs after its writes, so what is pending has been written."""
        kept = self._remains / file.name
        kept.touch()
        with kept.open("r+b") as remains:
            for change in self._pending.pop(file, []):
                if isinstance(change, int):
                    remains.truncate(change)
                else:
                    remains.seek(change[1])
                    remains.write(change[0])

    def before_delete(self, file: Path) -> None:
        self._pending.pop(file, None)
        (self._remains / file.name).unlink(missing_ok=True)


@contextmanager
def inserted(disk: Disk) -> Iterator[Disk]:
    """The disk, until the test is over."""
    try:
        yield disk
    finally:
        disk.close()


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: Disk, everywhere: bool) -> None:
        self._disk = disk
        super().__init__(name, base=_REAL, makedefault=everywhere)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(name, flags, self._disk)

    def xDelete(self, name: str, sync: bool) -> None:
        self._disk.before_delete(Path(name))
        super().xDelete(name, sync)


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], disk: Disk) -> None:
        self._disk = disk
        self._path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "")
        super().__init__(_REAL, name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        self._disk.before_write(self._path, data, offset)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.before_sync(self._path)
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:
        self._disk.before_truncate(self._path, size)
        super().xTruncate(size)
