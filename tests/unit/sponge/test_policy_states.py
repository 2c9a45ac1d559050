"""The rules of deciding: what a verdict does to a source, and when a streak matters."""

from __future__ import annotations

from policy_story import BEGAN, DAY, FAILED, HOUR, WELL, Story, block, record, statuses

from mailsponge.sponge.model import CRITICAL, ERROR, WARNING, Failures, Incident, Kind, Status
from mailsponge.sponge.policy import Policy

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
    assert (state.streak, state.window, state.good_runs, state.since) == ((), (), 0, None)
    assert story.incident == Incident()
    assert state.reason == "good again: told, as the failure was"


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


def test_a_streak_counts_each_level_by_itself_the_lowest_first():
    story = Story()

    story.told(record(CRITICAL), record(ERROR), record(ERROR))

    assert story.x.streak == (Failures(ERROR, 2, BEGAN + HOUR), Failures(CRITICAL, 1, BEGAN))


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
