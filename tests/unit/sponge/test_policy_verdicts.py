"""The rules of deciding: what a run proves of each source, and when it is one common cause."""

from __future__ import annotations

import pytest
from policy_story import FAILED, WELL, Story, block, record

from mailsponge.sponge.model import (
    CRITICAL,
    DEBUG,
    ERROR,
    INFO,
    JOB_ITSELF,
    OK,
    WARNING,
    Attempt,
    Ending,
    Kind,
    Status,
)
from mailsponge.sponge.policy import Policy

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
    assert story.x == before._replace(unseen=1)


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


def test_a_common_cause_fails_the_job_as_badly_as_all_of_them_failed():
    loud, all_loud = Story(), Story()

    loud.run({**some(3, 4), "feed3": block(CRITICAL)})
    all_loud.run({f"feed{number}": block(CRITICAL) for number in range(4)})

    assert loud.last.verdicts == {JOB_ITSELF: ERROR}
    assert all_loud.last.verdicts == {JOB_ITSELF: CRITICAL}


def test_what_is_named_only_when_it_fails_is_among_those_that_did_not():
    story = Story()
    for number in range(40):
        story.run({f"feed{number}": record(ERROR)})
    story.run({})

    story.run({f"feed{number}": record(ERROR) for number in range(3)})
    assert "common cause" not in story.last.note
    story.run({})
    story.run({f"feed{number}": record(ERROR) for number in range(35)})

    assert "35 of 40 sources" in story.last.note
    assert "feed39" not in story.last.verdicts


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
