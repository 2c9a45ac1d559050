"""What attempts came to, on its way into the store: gathered while one commit is under way, and kept by the next.

Nobody waits for that but who wants to begin something new while too much is on its way. Between the next hop's 250 and
the commit that keeps it, a crash means that the message goes out again: a duplicate, which nothing but a commit on both
sides at once could rule out. So what is under way here is kept small, and while the store fails nothing new is tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mailsponge.errors import StoreError
from mailsponge.queue import logline
from mailsponge.queue.timing import Cancellable, Later
from mailsponge.store.protocol import Report, Settlement, Store

MOST_AT_ONCE: Final = 1000
"""Settlements in one transaction: it stays short."""
MOST_WAITING: Final = 2000
"""Settlements on their way, above which nothing new is tried; a report counts for as many as it weighs."""
PATIENCE_FIRST: Final = 1.0
PATIENCE_LONGEST: Final = 60.0
"""Seconds between tries while the store fails: doubled each time from one to the other."""

REPORT_WEIGHT: Final = 20
"""A report is a message to be written; so many settlements are about as much work."""


class Settling:
    """Takes outcomes, and tells when there is room for more."""

    def __init__(self, store: Store, later: Later, has_room: Callable[[], None]) -> None:
        """``has_room`` is called when something new may be tried again, after it might not."""
        self._store = store
        self._later = later
        self._has_room = has_room
        self._waiting: list[tuple[Sequence[Settlement], Sequence[Report]]] = []
        self._under_way: list[tuple[Sequence[Settlement], Sequence[Report]]] = []
        self._failures = 0
        self._busy = False
        self._patience: Cancellable | None = None
        self._told: list[asyncio.Event] = []
        self._kept = 0
        self._reports = 0  # on their way, in memory until they are kept
        self.number = 0
        """Settlements on their way."""

    @property
    def is_jammed(self) -> bool:
        """Whether nothing new should be tried."""
        return self._failures > 0 or self.number + REPORT_WEIGHT * self._reports >= MOST_WAITING

    def add(self, settlements: Sequence[Settlement], reports: Sequence[Report] = ()) -> None:
        """Have them kept soon, all in one transaction."""
        self.number += len(settlements)
        self._reports += len(reports)
        self._waiting.append((settlements, reports))
        if not self._busy:
            # At the end of this turn of the loop, so that what ends in it shares a commit.
            self._busy = True
            self._later(0.0, self._hand_over)

    async def kept(self) -> None:
        """Wait until what was added so far is in the store, or the store fails."""
        added = self._kept + self.number
        while self._kept < added and self._patience is None:
            told = asyncio.Event()
            self._told.append(told)
            await told.wait()

    def hurry(self) -> None:
        """Try once more now, if the store has failed: there may be no later."""
        if self._patience is not None:
            self._patience.cancel()
            self._hand_over()

    def _hand_over(self) -> None:
        self._patience = None
        if not self._under_way:
            self._under_way = self._next()
        settlements = [one for some, _ in self._under_way for one in some]
        reports = [one for _, some in self._under_way for one in some]
        self._store.settle(settlements, reports, self._done)

    def _next(self) -> list[tuple[Sequence[Settlement], Sequence[Report]]]:
        """What goes into one transaction."""
        weight = taken = 0
        for settlements, reports in self._waiting:
            if weight >= MOST_AT_ONCE:
                break
            weight += len(settlements) + REPORT_WEIGHT * len(reports)
            taken += 1
        under_way, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return under_way

    def _done(self, error: StoreError | None) -> None:
        if error is not None:
            self._failed(error)
            return
        was_jammed = self.is_jammed
        kept = sum(len(settlements) for settlements, _ in self._under_way)
        self.number -= kept
        self._reports -= sum(len(reports) for _, reports in self._under_way)
        self._kept += kept
        self._under_way = []
        self._failures = 0
        self._busy = bool(self._waiting)
        if self._busy:
            self._later(0.0, self._hand_over)
        self._tell()
        if was_jammed and not self.is_jammed:
            self._has_room()

    def _failed(self, error: StoreError) -> None:
        """All of it is claimed as before, and the very same is handed over again."""
        wait = min(PATIENCE_FIRST * 2.0 ** min(self._failures, 30), PATIENCE_LONGEST)
        self._failures += 1
        logline.store_fails(self.number, wait, error)
        self._patience = self._later(wait, self._hand_over)
        self._tell()

    def _tell(self) -> None:
        told, self._told = self._told, []
        for event in told:
            event.set()
