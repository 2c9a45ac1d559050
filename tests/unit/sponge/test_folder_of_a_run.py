"""The folder of a run: seen only once it is whole and locked, numbered in order, folded only when its owner is gone."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
from pathlib import Path

import pytest

from mailsponge.sponge import folder
from mailsponge.sponge.folder import OWNER, OpenRun
from mailsponge.sponge.journal import line
from mailsponge.sponge.places import JobPlace


@pytest.fixture
def place(tmp_path: Path) -> JobPlace:
    return JobPlace(tmp_path / "state" / "job")


def first_line(run_id: str, number: int) -> bytes:
    return line(k="begin", run=run_id, number=number)


def begin(place: JobPlace) -> OpenRun:
    return folder.begin(place, first_line)


def begun_and_over(place: JobPlace) -> Path:
    run = begin(place)
    os.close(run.descriptor)
    return run.folder


def test_runs_are_numbered_in_the_order_of_their_beginnings(place):
    runs = [begin(place) for _ in range(12)]

    assert [run.number for run in runs] == list(range(1, 13))
    assert [int(run.folder.name) for run in runs] == list(range(1, 13))


def test_a_number_is_not_used_again_when_its_run_is_gone(place):
    folder.remove(begun_and_over(place))

    assert begin(place).number == 2


def test_a_run_is_going_on_until_its_owner_lets_go(place):
    run = begin(place)
    assert folder.is_going_on(run.folder)
    assert folder.ended(place) == []

    os.close(run.descriptor)

    assert not folder.is_going_on(run.folder)
    assert folder.ended(place) == [run.folder]


def test_a_forks_copy_of_the_lock_does_not_keep_the_run_going_once_it_is_closed(place):
    run = begin(place)
    copy = os.dup(run.descriptor)
    os.close(run.descriptor)
    assert folder.ended(place) == []

    os.close(copy)

    assert folder.ended(place) == [run.folder]


def test_runs_that_ended_come_in_the_order_of_their_numbers(place):
    folders = [begun_and_over(place) for _ in range(11)]

    assert folder.ended(place) == folders


def test_a_closed_door_keeps_children_out(place):
    path = begun_and_over(place)

    shut = folder.close_door(path)

    assert folder.join(path) is None
    assert folder.ended(place) == [shut]
    assert folder.close_door(shut) == shut


def test_a_child_gets_a_journal_of_its_own(place):
    run = begin(place)

    descriptors = [folder.join(run.folder) for _ in range(3)]

    assert None not in descriptors
    assert len(folder.journals(run.folder)) == 4
    assert folder.journals(run.folder)[0].name == OWNER


def test_a_child_that_outlives_its_run_gets_a_run_of_its_own(place):
    run = begin(place)
    alive, gone = folder.join(run.folder), folder.join(run.folder)
    os.close(gone)
    os.close(run.descriptor)
    over = folder.close_door(run.folder)

    (apart,) = folder.set_strays_apart(place, over)

    assert len(folder.journals(over)) == 2
    assert folder.is_going_on(apart)
    os.write(alive, b"what it still says\n")
    os.close(alive)
    assert (apart / OWNER).read_bytes() == b"what it still says\n"
    assert folder.ended(place) == [over, apart]


def test_removing_a_run_takes_the_owners_journal_last(place, monkeypatch):
    """Whenever a crash comes, the run's id is there as long as one of its records is."""
    run = begin(place)
    os.close(folder.join(run.folder))
    gone = []
    unlink = Path.unlink
    monkeypatch.setattr(
        Path, "unlink", lambda path, **more: (gone.append(path.name), unlink(path, **more))[1]
    )

    folder.remove(run.folder)

    assert gone[-1] == OWNER
    assert len(gone) == 2
    assert not run.folder.exists()


def test_a_folder_without_an_owners_journal_is_no_run_and_is_swept(place):
    """A crash may come between taking the last journal out of a folder and removing the folder."""
    path = folder.close_door(begun_and_over(place))
    (path / OWNER).unlink()
    (place.runs / "00000009").mkdir()

    assert folder.ended(place) == []
    assert not folder.any_alive(place)
    folder.sweep(place, 0)

    assert list(place.runs.iterdir()) == []


def test_a_folder_with_something_of_somebody_elses_in_it_is_left_alone(place):
    path = begun_and_over(place)
    (path / "notes.txt").write_text("mine")

    folder.remove(path)
    folder.sweep(place, 0)

    assert folder.ended(place) == []
    assert (path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["1.txt", "00000001.bak", "000", "٣٣٣٣٣٣٣٣", "core"])
def test_what_somebody_else_put_beside_the_runs_is_no_run(place, name):
    path = begun_and_over(place)
    (place.runs / name).mkdir()
    (place.runs / name / OWNER).write_bytes(b"")

    assert folder.ended(place) == [path]


def test_a_file_named_like_a_run_is_no_run(place):
    path = begun_and_over(place)
    (place.runs / "00000009").write_bytes(b"")

    assert folder.ended(place) == [path]
    assert not folder.any_alive(place)


def test_a_folder_that_was_never_born_is_swept_after_a_day(place):
    begin(place)
    newborn = place.runs / ".new-0123456789abcdef"
    newborn.mkdir()
    made_at = newborn.stat().st_mtime

    folder.sweep(place, made_at + 86_000)
    assert newborn.exists()
    folder.sweep(place, made_at + 87_000)

    assert not newborn.exists()


def test_nobody_else_may_look_at_the_state_whatever_the_umask_is(place):
    before = os.umask(0)
    try:
        run = begin(place)
        folder.join(run.folder)
    finally:
        os.umask(before)

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [place.directory.parent, *place.directory.rglob("*")]
    }
    assert {mode for name, mode in modes.items() if (place.directory / name).is_dir()} == {0o700}
    assert set(modes.values()) == {0o700, 0o600}


def test_a_journal_never_gets_the_descriptor_of_a_standard_stream(place):
    """Whoever writes to standard error by its number must not write into a journal."""
    kept = os.dup(2)
    os.close(2)
    try:
        descriptor = begin(place).descriptor
        two_is_free = os.open("/dev/null", os.O_RDWR)
    finally:
        os.dup2(kept, 2)
        os.close(kept)

    assert two_is_free == 2
    assert descriptor > 2
    assert fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_a_directory_that_is_in_truth_a_file_is_said_to_be_none(tmp_path):
    (tmp_path / "file").write_text("")

    for directory in ("file", "file/job", "file/state/job"):
        with pytest.raises(NotADirectoryError, match=r"Not a directory: .*/file'"):
            begin(JobPlace(tmp_path / directory))


def test_a_disk_without_room_for_a_first_line_begins_no_run(place):
    """A journal whose first line is torn would say neither whose it is nor what its run is called."""
    begin(place)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            begin(place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert len(list(place.runs.iterdir())) == 1


def test_whether_children_are_alive_can_be_seen(place):
    run = begin(place)
    assert not folder.has_children(run.folder)

    child = folder.join(run.folder)
    assert child is not None
    assert folder.has_children(run.folder)
    os.close(child)
    assert not folder.has_children(run.folder)
    os.close(run.descriptor)
