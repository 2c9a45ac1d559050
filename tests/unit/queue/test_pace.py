"""Rules of the pace: more at once for who answers, nothing for who is down, and one try after that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.queue.pace import LIMITS, Pace, answered, fresh, in_trouble, may_begin, resumed

NOW = 1_767_225_600.0
MIDDLE = 0.5

STEPS = st.lists(st.tuples(st.booleans(), st.floats(0, 4000), st.floats(0, 1)), max_size=100)
"""Answers or troubles, each so many seconds after the one before, and with its chance."""


def paces(steps) -> list[tuple[float, Pace]]:
    """The pace after each step."""
    now, pace, seen = NOW, fresh(LIMITS), []
    for answers, later, chance in steps:
        now += later
        pace = answered(pace, LIMITS) if answers else in_trouble(pace, LIMITS, now, chance)
        seen.append((now, pace))
    return seen


def after_answers(number: int, pace: Pace) -> Pace:
    for _ in range(number):
        pace = answered(pace, LIMITS)
    return pace


def test_it_begins_with_five_at_once():
    assert [may_begin(fresh(LIMITS), running, NOW) for running in range(7)] == [True] * 5 + [False] * 2


def test_a_windowful_of_answers_makes_room_for_one_more():
    assert after_answers(5, fresh(LIMITS)).window == 5
    assert after_answers(6, fresh(LIMITS)).window == 6
    assert after_answers(12, fresh(LIMITS)).window == 7


def test_it_grows_to_twenty():
    assert after_answers(1000, fresh(LIMITS)).window == 20


def test_trouble_stops_all_for_a_minute_and_then_one_is_tried():
    down = in_trouble(fresh(LIMITS), LIMITS, NOW, MIDDLE)

    assert down.down_until == NOW + 60
    assert not may_begin(down, 0, NOW + 59.9)
    assert may_begin(down, 0, NOW + 60)
    assert not may_begin(down, 1, NOW + 60)


def test_each_trouble_after_that_doubles_the_wait_to_half_an_hour():
    now, pace, waits = NOW, fresh(LIMITS), []
    for _ in range(8):
        pace = in_trouble(pace, LIMITS, now, MIDDLE)
        assert pace.down_until is not None
        waits.append(pace.down_until - now)
        now = pace.down_until

    assert waits == [60, 120, 240, 480, 960, 1800, 1800, 1800]


def test_what_began_before_it_was_down_and_fails_after_changes_nothing():
    down = in_trouble(fresh(LIMITS), LIMITS, NOW, MIDDLE)

    assert in_trouble(down, LIMITS, NOW + 30, MIDDLE) is down


def test_an_answer_ends_it_with_half_the_window():
    up = answered(in_trouble(fresh(LIMITS)._replace(window=20), LIMITS, NOW, MIDDLE), LIMITS)

    assert up == Pace(10, strikes=0)


def test_who_has_answered_is_down_only_after_three_troubles_in_a_row():
    once = in_trouble(after_answers(1000, fresh(LIMITS)), LIMITS, NOW, MIDDLE)
    twice = in_trouble(once, LIMITS, NOW, MIDDLE)

    assert (once.window, once.down_until) == (10, None)
    assert (twice.window, twice.down_until) == (5, None)
    assert in_trouble(twice, LIMITS, NOW, MIDDLE).down_until == NOW + 60
    assert in_trouble(answered(twice, LIMITS), LIMITS, NOW, MIDDLE).down_until is None


def test_trouble_shrinks_the_window_to_one_at_least():
    now, pace = NOW, fresh(LIMITS)
    for _ in range(5):
        pace = in_trouble(pace, LIMITS, now, MIDDLE)
        now += 10_000

    assert pace.window == 1


def test_what_an_earlier_server_found_out_is_gone_by():
    pace = resumed(3, NOW + 100)

    assert not may_begin(pace, 0, NOW)
    assert may_begin(pace, 0, NOW + 100)
    assert in_trouble(pace, LIMITS, NOW + 100, MIDDLE).down_until == NOW + 100 + 480


@given(STEPS)
def test_the_window_stays_within_its_bounds(steps):
    assert all(1 <= pace.window <= LIMITS.most for _, pace in paces(steps))


@given(STEPS)
def test_it_is_down_for_a_bounded_time_and_only_after_trouble(steps):
    for (now, pace), (answers, _, _) in zip(paces(steps), steps, strict=True):
        assert (pace.down_until is None) is (pace.failures == 0)
        if answers:
            assert pace.down_until is None
        elif pace.down_until is not None:
            assert now < pace.down_until <= now + LIMITS.down_longest * (1 + LIMITS.jitter)


@pytest.mark.parametrize("running", range(3))
def test_one_that_is_up_is_bounded_by_its_window_alone(running):
    assert may_begin(Pace(2), running, NOW) is (running < 2)
