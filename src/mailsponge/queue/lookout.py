"""Who knows when something is due for which next hop, and calls when it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.queue import logline
from mailsponge.queue.agenda import Agenda
from mailsponge.queue.chores import Chores
from mailsponge.store.protocol import Store

LONGEST_NAP: Final = 60.0
"""Seconds until the clock is looked at again, for this machine's date may be put right meanwhile."""
LOOKED_AGAIN: Final = 5.0
"""Seconds between two looks into the store, at least."""
LOOKED_RARELY: Final = 20
"""... and so many times as long as a look takes: it is work that nobody waits for."""


class Lookout:
    """One moment is known a next hop. What comes after it is looked up in the store, once it has gone by."""

    def __init__(
        self,
        store: Store,
        chores: Chores,
        now: clock.Clock,
        ring: Callable[[Iterable[str]], None],
        room: Callable[[], int],
    ) -> None:
        """``ring`` is called with next hops that something is due for; ``room`` says how many it can do with now."""
        self._store = store
        self._chores = chores
        self._now = now
        self._ring = ring
        self._room = room
        self._agenda = Agenda()
        self._alarm_at: float | None = None
        self._looked_at = float("-inf")
        self._takes = 0.0

    def __len__(self) -> int:
        return len(self._agenda)

    def __contains__(self, name: object) -> bool:
        return name in self._agenda

    def expect(self, name: str, at: float) -> None:
        """Something is due for it at a moment (seconds since the epoch), or was."""
        self._agenda.put(name, at)
        self.watch()

    def watch(self) -> None:
        """Ring when the first thing is due, if there is room for it."""
        first = self._agenda.first()
        if first is None or self._room() <= 0:
            return
        if self._alarm_at is None or first < self._alarm_at:
            self._alarm_at = first
            self._chores.after(min(max(first - self._now(), 0.0), LONGEST_NAP), "alarm", self._alarm)

    def _alarm(self) -> None:
        self._alarm_at = None
        self._ring(self._agenda.take(self._now(), max(self._room(), 0)))
        self.watch()

    def look_soon(self, then: Callable[[], None]) -> None:
        """Look into the store, unless that was done just now; then in a while. ``then`` is called after it."""
        if not self._chores.is_planned("look"):
            wait = self._looked_at + max(LOOKED_AGAIN, LOOKED_RARELY * self._takes) - self._now()
            self._chores.after(max(wait, 0.0), "look", lambda: self._chores.do(self.look(then)))

    async def look(self, then: Callable[[], None]) -> None:
        """Ask the store what is due first for each next hop."""
        began = self._now()
        try:
            hops = await self._chores.in_thread(self._store.next_hops)
        except StoreError as error:
            logline.cannot_ask("next-hops", error)
            self._looked_at = self._now()
            self.look_soon(then)
            return
        self._looked_at = self._now()
        self._takes = max(self._looked_at - began, 0.0)
        for number, (name, at) in enumerate(hops.items()):
            self._agenda.put(name, at)
            if number % 1000 == 999:
                await asyncio.sleep(0)
        then()
        self.watch()
