"""How next hops do, as far as anything is known of them: it is learnt from attempts, and the store remembers it."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from mailsponge import clock
from mailsponge.mail.outcome import Outcome
from mailsponge.queue import logline, pace
from mailsponge.queue.lane import Lane
from mailsponge.queue.pace import Limits
from mailsponge.queue.share import Share
from mailsponge.store.protocol import HopDown, Store

FORGOTTEN: Final = 600.0
"""Seconds for which it is remembered how well a next hop did that nothing goes to."""
ON_ITS_WAY: Final = 1.0
"""Seconds that what the store is told may be on its way to the disk."""


class Hops:
    """The lanes, one a next hop."""

    def __init__(
        self, store: Store, share: Share, limits: Limits, now: clock.Clock, random: Callable[[], float]
    ) -> None:
        self._store = store
        self._share = share
        self._limits = limits
        self._now = now
        self._random = random
        self._fresh = pace.fresh(limits)
        self._lanes: dict[str, Lane] = {}
        self.down = 0
        """How many nothing gets through to."""

    def lane(self, name: str) -> Lane:
        """The lane of a next hop, made if there is none."""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, self._fresh)
        return lane

    def lanes(self) -> list[Lane]:
        """All of them."""
        return list(self._lanes.values())

    def remember(self, name: str, down: HopDown) -> None:
        """An earlier server found it to be down."""
        lane = self.lane(name)
        lane.pace = pace.resumed(down.failures, down.until)
        self._share.judge(lane, live=False)
        self.down += 1

    def has_answered(self, lane: Lane) -> None:
        """Somebody there said something."""
        lane.answered_at = self._now()
        self._share.judge(lane, live=True)
        if lane.down:
            self._is_up(lane)
        lane.pace = pace.answered(lane.pace, self._limits)

    def is_in_trouble(self, lane: Lane, trouble: Outcome) -> bool:
        """Nothing got through to it. Whether it is down by that, and that is news."""
        before, after = lane.pace, pace.in_trouble(lane.pace, self._limits, self._now(), self._random())
        lane.pace = after
        if after.down_until is None:
            return False
        self._share.judge(lane, live=False)
        if after is before:
            return False
        if before.down_until is None:
            self.down += 1
        lane.told_at = self._now()
        down = HopDown(after.down_until, after.failures, trouble.why)
        self._store.hop_is_down(lane.name, down)
        logline.hop_down(lane.name, down)
        return True

    def released(self, name: str, asked_at: float) -> bool:
        """The store knew at a moment of no trouble. Whether a person has put an end to ours: then one may be tried."""
        lane = self._lanes.get(name)
        if lane is None or not lane.down or lane.told_at >= asked_at - ON_ITS_WAY:
            return False
        lane.pace = lane.pace._replace(down_until=asked_at)
        return True

    def forget_if_unknown(self, lane: Lane) -> None:
        """Keep no lane that there is nothing to do for, and nothing to remember of."""
        if lane.is_idle and not lane.live and not lane.down:
            self._lanes.pop(lane.name, None)

    def forget_long_ago(self) -> None:
        """... nor one that nothing went to for long."""
        before = self._now() - FORGOTTEN
        for lane in self.lanes():
            if lane.is_idle and not lane.down and lane.answered_at < before:
                del self._lanes[lane.name]

    def forget_down(self, waited_for: Container[str]) -> None:
        """... nor one that is down and that nothing waits for: the next message will find out."""
        for lane in self.lanes():
            if lane.down and lane.is_idle and lane.name not in waited_for:
                self._is_up(lane)
                del self._lanes[lane.name]

    def _is_up(self, lane: Lane) -> None:
        self.down -= 1
        self._store.hop_is_down(lane.name, None)
        logline.hop_up(lane.name)
