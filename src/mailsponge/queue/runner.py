"""The runner: claims what is due, hands it to couriers, so much at once as a next hop bears, and keeps what it came to.

    a message came, somebody released one ── wake ──┐
    something is due by now ─────────── lookout ────┴─▶ lane ─▶ a place ─▶ claim ─▶ courier ─▶ outcome ─▶ settled
                                                         │  (share.py)               │
                                                         └──────── hops.py ◀─────────┘

A *lane* is what is known of one next hop; nothing of a message is in memory before it is claimed. A *place* is the
right to have one attempt under way; whoever has one claims with it, and then tries one load after the other. Decisions
are pure and stand elsewhere: when (`schedule.py`), how much (`pace.py`), whose turn (`share.py`), what of it
(`verdict.py`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from random import random as chance
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.mail import loops
from mailsponge.queue import logline, pace
from mailsponge.queue.attempts import Attempts, CourierFor, Reporter
from mailsponge.queue.chores import Chores
from mailsponge.queue.counts import Counts
from mailsponge.queue.hops import ON_ITS_WAY, Hops
from mailsponge.queue.lane import Lane, Load
from mailsponge.queue.lookout import Lookout
from mailsponge.queue.pace import LIMITS, Limits
from mailsponge.queue.schedule import SCHEDULE, Schedule
from mailsponge.queue.settling import Settling
from mailsponge.queue.share import Share
from mailsponge.queue.tending import Tending
from mailsponge.queue.timing import Later
from mailsponge.store.protocol import CLAIM_RENEWED, Parcel, Store

PLACES: Final = 200
"""Attempts under way at once, of all next hops together."""
GRACE: Final = 10.0
"""Seconds that attempts get to end when the runner stops."""
CLAIMED_AT_ONCE: Final = 100
"""Deliveries that one claim takes at most."""
CLAIMED_AHEAD: Final = 1000
"""Deliveries that are claimed and not begun, of all next hops together, above which little more is claimed."""
STORE_PATIENCE: Final = 10.0
"""Seconds until a store is asked again that could not answer."""
LINE: Final = 1000
"""Next hops that wait for a place at most; the others' time has not come yet."""
IN_A_ROW: Final = 10
"""Loads that are tried one after the other before everybody else in this process had a turn."""


class Runner:
    """Works off the queue of a store, within a running event loop."""

    def __init__(
        self,
        store: Store,
        courier_for: CourierFor,
        reporter: Reporter,
        schedule: Schedule = SCHEDULE,
        limits: Limits = LIMITS,
        places: int = PLACES,
        *,
        now: clock.Clock = clock.now,
        random: Callable[[], float] = chance,
        later: Later | None = None,
    ) -> None:
        """``courier_for`` is asked anew for each attempt; its couriers are closed by whoever made them.

        ``later``: ``loop.call_later``, or what a test has in its place. To be made within a running event loop.
        """
        self._store = store
        self._now = now
        self._counts = Counts()
        self._chores = Chores(later)
        self._settling = Settling(store, self._chores.later, self._serve)
        self._attempts = Attempts(
            courier_for,
            schedule,
            reporter,
            self._settling,
            self._expect,
            self._counts,
            now,
            random,
            self._chores.in_thread,
        )
        self._share = Share(places)
        self._hops = Hops(store, self._share, limits, now, random)
        self._lookout = Lookout(store, self._chores, now, self._ring, self._room)
        self._tending = Tending(store, self._attempts, self._settling, self._chores, schedule, now)
        self._ahead = 0
        self._woken: set[str] = set()
        self._stopping = False

    @property
    def counts(self) -> Counts:
        """What it has done, and is doing now."""
        self._counts.running = self._share.taken
        self._counts.settling = self._settling.number
        self._counts.hops_waiting = len(self._lookout)
        self._counts.hops_down = self._hops.down
        return self._counts

    async def start(self) -> None:
        """Begin. A store that cannot answer yet is asked again later."""
        self._store.watch(self._wake)
        try:
            for name, down in (await self._chores.in_thread(self._store.hops_down)).items():
                self._hops.remember(name, down)
        except StoreError as error:
            logline.cannot_ask("hops-down", error)
        await self._lookout.look(self._looked)
        self._chores.after(CLAIM_RENEWED, "beat", self._beat)

    async def stop(self, grace: float = GRACE) -> None:
        """Begin nothing more, give attempts under way ``grace`` seconds to end, cut off those that have not, and keep
        what became of all of them.
        """
        self._stopping = True
        for lane in self._hops.lanes():
            self._let_go_of(lane)
        await self._chores.end(grace)
        self._settling.hurry()
        await self._settling.kept()
        self._chores.close()

    # What is to be done.

    def _wake(self, names: Collection[str]) -> None:
        """Something is to be tried for these now."""
        if self._stopping:
            return
        for name in names:
            lane = self._hops.lane(name)
            if lane.pace.down_until is None:
                lane.due = True
                self._push(lane)
            else:
                self._lookout.expect(name, lane.pace.down_until)
                self._ask_whether_released(name)

    def _ring(self, names: Iterable[str]) -> None:
        """Something is due for these, or it is time to see whether they are well again."""
        for name in names:
            lane = self._hops.lane(name)
            if lane.pace.down_until is not None and lane.pace.down_until > self._now():
                self._lookout.expect(name, lane.pace.down_until)
                continue
            lane.due = lane.more = True
            self._push(lane)
            self._rest(lane)

    def _expect(self, name: str, at: float) -> None:
        self._lookout.expect(name, at)

    def _room(self) -> int:
        return 0 if self._stopping else LINE - self._share.waiting

    def _beat(self) -> None:
        """Once a minute."""
        self._chores.after(CLAIM_RENEWED, "beat", self._beat)
        self._chores.do(self._keep_claims())
        self._lookout.look_soon(self._looked)
        self._hops.forget_long_ago()

    async def _keep_claims(self) -> None:
        try:
            await self._chores.in_thread(self._store.keep_claims)
        except StoreError as error:
            logline.cannot_ask("keep-claims", error)

    def _looked(self) -> None:
        """It is known what is due first for each next hop that something waits for."""
        self._hops.forget_down(self._lookout)

    def _ask_whether_released(self, name: str) -> None:
        """Something came for a next hop that is down: a message, or a person's wish that it be tried at once."""
        self._woken.add(name)
        if not self._chores.is_planned("released"):
            self._chores.after(ON_ITS_WAY, "released", lambda: self._chores.do(self._see_what_was_released()))

    async def _see_what_was_released(self) -> None:
        names, self._woken = self._woken, set()
        asked_at = self._now()
        try:
            down = await self._chores.in_thread(self._store.hops_down)
        except StoreError as error:
            logline.cannot_ask("hops-down", error)
            return
        for name in names - down.keys():
            if self._hops.released(name, asked_at):
                self._lookout.expect(name, asked_at)

    # Whose turn it is.

    def _wants(self, lane: Lane) -> bool:
        """Whether one more place would be of use to it."""
        if not (lane.loads or (lane.due and not lane.claiming)):
            return False
        return pace.may_begin(lane.pace, lane.running, self._now())

    def _push(self, lane: Lane) -> None:
        """Begin as much of it as may begin."""
        while not self._stopping and self._wants(lane):
            if self._settling.is_jammed or not self._share.has_place(lane):
                self._share.wait(lane)
                return
            self._begin(lane)

    def _serve(self) -> None:
        """Let those have a turn who wait for one."""
        while not (self._stopping or self._settling.is_jammed):
            lane = self._share.next()
            if lane is None:
                break
            if self._wants(lane):
                self._begin(lane)
                if self._wants(lane):
                    self._share.wait(lane)
            self._rest(lane)
        self._lookout.watch()

    def _begin(self, lane: Lane) -> None:
        self._share.take(lane)
        claims = not lane.loads
        lane.claiming = lane.claiming or claims
        self._chores.do(self._work(lane, claims))

    async def _work(self, lane: Lane, claims: bool) -> None:
        """What one place does: one load after the other."""
        try:
            if claims:
                await self._claim(lane)
                self._push(lane)
            for number in itertools.count(1):
                if not self._may_try(lane):
                    break
                await self._try(lane, self._next_load(lane))
                if self._share.is_pressed(lane):
                    break
                if not number % IN_A_ROW:
                    await asyncio.sleep(0)
        finally:
            self._share.give_back(lane)
            if self._share.waiting and self._wants(lane):
                self._share.wait(lane)
            self._serve()
            self._push(lane)
            self._rest(lane)

    def _may_try(self, lane: Lane) -> bool:
        """Whether one who has a place may try the next load."""
        if not lane.loads or self._stopping or self._settling.is_jammed:
            return False
        return pace.may_begin(lane.pace, lane.running - 1, self._now())

    def _rest(self, lane: Lane) -> None:
        """See what is left to do for a next hop that nothing is done for just now."""
        if lane.is_idle:
            if lane.more:
                lane.more = False
                self._lookout.look_soon(self._looked)
            self._hops.forget_if_unknown(lane)

    # What is claimed, and what becomes of it.

    def _next_load(self, lane: Lane) -> Load:
        """The next one; and more is claimed meanwhile, before there is none left."""
        load = lane.loads.pop(0)
        self._ahead -= len(load.parcel.dues)
        if lane.live and lane.due and not lane.claiming and len(lane.loads) < lane.pace.window:
            lane.claiming = True
            self._chores.do(self._claim_ahead(lane))
        return load

    async def _claim_ahead(self, lane: Lane) -> None:
        await self._claim(lane)
        self._push(lane)
        self._rest(lane)

    async def _claim(self, lane: Lane) -> None:
        """Claim what is due for it; `claiming` is set already, so that nobody else does."""
        lane.due = False
        most = self._most_to_claim(lane)
        try:
            claimed = await self._chores.in_thread(self._claimed, lane.name, most, self._now())
        except StoreError as error:
            logline.cannot_ask("claim", error)
            self._lookout.expect(lane.name, self._now() + STORE_PATIENCE)
            return
        finally:
            lane.claiming = False
        lane.loads.extend(load for parcel, loop in claimed for load in self._attempts.loads(parcel, loop))
        number = sum(len(parcel.dues) for parcel, _ in claimed)
        self._ahead += number
        lane.due = lane.due or number >= most
        if self._stopping or not pace.may_begin(lane.pace, 0, self._now()):
            self._let_go_of(lane)

    def _most_to_claim(self, lane: Lane) -> int:
        if lane.down:
            return 1
        window = lane.pace.window
        if not lane.live:
            return window
        return max(window, min(4 * window, CLAIMED_AT_ONCE, CLAIMED_AHEAD - self._ahead))

    def _claimed(self, name: str, most: int, now: float) -> list[tuple[Parcel, Sequence[str]]]:
        """In a thread: what is due, and why it would go in circles."""
        return [(parcel, _loops(parcel)) for parcel in self._store.claim(name, most, now)]

    async def _try(self, lane: Lane, load: Load) -> None:
        try:
            trouble = await self._attempts.tried(load)
        except asyncio.CancelledError:
            self._store.let_go([due.id for due in load.parcel.dues])
            raise
        if trouble is None:
            lane.due = lane.due or lane.down
            self._hops.has_answered(lane)
        elif self._hops.is_in_trouble(lane, trouble):
            # What waits for it is left alone: it stays due, and nothing is written of it.
            self._let_go_of(lane)
            lane.due = False
            self._lookout.expect(lane.name, lane.pace.down_until or self._now())
            if not lane.claiming:
                lane.claiming = True
                self._chores.do(self._tending.tend(lane, trouble))

    def _let_go_of(self, lane: Lane) -> None:
        """Give back what is claimed and not begun."""
        dues = [due.id for load in lane.loads for due in load.parcel.dues]
        if dues:
            lane.loads = []
            self._ahead -= len(dues)
            self._store.let_go(dues)


def _loops(parcel: Parcel) -> Sequence[str]:
    """Why each delivery of a parcel would go in circles."""
    try:
        head = loops.head_of(parcel.content())
    except StoreError:
        return ()  # the courier will find that, too, and say so
    return loops.fault(head, [due.address if due.user else None for due in parcel.dues])
