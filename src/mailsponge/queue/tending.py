"""What is due and cannot be tried, for its next hop is down: its sender may have to hear of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.mail.outcome import Outcome
from mailsponge.queue import logline
from mailsponge.queue.attempts import Attempts
from mailsponge.queue.chores import Chores
from mailsponge.queue.lane import Lane
from mailsponge.queue.schedule import Schedule, needs_looking_after
from mailsponge.queue.settling import Settling
from mailsponge.store.protocol import Parcel, Store

CLAIMED_AT_ONCE: Final = 100
"""Deliveries."""


class Tending:
    """Sees to old mail of next hops that are down, a claim at a time, and no faster than the store keeps it."""

    def __init__(
        self,
        store: Store,
        attempts: Attempts,
        settling: Settling,
        chores: Chores,
        schedule: Schedule,
        now: clock.Clock,
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._settling = settling
        self._chores = chores
        self._schedule = schedule
        self._now = now

    async def tend(self, lane: Lane, trouble: Outcome) -> None:
        """See to what is so old that its sender may have to hear of it. The lane's `claiming` is set already.

        The longest due comes first, so where that is young, so is nearly all the rest, which is seen to next time.
        """
        try:
            while lane.down and not (self._settling.is_jammed or self._chores.ending):
                claimed: Sequence[Parcel] = await self._chores.in_thread(
                    self._store.claim, lane.name, CLAIMED_AT_ONCE, self._now()
                )
                old = [parcel for parcel in claimed if self._is_old(parcel)]
                self._store.let_go(
                    [due.id for parcel in claimed if not self._is_old(parcel) for due in parcel.dues]
                )
                for parcel in old:
                    await self._attempts.left(parcel, trouble)
                if not old or len(old) < len(claimed):
                    return
                await self._settling.kept()
        except StoreError as error:
            logline.cannot_ask("claim", error)
        finally:
            lane.claiming = False

    def _is_old(self, parcel: Parcel) -> bool:
        return needs_looking_after(self._schedule, parcel.arrived_at, self._now())
