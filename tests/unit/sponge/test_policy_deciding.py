"""One run: which verdicts count, which sources are gone, and how many are remembered."""

from __future__ import annotations

import pytest
from policy_story import BEGAN, DAY, FAILED, HOUR, WELL, Story, block, flat, record

from mailsponge.sponge.model import (
    ERROR,
    JOB_ITSELF,
    Attempt,
    Ending,
    Gathered,
    Incident,
    Kind,
    Memory,
    Silence,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import Policy, next_due
from mailsponge.sponge.policy.deciding import flips_in_order
from mailsponge.sponge.policy.verdicts import OTHER_SOURCES, capped

NOW = Policy(patience="now")

# Late runs


def test_a_run_folded_late_changes_no_source_that_a_newer_run_has_judged():
    story = Story(NOW)
    story.run({"x": WELL}, number=5)
    before = story.x

    assert story.run({"x": FAILED}, number=4) == []
    assert story.x == before
    assert story.last.verdicts["x"] == ERROR
    assert story.last.note == "folded late: 2 of its 2 verdicts are history, as newer ones stand"


def test_it_counts_for_what_no_newer_run_has_judged():
    story = Story(NOW)
    story.run({"y": WELL}, number=5)

    assert story.run({"x": FAILED}, number=4) == [Kind.NEW]


def test_a_stray_makes_no_run_late():
    story = Story(NOW)
    story.run({"x": WELL}, number=1)
    story.run({"x": FAILED}, ending=Ending.STRAY, number=9)

    assert story.run({"x": WELL}, number=2) == [Kind.RECOVERED]


# Gone


def unseen(story: Story, runs: int, apart: float) -> list[Kind]:
    story.apart = apart
    return flat(story.run({"y": WELL}) for _ in range(runs))


def test_a_failing_source_that_ten_runs_over_seven_days_do_not_name_is_gone():
    story = Story(NOW, apart=DAY)
    story.told(FAILED)

    assert unseen(story, 9, DAY) == []
    assert unseen(story, 1, DAY) == [Kind.GONE]
    assert story.x.status is Status.OK
    assert story.incident == Incident()
    assert unseen(story, 30, DAY) == []


def test_ten_runs_are_not_enough_within_seven_days():
    story = Story(NOW)
    story.told(FAILED)

    assert unseen(story, 100, HOUR) == []
    assert unseen(story, 80, HOUR) == [Kind.GONE]


def test_seven_days_are_not_enough_without_ten_runs():
    story = Story(NOW)
    story.told(FAILED)

    assert unseen(story, 9, 7 * DAY) == []


def test_a_run_that_names_it_begins_the_count_anew():
    story = Story(NOW, apart=DAY)
    story.told(FAILED)
    unseen(story, 9, DAY)
    story.told(FAILED)

    assert unseen(story, 9, DAY) == []


def test_runs_that_did_not_finish_do_not_count():
    story = Story(NOW, apart=DAY)
    story.told(FAILED)
    for _ in range(30):
        story.run({"y": WELL}, Ending.INTERRUPTED)

    assert story.x.status is Status.HARD


def test_a_common_cause_names_its_sources():
    story = Story(NOW, apart=DAY)
    story.told(FAILED)
    for _ in range(30):
        story.run(dict.fromkeys(("x", "p", "q", "r"), FAILED))

    assert story.x.status is Status.HARD


def test_what_nobody_was_told_of_is_forgotten_in_silence():
    story = Story(apart=DAY)
    story.told(FAILED)

    assert unseen(story, 20, DAY) == []
    assert (story.x.status, story.incident) == (Status.OK, Incident())


def test_what_comes_back_after_it_was_gone_is_new():
    story = Story(NOW, apart=DAY)
    story.told(FAILED)
    unseen(story, 10, DAY)

    assert story.told(FAILED) == [[Kind.NEW]]


# As many sources as are remembered


def states(count: int, status: Status = Status.OK) -> dict[str, SourceState]:
    return {f"old{n}": SourceState(status, seen_at=float(n)) for n in range(count)}


def test_within_bounds_everything_stays():
    attempts = {"a": WELL}

    assert capped(states(2), attempts, most=3) == (attempts, (), "")


def test_who_is_well_and_longest_unseen_makes_room():
    kept, forgotten, note = capped(states(3), {"new": FAILED, "newer": FAILED}, most=3)

    assert kept == {"new": FAILED, "newer": FAILED}
    assert forgotten == ("old0", "old1")
    assert note == ""


def test_who_fails_never_makes_room_and_what_has_none_becomes_one_source():
    kept, forgotten, note = capped(
        states(3, Status.HARD), {"old0": FAILED, "a": WELL, "b": record(ERROR)}, most=3
    )

    assert forgotten == ()
    assert set(kept) == {"old0", OTHER_SOURCES}
    assert kept[OTHER_SOURCES] == Attempt(ERROR, raised=False, entered=True, lowest=ERROR)
    assert note == "2 new sources are judged as one: 3 is as many as are remembered"


def test_who_is_in_this_run_makes_no_room():
    _, forgotten, _ = capped(states(2), {"old0": WELL, "new": WELL}, most=2)

    assert forgotten == ("old1",)


def test_the_job_itself_stays():
    known = {JOB_ITSELF: SourceState(), **states(1)}

    assert capped(known, {"new": WELL}, most=2)[1] == ("old0",)


# When time alone next brings something


def due(story: Story, **more: object) -> float:
    memory = Memory(story.states, story.incidents, story.silences)
    given = {"last_run_at": None, "missed_for": None, "gathered": ()} | more
    return next_due(story.policy, memory, now=story.now, **given)


def test_nothing_is_due_while_all_is_well():
    story = Story(NOW)
    story.told(WELL)

    assert due(story) == float("inf")


def test_a_reminder_is_due_a_day_after_the_mail_once_it_has_failed_again():
    story = Story(NOW)
    story.told(FAILED)
    assert due(story) == float("inf")

    story.told(FAILED)
    assert due(story) == BEGAN + 1 + DAY


@pytest.mark.parametrize(("missed_for", "at"), [(None, BEGAN + 1.25 * DAY), (BEGAN, float("inf"))])
def test_a_missed_run_is_due_once(missed_for, at):
    assert due(Story(Policy(expect="1 day")), last_run_at=BEGAN, missed_for=missed_for) == at


def test_a_digest_is_due_when_its_oldest_record_is_old_enough():
    story = Story(Policy(digest="1 hour"))

    assert due(story, gathered=[Gathered("x", 1, BEGAN)]) == BEGAN + HOUR


def test_a_block_that_only_raises_at_a_level_that_counts_is_told():
    assert Story(NOW).told(block(raised=True)) == [[Kind.NEW]]


def test_what_comes_back_within_a_silence_was_not_gone():
    story = Story(NOW, apart=DAY)
    story.told(FAILED)
    story.silences.append(Silence("x", story.now, story.now + 30 * DAY))
    assert unseen(story, 12, DAY) == []
    assert story.told(WELL) == [[]]

    assert story.tick(30 * DAY) == [Kind.RECOVERED]


def test_what_was_told_to_flap_and_is_named_no_more_is_gone():
    story = Story(apart=HOUR)
    story.told(*[FAILED, WELL] * 3, FAILED)
    assert story.incident.flapping_told

    assert unseen(story, 10, DAY) == [Kind.GONE]


def test_what_is_gone_begins_anew_but_whether_it_flaps_is_reckoned_with_what_it_did_before():
    story = Story(NOW, apart=DAY)
    story.told(FAILED, WELL, FAILED, WELL, FAILED)
    unseen(story, 10, DAY)

    assert (story.x.streak, story.x.window, story.x.flapping) == ((), (), False)
    assert story.told(WELL, FAILED) == [[], [Kind.FLAPPING]]


def test_a_late_run_that_names_a_source_when_it_is_well_proves_that_not_to_name_it_proves_nothing():
    story = Story(NOW)
    assert story.run({"x": record(ERROR)}) == [Kind.NEW]
    assert story.run({"x": WELL}, number=-1) == []

    assert story.run({}) == []
    assert story.x.status is Status.HARD


# A squeeze that folds several runs


def test_of_what_was_over_and_has_begun_anew_only_that_is_told():
    story = Story(NOW)
    story.told(FAILED)
    flips = []
    for attempt in (WELL, FAILED):
        story.told(attempt)
        flips += story.last.flips

    assert [flip.kind for flip in flips_in_order(flips)] == [Kind.NEW]


def test_what_began_and_is_over_is_told_in_that_order():
    story = Story(NOW)
    flips = []
    for attempt in (FAILED, WELL):
        story.told(attempt)
        flips += story.last.flips

    assert [flip.kind for flip in flips_in_order(flips)] == [Kind.NEW, Kind.RECOVERED]
