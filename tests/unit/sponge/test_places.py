"""Where things are: one directory a job, whatever the job is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge.errors import UsageError
from mailsponge.sponge import folder
from mailsponge.sponge.places import JobPlace, job_place, job_places, state_database, state_directory

STATE = Path("/state")

HOSTILE = [
    "..",
    ".",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    ".hidden",
    ".new-1",
    "~root",
    "$HOME",
    "%2E%2E",
    "Søndag på P1",
    "日本" * 100,
    "x" * 10_000,
    "\udcff\ud800",
    "-rf",
    "con",
    "*",
    "a:b",
]


def name(job: str) -> str:
    return job_place(STATE, job).directory.name


@pytest.mark.parametrize("job", HOSTILE)
def test_whatever_a_job_is_called_its_directory_is_one_below_the_state(job, tmp_path):
    place = job_place(tmp_path, job)

    place.runs.mkdir(parents=True)
    assert [path.name for path in tmp_path.iterdir()] == [place.directory.name]
    assert not place.directory.name.startswith(".")


@pytest.mark.parametrize("job", ["podcasts", "my backup", "nas1.example.org", "a_b-c.d", "Job 7"])
def test_a_plain_name_stays_as_it_is(job):
    assert name(job) == job


@pytest.mark.parametrize(
    ("job", "directory"),
    [("a/b", "a%2Fb"), (".x", "%2Ex"), ("..", "%2E."), ("50%", "50%25"), ("på", "p%C3%A5")],
)
def test_any_other_stays_readable(job, directory):
    assert name(job) == directory


jobs = st.text(st.characters(), min_size=1, max_size=300).filter(str.strip)


@settings(deadline=None)
@given(st.lists(jobs | st.sampled_from(HOSTILE), unique=True, min_size=2, max_size=6))
def test_two_jobs_never_share_a_directory(several):
    assert len({name(job) for job in several}) == len(several)


@settings(deadline=None)
@given(jobs)
def test_a_directorys_name_fits_every_file_system(job):
    made = name(job)

    assert made.isascii()
    assert made.isprintable()
    assert 0 < len(made) <= 200
    assert "/" not in made
    assert not made.startswith(".")


def test_long_names_that_begin_alike_are_told_apart():
    assert name("x" * 300 + "a") != name("x" * 300 + "b")


@pytest.mark.parametrize("job", ["", " ", "\n", None, 5, b"job"])
def test_a_job_has_a_name(job):
    with pytest.raises(UsageError, match="give the job a name"):
        job_place(STATE, job)


def test_what_lies_in_a_jobs_directory():
    place = JobPlace(Path("/state/job"))

    assert {
        place.ledger.name,
        place.lock.name,
        place.outbox_lock.name,
        place.numbers.name,
        place.runs.name,
    } == {
        "ledger.db",
        "lock",
        "outbox.lock",
        "numbers",
        "runs",
    }
    assert place.ledger.parent == place.lock.parent == place.runs.parent == place.directory


# The state directory


def test_what_was_asked_for_comes_first():
    environ = {"MAILSPONGE_STATE": "/from/environment", "XDG_STATE_HOME": "/xdg"}

    assert state_directory("/given", environ) == Path("/given")
    assert state_directory(Path("/given"), environ) == Path("/given")
    assert state_directory(None, environ) == Path("/from/environment")
    assert state_directory("", environ) == Path("/from/environment")
    assert state_directory(None, {"XDG_STATE_HOME": "/xdg"}) == Path("/xdg/mailsponge")


def test_a_relative_place_stays_the_same_when_the_program_changes_its_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert state_directory("state", {}) == tmp_path / "state"
    assert state_directory(None, {"MAILSPONGE_STATE": "state"}) == tmp_path / "state"


def test_a_tilde_is_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")

    assert state_directory("~/state", {}) == Path("/home/me/state")


def test_a_relative_xdg_directory_is_passed_over(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/me")

    assert state_directory(None, {"XDG_STATE_HOME": "state"}) == Path("/home/me/.local/state/mailsponge")


def test_with_no_word_of_it_root_and_others_have_their_places(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_directory(None, {}) == Path("/var/lib/mailsponge")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_directory(None, {}) == Path("/home/me/.local/state/mailsponge")


# A database that hosts share

URL = "postgresql://me:s3cret@db.example.org/ops"


def test_journals_for_a_database_wait_in_a_directory_of_its_own_in_the_usual_place():
    environ = {"MAILSPONGE_STATE": URL, "XDG_STATE_HOME": "/xdg"}

    for state in (None, URL):
        assert state_directory(state, environ) == Path("/xdg/mailsponge/.postgresql-db.example.org-ops")
        assert state_database(state, environ) == URL
    assert state_directory("/given", environ) == Path("/given")
    assert state_database("/given", environ) == ""
    assert state_database(None, {}) == ""


def test_the_jobs_of_a_database_are_not_those_of_the_usual_place(tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    place = job_place(state_directory(URL, environ), "job", URL)
    place.runs.mkdir(parents=True)

    assert list(job_places(state_directory(None, environ))) == []
    assert list(job_places(state_directory(URL, environ), URL)) == [place]


def test_directories_for_a_database_are_their_owners_alone(tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    before = os.umask(0)
    try:
        folder.make_directories(job_place(state_directory(URL, environ), "job", URL))
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == dict.fromkeys(
        ("mailsponge", ".postgresql-db.example.org-ops", "job", "runs", "numbers"), 0o700
    )


def test_a_place_shows_nothing_of_its_database():
    place = job_place(STATE, "job", URL)

    assert repr(place) == str(place) == "JobPlace('/state/job', in a database)"
    assert repr(job_place(STATE, "job")) == "JobPlace('/state/job')"


@pytest.mark.parametrize(
    "state", ["mysql://me:s3cret@db/ops", "http://s3cret", "postgresql+psycopg://me:s3cret@db"]
)
def test_another_kind_of_url_is_refused_and_not_shown(state):
    with pytest.raises(UsageError, match="give a directory, or a database as postgresql://") as refused:
        state_directory(state, {})

    assert "s3cret" not in str(refused.value)


# Every job there is


def test_every_job_is_found_by_name(tmp_path):
    for job in ("b", "a"):
        job_place(tmp_path, job).runs.mkdir(parents=True)

    assert list(job_places(tmp_path)) == [job_place(tmp_path, "a"), job_place(tmp_path, "b")]


def test_what_is_no_job_is_passed_over(tmp_path):
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "file").write_text("x")

    assert list(job_places(tmp_path)) == []


def test_before_anything_is_remembered_there_is_no_job(tmp_path):
    assert list(job_places(tmp_path / "not there")) == []


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20).filter(str.strip))
def test_a_directory_tells_the_name_of_its_job(job):
    assert job_place(STATE, job).name == job


def test_a_directory_that_somebody_else_made_has_a_name_too():
    assert JobPlace(Path("/state/%FF")).name == "\\xff"
