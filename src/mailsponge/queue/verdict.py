"""What an outcome means for a delivery: over, or when it is tried again, and what its sender hears of it. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from mailsponge.mail.envelope import Envelope
from mailsponge.mail.notify import Action, is_wanted
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.queue.schedule import DAY, HOUR, Schedule, is_over, looked_after_at, next_attempt_at, warn_now
from mailsponge.store.protocol import Due, Settlement

EXPIRED: Final = "5.4.7"
"""Delivery time expired (RFC 3463 section 3.5)."""


class Verdict(NamedTuple):
    """What is kept of an attempt, and what is told."""

    due: Due
    settlement: Settlement
    action: Action | None
    """What the sender is told; None: nothing."""


def verdict(
    schedule: Schedule,
    envelope: Envelope,
    arrived_at: float,
    due: Due,
    outcome: Outcome,
    now: float,
    random: float,
) -> Verdict:
    """After an attempt at ``now``; ``random``: anything from 0 to 1."""
    if outcome.result is Result.DEFERRED:
        at = next_attempt_at(schedule, due.attempts + 1, arrived_at, now, random)
        return _waiting(schedule, envelope, arrived_at, due, outcome, now, at)
    return _ended(envelope, due, outcome, now)


def left_waiting(
    schedule: Schedule,
    envelope: Envelope,
    arrived_at: float,
    due: Due,
    trouble: Outcome,
    now: float,
    random: float,
) -> Verdict:
    """Of a delivery that was not tried, for ``trouble`` keeps everything from getting through that way."""
    outcome = trouble._replace(why=f"not tried, for nothing gets through to {due.next_hop}: {trouble.why}")
    at = looked_after_at(schedule, arrived_at, now, random)
    return _waiting(schedule, envelope, arrived_at, due, outcome, now, at)


def _waiting(
    schedule: Schedule,
    envelope: Envelope,
    arrived_at: float,
    due: Due,
    outcome: Outcome,
    now: float,
    at: float,
) -> Verdict:
    if is_over(schedule, arrived_at, now):
        return _ended(envelope, due, _expired(outcome, schedule.lifetime), now)
    warns = warn_now(schedule, arrived_at, due.warned, now)
    settlement = Settlement(due.id, outcome, now, at, warned=due.warned or warns)
    told = warns and is_wanted(envelope, due.recipient, Action.DELAYED)
    return Verdict(due, settlement, Action.DELAYED if told else None)


def _ended(envelope: Envelope, due: Due, outcome: Outcome, now: float) -> Verdict:
    action = _ACTION[outcome.result]
    if outcome.result is Result.RELAYED and outcome.reports:
        wanted = False  # the next hop was told of the wish
    else:
        wanted = is_wanted(envelope, due.recipient, action)
    if action is Action.FAILED and not wanted:
        outcome = outcome._replace(why=f"{outcome.why}; {_why_nobody_hears(envelope)}")
    return Verdict(due, Settlement(due.id, outcome, now, None, due.warned), action if wanted else None)


_ACTION: Final = {
    Result.FAILED: Action.FAILED,
    Result.DELIVERED: Action.DELIVERED,
    Result.RELAYED: Action.RELAYED,
}


def _why_nobody_hears(envelope: Envelope) -> str:
    if envelope.reverse_path is None:
        return "nobody hears of it, for it is a report itself"
    return "its sender wished not to hear of it"


def _expired(outcome: Outcome, lifetime: float) -> Outcome:
    return outcome._replace(
        result=Result.FAILED,
        status=EXPIRED,
        why=f"could not be delivered for {_length(lifetime)}; last: {outcome.why}",
    )


def _length(seconds: float) -> str:
    """``5 days``, ``12 hours``, ``90 minutes``."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (60.0, "minute")):
        if seconds >= unit and seconds % unit == 0:
            number = round(seconds / unit)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return f"{round(seconds)} seconds"
