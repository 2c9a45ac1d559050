"""What every ledger does, on disk or in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import (
    CRITICAL,
    ERROR,
    INFO,
    OK,
    Ending,
    Excerpt,
    Failures,
    Judged,
    Mail,
    Record,
    Run,
    SourceState,
    Status,
    storable,
)

Make = Callable[[], Ledger]

DAY = 86400.0


def run(number: int = 1, began_at: float = 100.0, **fields: Any) -> Run:
    about = {"host": "laptop", "ended_at": began_at + 5, "ending": Ending.FINISHED, "records": 2} | fields
    return Run(f"run{number}", number, began_at=began_at, **about)


def record(text: str = "HTTP 404", source: str = "x", at: float = 100.0, level: int = ERROR) -> Record:
    return Record(source, at, level, "feeds", text, "Traceback", laid_out=True)


def mail(n: int = 1, **fields: Any) -> Mail:
    return Mail(
        **{
            "message_id": f"<{n}@example.org>",
            "created_at": 100.0 + n,
            "subject": "Søndag has failed",
            "fromaddr": "sponge@example.org",
            "toaddrs": ("me@example.org", "you@example.org"),
            "content": b"Subject: x\r\n\r\n\x00\xff",
        }
        | fields
    )


class Undone(Exception):
    """Ends a transaction that must not be kept."""


@contextmanager
def undone(ledger: Ledger) -> Iterator[None]:
    with suppress(Undone), ledger.transaction():
        yield
        raise Undone


# A ledger nobody has written to


def test_a_new_ledger_remembers_nothing(ledger):
    with ledger.transaction():
        assert ledger.newest_number() == 0
        assert ledger.runs(10) == []
        assert ledger.states() == {}
        assert ledger.settings() is None
        assert ledger.mails() == []
        assert ledger.records("run1", "x", 0) == []
        assert not ledger.has_run("run1")


# Transactions


def fill(ledger: Ledger) -> None:
    """One of everything."""
    ledger.add_records("run1", [record()])
    ledger.add_run(run(), {"x": ERROR}, "a note")
    ledger.put_states({"x": SourceState(status=Status.SOFT)})
    ledger.put_settings({"job": "job"})
    ledger.add_mail(mail())


def kept(ledger: Ledger) -> list[object]:
    """What a ledger remembers, all in all."""
    with ledger.transaction():
        return [
            ledger.runs(10),
            ledger.records("run1", "x", 0),
            ledger.states(),
            ledger.settings(),
            ledger.mails(),
            ledger.newest_number(),
        ]


def test_what_a_transaction_wrote_is_there_after_it(ledger):
    with ledger.transaction():
        fill(ledger)

    assert kept(ledger) == [
        [(run(), {"x": ERROR}, "a note")],
        [record()],
        {"x": SourceState(status=Status.SOFT)},
        {"job": "job"},
        [mail()],
        1,
    ]


def test_what_a_transaction_wrote_is_there_inside_it(ledger):
    with ledger.transaction():
        fill(ledger)
        assert ledger.has_run("run1")
        assert ledger.states() == {"x": SourceState(status=Status.SOFT)}
        assert ledger.mails("waiting") == [mail()]


def test_a_transaction_that_an_exception_leaves_never_was(ledger):
    before = kept(ledger)

    with undone(ledger):
        fill(ledger)

    assert kept(ledger) == before


def test_changes_are_undone_like_additions(ledger):
    with ledger.transaction():
        fill(ledger)
    before = kept(ledger)

    with undone(ledger):
        ledger.add_records("run1", [record("more")])
        ledger.put_states({"x": SourceState(), "y": SourceState()})
        ledger.put_settings({"job": "other"})
        ledger.put_mail(mail(status="sent"))
        ledger.add_run(run(2), {}, "")
        ledger.prune(10**9, 10**9, 0)

    assert kept(ledger) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_not_even_ctrl_c_keeps_half_a_transaction(ledger, error):
    def interrupted() -> None:
        with ledger.transaction():
            fill(ledger)
            raise error

    with pytest.raises(error):
        interrupted()
    assert kept(ledger)[0] == []


def test_after_one_that_was_undone_the_next_transaction_is_kept(ledger):
    with undone(ledger):
        fill(ledger)
    with ledger.transaction():
        fill(ledger)

    assert kept(ledger)[0] == [(run(), {"x": ERROR}, "a note")]


# Runs


def test_a_folded_run_is_known(ledger):
    with ledger.transaction():
        ledger.add_run(run(7), {}, "")
        assert ledger.has_run("run7")
        assert not ledger.has_run("run8")


def test_the_newest_number_is_the_highest_whatever_was_folded_last(ledger):
    with ledger.transaction():
        ledger.add_run(run(7), {}, "")
        ledger.add_run(run(3), {}, "")
        assert ledger.newest_number() == 7


def test_a_strays_number_does_not_make_other_runs_late(ledger):
    with ledger.transaction():
        ledger.add_run(run(3), {}, "")
        ledger.add_run(run(7, ending=Ending.STRAY), {}, "")
        assert ledger.newest_number() == 3


def test_runs_come_newest_first_and_as_many_as_asked_for(ledger):
    with ledger.transaction():
        for number in (2, 10, 1, 9):
            ledger.add_run(run(number), {}, "")
        assert [found.number for found, _, _ in ledger.runs(3)] == [10, 9, 2]


@pytest.mark.parametrize("ending", list(Ending))
def test_a_run_is_kept_with_all_that_is_known_of_it(ledger, ending):
    whole = run(12, 1_700_000_000.25, host="søster", ended_at=1_700_000_001.5, ending=ending, records=10**9)
    verdicts = {"": OK, "Søndag på P1": ERROR, "x": CRITICAL}

    with ledger.transaction():
        ledger.add_run(whole, verdicts, "a nøte")
        ((found, judged, note),) = ledger.runs(1)

    assert (found, judged, note) == (whole, verdicts, "a nøte")
    assert found.ending is ending


# Records


def test_records_come_by_time_for_one_source_of_one_run_from_a_level_up(ledger):
    with ledger.transaction():
        ledger.add_records(
            "run1", [record("late", at=300.0), record("early", at=200.0), record("info", level=INFO)]
        )
        ledger.add_records("run1", [record("y", source="y")])
        ledger.add_records("run2", [record("other run")])

        assert [r.text for r in ledger.records("run1", "x", 0)] == ["info", "early", "late"]
        assert [r.text for r in ledger.records("run1", "x", ERROR)] == ["early", "late"]
        assert ledger.records("run1", "x", CRITICAL) == []


def test_records_of_one_moment_stay_in_the_order_they_were_logged(ledger):
    with ledger.transaction():
        ledger.add_records("run1", [record(str(n)) for n in range(20)])

        assert [r.text for r in ledger.records("run1", "x", 0)] == [str(n) for n in range(20)]


@pytest.mark.parametrize("count", [0, 1, 9, 10])
def test_a_short_log_is_excerpted_whole(ledger, count):
    records = [record(str(n), at=float(n), level=n) for n in range(count)]

    with ledger.transaction():
        ledger.add_records("run1", records)
        assert ledger.excerpt("run1", "x", 3, 7) == Excerpt(records, [], 0)


def test_a_long_log_is_excerpted_by_its_two_ends(ledger):
    with ledger.transaction():
        ledger.add_records("run1", [record(str(n), at=100.0 + n // 2) for n in range(25)])
        ledger.add_records("run1", [record("y", source="y"), record("y", source="y")])
        ledger.add_records("run2", [record("other run")])
        first, last, hidden = ledger.excerpt("run1", "x", 3, 7)

    assert [r.text for r in first] == ["0", "1", "2"]
    assert [r.text for r in last] == [str(n) for n in range(18, 25)]
    assert hidden == 15


def test_a_record_is_kept_with_all_it_says(ledger):
    whole = Record("x", 1.5, -7, "lögger", "a\0b\n\x1b", "Tråceback\r\n", laid_out=False)

    with ledger.transaction():
        ledger.add_records("run1", [whole])
        (found,) = ledger.records("run1", "x", -10)

    assert found == whole
    assert found.laid_out is False


def test_records_may_come_one_by_one_from_a_reader(ledger):
    with ledger.transaction():
        ledger.add_records("run1", (record(str(n)) for n in range(1000)))
        assert len(ledger.records("run1", "x", 0)) == 1000


def test_a_reader_that_breaks_off_leaves_nothing(ledger):
    def breaking() -> Iterator[Record]:
        yield record()
        raise Undone

    with pytest.raises(Undone), ledger.transaction():
        ledger.add_records("run1", breaking())

    with ledger.transaction():
        assert ledger.records("run1", "x", 0) == []


def test_lone_surrogates_are_kept_at_least_visibly(ledger):
    odd = "a\udcff\ud800b"

    with ledger.transaction():
        ledger.add_records("run1", [Record(odd, 1.0, ERROR, odd, odd, odd)])
        ledger.add_run(run(host=odd), {odd: ERROR}, "")
        ledger.put_states({odd: SourceState()})
        (found,) = ledger.records("run1", odd, 0)
        ((_, verdicts, _),) = ledger.runs(1)
        states = ledger.states()

    assert {storable(text) for text in (found.source, found.logger, found.text, found.detail)} == {
        r"a\udcff\ud800b"
    }
    assert {storable(source) for source in (*verdicts, *states)} == {r"a\udcff\ud800b"}


@pytest.mark.parametrize("block", [1, 7, 160, 1000])
def test_records_of_many_sources_are_told_apart_however_they_are_mixed(ledger, block):
    texts = {
        "x": [f"x{n}\udcff" if n == 500 else f"x{n}" for n in range(1000)],
        "y": [f"y{n}" for n in range(1000)],
    }
    mixed = [
        record(text, source)
        for begin in range(0, 1000, block)
        for source, of_source in texts.items()
        for text in of_source[begin : begin + block]
    ]

    with ledger.transaction():
        ledger.add_records("run1", mixed)
        ledger.add_records("run2", mixed[:3])

        for source, of_source in texts.items():
            kept = [storable(kept.text) for kept in ledger.records("run1", source, 0)]
            assert kept == [storable(text) for text in of_source]
            assert ledger.excerpt("run1", source, 2, 3).hidden == 995


# States

failures = st.builds(Failures, st.integers(1, 50), st.integers(1, 1000), st.floats(0, 1e10))
judged = st.builds(Judged, st.integers(0, 50), st.floats(0, 1e10))
moments = st.none() | st.floats(0, 1e10)
texts = st.none() | st.text(max_size=20)
source_states = st.builds(
    SourceState,
    status=st.sampled_from(Status),
    streak=st.lists(failures, max_size=4).map(tuple),
    window=st.lists(judged, max_size=4).map(tuple),
    since=moments,
    last_verdict=st.none() | st.integers(0, 50),
    last_run_at=moments,
    failed_run=texts,
    failed_at=moments,
    good_runs=st.integers(0, 1000),
    only_fails=st.booleans(),
    seen_at=moments,
    unseen=st.integers(0, 1000),
    changes=st.integers(0, 2**20 - 1),
    flapping=st.booleans(),
    number=st.integers(0, 2**40),
    reason=st.text(max_size=20),
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=20), source_states, max_size=3))
def test_states_read_back_as_they_were(ledger, states):
    with undone(ledger):
        ledger.put_states(states)
        assert ledger.states() == states


def test_a_state_reads_back_with_its_own_types(ledger):
    state = SourceState(Status.HARD, (Failures(ERROR, 2, 1.0),), (Judged(ERROR, 1.0),))

    with ledger.transaction():
        ledger.put_states({"x": state})
        found = ledger.states()["x"]

    assert found.status is Status.HARD
    assert (type(found.streak[0]), type(found.window[0])) == (Failures, Judged)
    assert found.runs_failed == 2


def test_states_that_are_not_put_stay_as_they_are(ledger):
    with ledger.transaction():
        ledger.put_states({"x": SourceState(good_runs=1), "y": SourceState(good_runs=2)})
        ledger.put_states({"x": SourceState(good_runs=3)})
        ledger.put_states({})

        assert {name: state.good_runs for name, state in ledger.states().items()} == {"x": 3, "y": 2}


def test_what_was_read_can_be_changed_without_changing_the_ledger(ledger):
    with ledger.transaction():
        ledger.put_states({"x": SourceState()})
        ledger.put_settings({"toaddrs": ["me"]})
        ledger.states().clear()
        found = ledger.settings()
        found["toaddrs"].append("you")

        assert set(ledger.states()) == {"x"}
        assert ledger.settings() == {"toaddrs": ["me"]}


# Settings


def test_the_last_settings_are_kept(ledger):
    with ledger.transaction():
        ledger.put_settings({"job": "Søndag \udcff", "timeout": 5.0, "patience": None})
        ledger.put_settings({"job": "Søndag \udcff", "timeout": 2.5, "patience": {"ERROR": "now"}})

        assert ledger.settings() == {"job": "Søndag \udcff", "timeout": 2.5, "patience": {"ERROR": "now"}}


# The life of a mail


def test_mails_wait_oldest_first(ledger):
    with ledger.transaction():
        for n in (3, 1, 2):
            ledger.add_mail(mail(n))

        assert ledger.mails() == ledger.mails("waiting") == [mail(1), mail(2), mail(3)]
        assert ledger.mails("sent") == ledger.mails("refused") == []


def test_what_became_of_a_mail_is_kept_and_the_mail_itself_unchanged(ledger):
    with ledger.transaction():
        ledger.add_mail(mail(1))
        ledger.add_mail(mail(2))

    tried = replace(mail(1), status="sent", attempts=2, last_attempt_at=500.0, last_reply="250 tak \udcff")
    with ledger.transaction():
        ledger.put_mail(tried)

    with ledger.transaction():
        (sent,) = ledger.mails("sent")
        assert ledger.mails("waiting") == [mail(2)]
    assert replace(sent, last_reply=storable(sent.last_reply)) == replace(tried, last_reply=r"250 tak \udcff")


def test_a_refused_mail_may_wait_again(ledger):
    with ledger.transaction():
        ledger.add_mail(mail(1, status="refused", attempts=1, last_reply="550 no"))
        (refused,) = ledger.mails("refused")
        ledger.put_mail(refused.waiting_again())

        assert ledger.mails("waiting") == [mail(1, attempts=1, last_reply="550 no")]


def test_what_became_of_an_unknown_mail_makes_none(ledger):
    with ledger.transaction():
        ledger.put_mail(mail(1))

        assert ledger.mails() == []


# Forgetting


def filled_over_days(ledger: Ledger) -> None:
    for day in range(1, 6):
        ledger.add_records(f"run{day}", [record(f"day {day}")])
        ledger.add_run(run(day, began_at=day * DAY), {"x": ERROR}, "")


def test_records_are_forgotten_before_their_runs(ledger):
    with ledger.transaction():
        filled_over_days(ledger)
        ledger.all_gathered()
        ledger.prune(records_before=4 * DAY, runs_before=2 * DAY, most_records=10)

        assert [len(ledger.records(f"run{day}", "x", 0)) for day in range(1, 6)] == [0, 0, 0, 1, 1]
        assert [found.number for found, _, _ in ledger.runs(10)] == [5, 4, 3, 2]
        assert [verdicts for _, verdicts, _ in ledger.runs(10)] == [{"x": ERROR}] * 4
        assert not ledger.has_run("run1")


def test_nothing_is_forgotten_before_its_time(ledger):
    with ledger.transaction():
        filled_over_days(ledger)
        ledger.all_gathered()
        ledger.prune(DAY, DAY, 10)

        assert len(ledger.runs(10)) == 5
        assert ledger.records("run1", "x", 0) == [record("day 1")]


def test_sent_mails_are_forgotten_and_no_others(ledger):
    with ledger.transaction():
        ledger.add_mail(mail(1, created_at=DAY, status="sent"))
        ledger.add_mail(mail(2, created_at=DAY))
        ledger.add_mail(mail(3, created_at=DAY, status="refused"))
        ledger.add_mail(mail(4, created_at=3 * DAY, status="sent"))
        ledger.prune(2 * DAY, 2 * DAY, 10)

        assert [found.message_id for found in ledger.mails()] == [mail(n).message_id for n in (2, 3, 4)]


def test_states_and_settings_are_never_forgotten(ledger):
    with ledger.transaction():
        ledger.put_states({"x": SourceState(last_run_at=1.0)})
        ledger.put_settings({"job": "job"})
        ledger.prune(10**12, 10**12, 0)

        assert set(ledger.states()) == {"x"}
        assert ledger.settings() == {"job": "job"}
