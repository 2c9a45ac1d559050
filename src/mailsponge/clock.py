"""The only place that asks what time it is.

Times are ``float`` seconds since the epoch (UTC) everywhere inside; they become text in this file alone: ISO 8601 in
UTC for machines, the local zone for people. A clock is handed in wherever time decides something, so that a test can
turn it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Returns the present as seconds since the epoch."""

now: Clock = time.time

monotonic: Clock = time.monotonic
"""Seconds that never go back: for deadlines and lengths, never for dates."""


def iso(at: float) -> str:
    """The moment in UTC for machines, to the second: ``2026-01-31T07:30:00Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> float:
    """Read what :func:`iso` writes, and any other ISO 8601 moment; without a zone it is UTC.

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def local(at: float) -> datetime:
    """The moment in this machine's zone, for people and for a mail's Date."""
    return datetime.fromtimestamp(at, UTC).astimezone()


class Deadline:
    """One moment that several steps have to share.

    Args:
        seconds: how long there is, from now on.
        clock: the clock to go by.
    """

    def __init__(self, seconds: float, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds that are left; 0 once it is over."""
        return max(self._end - self._clock(), 0.0)
