"""A source's state on one host, and how a verdict moves it: every transition stands in :data:`TRANSITIONS`.

HARD means that patience is over. It is told at once, unless a silence, an acknowledgement or flapping mutes it; what is
told and what is muted is the business of :mod:`.telling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from mailsponge.sponge import patience as grammar
from mailsponge.sponge.model import (
    OK,
    Ending,
    Failures,
    Judged,
    Run,
    SourceState,
    Status,
    level_name,
)
from mailsponge.sponge.patience import Limit, OfRuns, Streak
from mailsponge.sponge.policy.flapping import flaps, pushed
from mailsponge.sponge.policy.rules import Policy

GONE_AFTER_RUNS: Final = 10
GONE_AFTER_SECONDS: Final = 7 * 86400.0
"""A failing source that so many finished runs over so long a time did not name is gone."""


class Event(StrEnum):
    """What happens to a source in a run."""

    FAILED = "failed, and patience lasts"
    OVER = "failed, and patience is over"
    GOOD = "ok, but not yet for long enough"
    WELL = "ok"
    GONE = "not named for too long"


class Effect(StrEnum):
    """What that means for the source's incident."""

    NOTHING = "nothing"
    OPENS = "opens it: NEW"
    STAYS = "it stays: STILL, now and then"
    WANES = "it may be about to end"
    CLOSES = "closes it: RECOVERED, if it was told"
    VANISHES = "closes it: GONE, if anything was told"


_S, _E, _X = Status, Event, Effect

TRANSITIONS: Final[Mapping[tuple[Status, Event], tuple[Status, Effect]]] = {
    (_S.OK, _E.FAILED): (_S.SOFT, _X.NOTHING),
    (_S.OK, _E.OVER): (_S.HARD, _X.OPENS),
    (_S.OK, _E.WELL): (_S.OK, _X.NOTHING),
    (_S.OK, _E.GONE): (_S.OK, _X.VANISHES),
    (_S.SOFT, _E.FAILED): (_S.SOFT, _X.NOTHING),
    (_S.SOFT, _E.OVER): (_S.HARD, _X.OPENS),
    (_S.SOFT, _E.WELL): (_S.OK, _X.NOTHING),
    (_S.SOFT, _E.GONE): (_S.OK, _X.VANISHES),
    (_S.HARD, _E.FAILED): (_S.HARD, _X.STAYS),
    (_S.HARD, _E.OVER): (_S.HARD, _X.STAYS),
    (_S.HARD, _E.GOOD): (_S.RECOVERING, _X.WANES),
    (_S.HARD, _E.WELL): (_S.OK, _X.CLOSES),
    (_S.HARD, _E.GONE): (_S.OK, _X.VANISHES),
    (_S.RECOVERING, _E.FAILED): (_S.HARD, _X.STAYS),
    (_S.RECOVERING, _E.OVER): (_S.HARD, _X.STAYS),
    (_S.RECOVERING, _E.GOOD): (_S.RECOVERING, _X.WANES),
    (_S.RECOVERING, _E.WELL): (_S.OK, _X.CLOSES),
    (_S.RECOVERING, _E.GONE): (_S.OK, _X.VANISHES),
}
"""From where, by what: to where, and what it means for the incident."""


class Moved(NamedTuple):
    """A state after a run, and what that means."""

    state: SourceState
    effect: Effect
    said: str = ""
    """With a failure: what happened, to be put after the source's name."""
    why: str = ""
    """With a failure: why that matters, once patience is over."""


def judged(policy: Policy, state: SourceState, verdict: int, run: Run) -> Moved:
    """Move a source's state by one verdict: OK, or the level that it failed at."""
    changed = state.last_verdict is not None and (state.last_verdict == OK) != (verdict == OK)
    changes = pushed(state.changes, changed)
    seen = state._replace(
        last_verdict=verdict,
        last_run_at=run.began_at,
        # A stray draws its number late; a run that began before it must not be late for that.
        number=state.number if run.ending is Ending.STRAY else run.number,
        window=_last(policy.window, (*state.window, Judged(verdict, run.began_at))),
        changes=changes,
        flapping=flaps(changes, state.flapping),
        streak=_longer(state.streak, verdict, run.began_at) if verdict else state.streak,
    )
    return _good(policy, seen) if verdict == OK else _failed(policy, seen, verdict, run)


def _failed(policy: Policy, state: SourceState, level: int, run: Run) -> Moved:
    limit = _ended_by(policy, state, level, run.began_at)
    status, effect = TRANSITIONS[state.status, Event.OVER if limit else Event.FAILED]
    since = run.began_at if state.since is None else state.since
    reason = runs = in_a_row(state.runs_failed)
    why = f"{runs}; patience ({limit}) is over" if limit else runs
    if status is Status.SOFT:
        reason = f"{runs}; {_patience(policy)}"
    elif limit is not None and effect is Effect.OPENS:
        reason, since = why, _since(limit, state, since)
    after = state._replace(
        status=status, since=since, failed_run=run.id, failed_at=run.began_at, good_runs=0, reason=reason
    )
    return Moved(after, effect, _said(limit, after), why)


def _good(policy: Policy, state: SourceState) -> Moved:
    good_runs = state.good_runs + 1
    patient = state.status in (Status.HARD, Status.RECOVERING) and good_runs < policy.recover_after
    status, effect = TRANSITIONS[state.status, Event.GOOD if patient else Event.WELL]
    if patient:
        reason = f"good again for {good_runs} of {policy.recover_after} runs"
        return Moved(state._replace(status=status, streak=(), good_runs=good_runs, reason=reason), effect)
    # The window is what "N of M runs" looks at; it goes on over a hiccup, and begins anew after a recovery.
    window = () if effect is Effect.CLOSES else state.window
    reason = f"good again after {in_a_row(state.runs_failed)}" if state.streak else "good"
    reason += "; nobody had been told" if state.status is Status.SOFT else ""
    well = state._replace(status=status, streak=(), window=window, since=None, good_runs=0, reason=reason)
    return Moved(well, effect)


def named(state: SourceState, run: Run, also_when_well: bool) -> SourceState:
    """A run named the source; perhaps one that also names it when all is well."""
    return state._replace(seen_at=run.began_at, unseen=0, only_fails=state.only_fails and not also_when_well)


def passed_over(state: SourceState, run: Run) -> Moved:
    """A finished run did not name a source that fails, or flaps: after enough of them it is gone."""
    unseen = state.unseen + 1
    seen_at = run.began_at if state.seen_at is None else min(state.seen_at, run.began_at)
    since = run.began_at - seen_at
    if unseen < GONE_AFTER_RUNS or since < GONE_AFTER_SECONDS:
        return Moved(state._replace(unseen=unseen, seen_at=seen_at), Effect.NOTHING)
    status, effect = TRANSITIONS[state.status, Event.GONE]
    reason = f"gone: {unseen} finished runs over {grammar.length(since)} did not name it"
    # Not to be seen changes no verdict: whether it flaps once it is back is reckoned with what it did before.
    fresh = SourceState(
        status,
        last_verdict=state.last_verdict,
        changes=state.changes,
        last_run_at=state.last_run_at,
        only_fails=state.only_fails,
        seen_at=state.seen_at,
        unseen=unseen,
        number=state.number,
        reason=reason,
    )
    return Moved(fresh, effect)


def _longer(streak: tuple[Failures, ...], level: int, at: float) -> tuple[Failures, ...]:
    """One more failed run, counted at its level."""
    if not streak:
        return (Failures(level, 1, at),)
    same = next((part for part in streak if part.level == level), Failures(level, 0, at))
    others = (part for part in streak if part.level != level)
    # A clock that was ahead once must not make all that follows last less than no time.
    return tuple(sorted((*others, Failures(level, same.runs + 1, min(same.first_at, at)))))


def _last(count: int, verdicts: tuple[Judged, ...]) -> tuple[Judged, ...]:
    return verdicts[-count:] if count else ()


def _ended_by(policy: Policy, state: SourceState, failed_at: int, began_at: float) -> Limit | None:
    """The patience that is over; None while all last. A run that failed below a level does not end that level's."""
    for level, limit in policy.limits.items():
        if level <= failed_at and (ended := grammar.ended_by(limit, _streak(state, level, began_at))):
            return ended
    return None


def _streak(state: SourceState, level: int, last_at: float) -> Streak:
    """What a patience looks at: the failures at a level or above, the last one in a run that began at ``last_at``."""
    parts = [part for part in state.streak if part.level >= level]
    began = min((part.first_at for part in parts), default=last_at)
    window = [verdict.verdict >= level for verdict in state.window]
    # A clock that was set back must not make a failure last less than no time.
    return Streak(sum(part.runs for part in parts), window, max(0.0, last_at - began))


def _since(limit: Limit, state: SourceState, streak_since: float) -> float:
    """When the trouble began: with the first failure that counted, in a row or among the last runs."""
    if not isinstance(limit, OfRuns):
        return streak_since
    return min(verdict.at for verdict in state.window[-limit.among :] if verdict.verdict != OK)


def _said(limit: Limit | None, state: SourceState) -> str:
    if isinstance(limit, OfRuns):
        failed = sum(verdict.verdict != OK for verdict in state.window[-limit.among :])
        return f"has failed {failed} of its last {limit.among} runs"
    return "has failed" if state.runs_failed == 1 else f"has failed {state.runs_failed} runs in a row"


def in_a_row(runs: int) -> str:
    """``1 failed run``, ``3 failed runs in a row``."""
    return "1 failed run" if runs == 1 else f"{runs} failed runs in a row"


def _patience(policy: Policy) -> str:
    levels = policy.limits.items()
    if len(policy.limits) == 1:
        return f"patience: {next(iter(policy.limits.values()))}"
    return "patience: " + ", ".join(f"{limit} for {level_name(level)}" for level, limit in levels)
