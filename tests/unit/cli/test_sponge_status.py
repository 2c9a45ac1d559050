"""``mailsponge status``: how every source stands, and why; with --json nothing but JSON."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner

from mailsponge import clock
from mailsponge.cli import main
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import ERROR, OK, Failures, Incident, SourceState, Status
from mailsponge.sponge.places import job_place

AT = 1_700_000_000.0

HARD = SourceState(
    status=Status.HARD,
    streak=(Failures(ERROR, 4, AT),),
    since=AT,
    last_verdict=ERROR,
    last_run_at=AT + 7200,
    reason="4 failed runs in a row; already told",
)
TOLD = Incident(failing=("",), told_at=AT + 3600)
GOOD = SourceState(last_verdict=OK, last_run_at=AT + 7200, reason="good")
NEVER_JUDGED = SourceState(reason="not judged in the last run: it was broken off")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def remembered(state: Path, job: str, states: dict[str, SourceState]) -> Path:
    """A job of which these states are remembered; returns its ledger."""
    place = job_place(state, job)
    place.runs.mkdir(parents=True)
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        ledger.put_states(states)
        ledger.put_incidents({name: TOLD for name, kept in states.items() if kept is HARD})
        ledger.put_settings({"job": job, "toaddrs": ["me@example.org"]})
    return place.ledger


def status(state: Path, *arguments: str) -> click.testing.Result:
    return CliRunner().invoke(main, ["status", *arguments], env={"MAILSPONGE_STATE": str(state)})


def test_json_says_all_that_the_interface_promises(state):
    remembered(state, "podcasts", {"Søndag på P1": HARD})

    result = status(state, "--json")

    assert result.exit_code == 0
    assert result.stderr == ""
    assert json.loads(result.stdout) == [
        {
            "job": "podcasts",
            "source": "Søndag på P1",
            "host": "",
            "state": "hard",
            "streak": 4,
            "since": "2023-11-14T22:13:20Z",
            "last_run_at": "2023-11-15T00:13:20Z",
            "last_verdict": "failed",
            "told_at": "2023-11-14T23:13:20Z",
            "silenced_until": None,
            "acknowledged": False,
            "reason": "4 failed runs in a row; already told",
        }
    ]


def test_what_there_never_was_is_null(state):
    remembered(state, "podcasts", {"x": NEVER_JUDGED})

    (row,) = json.loads(status(state, "--json").stdout)

    assert {name for name, value in row.items() if value is None} == {
        "since",
        "last_run_at",
        "last_verdict",
        "told_at",
        "silenced_until",
    }
    assert (row["state"], row["streak"]) == ("ok", 0)


@pytest.mark.parametrize("standing", list(Status))
def test_a_state_is_called_by_its_name(state, standing):
    remembered(state, "podcasts", {"x": SourceState(status=standing)})

    assert json.loads(status(state, "--json").stdout)[0]["state"] == standing.value
    assert f" {standing.value} " in status(state).stdout


def test_every_job_is_listed_by_name_and_in_it_the_job_itself_first(state):
    remembered(state, "b", {"x": GOOD, "": GOOD})
    remembered(state, "a", {"z": GOOD, "y": HARD})

    rows = json.loads(status(state, "--json").stdout)

    assert [(row["job"], row["source"]) for row in rows] == [("a", "y"), ("a", "z"), ("b", ""), ("b", "x")]


def test_one_job_can_be_asked_for(state):
    remembered(state, "Søndag på P1", {"x": GOOD})
    remembered(state, "other", {"y": GOOD})

    rows = json.loads(status(state, "Søndag på P1", "--json").stdout)

    assert [(row["job"], row["source"], row["last_verdict"]) for row in rows] == [("Søndag på P1", "x", "ok")]


def test_the_state_can_be_given_as_an_option(state, tmp_path):
    remembered(state, "podcasts", {"x": GOOD})

    assert len(json.loads(status(tmp_path / "other", "--json", "--state", str(state)).stdout)) == 1


def test_for_people_it_is_a_table_with_the_reason(state):
    remembered(state, "podcasts", {"": GOOD, "Søndag på P1": HARD})

    headings, itself, feed = status(state).stdout.splitlines()

    assert re.split(r" {2,}", headings.strip()) == [
        "job",
        "source",
        "state",
        "failed",
        "since",
        "last run",
        "why",
    ]
    since, last = (clock.local(at).strftime("%d %b %H:%M") for at in (AT, AT + 7200))
    assert re.split(r" {2,}", itself.strip()) == ["podcasts", "(the job itself)", "ok", last, "good"]
    assert re.split(r" {2,}", feed.strip()) == [
        *("podcasts", "Søndag på P1", "hard", "4", since, last),
        "4 failed runs in a row; already told",
    ]


def test_before_anything_is_remembered_it_says_so_and_is_no_failure(state):
    result = status(state)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "nothing is remembered yet: no job has ended a run in this state directory\n"


def test_before_anything_is_remembered_json_is_an_empty_list(state):
    result = status(state, "--json")

    assert json.loads(result.stdout) == []
    assert result.stderr == ""


def test_a_job_whose_first_run_has_not_ended_has_no_rows(state):
    job_place(state, "podcasts").runs.mkdir(parents=True)

    assert json.loads(status(state, "podcasts", "--json").stdout) == []


HOSTILE = "x\x1b[2J\r\n\0\u202e\udcff[bold]"


def test_hostile_names_drive_no_terminal(state):
    remembered(state, HOSTILE, {HOSTILE: SourceState(reason=HOSTILE)})

    result = status(state)

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert re.search(r"[^\n -~]", result.stdout) is None
    assert "[bold]" in result.stdout


def test_hostile_names_stay_whole_in_json_that_drives_no_terminal(state):
    remembered(state, HOSTILE, {HOSTILE: SourceState(reason=HOSTILE)})

    result = status(state, "--json")

    assert re.search(r"[^\n -~]", result.stdout) is None
    (row,) = json.loads(result.stdout)
    assert row["job"] == HOSTILE
    assert row["source"] == HOSTILE.replace("\udcff", "\\udcff")


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_job_that_is_not_there_is_an_error_that_names_those_that_are(state, arguments):
    remembered(state, "Søndag", {})
    remembered(state, "backup", {})

    result = status(state, "podcasts", *arguments)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"mailsponge: no job 'podcasts' in {state}; jobs there: Søndag, backup\n"


def test_where_there_is_no_job_at_all_the_error_says_so(state):
    assert status(state, "podcasts").stderr.endswith("; jobs there: none yet\n")


def test_an_empty_name_is_no_job(state):
    result = status(state, "")

    assert result.exit_code == 1
    assert "give the job a name" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["podcasts"]])
def test_a_state_directory_that_cannot_be_read_is_an_error(arguments):
    result = status(Path("/" + "x" * 5000), *arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith("mailsponge: the state directory /xxx")
    assert "cannot be read" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_ledger_that_cannot_be_read_is_an_error_and_left_as_it_is(state, arguments):
    ledger = remembered(state, "podcasts", {"x": GOOD})
    ledger.write_bytes(b"no ledger" * 1000)

    result = status(state, *arguments)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"the ledger {ledger} is damaged" in result.stderr
    assert ledger.read_bytes() == b"no ledger" * 1000


def test_looking_changes_nothing(state):
    ledger = remembered(state, "podcasts", {"x": HARD})
    before = ledger.read_bytes()

    status(state)
    status(state, "--json")

    assert ledger.read_bytes() == before
    assert sorted(path.name for path in ledger.parent.iterdir()) == ["ledger.db", "runs"]
