"""The rules of deciding: what a run proves, what a verdict does to a source, and what time alone brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from mailsponge.errors import UsageError
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
    Flip,
    Kind,
    Run,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import Policy, decide, remind, told_in

HOUR = 3600.0
DAY = 86400.0
BEGAN = 1_700_000_000.0


def record(level: int) -> Attempt:
    """A source that was named by one record, outside of any block."""
    return Attempt(highest=level, lowest=level)


def block(level: int = 0, raised: bool = False) -> Attempt:
    """A source whose block was entered, with one record of that level in it if there is one."""
    return Attempt(level, raised, entered=True, **({"lowest": level} if level else {}))


FAILED = block(ERROR)
WELL = block()


class Story:
    """A job's runs one after another, an hour apart; keeps the states as a ledger would."""

    def __init__(self, policy: Policy | None = None, apart: float = HOUR) -> None:
        self.policy = policy or Policy()
        self.apart = apart
        self.now = BEGAN
        self.number = 0
        self.states: dict[str, SourceState] = {}
        self.last = Decision({}, [], {}, "")

    def run(self, attempts: Mapping[str, Attempt], ending: Ending = Ending.FINISHED) -> list[Kind]:
        """One run; returns what it told."""
        self.number += 1
        run = Run(f"run{self.number}", self.number, "host", self.now, self.now + 1, ending, 1)
        self.last = decide(self.policy, self.states, attempts, run, self.now + 1)
        self.states |= self.last.states
        self.now += self.apart
        return [flip.kind for flip in self.last.flips]

    def told(self, *attempts: Attempt) -> list[list[Kind]]:
        """What each of some runs told of the source ``x``."""
        return [self.run({"x": attempt}) for attempt in attempts]

    @property
    def x(self) -> SourceState:
        return self.states["x"]

    @property
    def flip(self) -> Flip:
        (flip,) = self.last.flips
        return flip


def statuses(story: Story, attempts: Iterable[Attempt]) -> list[Status]:
    seen = []
    for attempt in attempts:
        story.run({"x": attempt})
        seen.append(story.x.status)
    return seen


# What a run proves: verdicts


@pytest.mark.parametrize(
    ("level", "verdict"), [(ERROR, ERROR), (CRITICAL, CRITICAL), (WARNING, OK), (DEBUG, OK)]
)
def test_a_record_at_the_fail_level_or_above_fails_its_source(level, verdict):
    story = Story()

    story.run({"x": record(level)})

    assert story.last.verdicts["x"] == verdict


def test_an_exception_that_leaves_the_block_fails_the_source():
    story = Story()

    story.run({"x": block(raised=True)})

    assert story.last.verdicts["x"] == ERROR


def test_the_fail_level_is_the_lowest_that_has_a_patience():
    story = Story(Policy(patience={"CRITICAL": "now", "WARNING": "2 runs"}))

    assert story.policy.fail_level == WARNING
    assert story.told(record(WARNING), record(WARNING)) == [[], [Kind.NEW]]


def test_an_exception_fails_its_source_even_where_only_critical_counts():
    story = Story(Policy(patience={"CRITICAL": "now"}))

    assert story.told(block(raised=True)) == [[Kind.NEW]]
    assert story.last.verdicts["x"] == CRITICAL


def test_a_source_that_did_not_fail_in_a_finished_run_is_ok():
    story = Story()

    story.run({"x": WELL})

    assert story.last.verdicts == {"x": OK, JOB_ITSELF: OK}


def test_a_block_that_was_broken_off_gives_no_verdict():
    story = Story(Policy(patience="now"))
    story.run({"x": FAILED})

    story.run({"x": Attempt(entered=True, broken_off=True)})

    assert "x" not in story.last.verdicts
    assert story.x.status is Status.HARD


def test_a_failure_counts_even_if_its_block_was_broken_off():
    story = Story()

    story.run({"x": Attempt(highest=ERROR, lowest=ERROR, entered=True, broken_off=True)})

    assert story.last.verdicts["x"] == ERROR


def test_what_a_run_does_not_name_is_not_seen():
    story = Story()
    story.run({"x": FAILED, "y": WELL})
    before = story.x

    assert story.run({"y": WELL}) == []
    assert "x" not in story.last.verdicts
    assert story.x == before


def test_skipped_is_not_recovered():
    story = Story(Policy(patience="now"))
    story.run({"x": FAILED})

    assert [story.run({"y": WELL}) for _ in range(20)] == [[]] * 20
    assert story.x.status is Status.HARD


def test_a_skipped_run_does_not_break_a_streak():
    story = Story()

    assert story.told(FAILED, FAILED) == [[], []]
    assert story.run({}) == []
    assert story.told(FAILED) == [[Kind.NEW]]
    assert story.x.runs_failed == 3


def test_a_source_named_only_when_it_fails_is_ok_in_a_finished_run_that_does_not_name_it():
    story = Story()
    story.told(record(ERROR), record(ERROR))

    story.run({})

    assert story.last.verdicts["x"] == OK
    assert story.x.streak == ()


@pytest.mark.parametrize("once", [WELL, record(INFO), Attempt(highest=ERROR, lowest=INFO)])
def test_a_source_once_named_otherwise_is_not_seen_when_it_is_not_named(once):
    story = Story()
    story.run({"x": once})
    story.told(record(ERROR))

    story.run({})

    assert "x" not in story.last.verdicts


def test_how_a_source_is_named_is_learned_even_in_a_run_that_gives_it_no_verdict():
    story = Story()
    story.told(record(ERROR))
    story.run({"x": record(INFO)}, Ending.INTERRUPTED)

    story.run({})

    assert "x" not in story.last.verdicts


@pytest.mark.parametrize("ending", [Ending.DIED, Ending.CRASHED])
def test_a_run_that_died_or_crashed_fails_the_job(ending):
    story = Story(Policy(patience="now"))

    assert story.run({"x": WELL}, ending) == [Kind.NEW]
    assert story.flip.source == JOB_ITSELF
    assert story.last.verdicts == {JOB_ITSELF: ERROR}
    assert story.last.note == f"the run {ending}"


def test_a_run_that_died_keeps_the_jobs_own_higher_level():
    story = Story()

    story.run({JOB_ITSELF: record(CRITICAL)}, Ending.DIED)

    assert story.last.verdicts == {JOB_ITSELF: CRITICAL}


@pytest.mark.parametrize("ending", [Ending.INTERRUPTED, Ending.STRAY])
def test_an_interrupted_or_stray_run_does_not_fail_the_job(ending):
    story = Story(Policy(patience="now"))

    assert story.run({"x": WELL, JOB_ITSELF: record(INFO)}, ending) == []
    assert story.last.verdicts == {}


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.FINISHED])
def test_a_run_that_did_not_finish_proves_nothing_good(ending):
    story = Story(Policy(patience="now"))
    story.run({"x": FAILED, JOB_ITSELF: record(ERROR)})

    story.run({"x": WELL}, ending)

    assert OK not in story.last.verdicts.values()
    assert story.x.status is Status.HARD
    assert story.x.reason == f"not judged in the last run: {story.last.note or f'the run was {ending}'}"


@pytest.mark.parametrize("ending", list(Ending))
def test_a_run_however_it_ended_proves_what_failed_in_it(ending):
    story = Story()

    story.run({"x": FAILED}, ending)

    assert story.last.verdicts["x"] == ERROR


def test_the_job_itself_is_ok_when_nothing_failed_outside_its_sources():
    story = Story(Policy(patience="now"))

    assert story.run({"x": FAILED}) == [Kind.NEW]
    assert story.last.verdicts[JOB_ITSELF] == OK


def test_what_fails_outside_every_source_fails_the_job():
    story = Story(Policy(patience="now"))

    assert story.run({JOB_ITSELF: record(ERROR), "x": WELL}) == [Kind.NEW]
    assert story.last.verdicts == {JOB_ITSELF: ERROR, "x": OK}


# Common cause


def some(failed: int, of: int, how: Attempt = FAILED) -> dict[str, Attempt]:
    """So many failed sources among so many."""
    return {f"feed{n}": how if n < failed else WELL for n in range(of)}


@pytest.mark.parametrize(
    ("failed", "of", "common"),
    [(2, 2, False), (3, 3, True), (3, 4, False), (4, 5, True), (7, 9, False), (8, 10, True), (40, 40, True)],
)
def test_three_and_four_fifths_of_the_healthy_failing_together_are_one_cause(failed, of, common):
    story = Story()

    story.run(some(failed, of))

    assert (story.last.verdicts[JOB_ITSELF] == ERROR) is common
    assert (story.last.verdicts.get("feed0") is None) is common


def test_a_common_cause_leaves_every_failed_source_as_it_was():
    story = Story()
    story.run({"feed0": FAILED, "feed1": WELL, "feed2": WELL, "feed3": WELL})
    before = dict(story.states)

    story.run(dict.fromkeys(("feed0", "feed1", "feed2", "feed3"), FAILED))

    assert set(story.last.verdicts) == {JOB_ITSELF}
    for name, state in before.items():
        if name != JOB_ITSELF:
            assert story.states[name].streak == state.streak
            assert story.states[name].status is state.status


def test_sources_that_succeed_beside_a_common_cause_are_ok():
    story = Story()

    story.run(some(4, 5))

    assert story.last.verdicts == {JOB_ITSELF: ERROR, "feed4": OK}


def test_sources_that_failed_before_count_neither_for_nor_against_a_common_cause():
    story = Story()
    story.run({**some(0, 4), "a": FAILED, "b": FAILED})

    story.run({**some(2, 4), "a": FAILED, "b": FAILED})
    assert story.last.verdicts[JOB_ITSELF] == OK

    story.run({**some(0, 4), "a": FAILED, "b": FAILED})
    story.run({**some(4, 4), "a": WELL, "b": WELL})
    assert story.last.verdicts[JOB_ITSELF] == ERROR


def test_a_source_that_is_recovering_counts_as_healthy():
    story = Story(Policy(patience="now", recover_after=5))
    story.run({"feed0": FAILED, "feed1": WELL, "feed2": WELL})
    story.run(some(0, 3))
    assert story.states["feed0"].status is Status.RECOVERING

    story.run(some(3, 3))

    assert story.last.verdicts == {JOB_ITSELF: ERROR}
    assert story.states["feed0"].status is Status.RECOVERING


def test_the_job_itself_is_none_of_the_sources_with_a_common_cause():
    story = Story()

    story.run({**some(2, 2), JOB_ITSELF: FAILED})

    assert story.last.verdicts == {"feed0": ERROR, "feed1": ERROR, JOB_ITSELF: ERROR}


def test_a_common_cause_is_one_incident_of_the_job():
    story = Story(Policy(patience="now"))

    assert story.run(some(40, 40)) == [Kind.NEW]
    assert story.flip.source == JOB_ITSELF
    assert "40 of 40 sources" in story.last.note
    assert "common cause" in story.states["feed0"].reason


def test_a_common_cause_fails_the_job_as_badly_as_the_worst_of_them():
    story = Story()

    story.run({**some(3, 4), "feed3": block(CRITICAL)})

    assert story.last.verdicts == {JOB_ITSELF: CRITICAL}


def test_the_jobs_streak_counts_its_failures_of_any_cause():
    story = Story()

    assert story.run(some(5, 5)) == []
    assert story.run({JOB_ITSELF: record(ERROR)}) == []
    assert story.run({}, Ending.DIED) == [Kind.NEW]


def test_beside_a_common_cause_silence_of_what_is_named_only_when_it_fails_proves_nothing():
    story = Story(Policy(patience="now"))
    story.run({"quiet": record(ERROR)})

    story.run(some(3, 3))

    assert "quiet" not in story.last.verdicts


def test_the_network_back_again_is_ok_for_all():
    story = Story(Policy(patience="now"))
    story.run(some(5, 5))

    assert story.run(some(0, 5)) == [Kind.RECOVERED]
    assert {state.status for state in story.states.values()} == {Status.OK}


@pytest.mark.parametrize(
    ("failed", "of", "share"), [(14, 25, 0.56), (7, 25, 0.28), (55, 100, 0.55), (3, 4, 0.75)]
)
def test_exactly_the_share_is_enough(failed, of, share):
    story = Story(Policy(common_cause=share))

    story.run(some(failed, of))

    assert story.last.verdicts[JOB_ITSELF] == ERROR


def test_a_share_of_one_asks_for_all():
    story = Story(Policy(common_cause=1))

    story.run(some(9, 10))

    assert story.last.verdicts[JOB_ITSELF] == OK


# States


def test_soft_then_hard_then_ok():
    story = Story()

    assert statuses(story, [FAILED, FAILED, FAILED, FAILED, WELL]) == [
        Status.SOFT,
        Status.SOFT,
        Status.HARD,
        Status.HARD,
        Status.OK,
    ]


def test_the_mail_comes_at_the_third_failed_run_and_once():
    story = Story()

    assert story.told(*[FAILED] * 6) == [[], [], [Kind.NEW], [], [], []]


def test_a_hiccup_is_forgotten_in_silence():
    story = Story()

    assert story.told(FAILED, FAILED, WELL, FAILED, FAILED, WELL) == [[]] * 6
    assert story.x.streak == ()
    assert story.x.since is None
    assert story.x.reason == "good again after 2 failed runs in a row; nobody had been told"


def test_recovery_is_told_when_the_failure_was():
    story = Story(Policy(patience="now"))

    assert story.told(FAILED, WELL, WELL) == [[Kind.NEW], [Kind.RECOVERED], []]


def test_a_recovery_leaves_nothing_of_the_trouble():
    story = Story(Policy(patience="2 of 3 runs"))
    story.told(FAILED, FAILED, WELL)

    state = story.x

    assert state.status is Status.OK
    assert (state.streak, state.window, state.good_runs, state.failed_since_mail) == ((), (), 0, False)
    assert (state.since, state.told_at, state.mailed_at, state.thread) == (None, None, None, None)


def test_recovery_waits_for_as_many_good_runs_as_asked_for():
    story = Story(Policy(patience="now", recover_after=3))

    assert story.told(FAILED, WELL, WELL, WELL) == [[Kind.NEW], [], [], [Kind.RECOVERED]]


def test_a_failure_while_recovering_is_hard_again_and_silent():
    story = Story(Policy(patience="now", recover_after=2))
    story.told(FAILED)

    assert statuses(story, [WELL, FAILED]) == [Status.RECOVERING, Status.HARD]
    assert story.told(WELL, WELL) == [[], [Kind.RECOVERED]]


def test_an_ok_ends_the_streak_though_the_recovery_is_not_told_yet():
    story = Story(Policy(patience="3 runs", recover_after=3))
    story.told(FAILED, FAILED, FAILED)

    story.told(WELL)
    assert story.x.runs_failed == 0

    story.told(FAILED)
    assert story.x.runs_failed == 1
    assert story.x.reason == "1 failed run; already told"


def test_after_a_recovery_a_streak_begins_anew():
    story = Story()
    story.told(FAILED, FAILED, FAILED, WELL)

    assert story.told(FAILED, FAILED, FAILED) == [[], [], [Kind.NEW]]


def test_sources_do_not_mix():
    story = Story(Policy(patience="2 runs"))

    story.run({"a": FAILED, "b": WELL})
    story.run({"a": WELL, "b": FAILED})

    assert story.run({"a": FAILED, "b": FAILED}) == [Kind.NEW]
    assert story.flip.source == "b"


# Levels and their patience


def test_the_default_waits_three_runs_for_an_error_and_not_at_all_for_what_is_critical():
    assert Story().told(record(ERROR), record(ERROR), record(ERROR)) == [[], [], [Kind.NEW]]
    assert Story().told(record(CRITICAL)) == [[Kind.NEW]]


def test_a_levels_streak_counts_runs_failed_at_that_level_or_above():
    policy = Policy(patience={"ERROR": "3 runs", "CRITICAL": "2 runs"})

    assert Story(policy).told(record(CRITICAL), record(ERROR), record(CRITICAL)) == [[], [], [Kind.NEW]]
    assert Story(policy).told(record(CRITICAL), record(CRITICAL)) == [[], [Kind.NEW]]
    assert Story(policy).told(record(ERROR), record(ERROR), record(CRITICAL)) == [[], [], [Kind.NEW]]


def test_a_run_that_fails_below_a_level_does_not_end_that_levels_patience():
    story = Story(Policy(patience={"WARNING": "never", "ERROR": "2 hours"}), apart=1.5 * HOUR)

    assert story.told(record(ERROR), record(ERROR), record(WARNING)) == [[], [], []]
    assert story.told(record(ERROR)) == [[Kind.NEW]]


def test_a_text_holds_for_every_level():
    assert Story(Policy(patience="2 runs")).told(record(CRITICAL), record(ERROR)) == [[], [Kind.NEW]]


def test_never_mutes_everything():
    story = Story(Policy(patience="never"))

    assert story.told(*[block(CRITICAL)] * 50, WELL) == [[]] * 51


def test_a_failure_that_was_told_is_not_told_again_when_it_gets_worse():
    story = Story()

    assert story.told(FAILED, FAILED, FAILED, record(CRITICAL)) == [[], [], [Kind.NEW], []]


# N of M


def test_n_of_m_trips_on_every_other_run_where_n_runs_never_would():
    up_and_down = [FAILED, WELL, FAILED, WELL, FAILED]

    assert Story(Policy(patience="3 runs")).told(*up_and_down) == [[]] * 5
    assert Story(Policy(patience="3 of 5 runs")).told(*up_and_down) == [[], [], [], [], [Kind.NEW]]


def test_missing_verdicts_count_as_ok():
    assert Story(Policy(patience="3 of 5 runs")).told(FAILED, FAILED, FAILED) == [[], [], [Kind.NEW]]


def test_failures_older_than_the_window_do_not_count():
    story = Story(Policy(patience="2 of 3 runs"))

    assert story.told(FAILED, WELL, WELL, FAILED, WELL, FAILED) == [[], [], [], [], [], [Kind.NEW]]


def test_the_window_empties_at_recovery():
    story = Story(Policy(patience="2 of 5 runs"))
    story.told(FAILED, FAILED, WELL)

    assert story.told(FAILED) == [[]]
    assert story.told(FAILED) == [[Kind.NEW]]


def test_not_seen_takes_no_place_in_the_window():
    story = Story(Policy(patience="2 of 2 runs"))
    story.told(FAILED)
    for _ in range(5):
        story.run({"y": WELL})

    assert story.told(FAILED) == [[Kind.NEW]]


def test_n_of_m_tells_since_the_first_failure_in_the_window():
    story = Story(Policy(patience="2 of 3 runs"))

    story.told(FAILED, WELL, WELL, FAILED, WELL, FAILED)

    assert story.flip.since == BEGAN + 3 * HOUR
    assert story.flip.said == "has failed 2 of its last 3 runs"


def test_a_window_at_a_level_holds_failures_of_that_level():
    story = Story(Policy(patience={"WARNING": "never", "ERROR": "2 of 4 runs"}))

    assert story.told(record(WARNING), record(ERROR), record(WARNING), record(ERROR)) == [
        [],
        [],
        [],
        [Kind.NEW],
    ]


# Durations


def test_a_duration_is_measured_between_the_beginnings_of_failed_runs():
    assert Story(Policy(patience="2 hours")).told(FAILED, FAILED, FAILED) == [[], [], [Kind.NEW]]


def test_one_failed_run_has_lasted_no_time():
    story = Story(Policy(patience="1 min"), apart=DAY)

    assert story.told(FAILED, WELL, FAILED) == [[], [], []]


def test_a_clock_set_back_does_not_make_a_failure_last_longer():
    story = Story(Policy(patience="2 hours"))
    story.told(FAILED)
    story.now -= 10 * DAY

    assert story.told(FAILED, FAILED) == [[], []]


def test_a_clock_set_back_takes_nothing_from_a_streak():
    story = Story(Policy(patience="3 runs"), apart=-HOUR)

    assert story.told(FAILED, FAILED, FAILED) == [[], [], [Kind.NEW]]
    assert story.told(WELL) == [[Kind.RECOVERED]]
    assert story.flip.said == "works again after 0 seconds"


# What a flip says


def test_new_says_what_happened_since_when_and_why():
    story = Story()

    story.told(FAILED, FAILED, FAILED)

    assert story.flip == Flip(
        Kind.NEW,
        "x",
        at=BEGAN + 2 * HOUR + 1,
        since=BEGAN,
        said="has failed 3 runs in a row",
        failed_run="run3",
        thread=None,
        reason="3 failed runs in a row; patience (3 runs) is over",
    )
    assert story.x.reason == "3 failed runs in a row; patience (3 runs) is over: told"


def test_a_first_failure_is_not_called_one_run_in_a_row():
    story = Story(Policy(patience="now"))

    story.told(FAILED)

    assert story.flip.said == "has failed"
    assert story.flip.reason == "1 failed run; patience (now) is over"


def test_recovered_says_how_long_it_lasted_and_refers_to_the_mail_that_told():
    story = Story(Policy(patience="now"))
    story.told(FAILED)
    story.states["x"] = told_in(story.x, "<1@host>")
    story.now += 2 * HOUR - 1

    story.told(WELL)

    assert story.flip.said == "works again after 3 hours"
    assert story.flip.thread == "<1@host>"
    assert story.flip.since == BEGAN


def test_while_patience_lasts_the_reason_names_it():
    story = Story()

    story.told(FAILED)
    assert story.x.reason == "1 failed run; patience: 3 runs for ERROR, now for CRITICAL"

    story = Story(Policy(patience="2 of 5 runs"))
    story.told(FAILED)
    assert story.x.reason == "1 failed run; patience: 2 of 5 runs"


def test_a_state_remembers_when_and_by_which_run():
    story = Story()

    story.told(FAILED, FAILED)

    assert story.x.since == BEGAN
    assert story.x.failed_run == "run2"
    assert story.x.failed_at == story.x.last_run_at == BEGAN + HOUR
    assert story.x.last_verdict == ERROR
    assert story.x.told_at is None


# Reminders


def failing_since(policy: Policy | None = None) -> Story:
    """A story in which ``x`` has been told of and has failed again."""
    story = Story(policy or Policy(patience="now"))
    story.told(FAILED, FAILED)
    return story


def reminded(story: Story, days: float) -> list[Kind]:
    told_at = story.x.told_at
    assert told_at is not None
    decision = remind(story.policy, story.states, told_at + days * DAY)
    story.states |= decision.states
    return [flip.kind for flip in decision.flips]


def fail_again(story: Story) -> None:
    story.run({"x": FAILED})


def test_reminders_come_after_1_3_and_7_days_then_every_7():
    story = failing_since()
    told_on = []

    for day in range(40):
        if reminded(story, day):
            told_on.append(day)
        fail_again(story)

    assert told_on == [1, 3, 7, 14, 21, 28, 35]


def test_no_reminder_comes_early():
    assert reminded(failing_since(), 0.999) == []


def test_a_late_check_sends_one_reminder_and_not_several():
    story = failing_since()

    assert reminded(story, 8) == [Kind.STILL]
    fail_again(story)
    assert reminded(story, 13.9) == []
    assert reminded(story, 14) == [Kind.STILL]


def test_a_reminder_comes_only_after_another_failure():
    story = Story(Policy(patience="now"))
    story.told(FAILED)

    assert reminded(story, 5) == []
    fail_again(story)
    assert reminded(story, 5) == [Kind.STILL]
    assert reminded(story, 9) == []


def test_what_recovers_is_not_reminded_of():
    story = failing_since(Policy(patience="now", recover_after=2))
    story.told(WELL)

    assert reminded(story, 5) == []


def test_what_nobody_was_told_of_is_not_reminded_of():
    story = Story()
    story.told(FAILED, FAILED)

    assert remind(story.policy, story.states, story.now + 30 * DAY).flips == []


def test_reminders_can_be_switched_off():
    assert reminded(failing_since(Policy(patience="now", remind="Never ")), 100) == []


def test_ones_own_steps_are_kept_to():
    story = failing_since(Policy(patience="now", remind="2 hours, 1 day"))
    hours = []

    for hour in range(73):
        if reminded(story, hour / 24):
            hours.append(hour)
        fail_again(story)

    assert hours == [2, 24, 48, 72]


def test_a_reminder_says_how_long_and_refers_to_the_mail_that_told():
    story = failing_since()
    story.states["x"] = told_in(story.x, "<1@host>")

    (flip,) = remind(story.policy, story.states, BEGAN + 2 * DAY).flips

    assert flip.said == "still fails, for 2 days now"
    assert flip.thread == "<1@host>"
    assert flip.failed_run == "run2"
    assert flip.reason == "2 failed runs in a row; reminded after 2 days"


def test_a_clock_set_back_brings_no_reminder():
    assert reminded(failing_since(), -400) == []


# What cannot be asked for


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"patience": "soon"}, "patience 'soon'"),
        ({"patience": 3}, "patience 3"),
        ({"patience": {}}, "patience {}"),
        ({"patience": {"ERROR": "soon"}}, "patience 'soon'"),
        ({"patience": {"ERROR": 3}}, "patience 3"),
        (
            {"patience": {"LOUD": "now"}},
            "patience for 'LOUD': the levels are DEBUG, INFO, WARNING, ERROR, CRITICAL",
        ),
        ({"recover_after": 0}, "recover_after 0"),
        ({"recover_after": "2"}, "recover_after '2'"),
        ({"recover_after": 1.5}, "recover_after 1.5"),
        ({"remind": "sometimes"}, "remind 'sometimes'"),
        ({"remind": ""}, "remind ''"),
        ({"remind": "3 days, 1 day"}, "remind '3 days, 1 day'"),
        ({"remind": "1 day, 1 day"}, "remind '1 day, 1 day'"),
        ({"remind": "0 days"}, "remind '0 days'"),
        ({"remind": None}, "remind None"),
        ({"remind": 7}, "remind 7"),
        ({"common_cause": 0}, "common_cause 0"),
        ({"common_cause": 1.01}, "common_cause 1.01"),
        ({"common_cause": float("nan")}, "common_cause nan"),
        ({"common_cause": "0.8"}, "common_cause '0.8'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given, named):
    with pytest.raises(UsageError) as refused:
        Policy(**given)

    assert named in str(refused.value)


def test_levels_are_named_in_any_case_and_come_lowest_first():
    assert list(Policy(patience={"critical": "now", "Error": "3 runs"}).limits) == [ERROR, CRITICAL]


def test_the_policy_keeps_as_many_verdicts_as_its_patience_looks_back_on():
    story = Story(Policy(patience={"ERROR": "2 of 4 runs", "CRITICAL": "5 of 6 runs"}))
    story.told(*[WELL] * 10)

    assert len(story.x.window) == 6

    story = Story()
    story.told(*[WELL] * 10)
    assert story.x.window == ()
