"""The rules of deciding: what there is to say, what time alone brings, and what cannot be asked for."""

from __future__ import annotations

import pytest
from policy_story import BEGAN, DAY, FAILED, HOUR, WELL, Story

from mailsponge.errors import UsageError
from mailsponge.sponge.model import (
    CRITICAL,
    ERROR,
    Flip,
    Kind,
)
from mailsponge.sponge.policy import Policy, told_in

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
    story.incidents["x"] = told_in(story.incident, "<1@host>")
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
    assert story.incident.told_at is None


# Reminders


def failing_since(policy: Policy | None = None) -> Story:
    """A story in which ``x`` has been told of and has failed again."""
    story = Story(policy or Policy(patience="now"))
    story.told(FAILED, FAILED)
    return story


def reminded(story: Story, days: float) -> list[Kind]:
    told_at = story.incident.told_at
    assert told_at is not None
    now, story.now = story.now, told_at + days * DAY
    kinds = story.tick()
    story.now = now
    return kinds


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

    assert story.tick(30 * DAY) == []


def test_reminders_can_be_switched_off():
    assert reminded(failing_since(Policy(patience="now", remind="Never ")), 100) == []


def test_ones_own_steps_are_kept_to():
    story = Story(Policy(patience="now", remind="2 hours, 1 day"))

    told = [story.run({"x": FAILED}) for _ in range(73)]

    assert [hour for hour, kinds in enumerate(told) if kinds == [Kind.STILL]] == [2, 24, 48, 72]


def test_a_reminder_says_how_long_and_refers_to_the_mail_that_told():
    story = failing_since()
    story.incidents["x"] = told_in(story.incident, "<1@host>")

    story.now = BEGAN
    story.tick(2 * DAY)

    flip = story.flip
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
