"""``mailsponge serve`` on a disk that is made to fail: whatever is written or synced goes by the test first.

    python office_victim.py kill 17 serve --config FILE        killed right before the 17th write or sync
    python office_victim.py fail 5 serve --config FILE         the first one fails, then the second after that, the
                                                               third after that, … until so many have failed
    python office_victim.py state STATE serve --config FILE    as the file STATE says at the moment: "full",
                                                               "read-only", or well

Writes of the database and those of a Maildir count alike.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "stores"), str(TESTS)]

import apsw  # noqa: E402
from store_disks import Disk, StumblingDisk  # noqa: E402

from mailsponge.cli import main as command_line  # noqa: E402

CALLS = ("mkdir", "write", "fsync", "link", "unlink")
"""Calls of the system by which a letter comes into a Maildir."""


class DeadlyDisk(StumblingDisk):
    """Where another disk stumbles, this one ends the process."""

    def fall(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class FailingDisk(StumblingDisk):
    """Stumbles again and again, a step later each time, and says so."""

    def __init__(self, times: int) -> None:
        super().__init__(everywhere=True)
        self.stumble = 1
        self._times = times
        self._failed = 0

    def fall(self) -> None:
        self._failed += 1
        self.steps = 0
        self.stumble = self._failed + 1 if self._failed < self._times else 0
        sys.stderr.write(f"the test's disk has failed {self._failed} times\n")
        super().fall()


class DiskByRequest(Disk):
    """Full, or read-only, as long as a file says so."""

    def __init__(self, state: Path) -> None:
        super().__init__(everywhere=True)
        self._state = state

    def before_write(self, file: Path, data: bytes, offset: int) -> None:
        match self._state.read_text():
            case "full" if offset + len(data) > file.stat().st_size:
                raise apsw.FullError("the test's disk is full")
            case "read-only":
                raise apsw.ReadOnlyError("the test's disk can only be read")


def counted(call: Callable[..., Any], disk: StumblingDisk) -> Callable[..., Any]:
    """A call of the system that is a step of the disk's, too, once anything has been written to the database: before
    that no letter is about, and the process that keeps root's rights never does.
    """

    @wraps(call)
    def instead(*arguments: Any, **more: Any) -> Any:
        if disk.steps:
            disk.step()
        return call(*arguments, **more)

    return instead


def disk(how: str, what: str) -> Disk:
    """The one that was asked for."""
    match how:
        case "kill":
            deadly = DeadlyDisk(everywhere=True)
            deadly.stumble = int(what)
            for name in CALLS:
                setattr(os, name, counted(getattr(os, name), deadly))
            return deadly
        case "fail":
            return FailingDisk(int(what))
        case _:
            return DiskByRequest(Path(what))


def main() -> None:
    there = disk(*sys.argv[1:3])
    del sys.argv[1:3]
    try:
        command_line()
    finally:
        there.close()


if __name__ == "__main__":
    main()
