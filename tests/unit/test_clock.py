"""Moments become text in one place: UTC for machines, the local zone for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge import clock
from mailsponge.clock import Deadline


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine two and a half hours east of UTC, without summer time."""
    monkeypatch.setenv("TZ", "XXX-02:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_700_000_000.0, "2023-11-14T22:13:20Z"),
        (1.999, "1970-01-01T00:00:01Z"),
    ],
)
def test_for_machines_it_is_utc_to_the_second(at, text):
    assert clock.iso(at) == text


@pytest.mark.usefixtures("in_zone")
def test_for_machines_it_is_utc_wherever_the_machine_is():
    assert clock.iso(1_700_000_000.0) == "2023-11-14T22:13:20Z"


@pytest.mark.usefixtures("in_zone")
def test_for_people_it_is_the_local_zone():
    moment = clock.local(1_700_000_000.0)

    assert moment.isoformat() == "2023-11-15T00:43:20+02:30"
    assert moment.utcoffset() == timedelta(hours=2, minutes=30)


@pytest.mark.usefixtures("in_zone")
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T22:13:20", 1_700_000_000.0),
        ("2023-11-14T22:13:20+00:00", 1_700_000_000.0),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000.0),
        ("2023-11-14T22:13:20.25Z", 1_700_000_000.25),
        ("1970-01-01", 0.0),
    ],
)
def test_a_moment_without_a_zone_is_utc(text, at):
    assert clock.from_iso(text) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2023-13-01", "1700000000"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"isoformat|month"):
        clock.from_iso(text)


@settings(deadline=None)
@given(st.integers(0, 250_000_000_000))
def test_what_is_written_reads_back(at):
    assert clock.from_iso(clock.iso(at)) == at


def test_a_deadline_counts_down_to_nothing_and_not_below():
    present = [100.0]
    deadline = Deadline(5.0, lambda: present[0])

    left = []
    for present[0] in (100.0, 102.0, 104.5, 105.0, 200.0):
        left.append(deadline.left())

    assert left == [5.0, 3.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_deadline_may_be_over_from_the_beginning(seconds):
    assert Deadline(seconds).left() == 0.0


def test_a_deadline_goes_by_a_clock_that_is_never_set():
    assert 0 < Deadline(60).left() <= 60
    assert clock.monotonic is time.monotonic
    assert clock.now is time.time
