"""``mailsponge history`` and ``show``: what happened, newest first; and what was logged in the run that failed last."""

from __future__ import annotations

import json
import re

import pytest
from sponge_jobs import RememberedJob

pytestmark = pytest.mark.usefixtures("utc")

HOSTILE = "x\x1b[2J\n\u202e"


@pytest.fixture
def job(remembered: RememberedJob) -> RememberedJob:
    """A job of which a source failed twice, the second time in a run that crashed."""
    remembered.ran(works=("a", "b"))
    remembered.ran("b", works=("a",))
    remembered.ran("b", works=("a",), ending="crashed")
    return remembered


# history


def test_json_has_every_run_newest_first_with_all_that_the_interface_promises(job):
    runs = json.loads(job.command("history", "podcasts", "--json").stdout)

    assert [run["began_at"] for run in runs] == [
        f"2023-11-{day}:13:20Z" for day in ("15T00", "14T23", "14T22")
    ]
    assert runs[0].keys() >= {"run", "job", "host", "began_at", "ended_at", "ending", "records", "verdicts"}
    assert [run["ending"] for run in runs] == ["crashed", "finished", "finished"]
    assert [run["records"] for run in runs] == [1, 1, 0]
    assert runs[1]["verdicts"] == {"": "ok", "a": "ok", "b": "failed"}
    assert {run["host"] for run in runs} == {"laptop"}


def test_for_people_there_is_a_row_a_run_and_a_picture_of_what_failed(job):
    shown = job.command("history", "podcasts").stdout.splitlines()

    assert shown[0].split() == ["source", "recent", "runs,", "the", "newest", "last"]
    assert re.fullmatch(r"the job itself +●●✖", shown[1])
    assert re.fullmatch(r"b +●✖✖", shown[2])
    assert shown[3] == "● ok   ✖ failed   · not seen"
    assert shown[5].split() == ["began", "took", "ending", "records", "failed"]
    assert re.split(" {2,}", shown[7]) == ["Tue 14 Nov 2023 23:13", "1:30", "finished", "1", "b"]


def test_of_one_source_only_runs_that_judged_it_are_shown(job):
    job.ran(works=("a",))

    runs = json.loads(job.command("history", "podcasts", "b", "--json").stdout)

    assert [run["verdicts"]["b"] for run in runs] == ["failed", "failed", "ok"]


def test_how_many_runs_can_be_said(job):
    assert len(json.loads(job.command("history", "podcasts", "--json", "--runs", "2").stdout)) == 2


@pytest.mark.parametrize("command", ["history", "show"])
def test_a_source_that_is_not_there_is_an_error_that_says_where_to_look(job, command):
    result = job.command(command, "podcasts", "c")

    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr
        == "mailsponge: podcasts knows no source 'c': mailsponge status podcasts shows their names\n"
    )


@pytest.mark.parametrize("command", ["history", "show", "replay", "silence"])
def test_a_job_that_is_not_there_is_an_error_that_names_those_that_are(job, command):
    result = job.command(command, "nope")

    assert result.exit_code == 1
    assert result.stderr.endswith("; jobs there: podcasts\n")


@pytest.mark.parametrize("command", ["history", "show", "replay"])
def test_before_the_first_run_has_ended_it_says_so(remembered, command):
    result = remembered.command(command, "podcasts")

    assert result.exit_code == 1
    assert "podcasts has not ended a run yet; mailsponge check podcasts looks after" in result.stderr


@pytest.mark.parametrize("command", ["history", "show", "replay"])
def test_a_damaged_ledger_is_an_error_that_says_what_to_do(job, command):
    job.place.ledger.write_bytes(b"no ledger" * 1000)

    result = job.command(command, "podcasts")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("mailsponge check podcasts sets it aside and begins a new one\n")


@pytest.mark.parametrize(
    "command", [["history"], ["history", "--json"], ["show"], ["show", "--json"], ["replay"]]
)
def test_hostile_names_drive_no_terminal(remembered, command):
    remembered.ran(HOSTILE)
    remembered.ran(HOSTILE)

    result = remembered.command(command[0], "podcasts", *command[1:])

    assert result.exit_code == 0
    assert not set(result.output) & {"\x1b", "\u202e"}


# show


def test_what_was_logged_in_the_run_that_failed_last_is_shown(job):
    result = job.command("show", "podcasts", "b")

    assert re.match(r"run \w+ on laptop, begun Wed 15 Nov 2023, 00:13:20, crashed; 1 record\n", result.stderr)
    assert result.stdout == "00:13:21 ERROR feeds: b is down\n"


def test_without_a_source_each_record_tells_whose_it_is(job):
    assert job.command("show", "podcasts").stdout == "[b] 00:13:21 ERROR feeds: b is down\n"


def test_another_run_can_be_asked_for(job):
    second = json.loads(job.command("history", "podcasts", "--json").stdout)[1]["run"]

    assert job.command("show", "podcasts", "--run", second).stdout.startswith("[b] 23:13:21 ERROR")


def test_a_run_that_is_not_there_is_an_error(job):
    result = job.command("show", "podcasts", "--run", "nope")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "no run 'nope': mailsponge history podcasts --json has their IDs" in result.stderr


def test_records_for_scripts_have_every_field(job):
    (record,) = json.loads(job.command("show", "podcasts", "b", "--json").stdout)

    assert record == {
        "source": "b",
        "at": "2023-11-15T00:13:21Z",
        "level": "ERROR",
        "logger": "feeds",
        "text": "b is down",
        "detail": "",
    }


def test_what_never_failed_says_so(job):
    result = job.command("show", "podcasts", "a")

    assert result.exit_code == 1
    assert result.stderr == "mailsponge: a has not failed in any run that is kept\n"


def test_a_source_that_was_judged_long_ago_is_found(job):
    job.ran(works=("long ago", "b"))
    for _ in range(40):
        job.ran(works=("b",))

    (run,) = json.loads(job.command("history", "podcasts", "long ago", "--json").stdout)

    assert run["verdicts"]["long ago"] == "ok"
