"""Rules of the agenda: the earliest moment of each name, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailsponge.queue.agenda import Agenda

ENTRIES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 100)))


def noted(*entries: tuple[str, float]) -> Agenda:
    agenda = Agenda()
    for name, at in entries:
        agenda.put(name, at)
    return agenda


def test_nothing_is_due_in_an_empty_one():
    assert Agenda().first() is None
    assert Agenda().take(100.0, 10) == []


def test_an_earlier_moment_counts_and_a_later_one_does_not():
    assert noted(("a", 5.0), ("a", 3.0), ("a", 9.0)).first() == 3.0


def test_what_was_taken_is_forgotten():
    agenda = noted(("a", 1.0), ("b", 2.0))

    assert agenda.take(1.5, 10) == ["a"]
    assert "a" not in agenda
    assert agenda.first() == 2.0


def test_what_was_dropped_does_not_come():
    agenda = noted(("a", 1.0), ("b", 2.0))
    agenda.drop("a")

    assert agenda.first() == 2.0


@given(ENTRIES, st.floats(0, 100), st.integers(0, 10))
def test_it_gives_the_longest_due_first(entries, now, most):
    agenda, earliest = noted(*entries), {}
    for name, at in entries:
        earliest[name] = min(at, earliest.get(name, at))
    due = sorted((at, name) for name, at in earliest.items() if at <= now)

    assert agenda.take(now, most) == [name for _, name in due[:most]]
    assert len(agenda) == len(earliest) - min(most, len(due))


def test_many_moments_of_one_name_take_no_more_room_than_one():
    agenda = noted(*(("a", 10_000.0 - n) for n in range(5000)))

    assert len(agenda) == 1
    assert len(agenda._heap) < 100
