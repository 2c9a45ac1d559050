"""One run, or the time that passed: the steps of deciding, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mailsponge.sponge.model import (
    JOB_ITSELF,
    Attempt,
    Decision,
    Ending,
    Flip,
    Gathered,
    Incident,
    Kind,
    Memory,
    Run,
    Silence,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import gathering, incidents, states, telling
from mailsponge.sponge.policy.rules import Policy
from mailsponge.sponge.policy.verdicts import capped, names_when_well, verdicts

missed = telling.missed

_FRESH: Final = SourceState()
_QUIET: Final = Incident()


def decide(
    policy: Policy, memory: Memory, attempts: Mapping[str, Attempt], run: Run, now: float, host: str = ""
) -> Decision:
    """Judge one run: the states and incidents that change, the flips that somebody must hear of, and a note.

    Args:
        policy: what the user chose.
        memory: what is remembered: the states of this run's host, and every incident.
        attempts: what the run showed of each source.
        run: the run.
        now: when it is decided upon.
        host: the host as states and incidents name it; empty on a ledger that hosts do not share.
    """
    attempts, forgotten, overflow = capped(memory.states, attempts)
    found, note = verdicts(policy, memory.states, attempts, run.ending)
    decision = Decision({}, {}, [], found, "; ".join(filter(None, (note, overflow))), forgotten)
    late = [source for source in found if _is_late(source, memory, run)]
    for source, verdict in found.items():
        if source in late:
            continue
        moved = states.judged(policy, memory.states.get(source, _FRESH), verdict, run)
        decision.states[source] = _named(policy, moved.state, attempts.get(source), run)
        _move(decision, memory, source, host, moved, verdict, now)
    for source, attempt in attempts.items():
        if _is_late(source, memory, run):
            _prove_habit(policy, decision, memory, source, attempt)
            continue
        if source in found:
            continue
        reason = f"not judged in the last run: {_unjudged(run, note)}"
        state = memory.states.get(source, _FRESH)._replace(reason=reason)
        decision.states[source] = _named(policy, state, attempt, run)
    if run.ending is Ending.FINISHED and not _is_late(JOB_ITSELF, memory, run):
        _pass_over(decision, memory, host, attempts, run, now)
    _tell(policy, decision, memory, list(decision.incidents), now, host)
    if late:
        told = f"folded late: {len(late)} of its {len(found)} verdicts are history, as newer ones stand"
        return decision._replace(note="; ".join(filter(None, (decision.note, told))))
    return decision


def _is_late(source: str, memory: Memory, run: Run) -> bool:
    """Whether a run that began later has given its verdict already: then this one is history."""
    return run.number < memory.states.get(source, _FRESH).number


def tick(policy: Policy, memory: Memory, now: float, host: str = "") -> Decision:
    """What time alone brings: reminders, and what a silence that has ended held back. ``host`` is who looks."""
    decision = Decision({}, {}, [], {}, "")
    _tell(policy, decision, memory, memory.incidents, now, host)
    return decision


def _unjudged(run: Run, note: str) -> str:
    """Why a run gave no verdict to a source that it named."""
    if note:
        return note
    return f"the run was {run.ending}" if run.ending is not Ending.FINISHED else "it was broken off"


def _named(policy: Policy, state: SourceState, attempt: Attempt | None, run: Run) -> SourceState:
    return state if attempt is None else states.named(state, run, names_when_well(policy, attempt))


def _prove_habit(policy: Policy, decision: Decision, memory: Memory, source: str, attempt: Attempt) -> None:
    """A late run is history, but whoever names a source when it is well does so sooner or later in others, too."""
    state = memory.states[source]
    if state.only_fails and names_when_well(policy, attempt):
        decision.states[source] = state._replace(only_fails=False)


def _move(
    decision: Decision,
    memory: Memory,
    source: str,
    host: str,
    moved: states.Moved,
    verdict: int | None,
    now: float,
) -> None:
    before = memory.incidents.get(source, _QUIET)
    after = incidents.moved(before, host, moved, verdict, now)
    if after is not before:
        decision.incidents[source] = after


def _pass_over(
    decision: Decision, memory: Memory, host: str, attempts: Mapping[str, Attempt], run: Run, now: float
) -> None:
    """Count the finished runs that do not name a source that fails, or flaps."""
    for source, state in memory.states.items():
        watched = state.status is not Status.OK or state.flapping
        if watched and source not in attempts and source not in decision.verdicts:
            moved = states.passed_over(state, run)
            decision.states[source] = moved.state
            if moved.effect is not states.Effect.NOTHING or moved.state.status is not state.status:
                _move(decision, memory, source, host, moved, None, now)


def _tell(
    policy: Policy, decision: Decision, memory: Memory, sources: Iterable[str], now: float, host: str
) -> None:
    """Look at some incidents for what there is to tell, and remember with each state what became of it."""
    for source in sources:
        incident = decision.incidents.get(source) or memory.incidents.get(source, _QUIET)
        told = telling.tell(policy, source, incident, memory.silences, now, host)
        if told.incident is not incident:
            decision.incidents[source] = told.incident
        state = decision.states.get(source) or memory.states.get(source)
        if state is not None and (told.flip or source in decision.verdicts):
            decision.states[source] = _explained(state, incident, told)
        if told.flip:
            decision.flips.append(told.flip)


def _explained(state: SourceState, before: Incident, told: telling.Told) -> SourceState:
    """The state with its reason completed by what was told, or why not."""
    flip = told.flip
    if flip is None:
        if state.status is not Status.HARD:
            return state
        is_told = before.told_at is not None and before.anew_since is None
        why = f"; not told: {told.muted}" if told.muted and not is_told else "; already told"
        return state._replace(reason=state.reason + why)
    if flip.kind is Kind.NEW:
        return state._replace(reason=f"{flip.reason}: told")
    status = Status.HARD if flip.kind is Kind.STEADY and state.status is Status.SOFT else state.status
    return state._replace(status=status, reason=flip.reason)


def told_in(incident: Incident, message_id: str) -> Incident:
    """Remember the mail that first told of an incident, so that what follows can refer to it."""
    return incident if incident.thread else incident._replace(thread=message_id)


def acknowledge(incident: Incident, because: str = "") -> Incident:
    """Somebody knows of it: no more mails until it recovers, or fails at a higher level than so far."""
    return incident._replace(acknowledged=incident.level, acknowledged_because=because)


def unacknowledged(incident: Incident) -> Incident:
    """It is told of again."""
    return incident._replace(acknowledged=None, acknowledged_because="")


def next_due(
    policy: Policy,
    memory: Memory,
    last_run_at: float | None,
    missed_for: float | None,
    gathered: Sequence[Gathered],
    now: float,
) -> float:
    """The next moment after this one at which time alone may bring a mail; infinity if only a run can."""
    moments = [
        telling.due_at(policy, source, incident, memory.silences, now)
        for source, incident in memory.incidents.items()
    ]
    if last_run_at is not None and last_run_at != missed_for:
        moments.append(_missed_at(policy, last_run_at, memory.silences, now))
    if policy.gate is not None:
        moments.append(gathering.due_at(policy.gate, gathered))
    return min((moment for moment in moments if moment > now), default=float("inf"))


def _missed_at(policy: Policy, last: float, silences: Sequence[Silence], now: float) -> float:
    due = telling.missed_at(policy, last)
    silence = telling.silence_of(JOB_ITSELF, silences, max(due, now)) if due != float("inf") else None
    return max(due, silence.until) if silence else due


def flips_in_order(flips: Sequence[Flip]) -> list[Flip]:
    """The flips of one squeeze as a mail tells them: by kind, then by source.

    Of a source that was over and has begun anew meanwhile, only that is told: else the mail would end on "works again".
    """
    last_new = {flip.source: place for place, flip in enumerate(flips) if flip.kind is Kind.NEW}
    order = {kind: place for place, kind in enumerate(Kind)}
    told = [flip for place, flip in enumerate(flips) if place >= last_new.get(flip.source, 0)]
    return sorted(told, key=lambda flip: (order[flip.kind], flip.source))
