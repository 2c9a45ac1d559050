"""How the attempts that may be under way at once are shared among next hops, so that none holds up another.

A next hop whose last word was an answer is *live*; one that has not answered yet, or was last in trouble, is *doubtful*
and may hang for minutes. So a doubtful one gets a place, and a second only while doubtful ones together have less than a
quarter: then somebody new is not kept out by a few that hang, each with a handful of messages. What doubtful ones have
beyond half of the places is no matter of the live ones, who always have the other half; and a quarter is theirs before
others', so that somebody new is never kept out by those who are busy either. When all places are taken, a hop that has
none may take one all the same, for those who have them may hang themselves: up to twice as many as there should be, and no
more.

Who finds no place waits for a turn; turns go round.
"""

from __future__ import annotations

from collections import deque

from mailsponge.queue.lane import Lane


def has_place(most: int, taken: int, doubtful: int, *, live: bool, idle: bool) -> bool:
    """Whether one more attempt may begin.

    ``taken`` places of ``most`` are taken, ``doubtful`` of them by doubtful hops. ``idle``: this hop has none.
    """
    half = most // 2
    if taken >= 2 * most:
        return False
    if live:
        return idle or taken - max(doubtful - half, 0) < most
    if idle:
        return doubtful < 2 * most - half
    return taken < most and doubtful < most // 4


def doubtful_first(most: int, doubtful: int) -> bool:
    """Whether the next place is for a doubtful hop that waits, rather than for a live one."""
    return doubtful < most // 4


class Share:
    """The places, and the lines of those who wait for one."""

    __slots__ = ("_doubtful", "_doubtful_line", "_live_line", "most", "taken")

    def __init__(self, most: int) -> None:
        """``most``: places; at least 4, that each kind of hop has one."""
        self.most = max(most, 4)
        self.taken = 0
        self._doubtful = 0
        self._live_line: deque[Lane] = deque()
        self._doubtful_line: deque[Lane] = deque()

    @property
    def waiting(self) -> int:
        """How many hops wait for a place."""
        return len(self._live_line) + len(self._doubtful_line)

    def has_place(self, lane: Lane) -> bool:
        """Whether the hop may take a place now."""
        return has_place(self.most, self.taken, self._doubtful, live=lane.live, idle=not lane.running)

    def take(self, lane: Lane) -> None:
        """Give it a place."""
        lane.running += 1
        self.taken += 1
        if not lane.live:
            self._doubtful += 1

    def give_back(self, lane: Lane) -> None:
        """Take one from it."""
        lane.running -= 1
        self.taken -= 1
        if not lane.live:
            self._doubtful -= 1

    def judge(self, lane: Lane, live: bool) -> None:
        """Take it for live or for doubtful from now on, with the places that it has."""
        if live != lane.live:
            lane.live = live
            self._doubtful += -lane.running if live else lane.running

    def wait(self, lane: Lane) -> None:
        """Put it at the end of a line, unless it is in one."""
        if not lane.waits:
            lane.waits = True
            (self._live_line if lane.live else self._doubtful_line).append(lane)

    def is_pressed(self, lane: Lane) -> bool:
        """Whether somebody who waits could have the place of a hop that has one."""
        taken, doubtful = self.taken - 1, self._doubtful - (not lane.live)
        return any(
            has_place(self.most, taken, doubtful, live=line[0].live, idle=not line[0].running)
            for line in (self._live_line, self._doubtful_line)
            if line
        )

    def next(self) -> Lane | None:
        """Who may take a place now, taken out of its line; None if nobody may."""
        lines = [self._live_line, self._doubtful_line]
        if doubtful_first(self.most, self._doubtful):
            lines.reverse()
        for line in lines:
            if line and self.has_place(line[0]):
                lane = line.popleft()
                lane.waits = False
                return lane
        return None
