"""Squeeze: what ended is folded once, and what goes wrong on the way loses nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from squeeze_job import DAY, HOUR, SqueezeJob, kinds

from mailsponge.errors import StateError
from mailsponge.sponge import folder, journal
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.lock import locked
from mailsponge.sponge.model import ERROR, INFO, JOB_ITSELF, Ending, Kind, Squeeze, Status
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings


@pytest.fixture
def job(place: JobPlace) -> SqueezeJob:
    return SqueezeJob(place)


def test_a_run_that_is_going_on_is_left_alone(job):
    run = job.begin()
    run.fails()

    job.squeeze()

    assert job.folders() == ["00000001"]
    assert job.states() == {}
    run.end()


def test_what_was_folded_is_removed(job):
    job.ran(fails="x")

    job.squeeze()

    assert job.folders() == []


def test_a_run_whose_journals_were_left_behind_is_not_folded_twice(job, monkeypatch):
    monkeypatch.setattr(folder, "remove", lambda path: None)
    job.ran(fails="x")

    for _ in range(3):
        assert job.squeeze().flips == ()

    assert job.folders() == ["00000001.over"]
    assert job.states()["x"].runs_failed == 1
    assert job.texts("x") == ["x is down"]


def test_a_run_left_behind_is_removed_by_the_next_squeeze(job, monkeypatch):
    with monkeypatch.context() as cut_off:
        cut_off.setattr(folder, "remove", lambda path: None)
        job.ran(fails="x")
        job.squeeze()

    job.squeeze()

    assert job.folders() == []
    assert job.states()["x"].runs_failed == 1


def test_a_squeeze_cut_off_before_its_commit_changed_nothing(job, monkeypatch):
    def die(*_: object) -> None:
        raise SystemExit

    job.ran(fails="x")
    job.ran(fails="x")
    with monkeypatch.context() as cut_off:
        cut_off.setattr(SqliteLedger, "prune", die)
        with pytest.raises(SystemExit):
            job.squeeze()
    assert job.states() == {}
    assert job.taken == []

    assert kinds(job.squeeze()) == [(Kind.NEW, "x")]
    assert job.texts("x") == ["x is down", "x is down"]


def test_a_run_that_died_is_folded_as_such(job):
    run = job.begin()
    run.works()
    run.die()

    job.squeeze()

    assert job.endings() == [Ending.DIED]
    assert job.states()[JOB_ITSELF].status is Status.SOFT
    assert job.states()["x"].last_verdict is None


def test_a_run_folded_late_changes_history_and_not_state(job):
    late = job.begin()
    late.fails()
    job.ran(works="x")
    job.squeeze()
    before = job.states()

    late.end()
    squeezed = job.squeeze()

    assert job.states() == before
    assert job.endings() == [Ending.FINISHED] * 2
    assert job.texts("x") == ["x is down"]
    assert squeezed.reason == "folded late: 2 of its 2 verdicts are history, as newer ones stand"


def test_a_run_folded_late_still_counts_for_what_no_newer_run_has_judged(job):
    late = job.begin()
    late.fails("x")
    job.ran(works="y")
    job.squeeze()

    late.end()
    squeezed = job.squeeze()

    assert job.states()["x"].status is Status.SOFT
    assert job.states()[JOB_ITSELF].number == 2
    assert squeezed.reason == "folded late: 1 of its 2 verdicts are history, as newer ones stand"


def test_a_run_folded_late_does_not_bring_old_settings_back(job):
    late = job.begin()
    job.settings = Settings("job", ("new@example.org",), patience="now")
    job.ran(works="x")
    job.squeeze()

    late.end()
    job.squeeze()
    job.settings = None
    job.ran(fails="x")
    job.squeeze()

    assert [mail.toaddrs for mail in job.taken] == [("new@example.org",)]


def test_a_child_that_outlives_its_run_becomes_a_stray_run_of_its_own(job):
    run = job.begin()
    (path,) = job.place.runs.iterdir()
    child = folder.join(path)
    assert child is not None
    os.write(child, journal.line(k="joined", run="child", host="laptop", t=job.now))
    run.works()
    run.end()
    job.squeeze()
    assert job.endings() == [Ending.FINISHED]

    os.write(child, journal.line(t=job.now, l=ERROR, n="feeds", s="x", m="said by the child"))
    os.close(child)
    job.squeeze()

    assert job.endings() == [Ending.FINISHED, Ending.STRAY]
    assert job.texts("x") == ["said by the child"]
    assert job.states()["x"].status is Status.SOFT
    assert job.states()[JOB_ITSELF].status is Status.OK


def test_a_stray_does_not_make_a_run_late_that_goes_on_meanwhile(job):
    first = job.begin()
    (path,) = job.place.runs.iterdir()
    child = folder.join(path)
    assert child is not None
    os.write(child, journal.line(k="joined", run="child", host="laptop", t=job.now))
    going_on = job.begin()
    first.end()
    job.squeeze()
    os.close(child)
    job.squeeze()
    assert job.endings() == [Ending.FINISHED, Ending.STRAY]

    going_on.fails("x")
    going_on.end()
    job.squeeze()

    assert job.states()["x"].status is Status.SOFT


# Trouble


def test_a_job_that_another_process_squeezes_is_left_to_it(job):
    job.ran(fails="x")

    with locked(job.place.lock, lambda: 0.0):
        squeezed = job.squeeze(seconds=0)

    assert not squeezed.saved
    assert squeezed == Squeeze(
        reason="another process squeezes this job; the next run folds what this one logged"
    )
    assert job.folders() == ["00000001"]


def test_a_state_that_cannot_be_used_is_a_state_error_and_loses_nothing(job):
    job.ran(fails="x")
    job.place.lock.mkdir()

    with pytest.raises(StateError, match=f"the state in {job.place.directory} cannot be used"):
        job.squeeze()

    job.place.lock.rmdir()
    assert job.squeeze().saved
    assert job.states()["x"].runs_failed == 1


def test_a_damaged_ledger_is_set_aside_and_the_runs_are_folded_into_a_new_one(job):
    job.ran(fails="x")
    job.squeeze()
    job.place.ledger.write_bytes(b"no ledger" * 1000)
    job.ran(fails="y")

    squeezed = job.squeeze()

    (aside,) = job.place.directory.glob("ledger.db.damaged-*")
    assert aside.read_bytes() == b"no ledger" * 1000
    assert squeezed.saved
    (warning,) = squeezed.warnings
    assert warning.endswith(f"it is kept as {aside}, and a new one is begun")
    assert set(job.states()) == {"y", JOB_ITSELF}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE source SET state = '{'", "UPDATE setting SET value = 'null,'", "DROP TABLE outbox"],
)
def test_damage_that_shows_only_deep_inside_is_met_alike(job, statement):
    job.ran(fails="x")
    job.squeeze()
    with closing(sqlite3.connect(job.place.ledger, isolation_level=None)) as database:
        database.execute(statement)
    damaged = job.place.ledger.read_bytes()
    job.ran(fails="y")
    job.ran(fails="y")

    squeezed = job.squeeze()

    (aside,) = job.place.directory.glob("ledger.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert str(aside) in squeezed.warnings[0]
    assert kinds(squeezed) == [(Kind.NEW, "y")]
    assert job.folders() == []


def test_a_damaged_journal_fails_no_source_and_its_text_is_kept(job):
    run = job.begin()
    run.works()
    run.write(b'{"t":1,"l":40,"m":"half a li\n', b"\0\0\0\n", journal.line(t=None, l={}, s=[]))
    run.end()

    assert job.squeeze().saved
    assert job.endings() == [Ending.FINISHED]
    assert job.states()["x"].status is Status.OK
    assert [text.partition(":")[0] for text in job.texts(JOB_ITSELF)] == ["a damaged line of the journal"] * 3


def test_old_records_are_forgotten_before_old_runs_and_never_the_states(job):
    job.ran(fails="x")
    job.squeeze()

    job.now += 30 * DAY - HOUR
    job.squeeze()
    assert job.texts("x") == ["x is down"]

    job.now += 3 * HOUR
    job.squeeze()
    assert job.texts("x") == []
    assert len(job.endings()) == 1

    job.now += 369 * DAY
    job.squeeze()
    assert len(job.endings()) == 1

    job.now += 2 * DAY
    job.squeeze()
    assert job.endings() == []
    assert job.states()["x"].runs_failed == 1


def test_how_long_is_kept_can_be_chosen(job):
    assert job.settings is not None
    job.settings = replace(job.settings, keep_records="2 hours", keep_runs="1 day")
    job.ran(fails="x")
    job.squeeze()

    job.now += 3 * HOUR
    job.squeeze()
    assert (job.texts("x"), len(job.endings())) == ([], 1)

    job.now += DAY
    job.squeeze()
    assert job.endings() == []


@pytest.mark.parametrize(("failing", "more"), [("abc", "; "), ("abcde", " and 2 more; ")])
def test_of_many_flips_the_reason_names_three(job, failing, more):
    job.settings = Settings("job", ("me@example.org",), patience="2 runs", common_cause=1.0)
    for _ in range(2):
        job.ran(fails=failing, works="z")

    said = ", ".join(f"{source} has failed 2 runs in a row" for source in "abc")
    assert job.squeeze().reason.startswith(said + more)


def test_of_many_that_fail_the_reason_names_one(job):
    job.ran(fails="ab", works="z")

    assert (
        job.squeeze().reason == "nothing new to tell: a: 1 failed run; patience: 2 runs (and 1 more failing)"
    )


def test_a_common_cause_is_the_reason(job):
    job.ran(fails="abcde")

    assert job.squeeze().reason.startswith("5 of 5 sources that were not failing before failed together")


def test_everything_it_makes_is_its_owners_alone(tmp_path):
    job = SqueezeJob(job_place(tmp_path / "new" / "state", "job"))
    before = os.umask(0)
    try:
        job.ran(fails="x", works="y")
        job.squeeze()
        run = job.begin()
    finally:
        os.umask(before)

    made = [job.place.directory.parent, *job.place.directory.parent.rglob("*")]
    assert {path.name: path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {
        "state": 0o700,
        "job": 0o700,
        "runs": 0o700,
        "numbers": 0o700,
        "00000002": 0o700,
    }
    assert {path.stat().st_mode & 0o777 for path in made if path.is_file()} == {0o600}
    run.end()


def test_info_alone_is_kept_too(job):
    run = job.begin()
    run.write(journal.line(t=1.0, l=INFO, n="feeds", s="x", m="fetched"))
    run.end()

    job.squeeze()

    assert job.texts("x") == ["fetched"]
