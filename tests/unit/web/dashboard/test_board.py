"""The board: what comes first, what is chosen, what is on a page, when the next run is due."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sponge.model import Silence
from mailsponge.web.dashboard import board as boards
from mailsponge.web.dashboard.board import Board, Job, Row, Wanted, chosen, due, page_of, question, wanted_of

HOUR = 3600.0
NOW = 1_000_000.0


def row(source: str = "x", word: str = "ok", **fields: Any) -> Row:
    about: dict[str, Any] = {
        "job": "podcasts",
        "host": "",
        "streak": 0,
        "since": None,
        "last_run_at": NOW,
        "last_verdict": "ok",
        "reason": "good",
        "failed_run": None,
        "told_at": None,
        "mail": None,
        "is_acknowledged": False,
        "acknowledged_because": "",
        "state": 0,
    }
    return Row(source=source, word=word, **(about | fields))


def board(*rows: Row, silences: tuple[Silence, ...] = ()) -> Board:
    counts = Counter(each.word for each in rows)
    return Board([Job("podcasts", 0, counts, silences=silences)], boards.rows_of(rows))


def names(found: Board, now: float = NOW, **wanted: Any) -> list[str]:
    return [each.source for each in chosen(found, Wanted(**wanted), now)]


# What comes first


def test_what_was_told_comes_before_what_flaps_recovers_fails_and_works():
    rows = [row(word, word) for word in ("ok", "soft", "recovering", "flapping", "hard")]

    assert names(board(*rows)) == ["hard", "flapping", "recovering", "soft", "ok"]


def test_of_two_that_fail_the_one_that_failed_more_often_comes_first():
    assert names(board(row("a", "hard", streak=3), row("b", "hard", streak=30))) == ["b", "a"]


def test_what_somebody_knows_of_comes_after_what_nobody_does():
    rows = row("known", "hard", streak=9, is_acknowledged=True), row("new", "hard", streak=3)

    assert names(board(*rows)) == ["new", "known"]


def test_a_job_with_something_to_look_after_comes_first():
    jobs = [Job("fails", 0, {"hard": 9}), Job("well", 0, {"ok": 1}), Job("waits", 0, {"ok": 1}, waiting=1)]

    assert [job.name for job in boards.in_order(jobs)] == ["waits", "fails", "well"]


def test_a_job_without_any_source_comes_last():
    jobs = [Job("new", 0), Job("well", 0, {"ok": 1})]

    assert [job.name for job in boards.in_order(jobs)] == ["well", "new"]


# What is chosen


def test_all_words_have_to_be_in_the_name_in_any_order_and_case():
    found = board(row("Søndag på P1"), row("In Our Time"), row("P1 Morgen"))

    assert names(found, words="P1 SØNDAG") == ["Søndag på P1"]


def test_a_source_is_also_found_by_its_job_and_its_host():
    found = board(row("a", job="backup", host="nas1"), row("b"))

    assert names(found, words="backup nas1") == ["a"]


def test_failing_is_all_but_ok():
    found = board(row("a"), row("b", "soft"), row("c", "hard"))

    assert names(found, standing="failing") == ["c", "b"]
    assert names(found, standing="soft") == ["b"]


def test_muted_is_what_is_silenced_now_or_acknowledged():
    silences = (Silence("nas*", NOW - 5, NOW + 5), Silence("*", NOW - 50, NOW - 5))
    found = board(row("nas1"), row("laptop"), row("b", "hard", is_acknowledged=True), silences=silences)

    assert names(found, standing="muted") == ["b", "nas1"]
    assert names(found, standing="muted", now=NOW + 5) == ["b"]


def test_one_job_is_chosen_by_its_name_and_its_state():
    found = board(row("a"), row("b", job="backup"), row("c", state=1))

    assert names(found, job="podcasts") == ["a"]
    assert names(found, job="podcasts", state=1) == ["c"]


@pytest.mark.parametrize(
    ("order", "first"), [("source", "a"), ("streak", "c"), ("since", "b"), ("run", "a"), ("job", "b")]
)
def test_rows_are_sorted_by_what_is_asked_for(order, first):
    found = board(
        row("b", "soft", since=1.0, job="backup"),
        row("c", "soft", streak=7, since=2.0),
        row("a", last_run_at=NOW + 1),
    )

    assert names(found, order=order)[0] == first
    assert names(found, order=order, is_reversed=True)[-1] == first


# Rows that are read when they are asked for


@given(
    st.lists(st.integers(0, 12), max_size=5),
    st.integers(0, 4),
    st.integers(0, 4),
    st.slices(40).filter(lambda s: s.step in (None, 1)),
)
def test_a_part_of_the_rows_is_what_it_is_of_all(sizes, troubled, at_hand, wanted):
    well = [[row(f"{job} {n}") for n in range(size)] for job, size in enumerate(sizes)]

    def of(some: list[Row]) -> boards.Well:
        return boards.Well(len(some), some[:at_hand], lambda begin, end: some[begin:end])

    failing = [row(f"fails {n}", "hard", streak=9 - n) for n in range(troubled)]
    rows = boards.Rows(failing, [of(some) for some in well])
    everything = failing + [each for some in well for each in some]

    assert list(rows) == everything
    assert list(rows[wanted]) == everything[wanted]


def test_what_is_at_hand_is_not_read():
    def unwanted(begin: int, end: int) -> list[Row]:
        raise AssertionError("nobody has asked for that")

    rows = boards.Rows([row("x", "hard")], [boards.Well(10_000, [row("a"), row("b")], unwanted)])

    assert [each.source for each in page_of(rows, 1, 3).rows] == ["x", "a", "b"]
    assert chosen(Board([], rows), Wanted(standing="failing"), NOW) == [row("x", "hard")]


# Pages


@given(st.integers(0, 50), st.integers(1, 10), st.integers(-3, 60))
def test_every_page_is_full_but_the_last_and_never_beyond_what_there_is(count, most, number):
    page = page_of([row(str(n)) for n in range(count)], number, most)

    assert 1 <= page.number <= page.pages
    assert page.total == count
    assert len(page.rows) == (most if page.number < page.pages else count - (page.pages - 1) * most)


# Addresses


def test_what_an_address_cannot_ask_for_is_passed_over():
    assert wanted_of({"sort": "; DROP", "show": "everything", "turned": "yes"}) == Wanted()


@given(
    st.text(max_size=30).map(str.strip),
    st.sampled_from(["", *boards.STANDINGS]),
    st.sampled_from(list(boards.ORDERS)),
    st.booleans(),
)
def test_an_address_says_what_was_wanted(words, standing, order, is_reversed):
    wanted = Wanted(words, standing, order=order, is_reversed=is_reversed)

    assert wanted_of(question(wanted)) == wanted


@pytest.mark.parametrize("text", ["", "-1", "1e9", "９", "9999999", "0x1"])
def test_what_is_no_small_number_is_none(text):
    assert boards.number_of(text, 1) == 1


# When the next run is due


def test_it_is_due_as_its_settings_say():
    assert due(HOUR, [NOW]) == boards.Due(NOW + HOUR, NOW + 1.25 * HOUR, by_habit=False)


def test_it_is_late_when_a_run_counts_as_missed():
    expected = due(HOUR, [NOW])

    assert expected is not None
    assert not expected.is_late(NOW + 1.2 * HOUR)
    assert expected.is_late(NOW + 1.25 * HOUR)


def test_runs_that_lie_about_as_far_apart_are_a_habit_which_is_never_late():
    expected = due(None, [NOW - n * HOUR + n % 3 for n in range(6)])

    assert expected is not None
    assert expected.by_habit
    assert abs(expected.at - NOW - HOUR) < 5
    assert not expected.is_late(NOW + 100 * HOUR)


@pytest.mark.parametrize("began", [[], [NOW], [NOW, NOW - 1, NOW - 2], [NOW - n**3 * HOUR for n in range(8)]])
def test_too_few_runs_or_runs_at_any_time_tell_nothing(began):
    assert due(None, began) is None
