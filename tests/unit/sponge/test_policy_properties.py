"""What holds of the policy for every history, whatever the patience."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge.sponge.model import (
    CRITICAL,
    DEBUG,
    ERROR,
    INFO,
    JOB_ITSELF,
    OK,
    WARNING,
    Attempt,
    Decision,
    Ending,
    Kind,
    Run,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import Policy, decide, remind

BEGAN = 1_700_000_000.0
TOLD = (Status.HARD, Status.RECOVERING)


class Happening(NamedTuple):
    """One run of a history: how long after the last one, how it ended, what it showed."""

    after: float
    ending: Ending
    attempts: dict[str, Attempt]


class Step(NamedTuple):
    before: dict[str, SourceState]
    decision: Decision
    after: dict[str, SourceState]


levels = st.sampled_from([DEBUG, INFO, WARNING, ERROR, CRITICAL])


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    highest = draw(st.sampled_from([0, DEBUG, INFO, WARNING, ERROR, CRITICAL]))
    entered = True if highest == 0 else draw(st.booleans())
    raised = entered and draw(st.booleans())
    broken_off = entered and not raised and draw(st.integers(0, 9)) == 0
    lowest = draw(levels.filter(lambda level: level <= highest)) if highest else CRITICAL + 1
    return Attempt(highest, raised, entered, broken_off, lowest)


sources = st.sampled_from(["", "a", "b", "c", "d", "e"])
endings = st.sampled_from([Ending.FINISHED] * 6 + list(Ending))
happenings = st.builds(
    Happening,
    st.sampled_from([-86400.0, 0.0, 60.0, 3600.0, 3600.0, 86400.0, 4 * 86400.0]),
    endings,
    st.dictionaries(sources, attempts(), max_size=6),
)
histories = st.lists(happenings, max_size=20)
limits = st.sampled_from(
    [
        "now",
        "never",
        "2 runs",
        "3 runs",
        "2 of 3 runs",
        "3 of 7 runs",
        "2 hours",
        "2 runs and 1 hour",
        "4 runs or 1 day",
    ]
)
patiences = st.one_of(
    st.none(), limits, st.dictionaries(st.sampled_from(["WARNING", "ERROR", "CRITICAL"]), limits, min_size=1)
)
policies = st.builds(
    Policy,
    patience=patiences,
    recover_after=st.integers(1, 4),
    remind=st.sampled_from(["1 day, 3 days, 7 days", "never", "1 hour"]),
    common_cause=st.sampled_from([0.5, 0.8, 1.0]),
)


def steps(policy: Policy, history: Sequence[Happening]) -> list[Step]:
    """Decide run after run, and look at the reminders after each, as a squeeze does."""
    states: dict[str, SourceState] = {}
    now, told = BEGAN, []
    for number, (after, ending, shown) in enumerate(history, 1):
        now += after
        run = Run(f"run{number}", number, "host", now, now + 1, ending, 0)
        decision = decide(policy, states, shown, run, now + 1)
        later = {**states, **decision.states}
        told.append(Step(states, decision, later))
        reminders = remind(policy, later, now + 1)
        states = {**later, **reminders.states}
        told.append(Step(later, reminders, states))
    return told


def told_of(source: str, story: Sequence[Step]) -> list[Kind]:
    return [flip.kind for step in story for flip in step.decision.flips if flip.source == source]


def every_history(rule: Callable[..., None]) -> Callable[..., None]:
    """Check a rule on any history of several sources under any policy."""
    return settings(max_examples=60, deadline=None)(given(policies, histories)(rule))


def every_lone_history(
    *given_too: st.SearchStrategy[Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Check a rule on any history of one source."""

    def checked(rule: Callable[..., None]) -> Callable[..., None]:
        return settings(max_examples=100, deadline=None)(given(*given_too)(rule))

    return checked


@every_history
def test_new_and_recovered_take_turns_and_still_comes_between_them(policy, history):
    story = steps(policy, history)

    for source in ("", "a", "b", "c", "d", "e"):
        failing = False
        for kind in told_of(source, story):
            assert failing is (kind is not Kind.NEW)
            failing = kind is not Kind.RECOVERED


@every_history
def test_told_is_exactly_what_is_hard_or_recovering(policy, history):
    for step in steps(policy, history):
        for state in step.after.values():
            assert (state.told_at is not None) is (state.status in TOLD)


@every_history
def test_whoever_becomes_told_or_stops_being_told_is_in_the_mail(policy, history):
    for step in steps(policy, history):
        changed = {
            source
            for source, state in step.after.items()
            if (state.status in TOLD) is not (step.before.get(source, SourceState()).status in TOLD)
        }

        flips = step.decision.flips
        assert changed == {flip.source for flip in flips if flip.kind is not Kind.STILL}


@every_history
def test_a_streak_is_there_exactly_while_the_last_verdict_is_a_failure(policy, history):
    for step in steps(policy, history):
        for state in step.after.values():
            assert bool(state.streak) is (state.status in (Status.SOFT, Status.HARD))
            assert bool(state.streak) is bool(state.last_verdict)


@every_history
def test_not_seen_changes_nothing_that_decides(policy, history):
    def that_decides(state: SourceState) -> tuple[object, ...]:
        return (
            state.status,
            state.streak,
            state.window,
            state.since,
            state.last_verdict,
            state.told_at,
            state.good_runs,
        )

    for step in steps(policy, history):
        for source, before in step.before.items():
            if source not in step.decision.verdicts:
                assert that_decides(step.after[source]) == that_decides(before)


@every_history
def test_replaying_a_history_decides_the_same(policy, history):
    assert steps(policy, history) == steps(policy, history)


@every_history
def test_the_order_in_which_sources_are_named_does_not_matter(policy, history):
    backwards = [run._replace(attempts=dict(reversed(run.attempts.items()))) for run in history]

    for one, other in zip(steps(policy, history), steps(policy, backwards), strict=True):
        assert one.after == other.after
        assert set(one.decision.flips) == set(other.decision.flips)


@every_history
def test_every_change_has_its_reason(policy, history):
    for step in steps(policy, history):
        assert all(state.reason for state in step.decision.states.values())
        assert all(flip.reason and flip.said for flip in step.decision.flips)


@every_history
def test_a_run_that_did_not_finish_recovers_nothing(policy, history):
    unfinished = [run._replace(ending=Ending.INTERRUPTED) for run in history]

    assert all(
        flip.kind is not Kind.RECOVERED for step in steps(policy, unfinished) for flip in step.decision.flips
    )


@every_history
def test_the_window_keeps_no_more_than_the_patience_looks_back_on(policy, history):
    for step in steps(policy, history):
        assert all(len(state.window) <= policy.window for state in step.after.values())


# One source, told by hand


def lone(verdicts: Sequence[bool]) -> list[Happening]:
    """A history of one source: whether it failed in each run, an hour apart."""
    return [
        Happening(3600.0, Ending.FINISHED, {"x": Attempt(ERROR * failed, entered=True)})
        for failed in verdicts
    ]


def told_at_runs(policy: Policy, verdicts: Sequence[bool]) -> dict[int, Kind]:
    """The run, counted from 0, and what it told; reminders apart."""
    decided = steps(policy, lone(verdicts))[::2]
    return {n: flip.kind for n, step in enumerate(decided) for flip in step.decision.flips}


def expected(verdicts: Sequence[bool], is_over: Mapping[int, bool]) -> dict[int, Kind]:
    """NEW where patience is over, RECOVERED at the next good run."""
    told: dict[int, Kind] = {}
    hard = False
    for n, failed in enumerate(verdicts):
        if not failed and hard:
            told[n], hard = Kind.RECOVERED, False
        elif failed and not hard and is_over[n]:
            told[n], hard = Kind.NEW, True
    return told


several_verdicts = st.lists(st.booleans(), max_size=40)


@every_lone_history(st.integers(1, 10), several_verdicts)
def test_with_n_runs_the_mail_comes_exactly_at_the_nth_failure_in_a_row(needed, verdicts):
    in_a_row, is_over = 0, {}
    for n, failed in enumerate(verdicts):
        in_a_row = in_a_row + 1 if failed else 0
        is_over[n] = in_a_row >= needed

    assert told_at_runs(Policy(patience=f"{needed} runs"), verdicts) == expected(verdicts, is_over)


@every_lone_history(st.integers(1, 8), st.integers(0, 8), several_verdicts)
def test_with_n_of_m_runs_the_mail_comes_exactly_when_n_of_the_last_m_failed(needed, more, verdicts):
    among = needed + more
    told, recent, hard = {}, [], False
    for n, failed in enumerate(verdicts):
        recent.append(failed)
        if hard and not failed:
            told[n], hard, recent = Kind.RECOVERED, False, []
        elif failed and not hard and sum(recent[-among:]) >= needed:
            told[n], hard = Kind.NEW, True

    assert told_at_runs(Policy(patience=f"{needed} of {among} runs"), verdicts) == told


@every_lone_history(st.integers(1, 10), several_verdicts)
def test_with_a_duration_the_mail_comes_exactly_when_failed_runs_lie_that_far_apart(hours, verdicts):
    first, is_over = None, {}
    for n, failed in enumerate(verdicts):
        first = (n if first is None else first) if failed else None
        is_over[n] = first is not None and n - first >= hours

    assert told_at_runs(Policy(patience=f"{hours} hours"), verdicts) == expected(verdicts, is_over)


@every_lone_history(st.integers(2, 20), st.integers(0, 20), st.integers(0, 20))
def test_a_single_hiccup_never_tells(needed, before, after):
    hiccup = [False] * before + [True] + [False] * after

    assert told_at_runs(Policy(patience=f"{needed} runs"), hiccup) == {}


@every_lone_history(st.integers(1, 10), several_verdicts)
def test_more_patience_never_tells_more(needed, verdicts):
    def news(patience: str) -> int:
        return list(told_at_runs(Policy(patience=patience), verdicts).values()).count(Kind.NEW)

    assert news(f"{needed + 1} runs") <= news(f"{needed} runs")


@every_lone_history(several_verdicts, st.data())
def test_runs_in_which_a_source_is_not_seen_change_nothing_for_it(verdicts, data):
    seen = lone(verdicts)
    elsewhere = Happening(0.0, Ending.FINISHED, {"y": Attempt(entered=True)})
    thinned: list[Happening] = []
    for run in seen:
        thinned += [elsewhere] * data.draw(st.integers(0, 3))
        thinned.append(run)

    policy = Policy(patience="3 of 5 runs")
    assert told_of("x", steps(policy, thinned)) == told_of("x", steps(policy, seen))


@every_lone_history(st.integers(3, 30))
def test_a_network_that_is_down_is_one_line_however_many_feeds_there_are(feeds):
    down = {f"feed{n}": Attempt(ERROR, entered=True) for n in range(feeds)}
    (step, _) = steps(Policy(patience="now"), [Happening(0.0, Ending.FINISHED, down)])

    assert [(flip.kind, flip.source) for flip in step.decision.flips] == [(Kind.NEW, JOB_ITSELF)]
    assert OK not in step.decision.verdicts.values()
