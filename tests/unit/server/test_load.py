"""Rules of what the server as a whole can bear: pure decisions about figures."""

from __future__ import annotations

import pytest

from mailsponge.server.load import NO_DISK, NO_MEMORY, Disk, Pace, busy, shortage


def test_it_is_busy_above_four_fifths_of_the_connections():
    assert [inside for inside in range(101) if busy(inside, 100, False)] == list(range(81, 101))


def test_it_stays_busy_until_there_is_some_room_again():
    assert [inside for inside in range(101) if busy(inside, 100, True)] == list(range(71, 101))


@pytest.mark.parametrize(("held", "said"), [(0, None), (999, None), (1000, NO_MEMORY), (5000, NO_MEMORY)])
def test_no_message_begins_while_memory_is_used_up(held, said):
    assert shortage(held, 1000, 10_000, 100, 0) == said


@pytest.mark.parametrize(
    ("free", "size", "said"),
    [(100, 0, None), (99, 0, NO_DISK), (1000, 900, None), (1000, 901, NO_DISK), (0, 0, NO_DISK)],
)
def test_no_message_begins_that_would_leave_too_little_of_the_disk(free, size, said):
    assert shortage(0, 1000, free, 100, size) == said


def test_the_disk_is_asked_once_a_second():
    asked = []
    disk = Disk(lambda: asked.append(1) or len(asked))

    assert [disk.free(now) for now in (10.0, 10.5, 10.99, 11.0, 11.5, 20.0)] == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(("size", "kept"), [(0, False), (299, False), (300, True), (5000, True)])
def test_a_pace_is_kept_by_enough_bytes_in_its_window(size, kept):
    assert Pace(10.0, 3.0, 0).is_kept(size, 100.0) is kept


def test_what_came_before_a_window_does_not_count_in_it():
    pace = Pace(10.0, 3.0, 1_000_000)

    assert pace.due == 13.0
    assert not pace.is_kept(1_000_299, 100.0)
    assert pace.is_kept(1_000_300, 100.0)
