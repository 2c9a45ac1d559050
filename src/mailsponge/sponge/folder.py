"""The folder of one run: numbered, locked, and only then renamed into view; folded when its owner is gone.

    runs/00000012/owner.jsonl            the journal of the process that began the run, locked while it lives
    runs/00000012/<pid>-<random>.jsonl   the journal of a child of it, locked likewise
    runs/.new-<random>/                  a run being born; nobody looks at it
    runs/00000012.over/                  a run being folded; no child can join it any more

A folder without an owner's journal is no run: it is about to get one (:func:`set_strays_apart`), or was just folded.

On Windows nothing that somebody has open can be renamed. There a run is born in its place, and is one once the first
line is in its journal, which is written under the lock; and it is not over before its children are.

The run is over when its owner's journal is unlocked: it ended, or died. A child may outlive it; what such a child logs
becomes a run of its own (:func:`set_strays_apart`), so that nothing it says is lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge import clock
from mailsponge.sponge.lock import AS_BYTES, OPEN_FILES_MOVE, above_standard_streams, is_free, try_lock
from mailsponge.sponge.places import JobPlace

OWNER: Final = "owner.jsonl"
_NEWBORN: Final = ".new-"
_OVER: Final = ".over"
_NUMBERED: Final = re.compile(r"[0-9]{8,}(\.over)?")
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

    def is_in_place(self) -> bool:
        """Whether its journal is still where whoever folds it will look."""
        return (self.folder / OWNER).exists()


def begin(
    place: JobPlace, first_line: Callable[[str, int], bytes], name: RandomName = random_name
) -> OpenRun:
    """Begin a run. ``first_line`` makes the journal's first line of the run's id and number. Raises OSError."""
    make_directories(place)
    run_id, number, pid = name(), draw_number(place), os.getpid()
    if not OPEN_FILES_MOVE:
        return _begin_in_place(place.runs / f"{number:08d}", run_id, number, first_line(run_id, number))
    newborn = place.runs / f"{_NEWBORN}{run_id}"
    newborn.mkdir(mode=0o700)
    try:
        descriptor = _create_locked(newborn / OWNER)
        try:
            _write_whole(descriptor, first_line(run_id, number))
            folder = newborn.rename(place.runs / f"{number:08d}")
        except BaseException:
            os.close(descriptor)
            raise
    except BaseException:
        # A signal's handler may have forked in here, and its child be on its way out: all this is not the child's.
        if os.getpid() == pid:
            _remove_tree(newborn)
        raise
    return OpenRun(run_id, number, folder, descriptor)


def _begin_in_place(folder: Path, run_id: str, number: int, first_line: bytes) -> OpenRun:
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            descriptor = _create_locked(folder / OWNER)
        except FileNotFoundError:
            # It was swept away, empty as it still was.
            continue
        try:
            _write_whole(descriptor, first_line)
        except BaseException:
            os.close(descriptor)
            _remove_tree(folder)
            raise
        return OpenRun(run_id, number, folder, descriptor)


def make_directories(place: JobPlace) -> None:
    """Make what is missing of a job's directories, for nobody but their owner. Raises OSError."""
    state = place.directory.parent
    try:
        (state.parent.parent if place.database else state.parent).mkdir(parents=True, exist_ok=True)
        outer = [state.parent] if place.database else []
        for directory in (*outer, state, place.directory, place.runs, place.numbers):
            # Each by itself: mkdir gives the mode to the last alone, and the umask may leave its parents open to all.
            directory.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from error


def _write_whole(descriptor: int, line: bytes) -> None:
    """Write a journal's first line: without the whole of it, nobody could tell whose the records after it are."""
    if os.write(descriptor, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | AS_BYTES
    descriptor = above_standard_streams(os.open(path, flags, 0o600))
    try:
        try_lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    if not OPEN_FILES_MOVE:
        return True
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def draw_number(place: JobPlace) -> int:
    """The next number of the job. The file that stands for it is made with O_EXCL, and the highest is never removed.

    Who made a number only to find a higher one had looked too early: the number may be a used one, so it draws again.

    Where hosts share the ledger, it remembers numbers that were drawn elsewhere: by another user of this host, or
    before it was set up anew. So that those do not make this run a late one, numbers there are moments, in
    milliseconds; and still one after the other, whatever the clock does.
    """
    while True:
        number = max(_highest(place.numbers) + 1, int(clock.now() * 1000) if place.database else 0)
        path = place.numbers / f"{number:08d}"
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
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
    """The folders whose run is over, in the order of their numbers. To be called under the job's lock."""
    over = [folder for folder in _numbered(place) if _is_over(folder)]
    return over if OPEN_FILES_MOVE else [shut for folder in over if (shut := _shut(folder))]


def waiting(place: JobPlace) -> list[Path]:
    """The folders whose run is over and not folded: its program died, or could not squeeze. Changes nothing."""
    return [folder for folder in _numbered(place) if _is_over(folder)]


def _shut(folder: Path) -> Path | None:
    """The folder with its door closed; None if that cannot be, as somebody has a journal in it open."""
    try:
        return close_door(folder)
    except PermissionError:
        return None


def _numbered(place: JobPlace) -> list[Path]:
    """Every folder of a run; what somebody else has put beside them is left alone."""
    names = sorted(os.listdir(place.runs)) if place.runs.is_dir() else []
    return [place.runs / name for name in names if _NUMBERED.fullmatch(name)]


def _is_over(folder: Path) -> bool:
    try:
        if folder.suffix == _OVER:
            return (folder / OWNER).exists()
        return not _is_being_born(folder) and is_free(folder / OWNER)
    except (FileNotFoundError, NotADirectoryError):
        # Somebody removed it between our two looks, or it is no run at all.
        return False


def _is_being_born(folder: Path) -> bool:
    """Whether its journal has no line yet, where it could not be hidden until it had one. Raises FileNotFoundError."""
    return not OPEN_FILES_MOVE and (folder / OWNER).stat().st_size == 0


def is_going_on(folder: Path) -> bool:
    """Whether the run's owner is alive and has not ended it."""
    return (folder / OWNER).exists() and not _is_over(folder)


def number(folder: Path) -> int:
    """The number of a run, from its folder's name."""
    return int(folder.stem)


def close_door(folder: Path) -> Path:
    """Rename the folder of a run that is over, so that no child joins it while it is folded."""
    return folder if folder.suffix == _OVER else folder.rename(folder.with_suffix(_OVER))


def has_children(folder: Path) -> bool:
    """Whether processes that are alive have joined the run. Raises OSError."""
    return any(not _is_gone(path) for path in journals(folder)[1:])


def _is_gone(path: Path) -> bool:
    try:
        return is_free(path)
    except FileNotFoundError:
        return True


def any_alive(place: JobPlace) -> bool:
    """Whether a run of the job is going on."""
    return any(is_going_on(folder) for folder in _numbered(place))


def journals(folder: Path) -> list[Path]:
    """The journals of a run, its owner's first."""
    children = sorted(path for path in folder.glob("*.jsonl") if path.name != OWNER)
    return [folder / OWNER, *children]


def set_strays_apart(place: JobPlace, folder: Path) -> list[Path]:
    """Give each child that outlives its run a run of its own; its journal stays open under the new name.

    The new folder stands where folders of runs are before the journal comes into it: whenever a crash comes, the
    records are in one or the other, and both are looked into.
    """
    apart = []
    for path in journals(folder)[1:]:
        if not is_free(path):
            home = place.runs / f"{draw_number(place):08d}"
            home.mkdir(mode=0o700)
            path.rename(home / OWNER)
            apart.append(home)
    return apart


def remove(folder: Path) -> None:
    """Remove a folded run, its owner's journal last, so that a crash on the way leaves a run that is known."""
    for path in reversed(journals(folder)):
        path.unlink(missing_ok=True)
    _remove_if_empty(folder)


def sweep(place: JobPlace, now: float) -> None:
    """Remove what a death has left half-way: folders of runs being born, set apart or removed. No record is in them.

    Only who holds the job's lock may do so.
    """
    for newborn in place.runs.glob(f"{_NEWBORN}*"):
        with contextlib.suppress(FileNotFoundError):
            if now - newborn.stat().st_mtime > _FORGOTTEN:
                _remove_tree(newborn)
    for folder in _numbered(place):
        with contextlib.suppress(FileNotFoundError):
            if _is_being_born(folder) and now - folder.stat().st_mtime > _FORGOTTEN:
                (folder / OWNER).unlink()
        if not (folder / OWNER).exists():
            _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    # What is in there besides journals is somebody else's; as no run, the folder stands in nobody's way.
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_tree(folder: Path) -> None:
    import shutil  # hardly ever needed, and everybody would load it

    shutil.rmtree(folder, ignore_errors=True)
