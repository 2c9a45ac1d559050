"""How much is tried at once for one next hop: pure.

    up ──── an answer ────▶ up, and after a windowful of answers its window is one larger, to 20
    up ──── trouble ──────▶ its window is half as large; the third in a row, or the first of one that has not
                            answered yet: down for a minute
    down ── its time over ▶ one attempt, and no other while that lasts
    down ── trouble ──────▶ down again, twice as long, to half an hour
    down ── an answer ────▶ up

An answer is any word from there, "no such user" too: whoever says so is well. Trouble is what would meet the next
message just the same: a refused connection, a host that hangs, a name that cannot be found.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_MOST_DOUBLINGS: Final = 40


class Limits(NamedTuple):
    """The bounds of a pace."""

    first: int = 5
    """Attempts at once to begin with."""
    most: int = 20
    """Attempts at once at most."""
    strikes: int = 3
    """Troubles in a row that it takes to be down, for one that has just answered; for another, one is enough."""
    down_first: float = 60.0
    """Seconds for which nothing is tried after the first trouble; doubled each time it lasts, ..."""
    down_longest: float = 1800.0
    """... up to this."""
    jitter: float = 0.1
    """The share of that time by which chance may lengthen or shorten it, from 0 to 0.9."""


LIMITS: Final = Limits()


class Pace(NamedTuple):
    """How one next hop does."""

    window: int
    """Attempts at once."""
    answers: int = 0
    """How many came since the window grew."""
    strikes: int | None = None
    """Troubles in a row since it has answered; None: it has not yet."""
    failures: int = 0
    """How often in a row it was found to be down; 0 while it is up."""
    down_until: float | None = None
    """Seconds since the epoch, None while it is up."""


def fresh(limits: Limits) -> Pace:
    """Of a next hop that nothing is known of."""
    return Pace(limits.first)


def resumed(failures: int, down_until: float) -> Pace:
    """Of a next hop that an earlier server found to be down."""
    return Pace(1, failures=max(failures, 1), down_until=down_until)


def answered(pace: Pace, limits: Limits) -> Pace:
    """After an answer."""
    if pace.down_until is not None or pace.strikes != 0:
        return Pace(pace.window, strikes=0)
    if pace.window >= limits.most:
        return pace
    answers = pace.answers + 1
    return pace._replace(answers=answers) if answers < pace.window else Pace(pace.window + 1, strikes=0)


def in_trouble(pace: Pace, limits: Limits, now: float, random: float) -> Pace:
    """After trouble; ``random``: anything from 0 to 1.

    What began before the hop was found to be down, and fails after, is the same trouble, and changes nothing.
    """
    if pace.down_until is not None and now < pace.down_until:
        return pace
    half = max(pace.window // 2, 1)
    if pace.strikes is not None and pace.strikes + 1 < limits.strikes:
        return Pace(half, strikes=pace.strikes + 1)
    wait = min(limits.down_first * 2.0 ** min(pace.failures, _MOST_DOUBLINGS), limits.down_longest)
    until = now + wait * (1.0 + limits.jitter * (2.0 * random - 1.0))
    return Pace(half, failures=pace.failures + 1, down_until=until)


def may_begin(pace: Pace, running: int, now: float) -> bool:
    """Whether another attempt may begin, with so many under way."""
    if pace.down_until is None:
        return running < pace.window
    return running == 0 and now >= pace.down_until
