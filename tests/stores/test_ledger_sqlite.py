"""The ledger as a file: private, durable, shared in turns, and never overwritten when it is damaged."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mailsponge.errors import LedgerUnreadable, StateError
from mailsponge.sponge.ledger.opening import open_ledger, set_aside
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.ledger.sqlite_file import VERSION
from mailsponge.sponge.model import ERROR, Ending, Mail, Record, Run, SourceState
from mailsponge.sponge.places import JobPlace

RUN = Run("run1", 1, "laptop", 100.0, 105.0, Ending.FINISHED, 1)
MAIL = Mail("<1@example.org>", 100.0, "subject", "sponge@example.org", ("me@example.org",), b"content")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(path, lambda: 0.0)) as opened:
        yield opened


def fill(path: Path) -> None:
    with closing(SqliteLedger(path)) as ledger, ledger.transaction():
        ledger.add_records(
            "run1", [Record("x", 100.0, ERROR, "feeds", f"record {n}", "") for n in range(200)]
        )
        ledger.add_run(RUN, {"x": ERROR}, "")
        ledger.put_states({"x": SourceState()})
        ledger.put_settings({"job": "job"})
        ledger.add_mail(MAIL)


# The file


def test_the_file_is_its_owners_alone(path):
    before = os.umask(0)
    try:
        with closing(SqliteLedger(path)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_every_commit_is_synced_and_no_wal_is_left_behind(ledger, path):
    assert ledger._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._database.execute("PRAGMA journal_mode").fetchone() == ("delete",)

    fill(path)

    assert [found.name for found in path.parent.iterdir()] == ["ledger.db"]


def test_what_was_committed_is_there_for_the_next_to_open_it(path):
    fill(path)

    with closing(SqliteLedger(path)) as again, again.transaction():
        assert again.runs(1) == [(RUN, {"x": ERROR}, "")]
        assert again.mails() == [MAIL]


def test_a_ledger_from_before_the_first_release_is_set_aside(path):
    fill(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1")

    opened, said = open_ledger(JobPlace(path.parent))

    with closing(opened):
        assert "written by a mailsponge that was never released; it is kept as " in said


def test_a_newer_ledger_is_refused_and_left_alone(path):
    fill(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()

    with pytest.raises(
        StateError, match="written by a newer mailsponge; upgrade this one, or give another state"
    ):
        open_ledger(JobPlace(path.parent))

    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["ledger.db"]


def test_a_ledger_that_cannot_be_opened_says_so(tmp_path):
    with pytest.raises(StateError, match="cannot be opened"):
        SqliteLedger(tmp_path / "not there" / "ledger.db")
    with pytest.raises(StateError, match="cannot be opened"):
        SqliteLedger(tmp_path)


# Taking turns


def test_two_are_never_inside_at_the_same_time(ledger, path):
    with (
        closing(SqliteLedger(path, lambda: 0.0)) as other,
        ledger.transaction(),
        pytest.raises(StateError, match="cannot be used now: database is locked"),
        other.transaction(),
    ):
        pytest.fail("both are inside")


def test_a_ledger_that_is_in_use_is_not_taken_for_a_damaged_one(ledger, path):
    with (
        ledger.transaction(),
        pytest.raises(StateError) as refused,
        closing(SqliteLedger(path, lambda: 0.0)) as other,
    ):
        other.transaction().__enter__()

    assert not isinstance(refused.value, LedgerUnreadable)
    assert [found.name for found in path.parent.iterdir() if "damaged" in found.name] == []


def test_once_the_one_has_left_the_other_may_go_in(ledger, path):
    with closing(SqliteLedger(path, lambda: 0.0)) as other:
        with ledger.transaction():
            ledger.put_settings({"job": "one"})
        with other.transaction():
            assert other.settings() == {"job": "one"}


def test_what_a_killed_process_had_not_committed_is_undone_at_the_next_opening(path, tmp_path):
    fill(path)
    with closing(SqliteLedger(path)) as ledger, ledger.transaction():
        ledger._database.execute("PRAGMA cache_size = 1")
        ledger.add_records("run2", [Record("x", 1.0, ERROR, "feeds", "x" * 4000, "") for _ in range(100)])
        assert path.with_name("ledger.db-journal").exists()
        # What a kill would leave: the pages written so far, and the journal that undoes them.
        shutil.copytree(tmp_path, tmp_path.with_name(tmp_path.name + "-killed"))

    killed = tmp_path.with_name(tmp_path.name + "-killed") / "ledger.db"
    with closing(SqliteLedger(killed)) as again, again.transaction():
        assert again.records("run2", "x", 0) == []
        assert len(again.records("run1", "x", 0)) == 200


# Damage


def no_sqlite(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\n" * 500)


def header_gone(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 100)


def half_gone(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def pages_overwritten(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


def without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE record")


def changed(statement: str, *values: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(statement, values)

    change.__name__ = statement
    return change


DAMAGE = [
    no_sqlite,
    header_gone,
    half_gone,
    pages_overwritten,
    without_tables,
    changed("UPDATE source SET state = '{\"status\"'"),
    changed("UPDATE source SET state = '{}'"),
    changed("UPDATE source SET state = replace(state, 'ok', 'oh')"),
    changed("UPDATE source SET state = CAST(? AS TEXT)", b"\xff\xfe"),
    changed("UPDATE setting SET value = '{'"),
    changed("UPDATE setting SET value = '5'"),
    changed("UPDATE outbox SET toaddrs = 'me'"),
    changed("UPDATE run SET ending = 'exploded'"),
]


def read_all(ledger: SqliteLedger) -> None:
    with ledger.transaction():
        ledger.newest_number()
        ledger.states()
        ledger.settings()
        ledger.mails()
        ledger.runs(10)
        ledger.records("run1", "x", 0)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_ledger_is_found_out_at_the_latest_when_it_is_read(path, damage):
    fill(path)
    damage(path)

    def open_and_read() -> None:
        with closing(SqliteLedger(path)) as ledger:
            read_all(ledger)

    with pytest.raises(LedgerUnreadable, match=f"the ledger {path} is damaged"):
        open_and_read()


@pytest.mark.parametrize("damage", [no_sqlite, header_gone], ids=lambda damage: damage.__name__)
def test_a_ledger_that_cannot_be_opened_for_damage_is_set_aside_and_a_new_one_begun(path, damage):
    fill(path)
    damage(path)
    damaged = path.read_bytes()

    opened, said = open_ledger(JobPlace(path.parent))

    with closing(opened):
        read_all(opened)
    (aside,) = path.parent.glob("ledger.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert said.endswith(f"is damaged: file is not a database; it is kept as {aside}, and a new one is begun")


def test_a_sound_ledger_is_opened_without_a_word(path):
    fill(path)

    opened, said = open_ledger(JobPlace(path.parent))

    with closing(opened), opened.transaction():
        assert opened.settings() == {"job": "job"}
    assert said == ""


def test_ledgers_set_aside_never_overwrite_each_other(path):
    for n in range(5):
        path.write_text(f"ledger {n}")
        set_aside(path)

    assert {found.read_text() for found in path.parent.iterdir()} == {f"ledger {n}" for n in range(5)}


def test_a_ledgers_journal_goes_aside_with_it(path):
    path.write_text("ledger")
    path.with_name("ledger.db-journal").write_text("journal")

    aside = set_aside(path)

    assert aside.read_text() == "ledger"
    assert aside.with_name(f"{aside.name}-journal").read_text() == "journal"
    assert not path.with_name("ledger.db-journal").exists()


def test_what_cannot_be_set_aside_is_an_error_and_stays(tmp_path):
    with pytest.raises(StateError, match="cannot be set aside"):
        set_aside(tmp_path / "not there.db")


# What is put in cannot make a sound ledger look damaged


def twice_the_same_run(ledger: SqliteLedger) -> None:
    ledger.add_run(RUN, {}, "")
    ledger.add_run(RUN, {}, "")


def twice_the_same_mail(ledger: SqliteLedger) -> None:
    ledger.add_mail(MAIL)
    ledger.add_mail(MAIL)


def no_moment(ledger: SqliteLedger) -> None:
    ledger.add_run(RUN._replace(began_at=float("nan")), {}, "")


def no_text(ledger: SqliteLedger) -> None:
    ledger.add_records("run1", [Record("x", 1.0, ERROR, ["feeds"], "", "")])  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [twice_the_same_run, twice_the_same_mail, no_moment, no_text])
def test_what_a_ledger_cannot_hold_is_refused_and_the_ledger_is_not_blamed(ledger, wrong):
    with pytest.raises(StateError, match="cannot be used now") as refused, ledger.transaction():
        wrong(ledger)

    assert not isinstance(refused.value, LedgerUnreadable)
    with ledger.transaction():
        assert ledger.runs(10) == []


def test_how_long_to_wait_for_another_process_is_asked_before_each_transaction(path):
    left = [3600.0]
    with (
        closing(SqliteLedger(path, lambda: left[0])) as ledger,
        closing(sqlite3.connect(path, isolation_level=None)) as somebody,
    ):
        with ledger.transaction():
            ledger.add_run(RUN, {}, "")
        left[0] = 0.0
        somebody.execute("BEGIN IMMEDIATE")

        with pytest.raises(StateError, match="database is locked"), ledger.transaction():
            ledger.add_run(RUN, {}, "")
