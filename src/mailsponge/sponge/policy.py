"""The policy: when to mail. Pure: (states, what a run showed, now) -> (states', flips). No clock, no disk.

    OK ──failed──▶ SOFT ──patience is over──▶ HARD ──ok──▶ RECOVERING ──ok, long enough──▶ OK
     ▲              │                        NEW  ▲            │                     RECOVERED
     └──────ok──────┘ (silent)                    └───failed───┘ (silent)

Three steps: what a run showed becomes verdicts (:func:`verdicts`), a verdict moves a source's state (:func:`judge`),
and time alone brings reminders (:func:`remind`). :func:`decide` joins the first two for one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from mailsponge.errors import UsageError
from mailsponge.sponge import patience as grammar
from mailsponge.sponge.model import (
    ERROR,
    JOB_ITSELF,
    LEVELS,
    OK,
    Attempt,
    Decision,
    Ending,
    Failures,
    Flip,
    Judged,
    Kind,
    Run,
    SourceState,
    Status,
    level_name,
)
from mailsponge.sponge.patience import Limit, OfRuns, Streak

DEFAULT_PATIENCE: Final[Mapping[str, str]] = {"ERROR": "3 runs", "CRITICAL": "now"}
DEFAULT_REMINDERS: Final = "1 day, 3 days, 7 days"

FEWEST_FOR_COMMON_CAUSE: Final = 3
"""Two feeds that fail together are two feeds; three and more may be a network."""

GOOD_AGAIN: Final = "good again: told, as the failure was"

NOT_FAILING: Final = (Status.OK, Status.RECOVERING)


@dataclass(frozen=True)
class Policy:
    """What decides when to mail.

    Args:
        patience: how long a failure may last unsaid; a text for every level, or one a level. See :mod:`.patience`.
        recover_after: how many OK runs in a row make a told failure recovered.
        remind: when a failure that stays is told again, reckoned from the first mail; the last step repeats.
        common_cause: the share of so far healthy sources whose failing in one run is taken for one failure of the job
            (0 < share ≤ 1).

    Raises UsageError (a ValueError) that names the field and shows what could stand there.
    """

    patience: str | Mapping[str, str] | None = None
    recover_after: int = 1
    remind: str = DEFAULT_REMINDERS
    common_cause: float = 0.8

    def __post_init__(self) -> None:
        object.__setattr__(self, "_limits", _limits(self.patience))
        object.__setattr__(self, "_reminders", _reminders(self.remind))
        if not isinstance(self.recover_after, int) or self.recover_after < 1:
            raise UsageError(f"recover_after {self.recover_after!r}: a whole number of runs, 1 or more")
        if not isinstance(self.common_cause, int | float) or not 0 < self.common_cause <= 1:
            raise UsageError(f"common_cause {self.common_cause!r}: a share above 0 and up to 1, such as 0.8")

    @property
    def limits(self) -> dict[int, Limit]:
        """The patience of each level, lowest level first."""
        limits: dict[int, Limit] = self._limits  # type: ignore[attr-defined]
        return limits

    @property
    def reminders(self) -> tuple[float, ...]:
        """Seconds after the first mail at which a failure that stays is told again; the last distance repeats."""
        reminders: tuple[float, ...] = self._reminders  # type: ignore[attr-defined]
        return reminders

    @property
    def fail_level(self) -> int:
        """The level from which on a record fails its source: the lowest that has a patience."""
        return min(self.limits)

    @property
    def window(self) -> int:
        """How many verdicts of each source are kept: as many as the patience looks back on."""
        return max(map(grammar.longest_window, self.limits.values()))


def _limits(patience: str | Mapping[str, str] | None) -> dict[int, Limit]:
    if patience is None:
        patience = DEFAULT_PATIENCE
    if isinstance(patience, str):
        return {ERROR: grammar.parse(patience)}
    if not isinstance(patience, Mapping) or not patience:
        raise UsageError(f"patience {patience!r}: a text, or a text for each level; {grammar.GRAMMAR}")
    return dict(sorted((_level(name), grammar.parse(text)) for name, text in patience.items()))


def _level(name: str) -> int:
    level = LEVELS.get(str(name).upper())
    if level is None:
        raise UsageError(f"patience for {name!r}: the levels are {', '.join(LEVELS)}")
    return level


def _reminders(text: str) -> tuple[float, ...]:
    if not isinstance(text, str):
        raise UsageError(f'remind {text!r} is not a text: say "{DEFAULT_REMINDERS}", or "never"')
    if text.strip().lower() == "never":
        return ()
    try:
        steps = tuple(grammar.duration(step) for step in text.split(","))
    except UsageError as error:
        raise UsageError(f"remind {text!r}: {error}") from error
    if any(later <= earlier for earlier, later in zip((0.0, *steps), steps, strict=False)):
        raise UsageError(
            f'remind {text!r}: each step is later than the one before, as in "{DEFAULT_REMINDERS}"'
        )
    return steps


# What a run showed becomes verdicts


def verdicts(
    policy: Policy, states: Mapping[str, SourceState], attempts: Mapping[str, Attempt], ending: Ending
) -> tuple[dict[str, int], str]:
    """Judge what one run showed: {source: OK or the level it failed at} and a note on the run. Missing is NOT SEEN."""
    failed = {name: level for name, attempt in attempts.items() if (level := _failed_at(policy, attempt))}
    note = _common_cause(policy, states, attempts, failed)
    if note:
        failed = {JOB_ITSELF: max(*failed.values(), ERROR, policy.fail_level)}
    if ending in (Ending.DIED, Ending.CRASHED):
        failed[JOB_ITSELF] = max(failed.get(JOB_ITSELF, OK), ERROR, policy.fail_level)
        note = note or f"the run {ending}"
    if ending is not Ending.FINISHED:
        return failed, note
    return {**_good(states, attempts, failed, bool(note), policy), **failed}, note


def _failed_at(policy: Policy, attempt: Attempt) -> int:
    by_record = attempt.highest if attempt.highest >= policy.fail_level else OK
    by_exception = max(ERROR, policy.fail_level) if attempt.raised else OK
    return max(by_record, by_exception)


def _common_cause(
    policy: Policy,
    states: Mapping[str, SourceState],
    attempts: Mapping[str, Attempt],
    failed: Mapping[str, int],
) -> str:
    """A note if the network is likelier to be down than all those sources to be broken; else an empty text."""
    fresh = SourceState()
    healthy = [n for n in attempts if n != JOB_ITSELF and states.get(n, fresh).status in NOT_FAILING]
    down = [name for name in healthy if name in failed]
    # Divided, not multiplied: 0.56 * 25 is a little more than 14, and 14 of 25 are 56 %.
    if len(down) < FEWEST_FOR_COMMON_CAUSE or len(down) / len(healthy) < policy.common_cause:
        return ""
    return f"{len(down)} of {len(healthy)} sources that worked before failed together: taken for one common cause"


def _good(
    states: Mapping[str, SourceState],
    attempts: Mapping[str, Attempt],
    failed: Mapping[str, int],
    common_cause: bool,
    policy: Policy,
) -> dict[str, int]:
    """What a finished run proves to be well: what was attempted, the job, and what is only ever named when it fails."""
    good = {
        name: OK
        for name, attempt in attempts.items()
        if not attempt.broken_off and not _failed_at(policy, attempt)
    }
    good[JOB_ITSELF] = OK
    quiet = (name for name, state in states.items() if state.only_fails and name not in attempts)
    good.update({name: OK for name in quiet if name != JOB_ITSELF and not common_cause})
    return {name: verdict for name, verdict in good.items() if name not in failed}


# A verdict moves a source's state


def judge(
    policy: Policy, state: SourceState, verdict: int, run: Run, source: str, now: float
) -> tuple[SourceState, Flip | None]:
    """Move one source's state by one verdict. A flip comes with NEW and RECOVERED."""
    seen = replace(
        state,
        last_verdict=verdict,
        last_run_at=run.began_at,
        window=_last(policy.window, (*state.window, Judged(verdict, run.began_at))),
    )
    if verdict == OK:
        return _good_run(policy, seen, source, now)
    return _failed_run(policy, seen, verdict, run, source, now)


def _failed_run(
    policy: Policy, state: SourceState, level: int, run: Run, source: str, now: float
) -> tuple[SourceState, Flip | None]:
    state = replace(
        state,
        streak=_longer(state.streak, level, run.began_at),
        since=run.began_at if state.since is None else state.since,
        failed_run=run.id,
        failed_at=run.began_at,
        failed_since_mail=True,
        good_runs=0,
    )
    runs = _in_a_row(state.runs_failed)
    if state.told_at is not None:
        return replace(state, status=Status.HARD, reason=f"{runs}; already told"), None
    limit = _ended_by(policy, state, level)
    if limit is None:
        return replace(state, status=Status.SOFT, reason=f"{runs}; {_patience(policy)}"), None
    reason = f"{runs}; patience ({limit}) is over"
    state = replace(state, since=_since(limit, state))
    flip = _flip(Kind.NEW, source, state, now, _said(limit, state), reason)
    told = replace(
        state,
        status=Status.HARD,
        told_at=now,
        mailed_at=now,
        failed_since_mail=False,
        reason=f"{reason}: told",
    )
    return told, flip


def _good_run(policy: Policy, state: SourceState, source: str, now: float) -> tuple[SourceState, Flip | None]:
    if state.told_at is None:
        reason = (
            f"good again after {_in_a_row(state.runs_failed)}; nobody had been told"
            if state.streak
            else "good"
        )
        return replace(state, status=Status.OK, streak=(), since=None, reason=reason), None
    good_runs = state.good_runs + 1
    if good_runs < policy.recover_after:
        reason = f"good again for {good_runs} of {policy.recover_after} runs"
        return replace(state, status=Status.RECOVERING, streak=(), good_runs=good_runs, reason=reason), None
    said = f"works again after {grammar.length(now - (state.since or now))}"
    flip = _flip(Kind.RECOVERED, source, state, now, said, GOOD_AGAIN)
    return _recovered(state), flip


def _recovered(state: SourceState) -> SourceState:
    """Well again, and with nothing left of the trouble to count."""
    return replace(
        state,
        status=Status.OK,
        streak=(),
        window=(),
        since=None,
        told_at=None,
        mailed_at=None,
        failed_since_mail=False,
        good_runs=0,
        thread=None,
        reason=GOOD_AGAIN,
    )


def told_in(state: SourceState, message_id: str) -> SourceState:
    """Remember the mail that told of a failure, so that what follows can refer to it."""
    return replace(state, thread=message_id)


def _longer(streak: tuple[Failures, ...], level: int, at: float) -> tuple[Failures, ...]:
    """One more failed run, counted at its level."""
    same = next((part for part in streak if part.level == level), Failures(level, 0, at))
    others = (part for part in streak if part.level != level)
    return tuple(sorted((*others, same._replace(runs=same.runs + 1))))


def _last(count: int, judged: tuple[Judged, ...]) -> tuple[Judged, ...]:
    return judged[-count:] if count else ()


def _ended_by(policy: Policy, state: SourceState, failed_at: int) -> Limit | None:
    """The patience that is over; None while all last. A run that failed below a level does not end that level's."""
    levels = ((level, limit) for level, limit in policy.limits.items() if level <= failed_at)
    ended = (grammar.ended_by(limit, _streak(state, level)) for level, limit in levels)
    return next((limit for limit in ended if limit), None)


def _streak(state: SourceState, level: int) -> Streak:
    parts = [part for part in state.streak if part.level >= level]
    began = min((part.first_at for part in parts), default=0.0)
    # A clock that was set back must not make a failure last less than no time.
    lasting = max(0.0, (state.failed_at or 0.0) - began) if parts else 0.0
    window = [judged.verdict >= level for judged in state.window]
    return Streak(sum(part.runs for part in parts), window, lasting)


def _since(limit: Limit, state: SourceState) -> float | None:
    """When the trouble began: with the first failure that counted, in a row or among the last runs."""
    if not isinstance(limit, OfRuns):
        return state.since
    return min(judged.at for judged in state.window[-limit.among :] if judged.verdict != OK)


def _said(limit: Limit, state: SourceState) -> str:
    if isinstance(limit, OfRuns):
        failed = sum(judged.verdict != OK for judged in state.window[-limit.among :])
        return f"has failed {failed} of its last {limit.among} runs"
    return "has failed" if state.runs_failed == 1 else f"has failed {state.runs_failed} runs in a row"


def _in_a_row(runs: int) -> str:
    return "1 failed run" if runs == 1 else f"{runs} failed runs in a row"


def _patience(policy: Policy) -> str:
    levels = policy.limits.items()
    if len(policy.limits) == 1:
        return f"patience: {next(iter(policy.limits.values()))}"
    return "patience: " + ", ".join(f"{limit} for {level_name(level)}" for level, limit in levels)


def _flip(kind: Kind, source: str, state: SourceState, now: float, said: str, reason: str) -> Flip:
    since = now if state.since is None else state.since
    return Flip(kind, source, now, since, said, state.failed_run, state.thread, reason)


# Time alone brings reminders


def remind(policy: Policy, states: Mapping[str, SourceState], now: float) -> Decision:
    """Tell again of what stays HARD and has failed since the last mail, once a step of the schedule."""
    decision = Decision({}, [], {}, "")
    for source, state in states.items():
        if state.status is Status.HARD and state.failed_since_mail and _reminder_due(policy, state, now):
            lasting = grammar.length(now - (state.since or now))
            reason = f"{_in_a_row(state.runs_failed)}; reminded after {lasting}"
            said = f"still fails, for {lasting} now"
            decision.flips.append(_flip(Kind.STILL, source, state, now, said, reason))
            decision.states[source] = replace(state, mailed_at=now, failed_since_mail=False, reason=reason)
    return decision


def _reminder_due(policy: Policy, state: SourceState, now: float) -> bool:
    if not policy.reminders or state.told_at is None or state.mailed_at is None:
        return False
    due = _next_reminder(policy.reminders, state.mailed_at - state.told_at)
    return now - state.told_at >= due


def _next_reminder(steps: tuple[float, ...], last: float) -> float:
    """The first step after ``last``, both in seconds since the first mail; the last step repeats for ever."""
    for step in steps:
        if step > last:
            return step
    return (last // steps[-1] + 1) * steps[-1]


# One run


def decide(
    policy: Policy,
    states: Mapping[str, SourceState],
    attempts: Mapping[str, Attempt],
    run: Run,
    now: float,
) -> Decision:
    """Judge one run: the states that change, the flips that somebody must hear of, the verdicts and a note."""
    judged, note = verdicts(policy, states, attempts, run.ending)
    decision = Decision({}, [], judged, note)
    for source, verdict in judged.items():
        before = states.get(source, SourceState())
        after, flip = judge(policy, before, verdict, run, source, now)
        decision.states[source] = _named(after, attempts.get(source), policy)
        if flip:
            decision.flips.append(flip)
    for source in attempts.keys() - judged.keys():
        before = states.get(source, SourceState())
        reason = f"not judged in the last run: {_unjudged(attempts[source], run, note)}"
        decision.states[source] = _named(replace(before, reason=reason), attempts[source], policy)
    return decision


def _unjudged(attempt: Attempt, run: Run, note: str) -> str:
    """Why a run gave no verdict to a source that it named."""
    if note:
        return note
    return f"the run was {run.ending}" if run.ending is not Ending.FINISHED else "it was broken off"


def _named(state: SourceState, attempt: Attempt | None, policy: Policy) -> SourceState:
    """Remember whether the program also names this source when all is well."""
    well_named = attempt is not None and (attempt.entered or attempt.lowest < policy.fail_level)
    return replace(state, only_fails=False) if well_named and state.only_fails else state
