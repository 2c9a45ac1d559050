"""Rules of a deadline, with a clock that the test turns."""

from __future__ import annotations

import pytest

from mailsponge.wire.deadline import Deadline


class TurnedLoop:
    """As much of an event loop as a deadline needs; time passes when `turn` says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers = []

    def time(self) -> float:
        return self.now

    def call_at(self, when, callback):
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    def turn(self, to) -> None:
        """Let time pass until then, ringing what is due on the way."""
        while due := [timer for timer in self.timers if timer.when <= to and timer.callback]:
            timer = min(due, key=lambda timer: timer.when)
            self.timers.remove(timer)
            self.now = timer.when
            timer.callback()
        self.now = to


class Timer:
    def __init__(self, when, callback) -> None:
        self.when = when
        self.callback = callback

    def cancel(self) -> None:
        self.callback = None


@pytest.fixture
def loop():
    return TurnedLoop()


@pytest.fixture
def missed():
    return []


@pytest.fixture
def deadline(loop, missed):
    return Deadline(loop, 110.0, lambda: missed.append(loop.now))


def test_it_is_missed_at_its_moment_and_not_before(loop, deadline, missed):
    loop.turn(109.9)
    assert missed == []

    loop.turn(110.0)
    assert missed == [110.0]


def test_it_is_missed_once(loop, deadline, missed):
    loop.turn(500.0)

    assert missed == [110.0]


def test_moved_later_it_rings_later(loop, deadline, missed):
    deadline.set(115.0)
    deadline.set(120.0)
    loop.turn(500.0)

    assert missed == [120.0]


def test_moved_earlier_it_rings_earlier(loop, deadline, missed):
    deadline.set(103.0)
    loop.turn(500.0)

    assert missed == [103.0]


def test_moving_it_later_sets_no_timer(loop, deadline):
    for moment in range(111, 200):
        deadline.set(float(moment))

    assert len(loop.timers) == 1


def test_cancelled_it_is_never_missed(loop, deadline, missed):
    deadline.cancel()
    loop.turn(500.0)

    assert missed == []


def test_after_it_was_missed_it_can_be_set_again(loop, deadline, missed):
    loop.turn(200.0)
    deadline.set(210.0)
    loop.turn(500.0)

    assert missed == [110.0, 210.0]
