"""How long commits take and how many messages share one: counts that the writer keeps and anybody may read."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

BOUNDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds that separate the buckets: half a millisecond is a good SSD, ten seconds is a disk that fails."""


class Commits:
    """Written by the writer's thread alone. Whoever reads meanwhile may miss the commit of that moment."""

    __slots__ = ("buckets", "failed", "messages", "number", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        """Commits that took at most so long as the bound of that index; the last one has none. Not summed up."""
        self.number = 0
        self.seconds = 0.0
        self.messages = 0
        """Messages that were accepted by them."""
        self.failed = 0
        """Commits that were taken back."""

    def note(self, seconds: float, messages: int) -> None:
        """One more commit is on the disk."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.number += 1
        self.seconds += seconds
        self.messages += messages
