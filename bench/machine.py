"""What the figures were measured on: the shape of the machine, and what its disk can do at best."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

BLOCK = b"x" * 4096


def shape(folder: Path) -> str:
    """Return the machine in one line: processors, Python, system, the file system the folder is on."""
    return (
        f"{os.cpu_count()} CPUs ({platform.machine()}), Linux {platform.release()}, "
        f"{filesystem(folder)} under {folder}, load {os.getloadavg()[0]:.1f} at the start"
    )


def filesystem(folder: Path) -> str:
    """The type of the file system that holds the folder."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    place = str(folder.resolve())
    around = [
        (len(point), kind) for point, kind in mounts if (place + "/").startswith(point.rstrip("/") + "/")
    ]
    return max(around)[1] if around else "unknown"


def synced_appends(folder: Path, seconds: float = 1.0) -> float:
    """4 kB appended to one file and synced, one after the other: commits a second at best, one at a time."""
    with (folder / "appends").open("wb", buffering=0) as file:

        def append(_: int) -> None:
            file.write(BLOCK)
            os.fdatasync(file.fileno())

        return _rate(append, seconds)


def synced_files(folder: Path, seconds: float = 1.0) -> float:
    """A new file of 4 kB, synced, one after the other: messages a second at best, where each is a file."""

    def create(number: int) -> None:
        with (folder / f"file{number}").open("wb", buffering=0) as file:
            file.write(BLOCK)
            os.fsync(file.fileno())

    return _rate(create, seconds)


def _rate(work: Callable[[int], None], seconds: float) -> float:
    begin, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < seconds:
        work(count)
        count += 1
    return count / spent
