"""Flapping: Icinga's measure, and what it mutes."""

from __future__ import annotations

import pytest
from policy_story import FAILED, WELL, Story, flat

from mailsponge.sponge.model import Incident, Kind, Status
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.policy.flapping import SLOTS, flaps, percent, pushed

ICINGA = (2, 3, 4, 5, 9, 13, 16, 19)
"""Slots with a change, the oldest being slot 0: the example of Icinga's documentation."""


def changes_in(slots: tuple[int, ...]) -> int:
    return sum(1 << (SLOTS - 1 - slot) for slot in slots)


def test_icingas_own_figures_come_out():
    changes, figures = changes_in(ICINGA), []
    for _ in range(6):
        figures.append(round(percent(changes), 1))
        changes = pushed(changes, changed=False)

    assert figures == [39.1, 38.3, 37.5, 32.8, 28.2, 23.7]


def test_it_begins_above_30_percent_and_ends_at_or_below_25():
    five_newest = changes_in((15, 16, 17, 18, 19))
    six_newest = changes_in((14, 15, 16, 17, 18, 19))
    exactly_25 = changes_in((5, 6, 7, 8, 12))

    assert (percent(five_newest), percent(six_newest), percent(exactly_25)) == (28.5, 33.9, 23.8)
    assert not flaps(five_newest, did=False)
    assert flaps(five_newest, did=True)
    assert flaps(six_newest, did=False)
    assert not flaps(exactly_25, did=True)


def test_at_exactly_the_limits_it_has_not_begun_and_has_ended():
    exact = [changes for changes in range(1 << SLOTS) if percent(changes) in (25.0, 30.0)]

    assert {percent(changes) for changes in exact} == {25.0, 30.0}
    assert not any(flaps(changes, did=False) for changes in exact)
    assert {percent(changes) for changes in exact if flaps(changes, did=True)} == {30.0}


def test_nothing_has_changed_at_first():
    story = Story()

    story.told(FAILED)

    assert story.x.changes == 0


def alternating(story: Story, runs: int) -> list[list[Kind]]:
    return story.told(*[FAILED, WELL] * (runs // 2))


def test_a_source_that_alternates_is_told_once_as_flapping():
    told = alternating(Story(), 20)

    assert [(run, kinds) for run, kinds in enumerate(told, 1) if kinds] == [(7, [Kind.FLAPPING])]


def test_flapping_mutes_new_and_recovered():
    told = alternating(Story(Policy(patience="now")), 20)

    assert flat(told) == [Kind.NEW, Kind.RECOVERED] * 3 + [Kind.FLAPPING]


def test_its_end_names_a_state_that_is_good():
    story = Story()
    alternating(story, 8)

    told = flat(story.told(*[WELL] * 20))

    assert told == [Kind.STEADY]
    assert story.incident == Incident()


def test_its_end_names_a_state_that_is_bad_and_that_counts_as_told():
    story = Story()
    alternating(story, 8)

    told = []
    while not told:
        told = story.run({"x": FAILED})

    assert told == [Kind.STEADY]
    assert story.flip.said == f"is steady again: it fails, {story.x.runs_failed} failed runs in a row"
    assert story.x.status is Status.HARD
    assert story.told(FAILED, WELL) == [[], [Kind.RECOVERED]]


def test_a_state_that_patience_bears_counts_as_told_too_once_its_end_has_named_it():
    story = Story(Policy(patience="1 week"))
    alternating(story, 8)

    told = []
    while not told:
        told = story.run({"x": FAILED})

    assert (told, story.x.status) == ([Kind.STEADY], Status.HARD)
    assert story.told(WELL) == [[Kind.RECOVERED]]


def test_no_reminder_while_it_flaps():
    story = Story(Policy(patience="now", remind="1 min"))

    told = flat(alternating(story, 30))

    assert Kind.STILL not in told[told.index(Kind.FLAPPING) :]


def test_patience_that_never_ends_mutes_flapping_too():
    assert flat(alternating(Story(Policy(patience="never")), 20)) == []


def test_a_level_whose_patience_never_ends_is_not_told_of_as_flapping():
    story = Story(Policy(patience={"ERROR": "never", "CRITICAL": "now"}))

    assert flat(alternating(story, 20)) == []


def test_flapping_is_seen_even_while_every_change_is_within_patience():
    story = Story(Policy(patience="10 runs"))

    assert Kind.FLAPPING in flat(alternating(story, 8))


@pytest.mark.parametrize("skipped", [1, 5])
def test_a_run_that_does_not_see_the_source_is_no_change(skipped):
    story = Story()
    for attempt in [FAILED, WELL] * 3:
        story.run({"x": attempt})
        for _ in range(skipped):
            story.run({"y": WELL})

    assert bin(story.x.changes).count("1") == 5
    assert story.x.changes == 0b11111


@pytest.mark.parametrize("patience", ["never and 3 runs", "never or never", "3 runs and never or never"])
def test_a_patience_that_can_never_end_tells_of_no_flapping(patience):
    assert flat(alternating(Story(Policy(patience=patience)), 20)) == []


def test_one_that_may_end_does():
    assert Kind.FLAPPING in flat(alternating(Story(Policy(patience="never or 9 runs")), 20))


def test_a_state_that_recovers_counts_as_told():
    story = Story(Policy(patience="now", recover_after=30))
    alternating(story, 8)

    told = flat(story.told(*[WELL] * 40))

    assert told == [Kind.STEADY, Kind.RECOVERED]
