"""A queue to run: a store in memory, a clock that a test turns, and couriers that say what they are told to."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from mailsponge.errors import StoreError
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope, RecipientWishes
from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.queue.attempts import Reporter
from mailsponge.queue.pace import LIMITS
from mailsponge.queue.runner import Runner
from mailsponge.queue.schedule import SCHEDULE
from mailsponge.queue.verdict import Verdict
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import (
    Acceptance,
    Delivery,
    Done,
    Due,
    HopDown,
    Parcel,
    Report,
    Settlement,
    Waiting,
)

BEGINNING = 1_767_225_600.0
PATIENCE = 20.0
"""Seconds a test waits for what must happen before it fails."""

CONTENT = b"Return-Path: <me@example.org>\r\nSubject: Hello\r\n\r\nHello.\r\n"

RELAYED = Outcome(Result.RELAYED, "2.0.0", "taken", "250 2.0.0 Ok", "mx.example.net")
DEFERRED = Outcome(Result.DEFERRED, "4.2.1", "busy", "450 4.2.1 Busy", "mx.example.net")
FAILED = Outcome(Result.FAILED, "5.1.1", "unknown", "550 5.1.1 No such user", "mx.example.net")
DOWN = Outcome(Result.DEFERRED, "4.4.1", "connection refused", hop_down=True)


class Clockwork:
    """Time that stands still until a test turns it."""

    def __init__(self) -> None:
        self.now = BEGINNING
        self._calls: list[tuple[float, int, Call]] = []
        self._numbers = itertools.count()

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float, then: Callable[[], None]) -> Call:
        """As `loop.call_later`."""
        call = Call(then)
        if seconds <= 0:
            asyncio.get_running_loop().call_soon(call.ring)
        else:
            heapq.heappush(self._calls, (self.now + seconds, next(self._numbers), call))
        return call

    def first(self) -> float | None:
        """When somebody wants to be called next."""
        while self._calls and self._calls[0][2].cancelled:
            heapq.heappop(self._calls)
        return self._calls[0][0] if self._calls else None

    def turn_to(self, at: float) -> None:
        """Time goes on, and whoever is due is called."""
        self.now = at
        while (first := self.first()) is not None and first <= at:
            heapq.heappop(self._calls)[2].ring()


class Call:
    """Of a clockwork."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def ring(self) -> None:
        if not self.cancelled:
            self._then()


class WatchedStore(MemoryStore):
    """A store whose dealings with the queue are noted. `fails` makes what it names raise, or tell, a StoreError."""

    def __init__(self, now: Clockwork) -> None:
        super().__init__(call=asyncio.get_running_loop().call_soon_threadsafe, now=now)
        self.settled: list[Settlement] = []
        self.batches: list[int] = []
        self.reports: list[Report] = []
        self.fails: set[str] = set()
        self.asked: list[str] = []

    def put(
        self,
        *recipients: str,
        sender: str | None = "me@example.org",
        hop: str = "",
        user: str = "",
        content: bytes = CONTENT,
        notify: frozenset[str] | None = None,
        quietly: bool = False,
        leads_to: Sequence[str] = (),
    ) -> int:
        """A message comes, for recipients that go the same way; its number. Quietly: the listener does not hear.

        ``leads_to``: where the first recipient, an alias, leads.
        """
        addresses = tuple(map(parse, recipients))
        listener = self._listener
        if quietly:
            self._listener = None
        incoming = self.incoming()
        incoming.write(content)
        incoming.accept(
            Acceptance(
                Envelope(
                    None if sender is None else parse(sender),
                    addresses,
                    recipient_wishes=tuple(RecipientWishes(notify) for _ in addresses) if notify else (),
                ),
                mailboxes=(),
                arrived_at=self._now(),
                peer="192.0.2.1",
                helo="client.example",
                reasons=tuple(f"<{each}> is elsewhere" for each in addresses),
                deliveries=tuple(
                    Delivery(0 if leads_to else number, each, user, hop or each.domain)
                    for number, each in enumerate(map(parse, leads_to) if leads_to else addresses)
                ),
            ),
            lambda error: None,
        )
        self._listener = listener
        return incoming.id

    def wake(self, *hops: str) -> None:
        """Something is to be tried for these."""
        self._tell_of(hops)

    @property
    def waiting(self) -> list[Waiting]:
        """All deliveries that wait."""
        return [each for queued in self.queued() for each in queued.recipients]

    @property
    def claimed(self) -> set[int]:
        """Deliveries."""
        return self._claimed

    @property
    def down(self) -> dict[str, HopDown]:
        """Next hops."""
        return self._down

    def next_hops(self) -> Mapping[str, float]:
        self._ask("next_hops")
        return super().next_hops()

    def claim(self, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        self._ask("claim")
        return super().claim(next_hop, most, now)

    def content(self, message_id: int) -> Iterator[bytes]:
        self._ask("content")
        return super().content(message_id)

    def keep_claims(self) -> None:
        self._ask("keep_claims")

    def hops_down(self) -> Mapping[str, HopDown]:
        self._ask("hops_down")
        return super().hops_down()

    def settle(self, settlements: Sequence[Settlement], reports: Sequence[Report], done: Done) -> None:
        if "settle" in self.fails:
            self.tell(lambda: done(StoreError("the disk is full")))
            return
        self.batches.append(len(settlements))
        self.settled += settlements
        self.reports += reports
        super().settle(settlements, reports, done)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise StoreError("the disk is gone")


class Says:
    """A courier that says what it is told to, by recipient, and notes what it was asked."""

    def __init__(self, outcome: Outcome = RELAYED, **by_local_part: Outcome) -> None:
        self.outcome = outcome
        self.by_local_part = by_local_part
        self.tried: list[list[str]] = []
        self.at_once = self.most_at_once = 0

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.tried.append([str(due.address) for due in parcel.dues])
            await self.work(parcel)
            return [self.by_local_part.get(due.address.local, self.outcome) for due in parcel.dues]
        finally:
            self.at_once -= 1

    async def work(self, parcel: Parcel) -> None:
        await asyncio.sleep(0)

    async def close(self) -> None:
        pass


HANGING: set[object] = set()
"""Attempts that nothing but their test ends."""


class Hangs(Says):
    """One that waits until it is told to go on."""

    def __init__(self, outcome: Outcome = RELAYED) -> None:
        super().__init__(outcome)
        self.go_on = asyncio.Event()

    async def work(self, parcel: Parcel) -> None:
        waiting = self.go_on.wait()
        HANGING.add(waiting)
        try:
            await waiting
        finally:
            HANGING.discard(waiting)


class Raises(Says):
    """One with a mistake in it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def work(self, parcel: Parcel) -> None:
        raise self.error


class Notes:
    """A reporter that notes what is to be told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, Action, list[str]]] = []
        self.refuses = ""

    def report(self, parcel: Parcel, action: Action, verdicts: Sequence[Verdict], at: float) -> Report | str:
        if self.refuses:
            return self.refuses
        self.told.append((parcel.message, action, [str(each.due.address) for each in verdicts]))
        envelope = Envelope(None, (parse("me@example.org"),))
        acceptance = Acceptance(envelope, ("me",), at, "the queue", "mail.example.org", ("me",))
        return Report(acceptance, b"Subject: a report\r\n\r\n", tuple(each.due.id for each in verdicts))


class House:
    """A runner with all that it needs."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clockwork()
        self.store = WatchedStore(self.clock)
        self.notes = Notes()
        self.reporter: Reporter | None = None
        self.courier: Says = Says()
        self.couriers: dict[str, Says] = {}
        self._settings = {"schedule": SCHEDULE, "limits": LIMITS, **settings}

    def courier_for(self, due: Due) -> Says:
        return self.couriers.get(due.address.domain, self.courier)

    async def open(self) -> None:
        self.runner = Runner(
            self.store,
            self.courier_for,
            self.reporter or self.notes,
            **self._settings,
            now=self.clock,
            random=lambda: 0.5,
            later=self.clock.later,
        )
        await self.runner.start()

    async def quiet(self) -> None:
        """Until everything has happened that can happen now; attempts that hang cannot."""
        still = 0
        async with asyncio.timeout(PATIENCE):
            while still < 5:  # what ends may begin something in the turn after
                await asyncio.sleep(0)
                still = still + 1 if len(asyncio.all_tasks()) - 1 == len(HANGING) else 0

    async def pass_(self, seconds: float) -> None:
        """Let time go by, stopping wherever somebody wants to be called."""
        end = self.clock.now + seconds
        await self.quiet()
        while (first := self.clock.first()) is not None and first <= end:
            self.clock.turn_to(max(first, self.clock.now))
            await self.quiet()
        self.clock.turn_to(end)
        await self.quiet()


Story = Callable[[House], Awaitable[None]]


def played(story: Story, **settings: Any) -> House:
    """Run a test's story in a house that is open."""

    async def run() -> House:
        HANGING.clear()
        house = House(**settings)
        await house.open()
        await house.quiet()
        try:
            await story(house)
        finally:
            await house.runner.stop(grace=0.0)
        return house

    return asyncio.run(run())
