"""Rules of the schedule: tried ever less often, at both marks, and not for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.queue.schedule import (
    DAY,
    HOUR,
    MINUTE,
    SCHEDULE,
    Schedule,
    is_over,
    looked_after_at,
    needs_looking_after,
    next_attempt_at,
    warn_now,
)

ARRIVED = 1_767_225_600.0
MIDDLE = 0.5
"""The chance that changes nothing."""

CHANCE = st.floats(0, 1)
AGE = st.floats(0, 6 * DAY)
SCHEDULES = st.builds(
    Schedule,
    first=st.floats(1, HOUR),
    longest=st.floats(HOUR, DAY),
    jitter=st.floats(0, 0.9),
    lifetime=st.floats(0, 10 * DAY),
    warn_after=st.none() | st.floats(0, 10 * DAY),
)


def life(schedule: Schedule, chance: float = MIDDLE) -> list[float]:
    """How old a message is at each attempt, if all fail at once."""
    ages, attempts, now = [0.0], 1, ARRIVED
    while not is_over(schedule, ARRIVED, now):
        now = next_attempt_at(schedule, attempts, ARRIVED, now, chance)
        attempts += 1
        ages.append(now - ARRIVED)
    return ages


def test_the_waits_double_from_five_minutes_to_four_hours():
    quiet = SCHEDULE._replace(warn_after=None)
    waits = [
        next_attempt_at(quiet, attempts, ARRIVED, ARRIVED, MIDDLE) - ARRIVED for attempts in range(1, 10)
    ]

    assert waits == [5 * MINUTE * 2**n for n in range(6)] + [4 * HOUR] * 3


def test_a_message_that_is_never_taken_is_tried_at_these_ages():
    ages = [age / HOUR for age in life(SCHEDULE)]

    assert ages[:9] == pytest.approx([0, 1 / 12, 0.25, 7 / 12, 1.25, 31 / 12, 4, 8, 12], rel=1e-6)
    assert ages[-2:] == [116, 120]


@given(CHANCE)
def test_one_attempt_is_when_the_sender_hears_of_the_delay_and_the_last_is_at_the_end(chance):
    ages = life(SCHEDULE, chance)

    assert SCHEDULE.warn_after in ages
    assert ages[-1] == SCHEDULE.lifetime


@given(SCHEDULES, st.integers(0, 10_000), AGE, CHANCE)
def test_the_next_attempt_is_never_in_the_past_nor_after_the_end(schedule, attempts, age, chance):
    now = ARRIVED + age
    at = next_attempt_at(schedule, attempts, ARRIVED, now, chance)

    assert at > now
    assert is_over(schedule, ARRIVED, now) or at <= ARRIVED + schedule.lifetime


@given(SCHEDULES, st.integers(0, 100), CHANCE)
def test_chance_changes_a_wait_by_its_share_at_most(schedule, attempts, chance):
    alone = schedule._replace(warn_after=None, lifetime=1000 * DAY)
    plain = next_attempt_at(alone, attempts, 0.0, 0.0, MIDDLE)
    wait = next_attempt_at(alone, attempts, 0.0, 0.0, chance)

    assert abs(wait - plain) <= plain * schedule.jitter + 1e-6


@given(SCHEDULES, st.integers(1, 100))
def test_waits_never_become_shorter(schedule, attempts):
    alone = schedule._replace(warn_after=None, lifetime=1000 * DAY)

    assert next_attempt_at(alone, attempts, 0.0, 0.0, MIDDLE) <= next_attempt_at(
        alone, attempts + 1, 0.0, 0.0, MIDDLE
    )


@given(SCHEDULES, CHANCE)
def test_every_life_ends_with_a_try_at_its_end(schedule, chance):
    lived = schedule._replace(first=max(schedule.first, 60.0), jitter=min(schedule.jitter, 0.5))

    assert life(lived, chance)[-1] == pytest.approx(lived.lifetime, abs=1e-6)


def test_what_was_not_tried_for_days_has_one_try_before_it_is_given_up():
    late = ARRIVED + 6 * DAY

    assert is_over(SCHEDULE, ARRIVED, late)  # asked after the attempt, never before it


@pytest.mark.parametrize(
    ("hours", "warned", "now"), [(3.9, False, False), (4, False, True), (9, True, False), (120, False, False)]
)
def test_the_sender_hears_once_that_it_is_late(hours, warned, now):
    assert warn_now(SCHEDULE, ARRIVED, warned, ARRIVED + hours * HOUR) is now


def test_nobody_hears_of_delays_where_that_is_not_wished():
    assert not warn_now(SCHEDULE._replace(warn_after=None), ARRIVED, False, ARRIVED + 2 * DAY)


@pytest.mark.parametrize(("hours", "needs"), [(0, False), (3.9, False), (4, True), (200, True)])
def test_what_cannot_be_tried_is_looked_after_from_the_moment_that_its_sender_may_hear(hours, needs):
    assert needs_looking_after(SCHEDULE, ARRIVED, ARRIVED + hours * HOUR) is needs


@given(AGE, CHANCE)
def test_what_cannot_be_tried_is_looked_after_at_the_marks_and_every_four_hours(age, chance):
    now = ARRIVED + age
    at = looked_after_at(SCHEDULE, ARRIVED, now, chance)

    assert now < at <= now + SCHEDULE.longest * (1 + SCHEDULE.jitter)
    assert is_over(SCHEDULE, ARRIVED, now) or at <= ARRIVED + SCHEDULE.lifetime
