"""How a delivery has gone so far, and the steps of a message's story that tell of it: pure, and the same words whatever
the store keeps it in.
"""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.mail.address import Address
from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import MOST_DELIVERIES, Delivery, HopDown, Settlement, Step, Waiting

WITHDRAWN = "withdrawn"
"""Stands where else the result of the last attempt does: somebody took it out of the queue."""


class Course(NamedTuple):
    """A delivery, and how it has gone so far."""

    delivery: Delivery
    attempts: int
    next_attempt_at: float | None
    """Seconds since the epoch; None: it has come to its end."""
    held: bool
    last: Outcome | None
    """What the last attempt came to; None before the first."""
    at: float
    """When that was, or when it was withdrawn."""
    withdrawn: bool = False


def number(message_id: int, place: int) -> int:
    """A delivery's id, by its place among those of its message: so its message is known from it, and those of one
    message stand together wherever they are kept in the order of their ids.
    """
    return message_id * MOST_DELIVERIES + place


def message_of(delivery: int) -> int:
    """The message that a delivery with this id is of."""
    return delivery // MOST_DELIVERIES


def numbers_of(message_id: int) -> tuple[int, int]:
    """The lowest and the highest id that a delivery of a message can have."""
    return number(message_id, 0), number(message_id, MOST_DELIVERIES - 1)


def waiting(course: Course, original: Address) -> Waiting:
    """A delivery that has not come to its end, as a person looks at it."""
    return Waiting(
        address=course.delivery.address,
        original=original,
        next_hop=course.delivery.next_hop,
        attempts=course.attempts,
        next_attempt_at=course.next_attempt_at or 0.0,
        last_reply=last_reply(course.last),
        held=course.held,
    )


def last_reply(last: Outcome | None) -> str:
    """What was said at the last attempt, if anybody said something; else how it went."""
    return "" if last is None else last.reply or last.why


def queued(course: Course, original: Address, at: float) -> Step:
    """It was left to be done when the message was accepted."""
    address, next_hop = course.delivery.address, course.delivery.next_hop
    leads = "" if address == original else f", where <{original}> leads"
    return Step(at, "queued", f"for <{address}>{leads}, by {next_hop}")


def deferred(address: Address, settlement: Settlement) -> Step:
    """An attempt that another one follows."""
    again = (settlement.next_attempt_at or settlement.at) - settlement.at
    return Step(
        settlement.at, "deferred", f"<{address}>: {_said(settlement.outcome)}; tried again in {_span(again)}"
    )


def ended(course: Course) -> Step | None:
    """How it ended; None if it waits, or was withdrawn, which a step of its own tells."""
    if course.next_attempt_at is not None or course.withdrawn or course.last is None:
        return None
    return Step(course.at, course.last.result.value, f"<{course.delivery.address}>: {_said(course.last)}")


def waits(message_id: int, course: Course, down: HopDown | None) -> Step | None:
    """Why it still waits, at the moment when it is tried again; None if it does not."""
    if course.next_attempt_at is None:
        return None
    who = f"<{course.delivery.address}>"
    if course.held:
        why = f"is held: `mailsponge queue release {message_id}` lets it go on"
        return Step(max(course.next_attempt_at, course.at), "waiting", f"{who} {why}")
    if down is not None and down.until >= course.next_attempt_at:
        return Step(
            down.until, "waiting", f"{who}: nothing gets through to {course.delivery.next_hop}: {down.why}"
        )
    said = "not tried yet" if course.last is None else _said(course.last)
    return Step(course.next_attempt_at, "waiting", f"{who}: {said}; attempt {course.attempts + 1}")


def reported(report: int, settlement: Settlement) -> Step:
    """Its sender was told, by a message of our own."""
    return Step(settlement.at, "reported", f"the sender is told: message {report}")


HELD = "by a person: it is not tried before it is released"
RELEASED = "by a person: it is tried at once"
RETRIED = "by a person: it is tried at once"
TAKEN_OUT = "from the queue by a person, and its sender is not told; for a week it can be released"


def _said(outcome: Outcome) -> str:
    """How it went, and in whose words, as far as that does not say so itself."""
    if not outcome.reply or outcome.reply == outcome.why:
        who = f"{outcome.by}: " if outcome.by and outcome.by not in outcome.why else ""
        return f"{who}{outcome.why}"
    if outcome.reply in outcome.why:
        return outcome.why
    return f"{outcome.why} ({outcome.by or 'its reply'}: {outcome.reply})"


def _span(seconds: float) -> str:
    """``5 minutes``, ``4 hours``."""
    for unit, name in (86_400, "days"), (3600, "hours"), (60, "minutes"):
        if seconds >= 2 * unit:
            return f"{round(seconds / unit)} {name}"
    return "a second" if round(seconds) == 1 else f"{round(seconds)} seconds"
