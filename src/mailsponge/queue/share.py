"""How the attempts that may be under way at once are shared among next hops, so that none holds up another.

A next hop whose last word was an answer is *live*. All others are *doubtful*, and may hang for minutes: those that are
*new*, of which nothing is known, and those that are *failing*, for they were in trouble last. A quarter of all places
is for doubtful ones before others, so that somebody new is never kept out by those who are busy. Beyond that, each has
one, so that many are tried before any is tried twice, and twenty that hang do not keep out the next, which is well.
Failing ones get no more than an eighth, so that a thousand dead hosts never keep out somebody new. Whatever doubtful
ones have beyond half of the places does not count for live ones, who always have the other half. When all places are
taken, a hop that has none may take one all the same, for those who have them may hang themselves: up to twice as many
as there should be, and no more.

Who finds no place waits for a turn; turns go round.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from mailsponge.queue.lane import Lane


class Taken(NamedTuple):
    """Places that are taken."""

    all: int
    doubtful: int
    """Of those, by doubtful hops, ..."""
    failing: int
    """... and of those, by failing ones."""


def has_place(most: int, taken: Taken, *, live: bool, failing: bool, idle: bool) -> bool:
    """Whether one more attempt may begin, of ``most``. ``idle``: this hop has none under way."""
    half = most // 2
    if taken.all >= 2 * most:
        return False
    if live:
        return idle or taken.all - max(taken.doubtful - half, 0) < most
    if failing and taken.failing >= max(most // 8, 1):
        return False
    if idle:
        return taken.doubtful < 2 * most - half
    return taken.all < most and taken.doubtful < most // 4


def doubtful_first(most: int, doubtful: int) -> bool:
    """Whether the next place is for a doubtful hop that waits, rather than for a live one."""
    return doubtful < most // 4


class Share:
    """The places, and the lines of those who wait for one."""

    __slots__ = ("_doubtful", "_failing", "_failing_line", "_live_line", "_new_line", "most", "taken")

    def __init__(self, most: int) -> None:
        """``most``: places; at least 4, that each kind of hop has one."""
        self.most = max(most, 4)
        self.taken = 0
        self._doubtful = 0
        self._failing = 0
        self._live_line: deque[Lane] = deque()
        self._new_line: deque[Lane] = deque()
        self._failing_line: deque[Lane] = deque()

    @property
    def waiting(self) -> int:
        """How many hops wait for a place."""
        return len(self._live_line) + len(self._new_line) + len(self._failing_line)

    def has_place(self, lane: Lane) -> bool:
        """Whether the hop may take a place now."""
        taken = Taken(self.taken, self._doubtful, self._failing)
        return has_place(self.most, taken, live=lane.live, failing=lane.failing, idle=not lane.running)

    def take(self, lane: Lane) -> None:
        """Give it a place."""
        lane.running += 1
        self.taken += 1
        if not lane.live:
            self._doubtful += 1
            self._failing += lane.failing

    def give_back(self, lane: Lane) -> None:
        """Take one from it."""
        lane.running -= 1
        self.taken -= 1
        if not lane.live:
            self._doubtful -= 1
            self._failing -= lane.failing

    def judge(self, lane: Lane, live: bool) -> None:
        """Take it for live or for failing from now on, with the places that it has."""
        if live != lane.live:
            lane.live = live
            self._doubtful += -lane.running if live else lane.running
        if live is lane.failing:
            lane.failing = not live
            self._failing += -lane.running if live else lane.running

    def wait(self, lane: Lane) -> None:
        """Put it at the end of a line, unless it is in one."""
        if not lane.waits:
            lane.waits = True
            self._line_of(lane).append(lane)

    def is_pressed(self, lane: Lane) -> bool:
        """Whether somebody who waits could have the place of a hop that has one."""
        taken = Taken(self.taken - 1, self._doubtful - (not lane.live), self._failing - lane.failing)
        return any(
            has_place(self.most, taken, live=first.live, failing=first.failing, idle=not first.running)
            for first in (line[0] for line in (self._live_line, self._new_line, self._failing_line) if line)
        )

    def next(self) -> Lane | None:
        """Who may take a place now, taken out of its line; None if nobody may."""
        doubtful = (self._new_line, self._failing_line)
        first = doubtful_first(self.most, self._doubtful)
        for line in (*doubtful, self._live_line) if first else (self._live_line, *doubtful):
            self._send_on(line)
            if line and self.has_place(line[0]):
                lane = line.popleft()
                lane.waits = False
                return lane
        return None

    def _line_of(self, lane: Lane) -> deque[Lane]:
        return self._live_line if lane.live else self._failing_line if lane.failing else self._new_line

    def _send_on(self, line: deque[Lane]) -> None:
        """Whoever became another kind of hop while it waited goes on waiting among its like, and holds up nobody."""
        while line and (other := self._line_of(line[0])) is not line:
            other.append(line.popleft())
