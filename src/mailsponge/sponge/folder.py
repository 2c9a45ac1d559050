"""The folder of one run: numbered, locked, and only then renamed into view; folded when its owner is gone.

    runs/00000012/owner.jsonl            the journal of the process that began the run, locked while it lives
    runs/00000012/<pid>-<random>.jsonl   the journal of a child of it, locked likewise
    runs/.new-<random>/                  a run being born; nobody looks at it
    runs/00000012.over/                  a run being folded; no child can join it any more

The run is over when its owner's journal is unlocked: it ended, or died. A child may outlive it; what such a child logs
becomes a run of its own (:func:`set_strays_apart`), so that nothing it says is lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge.sponge.lock import is_free, try_lock
from mailsponge.sponge.places import JobPlace

OWNER: Final = "owner.jsonl"
_NEWBORN: Final = ".new-"
_OVER: Final = ".over"
_FORGOTTEN: Final = 86400.0
"""Seconds after which a folder that never came into view is taken for one whose maker died."""

RandomName = Callable[[], str]
"""Returns a name that nobody else has: :func:`random_name`, or a test's."""


def random_name() -> str:
    """Sixteen hexadecimal digits."""
    return os.urandom(8).hex()


class OpenRun(NamedTuple):
    """A run just begun: its folder, its number, and its owner's journal, open and locked."""

    id: str
    number: int
    folder: Path
    descriptor: int


def begin(
    place: JobPlace, first_line: Callable[[str, int], bytes], name: RandomName = random_name
) -> OpenRun:
    """Begin a run. ``first_line`` makes the journal's first line of the run's id and number. Raises OSError."""
    for directory in (place.runs, place.numbers):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_id, number = name(), draw_number(place)
    newborn = place.runs / f"{_NEWBORN}{run_id}"
    newborn.mkdir(mode=0o700)
    try:
        descriptor = _create_locked(newborn / OWNER)
        try:
            os.write(descriptor, first_line(run_id, number))
            folder = newborn.rename(place.runs / f"{number:08d}")
        except BaseException:
            os.close(descriptor)
            raise
    except BaseException:
        shutil.rmtree(newborn, ignore_errors=True)
        raise
    return OpenRun(run_id, number, folder, descriptor)


def join(folder: Path, name: RandomName = random_name) -> int | None:
    """Open a journal for a child of the run's owner. None if the run is over meanwhile. Raises OSError.

    Between opening and locking, the run may end and its door be closed: then the file is no longer at its path, whoever
    folds the run takes it for an empty journal, and the next try finds that the folder has gone.
    """
    while True:
        path = folder / f"{os.getpid()}-{name()}.jsonl"
        try:
            descriptor = _create_locked(path)
        except FileNotFoundError:
            return None
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)


def _create_locked(path: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try_lock(descriptor)
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def draw_number(place: JobPlace) -> int:
    """The next number of the job. The file that stands for it is made with O_EXCL, and the highest is never removed.

    Who made a number only to find a higher one had looked too early: the number may be a used one, so it draws again.
    """
    while True:
        number = _highest(place.numbers) + 1
        path = place.numbers / f"{number:08d}"
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue
        if _highest(place.numbers) == number:
            _remove_below(place.numbers, number)
            return number
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _numbers(directory: Path) -> list[int]:
    return [int(name) for name in os.listdir(directory) if name.isdecimal()]


def _highest(directory: Path) -> int:
    return max(_numbers(directory), default=0)


def _remove_below(directory: Path, number: int) -> None:
    for lower in _numbers(directory):
        if lower < number:
            with contextlib.suppress(FileNotFoundError):
                (directory / f"{lower:08d}").unlink()


def ended(place: JobPlace) -> list[Path]:
    """The folders whose run is over, in the order of their numbers."""
    names = sorted(os.listdir(place.runs)) if place.runs.is_dir() else []
    return [place.runs / name for name in names if name[0].isdecimal() and _is_over(place.runs / name)]


def _is_over(folder: Path) -> bool:
    try:
        return folder.suffix == _OVER or is_free(folder / OWNER)
    except FileNotFoundError:
        # Somebody removed it between our two looks.
        return False


def is_going_on(folder: Path) -> bool:
    """Whether the run's owner is alive and has not ended it."""
    return (folder / OWNER).exists() and not _is_over(folder)


def number(folder: Path) -> int:
    """The number of a run, from its folder's name."""
    return int(folder.stem)


def close_door(folder: Path) -> Path:
    """Rename the folder of a run that is over, so that no child joins it while it is folded."""
    return folder if folder.suffix == _OVER else folder.rename(folder.with_suffix(_OVER))


def any_alive(place: JobPlace) -> bool:
    """Whether a run of the job is going on."""
    names = os.listdir(place.runs) if place.runs.is_dir() else []
    return any(name.isdecimal() and not _is_over(place.runs / name) for name in names)


def journals(folder: Path) -> list[Path]:
    """The journals of a run, its owner's first."""
    children = sorted(path for path in folder.glob("*.jsonl") if path.name != OWNER)
    return [folder / OWNER, *children]


def set_strays_apart(place: JobPlace, folder: Path, name: RandomName = random_name) -> list[Path]:
    """Give each child that outlives its run a run of its own; its journal stays open under the new name."""
    apart = []
    for path in journals(folder)[1:]:
        if not is_free(path):
            newborn = place.runs / f"{_NEWBORN}{name()}"
            newborn.mkdir(mode=0o700)
            path.rename(newborn / OWNER)
            apart.append(newborn.rename(place.runs / f"{draw_number(place):08d}"))
    return apart


def remove(folder: Path) -> None:
    """Remove a folded run, its owner's journal last, so that a crash on the way leaves a run that is known."""
    for path in reversed(journals(folder)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()


def sweep(place: JobPlace, now: float) -> None:
    """Remove what a death while a run was being born has left. Nothing was logged into it yet."""
    for newborn in place.runs.glob(f"{_NEWBORN}*"):
        with contextlib.suppress(FileNotFoundError):
            if now - newborn.stat().st_mtime > _FORGOTTEN:
                shutil.rmtree(newborn, ignore_errors=True)
