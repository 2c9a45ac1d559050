"""What every ledger remembers for the policy: states a host, incidents, silences, what was gathered, and history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.protocol import Standing
from mailsponge.sponge.model import (
    DEBUG,
    ERROR,
    INFO,
    OK,
    Attempt,
    Ending,
    Gathered,
    Incident,
    Mail,
    Record,
    Run,
    Silence,
    SourceState,
    Status,
)

FAILING = SourceState(status=Status.HARD, last_verdict=ERROR, reason="3 failed runs in a row")
TOLD = Incident(failing=("a",), level=ERROR, told_at=100.0, said="has failed")

ODD_NAMES = [
    "",
    " ",
    "a\nb",
    "a\0b",
    "\0",
    "␀",
    "␀0",
    "␀␀0\0",
    "Søndag på P1",
    "%s %(x)s",
    "'; DROP TABLE run; --",
    "\x1b[31mred",
    "{a,b}",
    '"',
    "\\N",
    "\\",
    "NULL",
    "𝄞",
]


def run(number: int = 1, host: str = "a", began_at: float | None = None, **fields: Any) -> Run:
    at = 1000.0 + number if began_at is None else began_at
    about: dict[str, Any] = {"ended_at": at + 5, "ending": Ending.FINISHED, "records": 0} | fields
    return Run(f"{host}{number}", number, host, at, **about)


def record(text: str = "HTTP 404", source: str = "x", at: float = 100.0, level: int = ERROR) -> Record:
    return Record(source, at, level, "feeds", text, "")


def logged(ledger: Ledger, number: int, *records: Record, **about: Any) -> None:
    """A run and what was logged in it."""
    made = run(number, **{"records": len(records)} | about)
    ledger.add_records(made.id, records)
    ledger.add_run(made, {}, "")


class Undone(Exception):
    """Ends a transaction that must not be kept."""


@contextmanager
def undone(ledger: Ledger) -> Iterator[None]:
    with suppress(Undone), ledger.transaction():
        yield
        raise Undone


Read = Callable[[Ledger], object]

EMPTY: Mapping[str, tuple[Read, object]] = {
    "states": (lambda ledger: ledger.states("a"), {}),
    "standings": (lambda ledger: ledger.standings(), []),
    "incidents": (lambda ledger: ledger.incidents(), {}),
    "silences": (lambda ledger: ledger.silences(), []),
    "memo": (lambda ledger: ledger.memo("missed"), None),
    "gathered": (lambda ledger: ledger.gathered(0), []),
    "gathered_records": (lambda ledger: list(ledger.gathered_records()), []),
    "history": (lambda ledger: list(ledger.history()), []),
    "recent": (lambda ledger: ledger.recent("x", 10), []),
    "last_began_at": (lambda ledger: ledger.last_began_at(), None),
}


@pytest.mark.parametrize("what", EMPTY)
def test_a_new_ledger_remembers_nothing(ledger, what):
    read, nothing = EMPTY[what]

    with ledger.transaction():
        assert read(ledger) == nothing


# States, a host


def test_a_source_has_a_state_on_each_host(ledger):
    with ledger.transaction():
        ledger.put_states({"x": FAILING}, "a")
        ledger.put_states({"x": SourceState()}, "b")
        ledger.put_states({"x": SourceState(reason="here")})

    with ledger.transaction():
        assert ledger.states("a") == {"x": FAILING}
        assert ledger.states("b") == {"x": SourceState()}
        assert ledger.states() == {"x": SourceState(reason="here")}
        assert ledger.states("c") == {}


def test_standings_come_by_source_and_host(ledger):
    with ledger.transaction():
        ledger.put_states({"y": SourceState(), "Z": SourceState(), "": FAILING}, "b")
        ledger.put_states({"y": FAILING}, "a")

        assert ledger.standings() == [
            Standing("", "b", FAILING),
            Standing("Z", "b", SourceState()),
            Standing("y", "a", FAILING),
            Standing("y", "b", SourceState()),
        ]


def test_putting_no_states_changes_none(ledger):
    with ledger.transaction():
        ledger.put_states({"x": FAILING}, "a")
        ledger.put_states({}, "a")
        assert ledger.states("a") == {"x": FAILING}


def test_a_state_is_put_over_the_one_before_in_one_transaction_or_several(ledger):
    for reason in ("one", "two"):
        with ledger.transaction():
            ledger.put_states({"x": FAILING, "y": FAILING}, "a")
            ledger.put_states({"x": FAILING._replace(reason=reason)}, "a")

    with ledger.transaction():
        assert len(ledger.standings()) == 2
        assert ledger.states("a")["x"].reason == "two"


# Incidents


def test_an_incident_reads_back_as_it_was(ledger):
    whole = Incident(
        failing=("a", "b"),
        recovering=("c",),
        soft=("d",),
        flapping=("e",),
        since=1.5,
        ended_at=2.5,
        is_gone=True,
        level=ERROR,
        runs_failed=7,
        failed_run="run7",
        said="has failed",
        reason="why\0not",
        told_at=3.5,
        mailed_at=4.5,
        failed_since_mail=True,
        flapping_told=True,
        acknowledged=ERROR,
        thread="<1@example.org>",
    )

    with ledger.transaction():
        ledger.put_incidents({"x": whole})
    with ledger.transaction():
        assert ledger.incidents() == {"x": whole}


def test_incidents_that_are_not_put_stay_and_those_of_which_nothing_is_left_go(ledger):
    with ledger.transaction():
        ledger.put_incidents({"x": TOLD, "y": TOLD, "z": TOLD})
        ledger.put_incidents({"x": TOLD._replace(told_at=200.0), "y": Incident(), "never there": Incident()})
        ledger.put_incidents({})

        assert ledger.incidents() == {"x": TOLD._replace(told_at=200.0), "z": TOLD}


def test_what_was_read_can_be_changed_without_changing_the_ledger(ledger):
    with ledger.transaction():
        ledger.put_incidents({"x": TOLD})
        ledger.put_silences([Silence("*", 1.0, 2.0)])
        ledger.add_run(run(1), {"x": ERROR}, "", {"x": Attempt(ERROR)})
    with ledger.transaction():
        ledger.incidents().clear()
        ledger.silences().clear()
        for _, attempts in ledger.history():
            attempts.clear()
    with ledger.transaction():
        assert ledger.incidents() == {"x": TOLD}
        assert len(ledger.silences()) == 1
        assert [attempts for _, attempts in ledger.history()] == [{"x": Attempt(ERROR)}]


# Forgetting


def test_a_source_is_forgotten_on_every_host_with_its_incident(ledger):
    with ledger.transaction():
        for host in ("a", "b"):
            ledger.put_states({"x": FAILING, "y": FAILING}, host)
        ledger.put_incidents({"x": TOLD, "y": TOLD})
        ledger.forget(["x", "never there"])

    with ledger.transaction():
        assert [(s.source, s.host) for s in ledger.standings()] == [("y", "a"), ("y", "b")]
        assert ledger.incidents() == {"y": TOLD}


def test_a_source_is_forgotten_on_one_host_alone(ledger):
    with ledger.transaction():
        for host in ("a", "b", ""):
            ledger.put_states({"x": FAILING, "y": FAILING}, host)
        ledger.put_incidents({"x": TOLD})
        ledger.forget(["x"], "a")
        ledger.forget(["y"], "")

        assert [(s.source, s.host) for s in ledger.standings()] == [
            ("x", ""),
            ("x", "b"),
            ("y", "a"),
            ("y", "b"),
        ]
        assert ledger.incidents() == {"x": TOLD}


# Silences


def test_silences_come_in_the_order_in_which_they_began(ledger):
    first, second, third = (
        Silence("nas*", 100.0, 200.0, "moving"),
        Silence("*", 200.0, 300.0),
        Silence("nas*", 200.0, 250.5, "a\0b"),
    )

    with ledger.transaction():
        ledger.put_silences([third])
        ledger.put_silences(iter([second, third, first]))
        assert ledger.silences() == [first, second, third]

    with ledger.transaction():
        ledger.put_silences([])
        assert ledger.silences() == []


# Memos


@pytest.mark.parametrize("value", [None, 0, 1.5, "", "a\0b", "Søndag", [1, 2], {"a": {"b": None}}, True])
def test_a_small_thing_is_remembered(ledger, value):
    with ledger.transaction():
        ledger.put_memo("thing", "before")
        ledger.put_memo("thing", value)
        ledger.put_memo("other", 7)
    with ledger.transaction():
        assert ledger.memo("thing") == value
        assert ledger.memo("other") == 7
        assert ledger.settings() is None


# Runs of several hosts


def test_numbers_are_a_hosts_own(ledger):
    with ledger.transaction():
        ledger.add_run(run(7, "a"), {}, "")
        ledger.add_run(run(9, "b"), {}, "")
        ledger.add_run(run(11, "b", ending=Ending.STRAY), {}, "")

        assert ledger.newest_number("a") == 7
        assert ledger.newest_number("b") == 9
        assert ledger.newest_number("c") == 0
        assert ledger.newest_number() == 9


def test_the_youngest_run_is_the_one_with_the_highest_number_whatever_a_clock_said(ledger):
    with ledger.transaction():
        assert ledger.last_began_at() is None
        ledger.add_run(run(2, began_at=1000.0), {}, "")
        ledger.add_run(run(1, began_at=2000.0), {}, "")
        ledger.add_run(run(3, began_at=3000.0, ending=Ending.STRAY), {}, "")
        assert ledger.last_began_at() == 1000.0


def test_recent_verdicts_come_oldest_first_with_gaps_where_a_source_was_not_seen(ledger):
    with ledger.transaction():
        for number, verdicts in enumerate(({"x": OK}, {"x": ERROR}, {}, {"x": OK, "y": ERROR}), 1):
            ledger.add_run(run(number), verdicts, "", {"z": Attempt()})

        assert ledger.recent("x", 10) == [OK, ERROR, None, OK]
        assert ledger.recent("x", 2) == [None, OK]
        assert ledger.recent("y", 3) == [None, None, ERROR]
        assert ledger.recent("z", 2) == [None, None]


def test_recent_verdicts_of_a_host_are_its_own(ledger):
    with ledger.transaction():
        ledger.add_run(run(1, "a", 1001.0), {"x": ERROR}, "")
        ledger.add_run(run(2, "b", 1002.0), {"x": OK}, "")
        ledger.add_run(run(3, "a", 1003.0), {"x": OK}, "")

        assert ledger.recent("x", 10, "a") == [ERROR, OK]
        assert ledger.recent("x", 10, "b") == [OK]
        assert ledger.recent("x", 10, "c") == []
        assert ledger.recent("x", 10) == [ERROR, OK, OK]


def test_on_a_shared_ledger_runs_of_hosts_stand_by_their_clocks(shared_ledger):
    with shared_ledger.transaction():
        shared_ledger.add_run(run(900, "a", 1001.0), {"x": ERROR}, "")
        shared_ledger.add_run(run(2, "b", 1002.0), {"x": OK}, "")
        shared_ledger.add_run(run(901, "a", 1000.0), {}, "")

        assert [folded.run.id for folded in shared_ledger.runs(2)] == ["b2", "a900"]
        assert shared_ledger.recent("x", 3) == [None, ERROR, OK]
        # A host's own are in the order in which it drew their numbers, whatever its clock said.
        assert shared_ledger.recent("x", 3, "a") == [ERROR, None]


# History


def test_history_tells_what_each_run_showed_in_the_order_of_folding(ledger):
    shown = {
        "": Attempt(),
        "x": Attempt(ERROR, raised=True, entered=True, broken_off=False, lowest=INFO),
        "y\0": Attempt(broken_off=True, entered=True),
    }

    with ledger.transaction():
        ledger.add_run(run(2, folded_at=7.5), {"x": ERROR, "only judged": OK}, "", shown)
        ledger.add_run(run(1, ending=Ending.DIED), {"": ERROR}, "")
        ledger.add_run(run(3), {}, "", {"z": Attempt(DEBUG, lowest=DEBUG)})

    with ledger.transaction():
        assert list(ledger.history()) == [
            (run(2, folded_at=7.5), shown),
            (run(1, ending=Ending.DIED), {}),
            (run(3), {"z": Attempt(DEBUG, lowest=DEBUG)}),
        ]


def test_a_part_of_history_may_do(ledger):
    with ledger.transaction():
        for number in range(5):
            ledger.add_run(run(number), {}, "")
        first, _ = next(iter(ledger.history()))
        assert first == run(0)
        # The ledger can go on while the rest was not read.
        ledger.add_run(run(6), {}, "")


def test_what_is_in_trouble_is_found_among_many_that_are_well(ledger):
    sly = SourceState(reason='"flapping":true {"status":"hard"')
    states = {
        "b": FAILING,
        "a": SourceState(flapping=True),
        "d": SourceState(),
        "sly": sly,
        "c": SourceState(status=Status.RECOVERING),
        "Ü": SourceState(),
        "z": SourceState(),
    }
    with ledger.transaction():
        assert ledger.troubled() == ([], 0)
        ledger.put_states(states, "x")

    with ledger.transaction():
        troubled, others = ledger.troubled()
        assert ([standing.source for standing in troubled], others) == (["a", "b", "c"], 4)
        assert [standing.source for standing in ledger.well(0, None)] == ["d", "sly", "z", "Ü"]
        assert ledger.well(1, 2) == [Standing("sly", "x", sly), Standing("z", "x", SourceState())]
        assert ledger.well(9, 2) == []


@pytest.mark.parametrize(
    ("most", "runs"), [(0, []), (1, [3]), (2, [3]), (3, [2, 3]), (5, [2, 3]), (6, [1, 2, 3]), (99, [1, 2, 3])]
)
def test_the_newest_part_of_history_names_no_more_sources_than_wanted(ledger, most, runs):
    with ledger.transaction():
        ledger.add_run(run(1), {}, "", dict.fromkeys("xyz", Attempt()))
        ledger.add_run(run(2), {"judged only": OK}, "", dict.fromkeys("xy", Attempt()))
        ledger.add_run(run(3), {}, "", {"x": Attempt()})

    with ledger.transaction():
        assert [found.number for found, _ in ledger.history(most)] == runs


def test_the_last_runs_of_several_sources_are_what_they_are_of_each(ledger):
    names = ["x", "y\0", "nobody's", *(f"many {n}" for n in range(1200))]
    with ledger.transaction():
        for number in range(5):
            ledger.add_run(
                run(number, "ab"[number % 2], number), {"x": ERROR, "y\0": OK, f"many {number}": OK}, ""
            )

    with ledger.transaction():
        for host in ("", "a", "b", "c"):
            assert ledger.recents(names, 3, host) == {name: ledger.recent(name, 3, host) for name in names}


def test_the_last_beginnings_come_newest_first_and_without_strays(ledger):
    with ledger.transaction():
        assert ledger.beginnings(3) == []
        for number in range(1, 5):
            ledger.add_run(run(number, began_at=100.0 * number), {}, "")
        ledger.add_run(run(5, began_at=999.0, ending=Ending.STRAY), {}, "")

        assert ledger.beginnings(3) == [400.0, 300.0, 200.0]


# The digest


def test_what_was_logged_is_gathered_until_it_was_mailed(ledger):
    with ledger.transaction():
        logged(ledger, 1, record("a", at=200.0), record("b", "y", 150.0, INFO), record("c", at=100.0))
        logged(ledger, 2, record("d", at=50.0))

        assert ledger.gathered(0) == [Gathered("x", 3, 50.0), Gathered("y", 1, 150.0)]
        assert ledger.gathered(ERROR) == [Gathered("x", 3, 50.0)]
        assert [r.text for r in ledger.gathered_records()] == ["c", "b", "a", "d"]

        ledger.all_gathered()
        assert ledger.gathered(0) == []
        assert list(ledger.gathered_records()) == []

        logged(ledger, 3, record("e", at=300.0))
        assert ledger.gathered(0) == [Gathered("x", 1, 300.0)]
        assert [r.text for r in ledger.gathered_records()] == ["e"]


def test_records_of_one_moment_are_gathered_in_the_order_they_were_logged(ledger):
    with ledger.transaction():
        logged(ledger, 1, *(record(str(n)) for n in range(20)))

        assert [r.text for r in ledger.gathered_records()] == [str(n) for n in range(20)]


def test_that_all_was_gathered_can_be_undone(ledger):
    with ledger.transaction():
        logged(ledger, 1, record())
    with undone(ledger):
        ledger.all_gathered()
    with ledger.transaction():
        assert ledger.gathered(0) == [Gathered("x", 1, 100.0)]


def test_that_nothing_was_there_to_gather_does_not_hide_what_comes(ledger):
    with ledger.transaction():
        ledger.all_gathered()
        logged(ledger, 1, record())
        assert ledger.gathered(0) == [Gathered("x", 1, 100.0)]


# How long it is kept


def texts(ledger: Ledger, *numbers: int) -> list[str]:
    return [r.text for number in numbers for r in ledger.records(f"a{number}", None, 0)]


def test_of_too_many_records_those_of_the_oldest_runs_go(ledger):
    with ledger.transaction():
        for number in (1, 2, 3):
            logged(ledger, number, record(f"{number}a"), record(f"{number}b"))
        ledger.all_gathered()

        ledger.prune(0.0, 0.0, 6)
        assert texts(ledger, 1, 2, 3) == ["1a", "1b", "2a", "2b", "3a", "3b"]
        ledger.prune(0.0, 0.0, 5)
        assert texts(ledger, 1, 2, 3) == ["2a", "2b", "3a", "3b"]
        ledger.prune(0.0, 0.0, 4)
        assert texts(ledger, 1, 2, 3) == ["2a", "2b", "3a", "3b"]
        ledger.prune(0.0, 0.0, 1)
        assert texts(ledger, 1, 2, 3) == ["3a", "3b"]
        assert [folded.run.number for folded in ledger.runs(10)] == [3, 2, 1]


def test_records_that_were_forgotten_do_not_count_any_more(ledger):
    with ledger.transaction():
        for number in range(1, 6):
            logged(ledger, number, record(f"{number}a"), record(f"{number}b"))
            ledger.all_gathered()
            ledger.prune(0.0, 0.0, 4)

        assert texts(ledger, *range(1, 6)) == ["4a", "4b", "5a", "5b"]


def test_what_is_still_to_be_gathered_is_not_forgotten(ledger):
    with ledger.transaction():
        logged(ledger, 1, record("mailed"))
        ledger.all_gathered()
        logged(ledger, 2, record("to be mailed"))

        ledger.prune(10**9, 10**9, 0)

        assert texts(ledger, 1, 2) == ["to be mailed"]
        assert [folded.run.number for folded in ledger.runs(10)] == [2]
        assert [r.text for r in ledger.gathered_records()] == ["to be mailed"]

        ledger.all_gathered()
        ledger.prune(10**9, 10**9, 0)
        assert texts(ledger, 1, 2) == []
        assert ledger.runs(10) == []
        assert ledger.recent("x", 10) == []


def test_a_run_that_logged_nothing_need_not_be_gathered_to_be_forgotten(ledger):
    with ledger.transaction():
        ledger.add_run(run(1), {"x": OK}, "")

        ledger.prune(10**9, 10**9, 0)

        assert ledger.runs(10) == []


def test_silences_that_ended_long_ago_are_forgotten(ledger):
    with ledger.transaction():
        ledger.put_silences([Silence("old", 1.0, 99.0), Silence("new", 1.0, 101.0)])
        ledger.prune(0.0, 100.0, 1000)
        assert [silence.pattern for silence in ledger.silences()] == ["new"]


# The outbox


def test_the_outboxs_lock_is_had_by_one_at_a_time(ledger):
    with ledger.outbox_lock() as mine:
        assert mine
        with ledger.transaction():
            ledger.add_mail(Mail("<1@example.org>", 1.0, "s", "a@b", ("c@d",), b""))
    with ledger.outbox_lock() as mine:
        assert mine


def test_the_outboxs_lock_is_free_again_after_an_error(ledger):
    with pytest.raises(Undone), ledger.outbox_lock():
        raise Undone
    with ledger.outbox_lock() as mine:
        assert mine


# Names


@pytest.mark.parametrize("name", ODD_NAMES)
def test_whatever_a_source_is_called_its_memory_is_found_again(ledger, name):
    with ledger.transaction():
        logged(ledger, 1, record("text", name), host=name)
        ledger.add_run(run(2, "b"), {name: ERROR}, name, {name: Attempt(ERROR)})
        ledger.put_states({name: FAILING}, name)
        ledger.put_incidents({name: TOLD._replace(failing=(name,))})
        ledger.put_silences([Silence(name, 1.0, 2.0, name)])
        ledger.put_memo(name, name)

    with ledger.transaction():
        assert ledger.states(name) == {name: FAILING}
        assert ledger.incidents() == {name: TOLD._replace(failing=(name,))}
        assert ledger.silences() == [Silence(name, 1.0, 2.0, name)]
        assert ledger.memo(name) == name
        assert ledger.recent(name, 1) == [ERROR]
        assert [r.text for r in ledger.records(f"{name}1", name, 0)] == ["text"]
        assert ledger.gathered(0) == [Gathered(name, 1, 100.0)]
        assert ledger.newest_number("b") == 2
        assert ledger.has_run(f"{name}1")
        (newest, *_) = ledger.runs(10)
        assert (newest.verdicts, newest.note) == ({name: ERROR}, name)

        ledger.put_states({name: SourceState()}, name)
        assert ledger.states(name) == {name: SourceState()}
        ledger.forget([name])
        assert ledger.states(name) == {}
        assert ledger.incidents() == {}


def test_names_that_are_very_long_are_told_apart(ledger):
    one, two = ("".join(chr(97 + n * n % 26) for n in range(100_000)) + end for end in "ab")

    with ledger.transaction():
        logged(ledger, 1, record("one", one), record("two", two), host=one)
        ledger.add_run(run(1, two), {one: ERROR, two: OK}, "", {})
        for host in (one, two):
            ledger.put_states({one: FAILING, two: SourceState()}, host)
        ledger.put_incidents({one: TOLD, two: TOLD._replace(told_at=1.0)})

        assert ledger.states(one) == ledger.states(two) == {one: FAILING, two: SourceState()}
        assert ledger.incidents() == {one: TOLD, two: TOLD._replace(told_at=1.0)}
        assert ledger.recent(one, 2)[-1] == ERROR
        assert ledger.recent(two, 2)[-1] == OK
        assert [r.text for r in ledger.records(f"{one}1", two, 0)] == ["two"]
        assert ledger.has_run(f"{one}1")
        assert ledger.has_run(f"{two}1")
        assert not ledger.has_run(f"{one}2")
        ledger.forget([one])
        assert ledger.states(one) == {two: SourceState()}


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
        max_size=5,
    )
)
def test_any_text_reads_back(ledger, given_texts):
    with undone(ledger):
        ledger.put_states({name: SourceState(reason=text) for name, text in given_texts.items()}, "host")
        logged(ledger, 1, *(record(text, name) for name, text in given_texts.items()))

        assert {name: state.reason for name, state in ledger.states("host").items()} == given_texts
        assert {r.source: r.text for r in ledger.records("a1", None, 0)} == given_texts


def test_the_newest_run_keeps_its_records_however_many_they_are(ledger):
    with ledger.transaction():
        logged(ledger, 1, record("old"))
        logged(ledger, 2, *(record(str(n)) for n in range(5)))
        ledger.all_gathered()
        ledger.prune(0.0, 0.0, 3)

        assert texts(ledger, 1, 2) == ["0", "1", "2", "3", "4"]


def test_a_run_that_began_with_a_wrong_clock_is_as_old_as_its_folding(ledger):
    with ledger.transaction():
        logged(ledger, 1, record("kept"), began_at=5.0, folded_at=1_000_000.0)
        ledger.all_gathered()
        ledger.prune(900_000.0, 900_000.0, 10)

        assert texts(ledger, 1) == ["kept"]
        assert len(ledger.runs(10)) == 1
