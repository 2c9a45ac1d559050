"""Words about deliveries: how they went, why they wait, and which message they are of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.address import parse
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store import course
from mailsponge.store.course import Course
from mailsponge.store.protocol import MOST_DELIVERIES, Delivery, HopDown, Settlement

TO = parse("you@example.net")
DELIVERY = Delivery(0, TO, "", "example.net")
UNTRIED = Course(DELIVERY, 0, 1000.0, held=False, last=None, at=1000.0)
BUSY = Outcome(Result.DEFERRED, "4.2.0", "mx answered DATA with: 450 Busy", "450 Busy", "mx")


@given(st.integers(1, 2**40), st.integers(0, MOST_DELIVERIES - 1))
def test_a_deliverys_number_tells_its_message(message_id: int, place: int) -> None:
    number = course.number(message_id, place)
    first, last = course.numbers_of(message_id)
    assert course.message_of(number) == message_id
    assert first <= number <= last < course.numbers_of(message_id + 1)[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "a second"), (119, "119 seconds"), (300, "5 minutes"), (7199, "120 minutes"), (14400, "4 hours")],
)
def test_how_long_it_takes_until_the_next_try(seconds: float, words: str) -> None:
    step = course.deferred(TO, Settlement(1, BUSY, 50.0, 50.0 + seconds))
    assert step == (
        50.0,
        "deferred",
        f"<you@example.net>: mx answered DATA with: 450 Busy; tried again in {words}",
    )


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (BUSY, "mx answered DATA with: 450 Busy"),
        (BUSY._replace(why="450 Busy"), "mx: 450 Busy"),
        (BUSY._replace(why="it is busy"), "it is busy (mx: 450 Busy)"),
        (BUSY._replace(why="it is busy", by=""), "it is busy (its reply: 450 Busy)"),
        (BUSY._replace(why="no answer", reply=""), "mx: no answer"),
        (BUSY._replace(why="mx hangs up", reply=""), "mx hangs up"),
        (BUSY._replace(why="the disk is full", reply="", by=""), "the disk is full"),
    ],
)
def test_it_is_said_once_who_said_what(outcome: Outcome, said: str) -> None:
    ended = UNTRIED._replace(last=outcome._replace(result=Result.FAILED), next_attempt_at=None)
    assert course.ended(ended) == (1000.0, "failed", f"<you@example.net>: {said}")


def test_what_waits_or_was_withdrawn_has_not_ended() -> None:
    assert course.ended(UNTRIED._replace(last=BUSY)) is None
    assert course.ended(UNTRIED._replace(last=BUSY, next_attempt_at=None, withdrawn=True)) is None


def test_what_waits_says_why() -> None:
    down = HopDown(2000.0, 3, "mx does not answer")
    assert course.waits(7, UNTRIED, None) == (
        1000.0,
        "waiting",
        "<you@example.net>: not tried yet; attempt 1",
    )
    assert course.waits(7, UNTRIED, down) == (
        2000.0,
        "waiting",
        "<you@example.net>: nothing gets through to example.net: mx does not answer",
    )
    tried = UNTRIED._replace(last=BUSY, attempts=1, next_attempt_at=3000.0)
    assert course.waits(7, tried, down) == (
        3000.0,
        "waiting",
        "<you@example.net>: mx answered DATA with: 450 Busy; attempt 2",
    )
    held = course.waits(7, tried._replace(held=True), down)
    assert held is not None
    assert held.why == "<you@example.net> is held: `mailsponge queue release 7` lets it go on"
    assert course.waits(7, tried._replace(next_attempt_at=None), down) is None


def test_what_was_said_last() -> None:
    assert course.last_reply(None) == ""
    assert course.last_reply(BUSY) == "450 Busy"
    assert course.last_reply(BUSY._replace(reply="")) == BUSY.why
