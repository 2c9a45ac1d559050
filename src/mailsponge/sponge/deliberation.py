"""Ask the policy and keep what it says: of runs just folded, of the time that passed, and of a history replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mailsponge.sponge import policy
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import (
    Attempt,
    Decision,
    Flip,
    Gathered,
    Incident,
    Kind,
    Memory,
    Run,
    SourceState,
)
from mailsponge.sponge.policy import Policy, gathering, telling

_MISSED: Final = "missed"
"""The memo of the beginning of the run after which it was told that no other came."""


class Ticked(NamedTuple):
    """What the time that passed has brought."""

    flips: list[Flip]
    digest: bool
    """Whether everything gathered is to be mailed."""


class Deliberation:
    """Decisions in one transaction of a ledger: what the policy remembers is read once, and written once at the end.

    Args:
        ledger: the job's memory, inside a transaction.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._silences = ledger.silences()
        self._incidents = ledger.incidents()
        self._states: dict[str, dict[str, SourceState]] = {}
        self._changed_incidents: dict[str, Incident] = {}
        self._changed_states: dict[str, dict[str, SourceState]] = {}

    def states(self, host: str) -> dict[str, SourceState]:
        """Every source's state on a host, as it is by now."""
        if host not in self._states:
            self._states[host] = self._ledger.states(host)
        return self._states[host]

    def run_folded(
        self, rules: Policy, run: Run, attempts: Mapping[str, Attempt], now: float
    ) -> tuple[list[Flip], str]:
        """Decide on one run; what there is to tell, and a note on the run."""
        host = run.host if self._ledger.shared else ""
        decision = policy.decide(rules, self._memory(host), attempts, run, now, host)
        self._ledger.add_run(run._replace(folded_at=now), decision.verdicts, decision.note, attempts)
        self._take(decision, host)
        return decision.flips, decision.note

    def time_passed(self, rules: Policy, now: float, host: str, any_alive: bool) -> Ticked:
        """Look for what time alone brings: reminders, the end of a silence, a missed run, a digest."""
        decision = policy.tick(rules, self._memory(host), now)
        self._take(decision, host)
        flips = decision.flips
        if not any_alive:
            last = self._ledger.last_began_at()
            missed = policy.missed(rules, last, self._ledger.memo(_MISSED), self._silences, now)
            if missed:
                self._ledger.put_memo(_MISSED, last)
                flips = [*flips, missed]
        return Ticked(flips, gathering.is_due(rules.gate, self._gathered(rules, now), now))

    def next_due(self, rules: Policy, now: float) -> float:
        """When :meth:`time_passed` may next bring something; infinity if only a run can."""
        last, missed_for = self._ledger.last_began_at(), self._ledger.memo(_MISSED)
        return policy.next_due(rules, self._memory(""), last, missed_for, self._gathered(rules, now), now)

    def mailed(self, flips: Sequence[Flip], message_id: str) -> None:
        """Remember with each incident the mail that first told of it, so that those that follow can refer to it."""
        first = {flip.source for flip in flips if flip.kind in (Kind.NEW, Kind.FLAPPING)}
        told = {
            source: policy.told_in(self._incidents[source], message_id)
            for source in first
            if source in self._incidents
        }
        self._incidents |= told
        self._changed_incidents |= told

    def keep(self) -> None:
        """Write what has changed."""
        for host, states in self._changed_states.items():
            self._ledger.put_states(states, host)
        self._ledger.put_incidents(self._changed_incidents)
        self._changed_states, self._changed_incidents = {}, {}

    def _memory(self, host: str) -> Memory:
        return Memory(self.states(host), self._incidents, self._silences)

    def _take(self, decision: Decision, host: str) -> None:
        self.states(host).update(decision.states)
        self._changed_states.setdefault(host, {}).update(decision.states)
        self._incidents |= decision.incidents
        self._changed_incidents |= decision.incidents
        for source in decision.forgotten:
            self.states(host).pop(source, None)
            self._changed_states[host].pop(source, None)
        if decision.forgotten:
            self._ledger.forget(decision.forgotten, host)

    def _gathered(self, rules: Policy, now: float) -> list[Gathered]:
        """What waits for a digest, apart from what is silenced: that is recorded, and not mailed."""
        if rules.gate is None:
            self._ledger.all_gathered()
            return []
        parts = self._ledger.gathered(rules.gate.level)
        return [part for part in parts if not telling.silence_of(part.source, self._silences, now)]
