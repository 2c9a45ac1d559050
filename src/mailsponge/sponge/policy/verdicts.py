"""What a run proves of each source: FAILED, OK, or nothing; and when nearly all that fail have one common cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mailsponge.sponge.model import ERROR, JOB_ITSELF, OK, Attempt, Ending, SourceState, Status
from mailsponge.sponge.policy.rules import Policy

FEWEST_FOR_COMMON_CAUSE: Final = 3
"""Two feeds that fail together are two feeds; three and more may be a network."""

MOST_SOURCES: Final = 20_000
"""Sources that are remembered of one job on one host. Names that are made up for each record would fill any disk."""

OTHER_SOURCES: Final = "other sources"
"""Stands for those that there is no room to remember one by one."""

_NOT_FAILING: Final = (Status.OK, Status.RECOVERING)
_FRESH: Final = SourceState()


def verdicts(
    policy: Policy, states: Mapping[str, SourceState], attempts: Mapping[str, Attempt], ending: Ending
) -> tuple[dict[str, int], str]:
    """Judge what one run showed: {source: OK or the level it failed at} and a note on the run. Missing is NOT SEEN."""
    failed = {name: level for name, attempt in attempts.items() if (level := _failed_at(policy, attempt))}
    quiet = _quiet(states, attempts) if ending is Ending.FINISHED else []
    note = _common_cause(policy, states, (*attempts, *quiet), failed)
    if note:
        failed = {JOB_ITSELF: _together(policy, failed)}
    if ending in (Ending.DIED, Ending.CRASHED):
        failed[JOB_ITSELF] = max(failed.get(JOB_ITSELF, OK), ERROR, policy.fail_level)
        note = note or f"the run {ending}"
    if ending is not Ending.FINISHED:
        return failed, note
    # What was not reached for the common cause proves nothing good.
    good = _good(policy, attempts, () if note else quiet)
    return {**good, **failed}, note


def _failed_at(policy: Policy, attempt: Attempt) -> int:
    by_record = attempt.highest if attempt.highest >= policy.fail_level else OK
    by_exception = max(ERROR, policy.fail_level) if attempt.raised else OK
    return max(by_record, by_exception)


def _common_cause(
    policy: Policy,
    states: Mapping[str, SourceState],
    attempted: Sequence[str],
    failed: Mapping[str, int],
) -> str:
    """A note if the network is likelier to be down than all those sources to be broken; else an empty text."""
    healthy = [n for n in attempted if n != JOB_ITSELF and states.get(n, _FRESH).status in _NOT_FAILING]
    down = [name for name in healthy if name in failed]
    # Divided, not multiplied: 0.56 * 25 is a little more than 14, and 14 of 25 are 56 %.
    if len(down) < FEWEST_FOR_COMMON_CAUSE or len(down) / len(healthy) < policy.common_cause:
        return ""
    before = f"{len(down)} of {len(healthy)} sources that were not failing before"
    return f"{before} failed together: taken for one common cause"


def _together(policy: Policy, failed: Mapping[str, int]) -> int:
    """The level of a common cause: what all of them have reached. One among them that cries louder proves no more."""
    shared = min(level for name, level in failed.items() if name != JOB_ITSELF)
    return max(shared, failed.get(JOB_ITSELF, OK), ERROR, policy.fail_level)


def _quiet(states: Mapping[str, SourceState], attempts: Mapping[str, Attempt]) -> list[str]:
    """What its program names only when it fails, and has not named in this run."""
    return [
        name
        for name, state in states.items()
        if state.only_fails and name != JOB_ITSELF and name not in attempts
    ]


def _good(policy: Policy, attempts: Mapping[str, Attempt], quiet: Sequence[str]) -> dict[str, int]:
    """What a finished run proves to be well: what was attempted, the job, and what is only ever named when it fails."""
    attempted = (
        name
        for name, attempt in attempts.items()
        if not attempt.broken_off and not _failed_at(policy, attempt)
    )
    return dict.fromkeys((*attempted, JOB_ITSELF, *quiet), OK)


def names_when_well(policy: Policy, attempt: Attempt) -> bool:
    """Whether the program names a source also when all is well, so that not naming it proves nothing."""
    return attempt.entered or attempt.lowest < policy.fail_level


# A job that names ever new sources


def capped(
    states: Mapping[str, SourceState], attempts: Mapping[str, Attempt], most: int = MOST_SOURCES
) -> tuple[dict[str, Attempt], tuple[str, ...], str]:
    """Keep the number of sources within bounds: {source: attempt}, the sources to be forgotten, and a note.

    Who is well makes room, the longest unseen first; who fails never does. New names that there is no room for become
    one source, :data:`OTHER_SOURCES`.
    """
    unknown = [name for name in attempts if name not in states and name != JOB_ITSELF]
    excess = len(states) + len(unknown) - most
    if excess <= 0:
        return dict(attempts), (), ""
    idle = [name for name, state in states.items() if _may_be_forgotten(name, state) and name not in attempts]
    forgotten = tuple(sorted(idle, key=lambda name: states[name].seen_at or 0.0)[:excess])
    beyond = unknown[len(unknown) - (excess - len(forgotten)) :] if excess > len(forgotten) else []
    kept = {name: attempt for name, attempt in attempts.items() if name not in set(beyond)}
    if not beyond:
        return kept, forgotten, ""
    kept[OTHER_SOURCES] = _joined([attempts[name] for name in beyond])
    return (
        kept,
        forgotten,
        f"{len(beyond)} new sources are judged as one: {most} is as many as are remembered",
    )


def _may_be_forgotten(name: str, state: SourceState) -> bool:
    return name not in (JOB_ITSELF, OTHER_SOURCES) and state.status is Status.OK and not state.flapping


def _joined(attempts: list[Attempt]) -> Attempt:
    return Attempt(
        highest=max(attempt.highest for attempt in attempts),
        raised=any(attempt.raised for attempt in attempts),
        entered=any(attempt.entered for attempt in attempts),
        broken_off=False,
        lowest=min(attempt.lowest for attempt in attempts),
    )
