"""Ask the policy and keep what it says: of a run just folded, of the time that passed, and of a history replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mailsponge.sponge import policy
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import Attempt, Decision, Flip, Gathered, Kind, Memory, Run
from mailsponge.sponge.policy import Policy, gathering, telling

_MISSED: Final = "missed"
"""The memo of the beginning of the run after which it was told that no other came."""


class Ticked(NamedTuple):
    """What the time that passed has brought."""

    flips: list[Flip]
    digest: bool
    """Whether everything gathered is to be mailed."""


def run_folded(
    ledger: Ledger, rules: Policy, run: Run, attempts: Mapping[str, Attempt], now: float
) -> tuple[list[Flip], str]:
    """Decide on one run and keep what came of it; what there is to tell, and a note on the run."""
    host = run.host if ledger.shared else ""
    decision = policy.decide(rules, _memory(ledger, host), attempts, run, now, host)
    ledger.add_run(run._replace(folded_at=now), decision.verdicts, decision.note, attempts)
    _keep(ledger, decision, host)
    return decision.flips, decision.note


def time_passed(ledger: Ledger, rules: Policy, now: float, host: str, any_alive: bool) -> Ticked:
    """Look for what time alone brings: reminders, the end of a silence, a missed run, a digest."""
    memory = _memory(ledger, host)
    decision = policy.tick(rules, memory, now)
    _keep(ledger, decision, host)
    flips = decision.flips
    if not any_alive:
        last = ledger.last_began_at()
        missed = policy.missed(rules, last, ledger.memo(_MISSED), memory.silences, now)
        if missed:
            ledger.put_memo(_MISSED, last)
            flips = [*flips, missed]
    return Ticked(flips, gathering.is_due(rules.gate, _gathered(ledger, rules, memory, now), now))


def next_due(ledger: Ledger, rules: Policy, now: float) -> float:
    """When :func:`time_passed` may next bring something; infinity if only a run can."""
    memory = _memory(ledger, "")
    gathered = _gathered(ledger, rules, memory, now)
    return policy.next_due(rules, memory, ledger.last_began_at(), ledger.memo(_MISSED), gathered, now)


def mailed(ledger: Ledger, flips: Sequence[Flip], message_id: str) -> None:
    """Remember with each incident the mail that first told of it, so that those that follow can refer to it."""
    incidents = ledger.incidents()
    first = {flip.source for flip in flips if flip.kind in (Kind.NEW, Kind.FLAPPING)}
    ledger.put_incidents(
        {source: policy.told_in(incidents[source], message_id) for source in first if source in incidents}
    )


def _memory(ledger: Ledger, host: str) -> Memory:
    return Memory(ledger.states(host), ledger.incidents(), ledger.silences())


def _keep(ledger: Ledger, decision: Decision, host: str) -> None:
    ledger.put_states(decision.states, host)
    ledger.put_incidents(decision.incidents)
    if decision.forgotten:
        ledger.forget(decision.forgotten, host)


def _gathered(ledger: Ledger, rules: Policy, memory: Memory, now: float) -> list[Gathered]:
    """What waits for a digest, apart from what is silenced: that is recorded, and not mailed."""
    if rules.gate is None:
        ledger.all_gathered()
        return []
    parts = ledger.gathered(rules.gate.level)
    return [part for part in parts if not telling.silence_of(part.source, memory.silences, now)]
