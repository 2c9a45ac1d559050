"""What holds of the policy for every history, whatever the patience."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import assume, given, settings
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
    Incident,
    Kind,
    Memory,
    Run,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import Policy, decide, tick
from mailsponge.sponge.policy.flapping import flaps, percent, pushed

BEGAN = 1_700_000_000.0


class Happening(NamedTuple):
    """One run of a history: how long after the last one, how it ended, what it showed."""

    after: float
    ending: Ending
    attempts: dict[str, Attempt]


class Step(NamedTuple):
    before: Memory
    decision: Decision
    after: Memory


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
    """Decide run after run, and let time pass after each, as a squeeze does."""
    memory = Memory({}, {})
    now, told = BEGAN, []
    for number, (after, ending, shown) in enumerate(history, 1):
        now += after
        run = Run(f"run{number}", number, "host", now, now + 1, ending, 0)
        for look in (
            lambda before, run=run, shown=shown: decide(policy, before, shown, run, run.ended_at),
            lambda before, run=run: tick(policy, before, run.ended_at),
        ):
            decision = look(memory)
            later = Memory({**memory.states, **decision.states}, {**memory.incidents, **decision.incidents})
            told.append(Step(memory, decision, later))
            memory = later
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
def test_a_reader_who_was_told_nothing_is_not_told_that_it_is_over(policy, history):
    story = steps(policy, history)

    for source in ("", "a", "b", "c", "d", "e"):
        fails, flaps = False, False
        for kind in told_of(source, story):
            if kind is Kind.NEW:
                assert not fails
                fails = True
            elif kind in (Kind.STILL, Kind.RECOVERED):
                assert fails
                fails = kind is Kind.STILL
            elif kind is Kind.FLAPPING:
                assert not flaps
                flaps = True
            elif kind is Kind.STEADY:
                assert flaps
                flaps, fails = False, Kind.STEADY and fails_after(story, source)
            else:
                assert kind is Kind.GONE
                assert fails or flaps
                fails = flaps = False


def fails_after(story: Sequence[Step], source: str) -> bool:
    """Whether a source counts as told to be failing, after the first time it was told to be steady."""
    steady = next(step for step in story if (Kind.STEADY, source) in told_in(step))
    return steady.after.incidents[source].told_at is not None


def told_in(step: Step) -> list[tuple[Kind, str]]:
    return [(flip.kind, flip.source) for flip in step.decision.flips]


@every_history
def test_the_incident_knows_where_each_source_stands(policy, history):
    for step in steps(policy, history):
        for source, state in step.after.states.items():
            incident = step.after.incidents.get(source, Incident())
            assert bool(incident.failing) is (state.status is Status.HARD)
            assert bool(incident.recovering) is (state.status is Status.RECOVERING)
            assert bool(incident.soft) is (state.status is Status.SOFT)
            assert bool(incident.flapping) is state.flapping


@every_history
def test_what_is_hard_and_not_muted_was_told(policy, history):
    for step in steps(policy, history):
        for source, state in step.after.states.items():
            incident = step.after.incidents.get(source, Incident())
            if state.status is Status.HARD and not state.flapping:
                assert incident.told_at is not None
            if state.status is Status.OK and not state.flapping:
                assert incident.told_at is None


@every_history
def test_whoever_becomes_told_or_stops_being_told_is_in_the_mail(policy, history):
    for step in steps(policy, history):
        for source, after in step.after.incidents.items():
            before = step.before.incidents.get(source, Incident())
            if (after.told_at is None) is not (before.told_at is None):
                assert source in {flip.source for flip in step.decision.flips}


@every_history
def test_an_incident_of_which_there_is_nothing_to_tell_is_none(policy, history):
    for step in steps(policy, history):
        for source, incident in step.after.incidents.items():
            state = step.after.states[source]
            if state.status is Status.OK and not state.flapping:
                assert incident == Incident()


@every_history
def test_a_streak_is_there_exactly_while_the_last_verdict_is_a_failure(policy, history):
    for step in steps(policy, history):
        for state in step.after.states.values():
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
            state.changes,
            state.good_runs,
        )

    for step in steps(policy, history):
        for source, before in step.before.states.items():
            if source not in step.decision.verdicts:
                assert that_decides(step.after.states[source]) == that_decides(before)


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
        assert all(len(state.window) <= policy.window for state in step.after.states.values())


# One source, told by hand


def lone(verdicts: Sequence[bool]) -> list[Happening]:
    """A history of one source: whether it failed in each run, an hour apart."""
    return [
        Happening(3600.0, Ending.FINISHED, {"x": Attempt(ERROR * failed, entered=True)})
        for failed in verdicts
    ]


def told_at_runs(policy: Policy, verdicts: Sequence[bool]) -> dict[int, Kind]:
    """The run, counted from 0, and what it told; reminders apart."""
    assume(not any(flapping(verdicts)))
    decided = steps(policy, lone(verdicts))[::2]
    flips = ((n, flip.kind) for n, step in enumerate(decided) for flip in step.decision.flips)
    return {n: kind for n, kind in flips if kind is not Kind.STILL}


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


def flapping(verdicts: Sequence[bool]) -> list[bool]:
    """Whether a source flaps after each of its verdicts."""
    changes, does, seen = 0, False, []
    for before, after in zip([*verdicts[:1], *verdicts], verdicts, strict=False):
        changes = pushed(changes, before != after)
        does = flaps(changes, does)
        seen.append(does)
    return seen


stretches = st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=6)
several_verdicts = st.one_of(
    st.lists(st.booleans(), max_size=12),
    stretches.map(lambda parts: [failed for failed, runs in parts for _ in range(runs)]),
).filter(lambda verdicts: not any(flapping(verdicts)))
"""Verdicts of a source that does not flap: what is told while it does is another matter."""


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


@every_lone_history(st.lists(st.booleans(), max_size=60))
def test_a_source_that_flaps_is_told_so_once_and_when_it_ends(verdicts):
    told = [flip.kind for step in steps(Policy(), lone(verdicts)) for flip in step.decision.flips]
    seen = flapping(verdicts)
    began = sum(after and not before for before, after in zip([False, *seen], seen, strict=False))
    ended = sum(before and not after for before, after in zip([False, *seen], seen, strict=False))

    assert told.count(Kind.FLAPPING) == began
    assert told.count(Kind.STEADY) == ended


@every_lone_history(st.integers(0, (1 << 20) - 1))
def test_the_measure_of_flapping_is_a_share(changes):
    assert 0 <= percent(changes) <= 100


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
