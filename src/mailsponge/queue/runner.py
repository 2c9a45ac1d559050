"""The runner: claims what is due, hands it to couriers, so much at once as a next hop bears, and keeps what it came to.

    a message came, somebody released one ── wake ──┐
    something is due by now ─────────── agenda ─────┴─▶ lane ─▶ a place ─▶ claim ─▶ courier ─▶ outcome ─▶ settled
                                                         │  (share.py)               │
                                                         └──────── pace.py ◀─────────┘

A *lane* is what is known of one next hop; nothing of a message is in memory before it is claimed. A *place* is the
right to have one attempt under way; whoever has one claims with it, and then tries one load after the other. Decisions
are pure and stand elsewhere: when (`schedule.py`), how much (`pace.py`), whose turn (`share.py`), what of it
(`verdict.py`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import random as chance
from typing import Any, Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.mail import loops
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.queue import logline, pace
from mailsponge.queue.agenda import Agenda
from mailsponge.queue.attempts import Attempts, CourierFor, Reporter
from mailsponge.queue.counts import Counts
from mailsponge.queue.lane import Lane, Load
from mailsponge.queue.pace import LIMITS, Limits
from mailsponge.queue.schedule import SCHEDULE, Schedule, needs_looking_after
from mailsponge.queue.settling import Settling
from mailsponge.queue.share import Share
from mailsponge.queue.timing import Cancellable, Later
from mailsponge.store.protocol import CLAIM_RENEWED, HopDown, Parcel, Store

PLACES: Final = 200
"""Attempts under way at once, of all next hops together."""
GRACE: Final = 10.0
"""Seconds that attempts get to end when the runner stops."""
CLAIMED_AT_ONCE: Final = 100
"""Deliveries that one claim takes at most."""
CLAIMED_AHEAD: Final = 1000
"""Deliveries that are claimed and not begun, of all next hops together, above which little more is claimed."""
THREADS: Final = 2
"""... that the store is asked in."""
STORE_PATIENCE: Final = 10.0
"""Seconds until a store is asked again that could not answer."""
LINE: Final = 1000
"""Next hops that wait for a place at most; the others' time has not come yet."""
LOOKED_RARELY: Final = 20
"""Asking what waits may take this part of the time at most: a twentieth."""
LOOKED_AGAIN: Final = 5.0
"""Seconds between asking for that, at least."""
FORGOTTEN: Final = 600.0
"""Seconds for which it is remembered how well a next hop did that nothing goes to."""
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
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._schedule = schedule
        self._limits = limits
        self._now = now
        self._random = random
        self._later: Later = later or self._loop.call_later
        self._counts = Counts()
        self._settling = Settling(store, self._later, self._serve)
        self._attempts = Attempts(
            courier_for, schedule, reporter, self._settling, self._counts, now, random, self._in_thread
        )
        self._share = Share(places)
        self._agenda = Agenda()
        self._lanes: dict[str, Lane] = {}
        self._fresh = pace.fresh(limits)
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, Cancellable] = {}
        self._alarm_at: float | None = None
        self._looked_at = float("-inf")
        self._look_takes = 0.0
        self._ahead = 0
        self._released: set[str] = set()
        self._stopping = False

    @property
    def counts(self) -> Counts:
        """What it has done, and is doing now."""
        self._counts.running = self._share.taken
        self._counts.settling = self._settling.number
        self._counts.hops_waiting = len(self._agenda)
        return self._counts

    async def start(self) -> None:
        """Begin. A store that cannot answer yet is asked again later."""
        self._threads = ThreadPoolExecutor(THREADS, "queue")
        self._store.watch(self._wake)
        try:
            for name, down in (await self._in_thread(self._store.hops_down)).items():
                self._remember(name, down)
        except StoreError as error:
            logline.cannot_ask("hops-down", error)
        await self._look()
        self._in("beat", CLAIM_RENEWED, self._beat)

    async def stop(self, grace: float = GRACE) -> None:
        """Begin nothing more, give attempts under way ``grace`` seconds to end, cut off those that have not, and keep
        what became of all of them.
        """
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        for lane in self._lanes.values():
            self._let_go_of(lane)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._settling.hurry()
        await self._kept()
        self._threads.shutdown(wait=False)

    # What is to be done, and when.

    def _wake(self, hops: Collection[str]) -> None:
        """Something is to be tried for these now."""
        if self._stopping:
            return
        for name in hops:
            lane = self._lane(name)
            if lane.pace.down_until is None:
                lane.due = True
                self._push(lane)
            else:
                self._agenda.put(name, lane.pace.down_until)
                self._ask_whether_released(name)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Be called when the first thing is due."""
        first = self._agenda.first()
        if first is None or self._stopping or self._share.waiting >= LINE:
            return
        if self._alarm_at is None or first < self._alarm_at:
            self._alarm_at = first
            # Not longer than a minute, for this machine's date may be put right meanwhile.
            self._in("alarm", min(max(first - self._now(), 0.0), CLAIM_RENEWED), self._ring)

    def _ring(self) -> None:
        self._alarm_at = None
        for name in self._agenda.take(self._now(), LINE - self._share.waiting):
            lane = self._lane(name)
            lane.due = lane.more = True
            self._push(lane)
            self._rest(lane)
        self._set_alarm()

    def _beat(self) -> None:
        """Once a minute."""
        self._in("beat", CLAIM_RENEWED, self._beat)
        self._do(self._keep_claims())
        self._look_soon()
        now = self._now()
        for lane in [one for one in self._lanes.values() if one.is_idle and not one.down]:
            if lane.answered_at < now - FORGOTTEN:
                del self._lanes[lane.name]

    async def _keep_claims(self) -> None:
        try:
            await self._in_thread(self._store.keep_claims)
        except StoreError as error:
            logline.cannot_ask("keep-claims", error)

    def _look_soon(self) -> None:
        """Ask the store what waits, when it has not been asked lately."""
        if "look" not in self._timers and not self._stopping:
            wait = self._looked_at + max(LOOKED_AGAIN, LOOKED_RARELY * self._look_takes) - self._now()
            self._in("look", max(wait, 0.0), lambda: self._do(self._look()))

    async def _look(self) -> None:
        """Note for each next hop when something is due first."""
        began = self._now()
        try:
            hops = await self._in_thread(self._store.next_hops)
        except StoreError as error:
            logline.cannot_ask("next-hops", error)
            hops = None
        self._looked_at = self._now()
        self._look_takes = max(self._looked_at - began, 0.0)
        self._timers.pop("look", None)
        if hops is None:
            self._look_soon()
            return
        for number, (name, at) in enumerate(hops.items()):
            lane = self._lanes.get(name)
            until = None if lane is None else lane.pace.down_until
            self._agenda.put(name, at if until is None else max(at, until))
            if number % 1000 == 999:
                await asyncio.sleep(0)
        for lane in [one for one in self._lanes.values() if one.down and one.is_idle]:
            if lane.name not in self._agenda:
                self._is_up(lane)  # nothing waits for it: the next message will tell
                del self._lanes[lane.name]
        self._set_alarm()

    # Whose turn it is.

    def _lane(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, self._fresh)
        return lane

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
        self._set_alarm()

    def _begin(self, lane: Lane) -> None:
        self._share.take(lane)
        claims = not lane.loads
        lane.claiming = lane.claiming or claims
        self._do(self._work(lane, claims))

    async def _work(self, lane: Lane, claims: bool) -> None:
        """What one place does: one load after the other."""
        try:
            if claims:
                await self._claim(lane)
                self._push(lane)
            for number in itertools.count(1):
                if not self._may_try(lane):
                    break
                load = lane.loads.pop(0)
                self._ahead -= len(load.parcel.dues)
                if lane.live and lane.due and not lane.claiming and len(lane.loads) < lane.pace.window:
                    lane.claiming = True
                    self._do(self._claim_ahead(lane))
                await self._try(lane, load)
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
                self._look_soon()
            if not lane.live and not lane.down:
                self._lanes.pop(lane.name, None)

    # What is claimed, and what becomes of it.

    async def _claim_ahead(self, lane: Lane) -> None:
        await self._claim(lane)
        self._push(lane)
        self._rest(lane)

    async def _claim(self, lane: Lane) -> None:
        """Claim what is due for it; `claiming` is set already, so that nobody else does."""
        lane.due = False
        most = 1 if lane.down else lane.pace.window
        if lane.live:
            most = max(most, min(4 * most, CLAIMED_AT_ONCE, CLAIMED_AHEAD - self._ahead))
        try:
            claimed = await self._in_thread(self._claimed, lane.name, most, self._now())
        except StoreError as error:
            logline.cannot_ask("claim", error)
            self._agenda.put(lane.name, self._now() + STORE_PATIENCE)
            self._set_alarm()
            return
        finally:
            lane.claiming = False
        loads = [load for parcel, loop in claimed for load in self._attempts.loads(parcel, loop)]
        number = sum(len(parcel.dues) for parcel, _ in claimed)
        lane.loads.extend(loads)
        self._ahead += number
        lane.due = lane.due or number >= most
        if self._stopping or not pace.may_begin(lane.pace, 0, self._now()):
            self._let_go_of(lane)

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
            self._has_answered(lane)
        else:
            self._is_in_trouble(lane, trouble)

    def _let_go_of(self, lane: Lane) -> None:
        """Give back what is claimed and not begun."""
        dues = [due.id for load in lane.loads for due in load.parcel.dues]
        if dues:
            lane.loads = []
            self._ahead -= len(dues)
            self._store.let_go(dues)

    # How next hops do.

    def _has_answered(self, lane: Lane) -> None:
        lane.answered_at = self._now()
        self._share.judge(lane, True)
        if lane.down:
            self._is_up(lane)
            lane.due = True
        lane.pace = pace.answered(lane.pace, self._limits)

    def _is_up(self, lane: Lane) -> None:
        self._counts.hops_down -= 1
        self._store.hop_is_down(lane.name, None)
        logline.hop_up(lane.name)

    def _is_in_trouble(self, lane: Lane, trouble: Outcome) -> None:
        """What waits for it is left alone: it stays due, and nothing is written of it."""
        before, after = lane.pace, pace.in_trouble(lane.pace, self._limits, self._now(), self._random())
        self._share.judge(lane, False)
        if after is before or after.down_until is None:
            return
        if not lane.down:
            self._counts.hops_down += 1
        lane.pace, lane.trouble, lane.told_at = after, trouble, self._now()
        down = HopDown(after.down_until, after.failures, trouble.why)
        self._store.hop_is_down(lane.name, down)
        logline.hop_down(lane.name, down)
        self._let_go_of(lane)
        lane.due = False
        self._agenda.put(lane.name, after.down_until)
        self._set_alarm()
        if not lane.claiming:
            lane.claiming = True
            self._do(self._look_after(lane, trouble))

    async def _look_after(self, lane: Lane, trouble: Outcome) -> None:
        """Of what is due and cannot be tried, see to that which is so old that its sender may have to hear of it.

        The longest due comes first, so where that is young, so is nearly all the rest, which is seen to next time.
        """
        try:
            while lane.down and not self._stopping:
                claimed: Sequence[Parcel] = await self._in_thread(
                    self._store.claim, lane.name, CLAIMED_AT_ONCE, self._now()
                )
                old = [one for one in claimed if self._is_old(one)]
                self._store.let_go([due.id for one in claimed if one not in old for due in one.dues])
                for parcel in old:
                    await self._attempts.left(parcel, trouble)
                if not old or len(old) < len(claimed):
                    break
                await self._kept()
                if self._settling.is_jammed:
                    break
        except StoreError as error:
            logline.cannot_ask("claim", error)
        finally:
            lane.claiming = False

    def _is_old(self, parcel: Parcel) -> bool:
        return needs_looking_after(self._schedule, parcel.arrived_at, self._now())

    def _remember(self, name: str, down: HopDown) -> None:
        """An earlier server found it to be down."""
        lane = self._lane(name)
        lane.pace = pace.resumed(down.failures, down.until)
        lane.trouble = Outcome(Result.DEFERRED, "4.4.1", down.why)
        self._counts.hops_down += 1

    def _ask_whether_released(self, name: str) -> None:
        """Something came for a next hop that is down: a message, or a person's wish that it be tried at once."""
        self._released.add(name)
        if "released" not in self._timers:
            self._in("released", 1.0, lambda: self._do(self._see_what_was_released()))

    async def _see_what_was_released(self) -> None:
        names, self._released = self._released, set()
        asked_at = self._now()
        try:
            down = await self._in_thread(self._store.hops_down)
        except StoreError as error:
            logline.cannot_ask("hops-down", error)
            return
        for name in names - down.keys():
            lane = self._lanes.get(name)
            # What was told just now may be on its way to the disk.
            if lane is not None and lane.down and lane.told_at < asked_at - 1.0:
                lane.pace = lane.pace._replace(down_until=asked_at)
                self._agenda.put(name, asked_at)
        self._set_alarm()

    # Threads, tasks and timers.

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await self._loop.run_in_executor(self._threads, function, *arguments)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _in(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """Call ``then`` after so many seconds, in place of what that name stood for."""
        before = self._timers.pop(name, None)
        if before is not None:
            before.cancel()

        def ring() -> None:
            del self._timers[name]
            then()

        self._timers[name] = self._later(seconds, ring)

    async def _kept(self) -> None:
        """Wait until all that is known is in the store, or the store has failed to take it."""
        kept = asyncio.Event()
        self._settling.when_empty(kept.set)
        await kept.wait()


def _loops(parcel: Parcel) -> Sequence[str]:
    """Why each delivery of a parcel would go in circles."""
    try:
        head = loops.head_of(parcel.content())
    except StoreError:
        return ()  # the courier will find that, too, and say so
    return loops.fault(head, [due.address if due.user else None for due in parcel.dues])
