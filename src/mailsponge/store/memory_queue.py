"""What waits, in memory: looked at, put right, claimed, settled and tidied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from mailsponge import clock
from mailsponge.mail.outcome import Result
from mailsponge.store import course, refusals
from mailsponge.store.course import Course
from mailsponge.store.memory_inbox import MemoryInbox
from mailsponge.store.memory_mailboxes import Kept
from mailsponge.store.protocol import (
    KEPT_WITHDRAWN,
    Due,
    HopDown,
    Parcel,
    Queued,
    Settlement,
    Step,
)


class MemoryQueue(MemoryInbox):
    """See `protocol.Queue`."""

    def queued(self) -> Iterator[Queued]:
        """In the order in which they came."""
        with self._turn:
            waiting = [message_id for message_id, kept in sorted(self._kept.items()) if kept.waits]
        found = map(self.in_queue, waiting)
        return (each for each in found if each is not None)

    def in_queue(self, message_id: int) -> Queued | None:
        """One message that waits, or None."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is None or not kept.waits:
                return None
            envelope = kept.acceptance.envelope
            return Queued(
                id=message_id,
                reverse_path=envelope.reverse_path,
                size=kept.size,
                arrived_at=kept.acceptance.arrived_at,
                recipients=tuple(
                    course.waiting(each, envelope.recipients[each.delivery.recipient])
                    for each in kept.courses.values()
                    if each.next_attempt_at is not None
                ),
            )

    def hold(self, message_id: int) -> int:
        """Do not try it before it is released."""
        return self._change(message_id, _held, Step(self._now(), "held", course.HELD))

    def release(self, message_id: int) -> int:
        """Try at once what was held or withdrawn."""
        now = self._now()
        released = partial(_released, now=now)
        return self._change(
            message_id, released, Step(now, "released", course.RELEASED), since=now - KEPT_WITHDRAWN
        )

    def retry(self, message_id: int) -> int:
        """Try at once what waits."""
        now = self._now()
        return self._change(message_id, partial(_retried, now=now), Step(now, "retried", course.RETRIED))

    def retry_all(self) -> int:
        """The same for all that waits."""
        with self._turn:
            waiting = [message_id for message_id, kept in self._kept.items() if kept.waits]
            return sum(map(self.retry, waiting))

    def withdraw(self, message_id: int) -> int:
        """Take it out of the queue."""
        now = self._now()
        return self._change(
            message_id, partial(_withdrawn, now=now), Step(now, "withdrawn", course.TAKEN_OUT)
        )

    def hops_down(self) -> Mapping[str, HopDown]:
        """As they were told."""
        with self._turn:
            return dict(self._down)

    def _change(
        self,
        message_id: int,
        change: Callable[[Course], Course | None],
        step: Step,
        since: float | None = None,
    ) -> int:
        """``since``: what was withdrawn not earlier counts as being in the queue, too."""
        with self._turn:
            kept = self._kept.get(message_id)
            there = [] if kept is None else [each for each in kept.courses.items() if _counts(each[1], since)]
            if kept is None or not there:
                raise refusals.not_in_queue(message_id)
            changed = {number: after for number, before in there if (after := change(before)) is not None}
            kept.courses.update(changed)
            if changed:
                kept.later.append(step)
                if step.what in ("released", "retried"):
                    self._wake({after.delivery.next_hop for after in changed.values() if not after.held})
            return len(changed)

    def _wake(self, hops: Collection[str]) -> None:
        """A person wants these tried now."""
        for hop in hops:
            self._down.pop(hop, None)


class MemoryClaims(MemoryQueue):
    """What a server does with it: see `protocol.Store`."""

    def __init__(self, now: clock.Clock = clock.now) -> None:
        super().__init__(now)
        self._claimed: set[int] = set()

    def next_hops(self) -> Mapping[str, float]:
        """With when the first is due."""
        first: dict[str, float] = {}
        for at, _, each, _ in self._free():
            first.setdefault(each.delivery.next_hop, at)
        return first

    def claim(self, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        """The longest due first."""
        with self._turn:
            parcels: dict[int, list[Due]] = {}
            due = [each for each in self._free() if each[2].delivery.next_hop == next_hop and each[0] <= now]
            for _, number, each, kept in due[:most]:
                self._claimed.add(number)
                parcels.setdefault(course.message_of(number), []).append(_due(number, each, kept))
            return [self._parcel(message_id, dues) for message_id, dues in parcels.items()]

    def keep_claims(self) -> None:
        """They last as long as the memory."""

    def let_go(self, dues: Collection[int]) -> None:
        """Give back what was claimed."""
        with self._turn:
            self._claimed.difference_update(dues)

    def hop_is_down(self, next_hop: str, down: HopDown | None) -> None:
        """Remember it."""
        with self._turn:
            if down is None:
                self._down.pop(next_hop, None)
            else:
                self._down[next_hop] = down

    def tidy(self, before: float) -> int:
        """All at once."""
        with self._turn:
            for name in [name for name, down in self._down.items() if down.until < before]:
                del self._down[name]
            emptied = self._empty_trash(self._now())
            return emptied + sum([self._tidied(message_id, before) for message_id in list(self._kept)])

    def _free(self) -> list[tuple[float, int, Course, Kept]]:
        """What waits and is neither held nor claimed, the longest due first."""
        with self._turn:
            found = [
                (each.next_attempt_at, number, each, kept)
                for kept in self._kept.values()
                for number, each in kept.courses.items()
                if each.next_attempt_at is not None and not each.held and number not in self._claimed
            ]
        return sorted(found, key=lambda each: each[:2])

    def _parcel(self, message_id: int, dues: Sequence[Due]) -> Parcel:
        kept = self._kept[message_id]
        return Parcel(
            message=message_id,
            envelope=kept.acceptance.envelope,
            arrived_at=kept.acceptance.arrived_at,
            size=kept.size,
            dues=tuple(dues),
            content=partial(self.content, message_id),
            in_memory=True,
        )

    def _settle(self, settlement: Settlement) -> bool:
        """Whether it was still to be settled."""
        kept = self._kept.get(course.message_of(settlement.delivery))
        before = None if kept is None else kept.courses.get(settlement.delivery)
        if kept is None or before is None or not _is_open(before, settlement):
            return False
        kept.courses[settlement.delivery] = before._replace(
            attempts=before.attempts + 1,
            next_attempt_at=settlement.next_attempt_at,
            last=settlement.outcome,
            at=settlement.at,
            withdrawn=False,
        )
        if settlement.warned:
            kept.warned.add(settlement.delivery)
        if settlement.next_attempt_at is not None:
            kept.later.append(course.deferred(before.delivery.address, settlement))
        return True

    def _tidied(self, message_id: int, before: float) -> bool:
        kept = self._kept[message_id]
        if not kept.courses or kept.waits or kept.mailboxes:
            return False
        if kept.content is not None:
            latest = max((each.at for each in kept.courses.values() if each.withdrawn), default=None)
            if latest is not None and latest > self._now() - KEPT_WITHDRAWN:
                return False
            kept.content = None
            return True
        if max(each.at for each in kept.courses.values()) >= before:
            return False
        del self._kept[message_id]
        return True


def _counts(each: Course, since: float | None) -> bool:
    return each.next_attempt_at is not None or (since is not None and each.withdrawn and each.at > since)


def _held(each: Course) -> Course | None:
    return None if each.held else each._replace(held=True)


def _released(each: Course, now: float) -> Course | None:
    if not (each.held or each.withdrawn):
        return None
    return each._replace(held=False, withdrawn=False, next_attempt_at=now)


def _retried(each: Course, now: float) -> Course | None:
    return None if each.held else each._replace(next_attempt_at=min(each.next_attempt_at or now, now))


def _withdrawn(each: Course, now: float) -> Course | None:
    return each._replace(held=False, withdrawn=True, next_attempt_at=None, at=now)


def _is_open(before: Course, settlement: Settlement) -> bool:
    """It waits; or it was withdrawn while it was tried, and is where it should be all the same."""
    got_there = settlement.outcome.result in (Result.DELIVERED, Result.RELAYED)
    return before.next_attempt_at is not None or (before.withdrawn and got_there)


def _due(number: int, each: Course, kept: Kept) -> Due:
    delivery = each.delivery
    return Due(
        id=number,
        recipient=delivery.recipient,
        address=delivery.address,
        user=delivery.user,
        next_hop=delivery.next_hop,
        attempts=each.attempts,
        warned=number in kept.warned,
    )
