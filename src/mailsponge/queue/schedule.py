"""When what waits is tried again, when its sender hears that it is late, and when it has waited long enough: pure.

    arrival ── 5 min ── 10 ── 20 ── 40 ── … ──▶ 4 hours ── 4 hours ── … ──▶ 5 days
                                             the sender hears            the last try

There is a try at both marks, so that what a report says of the message was true when it was written. Jitter keeps what
failed together from being tried together ever after.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86400.0

_MOST_DOUBLINGS: Final = 40
"""More would make no sense of any setting, and overflow a float some day."""


class Schedule(NamedTuple):
    """How patient the queue is. All times are seconds."""

    first: float = 5 * MINUTE
    """Between the first attempt and the second; doubled after each, ..."""
    longest: float = 4 * HOUR
    """... up to this."""
    jitter: float = 0.1
    """The share of each wait by which chance may lengthen or shorten it, from 0 to 0.9."""
    lifetime: float = 5 * DAY
    """How long after its arrival a message is given up."""
    warn_after: float | None = 4 * HOUR
    """How long after its arrival the sender hears that it is still being tried; None: never."""


SCHEDULE: Final = Schedule()


def next_attempt_at(schedule: Schedule, attempts: int, arrived_at: float, now: float, random: float) -> float:
    """When to try again after ``attempts`` attempts, the one that has just failed among them.

    ``random``: anything from 0 to 1. Seconds since the epoch, like the other times. Always after ``now``; and unless
    the message's time is over already, never after its end.
    """
    doublings = min(max(attempts - 1, 0), _MOST_DOUBLINGS)
    return _by(schedule, schedule.first * 2.0**doublings, arrived_at, now, random)


def looked_after_at(schedule: Schedule, arrived_at: float, now: float, random: float) -> float:
    """When to look again after a message that was not tried, for nothing gets through to where it goes."""
    return _by(schedule, schedule.longest, arrived_at, now, random)


def is_over(schedule: Schedule, arrived_at: float, now: float) -> bool:
    """Whether an attempt that fails now was the last."""
    return now >= arrived_at + schedule.lifetime


def warn_now(schedule: Schedule, arrived_at: float, warned: bool, now: float) -> bool:
    """Whether the sender is to hear now that the message is late; ``warned``: they have heard."""
    if warned or schedule.warn_after is None or is_over(schedule, arrived_at, now):
        return False
    return now >= arrived_at + schedule.warn_after


def needs_looking_after(schedule: Schedule, arrived_at: float, now: float) -> bool:
    """Whether a message is so old that something may have to happen to it, even if it cannot be tried."""
    age = schedule.longest if schedule.warn_after is None else min(schedule.warn_after, schedule.longest)
    return now >= arrived_at + age or is_over(schedule, arrived_at, now)


def _by(schedule: Schedule, wait: float, arrived_at: float, now: float, random: float) -> float:
    at = now + min(wait, schedule.longest) * (1.0 + schedule.jitter * (2.0 * random - 1.0))
    end = arrived_at + schedule.lifetime
    warning = end if schedule.warn_after is None else arrived_at + schedule.warn_after
    return min([at, *(mark for mark in (warning, end) if mark > now)])
