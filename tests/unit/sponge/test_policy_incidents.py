"""A fleet: streaks are kept a host, incidents a source."""

from __future__ import annotations

from policy_story import FAILED, WELL, Story, block, flat

from mailsponge.sponge.model import CRITICAL, Incident, Kind, Status
from mailsponge.sponge.policy import Policy


def fleet(story: Story, hosts: str, attempt: object = FAILED) -> list[list[Kind]]:
    return [story.run({"x": attempt, "": WELL}, host=host) for host in hosts]


def test_streaks_are_kept_a_host():
    story = Story()

    assert fleet(story, "abcabc") == [[]] * 6
    assert fleet(story, "b") == [[Kind.NEW]]
    assert [story.hosts[host]["x"].runs_failed for host in "abc"] == [2, 3, 2]


def test_there_is_one_incident_for_a_source_that_fails_on_many_hosts():
    story = Story()

    told = fleet(story, "abc" * 5)

    assert flat(told) == [Kind.NEW]
    assert story.incident.failing == ("a", "b", "c")


def test_the_flip_says_on_which_hosts():
    story = Story(Policy(patience="now"))
    fleet(story, "a")

    assert story.flip.hosts == ("a",)


def test_it_is_over_when_it_is_over_on_the_last_host():
    story = Story(Policy(patience="now"))
    fleet(story, "abc")

    assert fleet(story, "ba", WELL) == [[], []]
    assert story.incident.failing == ("c",)
    assert fleet(story, "c", WELL) == [[Kind.RECOVERED]]
    assert story.incident == Incident()


def test_a_host_that_is_well_does_not_hide_one_that_fails():
    story = Story()

    for _ in range(3):
        fleet(story, "a")
        told = fleet(story, "b", WELL)

    assert told == [[]]
    assert story.hosts["a"]["x"].status is Status.HARD
    assert story.incident.told_at is not None


def test_one_host_alone_does_not_make_the_source_flap_for_another():
    story = Story()

    for _ in range(10):
        fleet(story, "a")
        fleet(story, "b", WELL)

    assert not any(story.hosts[host]["x"].flapping for host in "ab")


def test_an_acknowledgement_holds_for_all_hosts_until_the_last_recovers():
    story = Story(Policy(patience="now"))
    fleet(story, "a")
    story.incidents["x"] = story.incident._replace(acknowledged=CRITICAL)

    fleet(story, "b", block(CRITICAL))
    fleet(story, "a", WELL)
    assert story.incident.acknowledged == CRITICAL

    assert fleet(story, "b", WELL) == [[Kind.RECOVERED]]


def flapped_on(story: Story, host: str) -> None:
    for attempt in [FAILED, WELL] * 4:
        fleet(story, host, attempt)
    assert story.incident.flapping == (host,)


def test_the_end_of_one_hosts_flapping_makes_no_incident_of_anothers_hiccup():
    story = Story()
    flapped_on(story, "a")
    fleet(story, "b")

    assert flat(fleet(story, "a" * 20, WELL)) == [Kind.STEADY]
    assert fleet(story, "b") == [[]]
    assert story.hosts["b"]["x"].status is Status.SOFT


def test_one_hosts_flapping_does_not_mute_what_fails_steadily_on_another():
    story = Story()
    flapped_on(story, "a")

    assert fleet(story, "bbb") == [[], [], [Kind.NEW]]


def test_a_hiccup_on_another_host_is_no_reason_for_a_reminder():
    story = Story(Policy(patience={"ERROR": "3 runs", "CRITICAL": "now"}))
    fleet(story, "aaa")
    fleet(story, "b")

    assert not story.incident.failed_since_mail
