"""The journal: one write a line, whatever the disk, other threads, signals and forks do meanwhile."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from mailsponge.sponge import journal
from mailsponge.sponge.journal import Journal, read
from mailsponge.sponge.lock import is_free, try_lock

FULL = Path("/dev/full")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "owner.jsonl"


def opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


@pytest.fixture
def overflow() -> list[bytes]:
    """What the journal had no room for."""
    return []


@pytest.fixture
def written(path: Path, overflow: list[bytes]) -> Iterator[Journal]:
    """A journal whose disk has room."""
    made = Journal(opened(path), overflow.append)
    yield made
    made.close()


@pytest.fixture
def descriptor_of_full() -> int:
    return os.open(FULL, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


@pytest.fixture
def full(descriptor_of_full: int, overflow: list[bytes]) -> Iterator[Journal]:
    """A journal whose disk has none."""
    made = Journal(descriptor_of_full, overflow.append)
    yield made
    made.close()


def there_is_room_again(descriptor: int, path: Path) -> None:
    """Put a file that takes everything below the descriptor of one that takes nothing."""
    room = opened(path)
    os.dup2(room, descriptor, inheritable=False)
    os.close(room)


def test_a_line_is_with_the_operating_system_when_write_returns(written, path):
    written.write(b"one\n")

    assert path.read_bytes() == b"one\n"


def test_a_line_is_one_write(written, monkeypatch):
    writes = []
    monkeypatch.setattr(os, "write", lambda descriptor, line: (writes.append(line), len(line))[1])

    written.write(b"x" * 1_000_000 + b"\n")

    assert len(writes) == 1


def test_lines_of_many_threads_are_never_torn(written, path):
    def work(name: int) -> None:
        for number in range(300):
            written.write(journal.line(m=f"{name}.{number}" + "x" * (number * 7)))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = [line["m"].rstrip("x") for line in read(path)]
    assert len(lines) == len(set(lines)) == 6 * 300
    for name in range(6):
        own = [int(line.partition(".")[2]) for line in lines if line.startswith(f"{name}.")]
        assert own == list(range(300))


def test_a_closed_journal_says_that_it_takes_nothing(written, path):
    written.write(b"one\n")
    written.close()

    assert not written.write(b"two\n")
    assert written.close() == []
    assert path.read_bytes() == b"one\n"


def test_closing_never_lets_a_line_into_the_file_that_gets_the_descriptor_next(tmp_path):
    """Threads write while the journal is closed and its descriptor's number is given to another file at once."""
    going_on = threading.Event()
    taken: list[int] = []

    def work(written: Journal) -> None:
        count = 0
        while written.write(b"a line of the journal\n"):
            count += 1
            going_on.set()
        taken.append(count)

    for number in range(30):
        written = Journal(opened(tmp_path / f"{number}.jsonl"), taken.append)
        threads = [threading.Thread(target=work, args=(written,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        going_on.wait()
        written.close()
        others = [opened(tmp_path / f"{number}.other{each}") for each in range(3)]
        for thread in threads:
            thread.join()
        for other in others:
            os.close(other)
        going_on.clear()

    assert {path.stat().st_size for path in tmp_path.glob("*.other*")} == {0}
    lines = sum(len(path.read_bytes().splitlines()) for path in tmp_path.glob("*.jsonl"))
    assert lines == sum(taken)


def test_closing_lets_go_of_the_lock_at_once(path, overflow):
    descriptor = opened(path)
    try_lock(descriptor)
    held = Journal(descriptor, overflow.append)
    assert not is_free(path)

    held.close()

    assert is_free(path)


def test_the_descriptor_is_given_back_once_nobody_can_write_to_it(path, overflow):
    descriptor = opened(path)
    held = Journal(descriptor, overflow.append)
    held.close()
    os.fstat(descriptor)

    del held

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_program_that_closes_what_it_does_not_know_still_lets_go_of_the_lock(job):
    done = job.log(
        'log.info("one")',
        "from mailsponge.sponge import journal",
        "os.close(journal._takes_nothing())",
        "print(handler.squeeze().saved)",
        'log.info("two")',
    )

    assert (done.out, done.err) == ("True\n", "")
    assert job.texts() == ["one", "two"]


def test_while_the_disk_is_full_lines_wait(full, overflow):
    assert full.write(b"one\n")

    assert full.trouble.errno == errno.ENOSPC
    assert overflow == []


def test_when_there_is_room_again_what_waited_goes_first(full, descriptor_of_full, path):
    full.write(b"one\n")
    full.write(b"two\n")
    there_is_room_again(descriptor_of_full, path)

    full.write(b"three\n")

    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert full.trouble is None


def test_when_there_is_room_again_at_the_end_nothing_is_given_back(full, descriptor_of_full, path):
    full.write(b"one\n")
    there_is_room_again(descriptor_of_full, path)

    assert full.close() == []
    assert path.read_bytes() == b"one\n"


def test_what_the_disk_never_took_is_given_back(full):
    full.write(b"one\n")
    full.write(b"two\n")

    assert full.close() == [b"one\n", b"two\n"]
    assert full.close() == []


def test_a_line_that_was_written_in_part_is_written_to_its_end(written, path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:3]))
    written.write(b"number one\n")
    monkeypatch.undo()

    written.write(b"number two\n")

    assert path.read_bytes() == b"number one\nnumber two\n"
    assert written.trouble is None


def test_a_line_that_was_written_in_part_is_given_back_whole(written, path, monkeypatch):
    """What is shown of it must make sense without the part that is in the file."""
    left = [4, 2]

    def filling_up(descriptor: int, line: bytes) -> int:
        if not left:
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, line[: left.pop(0)])

    write = os.write
    monkeypatch.setattr(os, "write", filling_up)
    written.write(b"number one\n")
    written.write(b"number two\n")

    assert written.close() == [b"number one\n", b"number two\n"]
    assert path.read_bytes() == b"number"


def test_without_a_file_every_line_waits(overflow):
    homeless = Journal(None, overflow.append)

    assert homeless.write(b"one\n")
    assert homeless.homeless
    assert homeless.close() == [b"one\n"]
    assert not homeless.write(b"two\n")


def test_memory_is_bounded_and_what_it_has_no_room_for_is_shown(full, overflow):
    megabyte = b"x" * 1_048_575 + b"\n"
    for _ in range(16):
        full.write(megabyte)
    assert overflow == []

    full.write(b"one too many\n")

    assert overflow == [b"one too many\n"]
    assert len(full.close()) == 16


def test_after_much_has_waited_writing_it_takes_no_longer_than_reading_it(full, descriptor_of_full, path):
    """As many steps as lines, not their square."""
    for number in range(100_000):
        full.write(b"%d\n" % number)
    there_is_room_again(descriptor_of_full, path)

    full.write(b"last\n")

    assert path.read_bytes().splitlines() == [b"%d" % number for number in range(100_000)] + [b"last"]


def test_what_waits_never_gets_between_the_halves_of_a_line(written, path, monkeypatch):
    """A thread's line is cut off by a disk that fills up; before the thread knows, another's finds no room at all."""
    write = os.write
    full = OSError(errno.ENOSPC, "no room")

    def cut_off(descriptor: int, line: bytes) -> int:
        monkeypatch.setattr(os, "write", Mock(side_effect=full))
        written.write(b"the other thread's\n")
        return write(descriptor, line[:7])

    monkeypatch.setattr(os, "write", cut_off)
    written.write(b"the first one\n")
    assert path.read_bytes() == b"the fir"
    monkeypatch.setattr(os, "write", write)
    written.write(b"the last\n")

    assert path.read_bytes() == b"the first one\nthe other thread's\nthe last\n"


def test_a_line_written_while_another_is_caught_up_with_goes_behind_it(
    full, descriptor_of_full, path, monkeypatch
):
    write = os.write

    def with_another(descriptor: int, line: bytes) -> int:
        monkeypatch.setattr(os, "write", write)
        full.write(b"another thread's\n")
        return write(descriptor, line)

    full.write(b"one\n")
    there_is_room_again(descriptor_of_full, path)
    monkeypatch.setattr(os, "write", with_another)
    full.write(b"two\n")

    assert path.read_bytes() == b"one\ntwo\nanother thread's\n"


def test_a_signal_handler_may_log_while_a_line_is_kept_waiting(
    full, overflow, descriptor_of_full, path, monkeypatch
):
    """What logs from a signal's handler, or from a finaliser, comes in between any two steps of the same thread."""
    write, depth = os.write, []

    def interrupted(descriptor: int, line: bytes) -> int:
        if len(depth) < 3:
            depth.append(line)
            full.write(b"from the signal handler %d\n" % len(depth))
        return write(descriptor, line)

    monkeypatch.setattr(os, "write", interrupted)
    full.write(b"one\n")
    there_is_room_again(descriptor_of_full, path)
    depth.clear()
    full.write(b"two\n")
    left = full.close()

    assert sorted([*path.read_bytes().splitlines(keepends=True), *left, *overflow]) == sorted(
        [b"one\n", b"two\n", *(b"from the signal handler %d\n" % number for number in (1, 1, 2, 2, 3, 3))]
    )


def test_a_forks_copy_takes_nothing_of_its_parents_along(full):
    full.write(b"the parent's\n")

    full.abandon()

    assert full.closed
    assert not full.write(b"the child's\n")
    assert full.close() == []


def test_a_journal_whose_descriptor_somebody_closed_keeps_its_lines(path, overflow):
    """A program that makes itself a daemon may close every descriptor it finds."""
    descriptor = opened(path)
    robbed = Journal(descriptor, overflow.append)
    os.close(descriptor)

    robbed.write(b"one\n")

    assert robbed.trouble.errno == errno.EBADF
    assert robbed.close() == [b"one\n"]
