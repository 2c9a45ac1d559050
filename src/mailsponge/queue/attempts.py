"""One attempt after the other, from the courier's outcomes to what is kept and what is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from mailsponge import clock
from mailsponge.courier.protocol import Courier
from mailsponge.errors import StoreError
from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.queue import logline
from mailsponge.queue.counts import Counts
from mailsponge.queue.lane import Load
from mailsponge.queue.news import News
from mailsponge.queue.schedule import Schedule
from mailsponge.queue.settling import Settling
from mailsponge.queue.verdict import Verdict, left_waiting, verdict
from mailsponge.store.protocol import Due, Parcel, Report

CourierFor = Callable[[Due], Courier]
"""Which courier takes a delivery, as of now; the same object for deliveries that go together."""

InThread = Callable[..., Awaitable[Any]]
"""Calls a function with its arguments in a thread."""

LOOP: Final = "5.4.6"
"""Routing loop detected (RFC 3463 section 3.5)."""
_TOLD: Final = "its sender was told of this recipient before"


class Reporter(Protocol):
    """Who writes reports to senders."""

    def report(self, parcel: Parcel, action: Action, verdicts: Sequence[Verdict], at: float) -> Report | str:
        """A report of what deliveries of a message all came to at a moment, or why there can be none. May block."""


class Attempts:
    """Tries loads, and hands what they come to to those who keep it."""

    def __init__(
        self,
        courier_for: CourierFor,
        schedule: Schedule,
        reporter: Reporter,
        settling: Settling,
        again: Callable[[str, float], None],
        counts: Counts,
        now: clock.Clock,
        random: Callable[[], float],
        in_thread: InThread,
    ) -> None:
        """``again`` is told of each next hop and moment that something is to be tried at again."""
        self._courier_for = courier_for
        self._schedule = schedule
        self._reporter = reporter
        self._settling = settling
        self._again = again
        self._counts = counts
        self._now = now
        self._random = random
        self._in_thread = in_thread
        self._news = News()

    def loads(self, parcel: Parcel, loops: Sequence[str]) -> list[Load]:
        """A claimed parcel, apart by what goes together. ``loops``: why each of its deliveries would go in circles."""
        if not loops and len(parcel.dues) == 1:
            return [Load(parcel)]
        apart: dict[object, list[Due]] = {}
        for due, loop in zip(parcel.dues, loops or [""] * len(parcel.dues), strict=True):
            apart.setdefault(loop or self._way(due), []).append(due)
        return [
            Load(parcel._replace(dues=tuple(dues)), key if isinstance(key, str) else "")
            for key, dues in apart.items()
        ]

    def _way(self, due: Due) -> object:
        try:
            return id(self._courier_for(due))
        except Exception:  # noqa: BLE001 - told when it is tried
            return due.id

    async def tried(self, load: Load) -> Outcome | None:
        """Try it, and have the outcome kept. Returns the trouble that its next hop is in, if it is."""
        parcel = load.parcel
        outcomes = [_goes_in_circles(load)] * len(parcel.dues) if load.loop else await self._outcomes(parcel)
        now, schedule, random = self._now(), self._schedule, self._random
        verdicts = [
            verdict(schedule, parcel.envelope, parcel.arrived_at, due, outcome, now, random())
            for due, outcome in zip(parcel.dues, outcomes, strict=True)
        ]
        for each in verdicts:
            self._counts.outcomes[each.settlement.outcome.result] += 1
        logline.tried(parcel, verdicts)
        await self._conclude(parcel, verdicts, now)
        return next((outcome for outcome in outcomes if outcome.hop_down), None)

    async def left(self, parcel: Parcel, trouble: Outcome) -> None:
        """Look after a parcel that cannot be tried: its sender may have to hear that it is late, or given up."""
        now = self._now()
        verdicts = [
            left_waiting(
                self._schedule, parcel.envelope, parcel.arrived_at, due, trouble, now, self._random()
            )
            for due in parcel.dues
        ]
        logline.tried(parcel, verdicts)
        await self._conclude(parcel, verdicts, now)

    async def _outcomes(self, parcel: Parcel) -> Sequence[Outcome]:
        try:
            outcomes = await self._courier_for(parcel.dues[0]).deliver(parcel)
            if len(outcomes) == len(parcel.dues):
                return outcomes
            raise RuntimeError(f"{len(outcomes)} outcomes came for {len(parcel.dues)} deliveries")
        except StoreError as error:
            outcome = Outcome(Result.DEFERRED, "4.3.0", f"the message could not be read: {error}")
        except Exception as error:  # noqa: BLE001 - a mistake must cost one attempt, and not the queue
            self._counts.mistakes += 1
            logline.mistake(parcel.message, parcel.dues[0].next_hop, error)
            outcome = Outcome(
                Result.DEFERRED, "4.3.0", "something went wrong within this server, and its log says what"
            )
        return [outcome] * len(parcel.dues)

    async def _conclude(self, parcel: Parcel, verdicts: Sequence[Verdict], now: float) -> None:
        told: dict[Action, list[Verdict]] = {}
        for each in verdicts:
            if each.settlement.next_attempt_at is not None:
                self._again(each.due.next_hop, each.settlement.next_attempt_at)
            if each.action is not None:
                told.setdefault(each.action, []).append(each)
        if not told:
            self._settling.add([each.settlement for each in verdicts])
            return
        # Some may have something to say to each other only when all of it is said: one transaction for all.
        reports: list[Report] = []
        settlements = [each.settlement for each in verdicts if each.action is None]
        for action, same in told.items():
            new = self._news.among(parcel.message, action, same)
            settlements += [_with_why(each, _TOLD).settlement for each in same if each not in new]
            if not new:
                continue
            report = await self._report(parcel, action, new, now)
            if isinstance(report, str):
                new = [_with_why(each, f"its sender could not be told: {report}") for each in new]
            else:
                reports.append(report)
            settlements += [each.settlement for each in new]
        self._settling.add(settlements, reports)

    async def _report(
        self, parcel: Parcel, action: Action, verdicts: Sequence[Verdict], now: float
    ) -> Report | str:
        try:
            report: Report | str = await self._in_thread(self._reporter.report, parcel, action, verdicts, now)
        except Exception as error:  # noqa: BLE001 - the outcome has to be kept, come what may
            self._counts.mistakes += 1
            logline.mistake(parcel.message, verdicts[0].due.next_hop, error)
            report = "something went wrong within this server, and its log says what"
        if isinstance(report, str):
            self._counts.reports_dropped += 1
            logline.not_reported(parcel.message, action, report)
        else:
            self._counts.reports[action] += 1
            logline.reported(parcel.message, action, str(parcel.envelope.reverse_path))
        return report


def _goes_in_circles(load: Load) -> Outcome:
    return Outcome(Result.FAILED, LOOP, load.loop)


def _with_why(each: Verdict, more: str) -> Verdict:
    outcome = each.settlement.outcome
    outcome = outcome._replace(why=f"{outcome.why}; {more}")
    return each._replace(settlement=each.settlement._replace(outcome=outcome))
