"""Ledgers are read when they have changed, and only those there are."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from sponge_jobs import RememberedJob

from mailsponge import clock
from mailsponge.sponge import muting
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import OK
from mailsponge.web.dashboard.watching import Watch


def long_ago(job: RememberedJob, seconds: float = 60.0) -> None:
    """The ledger was changed some time ago."""
    at = clock.now() - seconds
    os.utime(job.place.ledger, (at, at))


@pytest.fixture
def watch(state: Path) -> Watch:
    return Watch([(state, "")])


def words(watch: Watch) -> dict[str, str]:
    return {row.source: row.word for row in watch.board()[0].rows}


def test_every_source_of_every_job_is_on_the_board(watch, podcasts):
    assert words(watch) == {"In Our Time": "hard", "": "ok", "Forum": "ok"}


def test_a_change_is_seen(watch, podcasts):
    long_ago(podcasts)
    words(watch)
    podcasts.ran("Forum")

    assert words(watch)["Forum"] == "soft"


def test_what_has_not_changed_is_not_read_again(watch, podcasts):
    long_ago(podcasts)
    before, _ = watch.board()
    after, _ = watch.board()

    assert before.rows is after.rows


def test_what_changed_a_moment_ago_is_read_again_as_its_time_may_hide_a_second_change(watch, podcasts):
    long_ago(podcasts, 0.0)
    before, _ = watch.board()
    after, _ = watch.board()

    assert before.rows is not after.rows


def test_what_a_page_has_changed_is_read_again(watch, podcasts):
    long_ago(podcasts)
    before, _ = watch.board()
    watch.changed(watch.place(0, "podcasts"))

    assert watch.board()[0].rows is not before.rows


def test_a_job_that_was_forgotten_is_gone(watch, podcasts):
    long_ago(podcasts)
    words(watch)
    podcasts.command("forget", "podcasts", "--yes")

    assert watch.board()[0].jobs == []


def test_a_job_that_cannot_be_read_says_so_and_hides_no_other(watch, podcasts, state):
    other = RememberedJob(state, "backup")
    other.ran(works=("nas",))
    podcasts.place.ledger.write_bytes(b"spoilt" * 1000)

    found, _ = watch.board()

    assert {job.name: bool(job.trouble) for job in found.jobs} == {"podcasts": True, "backup": False}
    assert "mailsponge check" in found.jobs[0].trouble


def test_a_damaged_ledger_is_left_where_it_is(watch, podcasts):
    podcasts.place.ledger.write_bytes(b"spoilt" * 1000)
    watch.board()

    assert podcasts.place.ledger.read_bytes() == b"spoilt" * 1000


def test_a_state_directory_that_is_none_says_so(tmp_path):
    (tmp_path / "file").write_text("")

    assert Watch([(tmp_path / "file" / "x", "")]).board()[0].jobs == []


def test_the_last_runs_are_known_of_the_rows_asked_for(watch, podcasts):
    rows = [row for row in watch.board()[0].rows if row.source == "In Our Time"]

    (verdicts,) = watch.cells(rows).values()
    assert [verdict == OK for verdict in verdicts] == [True, False, False]


def test_those_that_are_well_are_read_when_they_are_asked_for(watch, state):
    job = RememberedJob(state)
    names = [f"source {n:03}" for n in range(150)]
    job.ran("source 017", works=tuple(names))
    long_ago(job)
    rows = watch.board()[0].rows

    assert len(rows) == 151
    assert [each.source for each in rows] == [
        "source 017",
        "",
        *(name for name in names if name != "source 017"),
    ]
    assert [each.source for each in rows[149:]] == ["source 148", "source 149"]


def test_a_job_tells_when_it_ran_and_what_waits(watch, podcasts):
    podcasts.command("silence", "podcasts", "Forum", "--for", "1 day", "--because", "moving")
    (job,) = watch.board()[0].jobs

    assert job.last_run_at == podcasts.now - 3600
    assert [silence.because for silence in muting.going_on(job.silences, clock.now())] == ["moving"]
    assert (job.waiting, job.refused, job.unfolded, job.going_on) == (0, 0, 0, False)


@pytest.mark.parametrize("name", ["", " ", "nothing", "../state", "/etc", "podcasts/runs", "\0"])
def test_what_is_no_job_is_none(watch, podcasts, name):
    assert watch.place(0, name) is None


@pytest.mark.parametrize("number", [-1, 1, 99])
def test_nor_is_one_of_another_state(watch, podcasts, number):
    assert watch.place(number, "podcasts") is None


def test_reading_leaves_the_locks_of_other_threads_alone(podcasts):
    with closing(SqliteLedger(podcasts.place.ledger)) as holder, holder.transaction():
        SqliteLedger(podcasts.place.ledger, lambda: 0.0).close()
        code = (
            "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None);"
            "d.execute('BEGIN IMMEDIATE')"
        )
        import subprocess
        import sys

        got_in = subprocess.run(
            [sys.executable, "-c", code, str(podcasts.place.ledger)], capture_output=True, check=False
        )

    assert b"database is locked" in got_in.stderr
