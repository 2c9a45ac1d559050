"""What is told, when it is muted, and what comes of it when the muting ends."""

from __future__ import annotations

import pytest
from policy_story import BEGAN, DAY, FAILED, HOUR, WELL, Story, block, flat

from mailsponge.sponge.model import CRITICAL, ERROR, JOB_ITSELF, Incident, Kind, Silence, Status
from mailsponge.sponge.policy import Policy, acknowledge, missed
from mailsponge.sponge.policy.telling import silence_of

NOW = Policy(patience="now")


def silenced(story: Story, hours: float, pattern: str = "x", because: str = "") -> None:
    story.silences.append(Silence(pattern, story.now, story.now + hours * HOUR, because))


# Silence


def test_a_silence_mutes_what_is_new_and_records_it():
    story = Story(NOW)
    silenced(story, 10)

    assert story.told(FAILED) == [[]]
    assert story.x.status is Status.HARD
    assert story.incident.told_at is None
    assert story.x.reason == "1 failed run; patience (now) is over; not told: silenced"


def test_what_is_still_true_when_a_silence_ends_is_told_then():
    story = Story(NOW)
    silenced(story, 10)
    story.told(FAILED, FAILED)

    assert story.tick(7.9 * HOUR) == []
    assert story.tick(0.2 * HOUR) == [Kind.NEW]
    assert story.flip.said == "has failed 2 runs in a row"
    assert story.x.reason == "2 failed runs in a row; patience (now) is over: told"
    assert story.tick(HOUR) == []


def test_what_is_over_when_a_silence_ends_is_not_told_if_nobody_had_heard_of_it():
    story = Story(NOW)
    silenced(story, 10)
    story.told(FAILED, WELL)

    assert story.tick(DAY) == []
    assert story.incident == Incident()


def test_a_recovery_during_a_silence_is_told_at_its_end_if_the_failure_was_told_before():
    story = Story(NOW)
    story.told(FAILED)
    silenced(story, 10)
    assert story.told(WELL, WELL) == [[], []]

    assert story.tick(DAY) == [Kind.RECOVERED]
    assert story.flip.said == "works again after 1 hour"
    assert story.tick(DAY) == []


def test_a_failure_that_begins_anew_within_the_silence_is_told_at_its_end_as_a_new_one():
    story = Story(NOW, apart=HOUR)
    story.told(FAILED)
    silenced(story, 10)

    assert story.told(WELL, FAILED) == [[], []]
    assert story.tick(9 * HOUR) == [Kind.NEW]
    assert story.flip.since == BEGAN + 2 * HOUR
    assert story.flip.thread is None
    assert story.told(WELL) == [[Kind.RECOVERED]]


def test_reminders_after_steady_are_reckoned_from_it_too_if_patience_would_have_borne_what_it_names():
    story = Story(Policy("3 runs", recover_after=3, remind="1 day, 3 days, 7 days"))
    before = [FAILED, WELL, FAILED, WELL, WELL, FAILED, FAILED, FAILED, WELL, WELL, FAILED]
    assert flat(story.told(*before)) == [Kind.NEW, Kind.FLAPPING]
    story.now += 9 * DAY
    assert flat(story.told(*[WELL] * 11, FAILED, FAILED)) == [Kind.STEADY]
    story.now += DAY

    assert story.told(FAILED) == [[Kind.STILL]]


def test_what_began_anew_and_ended_within_the_silence_has_recovered_all_the_same():
    story = Story(NOW, apart=HOUR)
    story.told(FAILED)
    silenced(story, 10)

    assert story.told(WELL, FAILED, WELL) == [[], [], []]
    assert story.tick(9 * HOUR) == [Kind.RECOVERED]
    assert story.flip.said == "works again after 3 hours"
    assert story.incident == Incident()


def test_what_was_gone_in_a_silence_and_fails_again_has_not_recovered():
    story = Story(Policy("2 runs"), apart=DAY)
    story.told(FAILED, FAILED)
    silenced(story, 12 * 24)
    for _ in range(10):
        assert story.run({}) == []
    story.now += 3 * DAY

    assert story.told(FAILED) == [[Kind.GONE]]
    assert story.flip.said == "was gone for a while: no run named it"
    assert story.told(FAILED) == [[Kind.NEW]]


def test_steady_has_told_of_what_became_worse():
    story = Story(Policy("now", recover_after=3))
    story.told(FAILED, WELL, FAILED, WELL, FAILED, WELL)
    story.incidents["x"] = acknowledge(story.incident)
    story.told(WELL, *[FAILED] * 13)

    assert story.told(block(CRITICAL)) == [[Kind.FLAPPING]]
    assert story.told(FAILED) == [[Kind.STEADY]]
    assert story.tick() == []


def test_reminders_after_steady_are_reckoned_from_it_if_what_was_told_before_was_over():
    story = Story(Policy("now", remind="1 day, 3 days, 7 days"))
    story.told(WELL, *[FAILED, WELL] * 3, *[WELL] * 14, FAILED)
    assert story.told(FAILED) == [[Kind.STEADY]]
    story.now += 6 * HOUR
    assert story.told(FAILED) == [[]]
    story.now += 20 * HOUR

    assert story.told(FAILED) == [[Kind.STILL]]


def test_a_silence_mutes_reminders():
    story = Story(NOW)
    story.told(FAILED, FAILED)
    silenced(story, 5 * 24)

    assert story.tick(4 * DAY) == []
    assert story.tick(1.1 * DAY) == [Kind.STILL]


def test_a_silence_mutes_flapping_and_its_end():
    story = Story(NOW)
    silenced(story, 1000)

    assert flat(story.told(*[FAILED, WELL] * 10, *[WELL] * 15)) == []


def test_what_flaps_when_a_silence_ends_is_told_then():
    story = Story(NOW)
    silenced(story, 12)
    story.told(*[FAILED, WELL] * 6)

    assert story.tick(HOUR) == [Kind.FLAPPING]


@pytest.mark.parametrize(
    ("pattern", "source", "is_silenced"),
    [
        ("x", "x", True),
        ("x", "y", False),
        ("nas*", "nas1", True),
        ("*", "anything", True),
        ("*", JOB_ITSELF, True),
        ("", JOB_ITSELF, True),
        ("", "x", False),
        ("a[1]", "a[1]", True),
        ("X", "x", False),
    ],
)
def test_a_silence_is_for_a_name_or_for_a_pattern(pattern, source, is_silenced):
    silences = [Silence(pattern, 0, 100)]

    assert (silence_of(source, silences, 50) is not None) is is_silenced


def test_a_silence_lasts_from_its_beginning_to_before_its_end():
    silences = [Silence("x", 10, 20)]

    assert [silence_of("x", silences, at) is not None for at in (9, 10, 19, 20)] == [False, True, True, False]


def test_of_several_silences_the_one_that_ends_last_counts():
    silences = [Silence("x", 0, 50), Silence("*", 0, 90), Silence("x", 0, 70)]

    assert silence_of("x", silences, 10) == silences[1]


def test_the_reason_of_a_silence_is_remembered():
    story = Story(NOW)
    silenced(story, 10, because="moving house")

    story.told(FAILED)

    assert story.x.reason.endswith("not told: silenced (moving house)")


# Acknowledge


def acked(story: Story) -> None:
    story.incidents["x"] = acknowledge(story.incident)


def test_an_acknowledgement_mutes_reminders_until_recovery():
    story = Story(NOW)
    story.told(FAILED, FAILED)
    acked(story)

    assert story.tick(30 * DAY) == []
    assert story.told(FAILED, WELL) == [[], [Kind.RECOVERED]]
    assert story.told(FAILED) == [[Kind.NEW]]


def test_what_is_acknowledged_before_it_is_told_is_not_told_and_neither_is_its_recovery():
    story = Story()
    story.told(FAILED)
    acked(story)

    assert story.told(FAILED, FAILED, FAILED, WELL) == [[], [], [], []]
    assert story.incident == Incident()


def test_a_higher_level_ends_an_acknowledgement():
    story = Story()
    story.told(FAILED, FAILED)
    acked(story)
    assert story.told(FAILED) == [[]]

    assert story.told(block(CRITICAL)) == [[Kind.NEW]]
    assert story.incident.acknowledged is None


def test_the_same_level_does_not():
    story = Story(Policy(patience={"ERROR": "now", "CRITICAL": "now"}))
    story.run({"x": block(CRITICAL)})
    acked(story)

    story.told(FAILED, block(CRITICAL))

    assert story.incident.acknowledged == CRITICAL
    assert story.tick(30 * DAY) == []


def test_an_acknowledgement_lasts_while_it_recovers():
    story = Story(Policy(patience="now", recover_after=2))
    story.told(FAILED)
    acked(story)

    assert story.told(WELL, FAILED) == [[], []]
    assert story.incident.acknowledged == ERROR


# Missed runs

DAILY = Policy(expect="1 day")


def test_a_run_is_missed_a_quarter_late():
    assert missed(DAILY, BEGAN, None, [], BEGAN + 1.2499 * DAY) is None

    flip = missed(DAILY, BEGAN, None, [], BEGAN + 1.25 * DAY)

    assert flip is not None
    assert (flip.kind, flip.source, flip.since) == (Kind.MISSED, JOB_ITSELF, BEGAN)
    assert flip.said == "has not run for 1.2 days"


def test_it_is_told_once_until_the_next_run():
    assert missed(DAILY, BEGAN, BEGAN, [], BEGAN + 9 * DAY) is None
    assert missed(DAILY, BEGAN + DAY, BEGAN, [], BEGAN + 9 * DAY) is not None


def test_nothing_is_missed_that_nobody_expects_or_that_never_ran():
    assert missed(Policy(), BEGAN, None, [], BEGAN + 900 * DAY) is None
    assert missed(DAILY, None, None, [], BEGAN) is None


def test_a_clock_that_was_set_back_misses_nothing():
    assert missed(DAILY, BEGAN, None, [], BEGAN - 30 * DAY) is None


def test_a_missed_run_is_told_when_the_silence_ends():
    silences = [Silence("*", BEGAN, BEGAN + 3 * DAY)]

    assert missed(DAILY, BEGAN, None, silences, BEGAN + 2 * DAY) is None
    assert missed(DAILY, BEGAN, None, silences, BEGAN + 3 * DAY) is not None


def test_patience_that_never_ends_does_not_mute_it():
    assert missed(Policy(patience="never", expect="1 day"), BEGAN, None, [], BEGAN + 2 * DAY) is not None


@pytest.mark.parametrize("remind", ["1 day", "never"])
def test_what_has_become_worse_than_what_was_acknowledged_is_told_at_once(remind):
    story = Story(Policy(remind=remind))
    story.told(FAILED, FAILED, FAILED)
    acked(story)

    assert story.told(block(CRITICAL), block(CRITICAL)) == [[Kind.STILL], []]
    assert story.told(WELL) == [[Kind.RECOVERED]]


def test_it_says_how_much_worse():
    story = Story()
    story.told(FAILED, FAILED, FAILED)
    acked(story)

    story.told(block(CRITICAL))

    assert story.flip.said == "has become worse: it fails at CRITICAL"


def test_what_became_worse_within_a_silence_is_told_when_it_ends():
    story = Story()
    story.told(FAILED, FAILED, FAILED)
    acked(story)
    silenced(story, 5)
    assert story.told(block(CRITICAL)) == [[]]

    assert story.tick(5 * HOUR) == [Kind.STILL]


# Clocks that jump


def test_a_clock_that_was_ahead_when_it_was_told_puts_off_no_reminder():
    story = Story(NOW)
    story.now += 3650 * DAY
    story.told(FAILED)
    story.now = BEGAN
    story.told(FAILED)

    assert story.tick(1.1 * DAY) == [Kind.STILL]


def test_a_clock_that_was_ahead_once_makes_nothing_last_less_than_no_time():
    story = Story(Policy(patience="2 days"), apart=DAY)
    story.now += 3650 * DAY
    story.told(FAILED)
    story.now = BEGAN

    assert flat(story.told(*[FAILED] * 4)) == [Kind.NEW, Kind.STILL]
