"""``mailsponge status``: how every source stands, and why; with --json nothing but JSON."""

from __future__ import annotations

import json
import os
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner

from mailsponge import clock
from mailsponge.cli import main
from mailsponge.sponge import folder
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import (
    ERROR,
    OK,
    Ending,
    Failures,
    Incident,
    Mail,
    Run,
    Silence,
    SourceState,
    Status,
)
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
            "mail": "sent",
            "silenced_until": None,
            "acknowledged": False,
            "reason": "4 failed runs in a row; already told",
            "recent": [],
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
        "mail",
        "silenced_until",
    }
    assert (row["state"], row["streak"]) == ("ok", 0)


@pytest.mark.parametrize("standing", list(Status))
def test_a_state_is_called_by_its_name(state, standing):
    remembered(state, "podcasts", {"x": SourceState(status=standing)})

    assert json.loads(status(state, "--json").stdout)[0]["state"] == standing.value
    assert f" {standing.value}\n" in status(state).stdout


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

    headings, itself, feed, _, summary = status(state).stdout.splitlines()

    assert re.split(r" {2,}", headings.strip()) == [
        "job",
        "source",
        "state",
        "failed",
        "since",
        "last run",
        "mail",
        "recent runs",
        "why",
    ]
    since, told, last = (clock.local(at).strftime("%d %b %Y") for at in (AT, AT + 3600, AT + 7200))
    assert re.split(r" {2,}", itself.strip()) == ["podcasts", "(the job itself)", "ok", last, "good"]
    assert re.split(r" {2,}", feed.strip()) == [
        *("podcasts", "Søndag på P1", "hard", "4", since, last, f"told {told}"),
        "4 failed runs in a row; already told",
    ]
    assert summary == "2 sources: 1 hard, 1 ok"


def test_before_anything_is_remembered_it_says_so_and_is_no_failure(state):
    result = status(state)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"nothing is remembered yet in {state}: a job's first run begins it\n"


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
    assert len(result.stdout.splitlines()) == 4
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
    state.mkdir()

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


@pytest.mark.parametrize(("arguments", "shown"), [([], ""), (["--json"], "[]\n")])
def test_a_ledger_that_cannot_be_read_is_an_error_and_left_as_it_is(state, arguments, shown):
    ledger = remembered(state, "podcasts", {"x": GOOD})
    ledger.write_bytes(b"no ledger" * 1000)

    result = status(state, *arguments)

    assert result.exit_code == 1
    assert result.stdout == shown
    assert f"the ledger {ledger} is damaged" in result.stderr
    assert ledger.read_bytes() == b"no ledger" * 1000


def test_one_that_cannot_be_read_hides_no_other_and_it_is_said_what_to_do(state):
    remembered(state, "a", {"x": GOOD}).write_bytes(b"no ledger" * 1000)
    remembered(state, "b", {"y": HARD})

    result = status(state, "--json")

    assert result.exit_code == 1
    assert [row["job"] for row in json.loads(result.stdout)] == ["b"]
    assert result.stderr.startswith("mailsponge: a: ")
    assert result.stderr.endswith("; mailsponge check a sets it aside and begins a new one\n")
    assert " hard " in status(state).stdout


# What was told, and what was not


def told_by(state: Path, mail: Mail) -> str:
    """What stands in the column of the mail, for a source that this mail has told of."""
    ledger_file = remembered(state, "podcasts", {"x": HARD})
    with closing(SqliteLedger(ledger_file)) as ledger, ledger.transaction():
        ledger.put_incidents({"x": TOLD._replace(thread=mail.message_id)})
        ledger.add_mail(mail)
    return status(state).stdout


MAIL = Mail(
    "<5f0c@h>", AT + 3600, "x has failed", "a@h", ("me@h",), b"", last_reply="h:25: no answer in time"
)


def test_told_is_not_said_of_a_mail_that_still_waits(state):
    shown = told_by(state, MAIL)

    assert re.search(r"  waits  .*already told", shown)
    day = clock.local(AT + 3600).strftime("%d %b %Y")
    assert (
        f"\npodcasts: 1 mail waits since {day}: h:25: no answer in time\n    mailsponge outbox send\n"
        in shown
    )
    assert json.loads(status(state, "--json").stdout)[0]["mail"] == "waiting"


@pytest.mark.parametrize("answer", ["refused", "mentioned"])
def test_told_is_not_said_of_a_mail_that_was_refused(state, answer):
    shown = told_by(state, replace(MAIL, status=answer, last_reply="550 no"))

    assert re.search(r"  refused  .*already told", shown)
    assert json.loads(status(state, "--json").stdout)[0]["mail"] == "refused"


def test_a_mail_that_was_refused_is_said_until_a_later_one_has_told_of_it(state):
    shown = told_by(state, replace(MAIL, status="refused", last_reply="550 no"))

    assert "\npodcasts: 1 mail was refused for good: 550 no\n    mailsponge outbox show 5f0c\n" in shown


def test_what_is_acknowledged_or_silenced_says_so_and_why(state):
    ledger_file = remembered(state, "podcasts", {"x": HARD})
    with closing(SqliteLedger(ledger_file)) as ledger, ledger.transaction():
        ledger.put_incidents({"x": TOLD._replace(acknowledged=ERROR)})
        ledger.put_silences([Silence("x*", AT, clock.now() + 3600, "moving\x1b[2J")])

    shown = status(state).stdout
    (row,) = json.loads(status(state, "--json").stdout)

    assert re.search(r"told \d\d \w+ 2023, acknowledged, silenced until ", shown)
    assert "already told; silenced: moving\\x1b[2J" in shown
    assert row["acknowledged"]
    assert row["silenced_until"]


# Runs


def test_recent_runs_are_cells_the_newest_last(state):
    ledger_file = remembered(state, "podcasts", {"x": HARD})
    with closing(SqliteLedger(ledger_file)) as ledger, ledger.transaction():
        for number, verdicts in enumerate([{"x": OK}, {}, {"x": ERROR}], 1):
            run = Run(f"r{number}", number, "h", AT + number, AT + number, Ending.FINISHED, 0)
            ledger.add_run(run, verdicts, "")

    assert "●·✖" in status(state).stdout
    assert json.loads(status(state, "--json").stdout)[0]["recent"] == ["ok", None, "failed"]


def test_a_run_that_died_and_was_not_folded_is_said_with_what_to_do(state):
    place = job_place(state, "Søndag på P1")
    os.close(folder.begin(place, lambda run, number: b"{}\n").descriptor)

    result = status(state, "Søndag på P1")

    assert result.exit_code == 0
    assert result.stdout == (
        "Søndag på P1: 1 run of a program that died, or could not finish, waits to be folded:\n"
        "    mailsponge check 'Søndag på P1'\n"
    )


def test_a_job_whose_first_run_is_going_on_says_that(state):
    run = folder.begin(job_place(state, "podcasts"), lambda run, number: b"{}\n")
    shown = status(state, "podcasts").stdout
    os.close(run.descriptor)

    assert shown == "podcasts: its first run is going on\n"


def test_a_job_that_has_not_ended_a_run_says_that_and_not_that_there_is_none(state):
    job_place(state, "podcasts").runs.mkdir(parents=True)

    assert status(state, "podcasts").stdout == "podcasts: no run of it has ended yet\n"


# Where to look


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["outbox"], ["history", "podcasts"]])
@pytest.mark.parametrize("name", ["file", "nowhere", "file/below"])
def test_a_state_directory_that_is_asked_for_has_to_be_one(tmp_path, command, name):
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(main, [*command, "--state", str(tmp_path / name)])

    assert (result.exit_code, result.stdout) == (1, "")
    assert str(tmp_path / name) in result.stderr


def test_looking_changes_nothing(state):
    ledger = remembered(state, "podcasts", {"x": HARD})
    before = ledger.read_bytes()

    status(state)
    status(state, "--json")

    assert ledger.read_bytes() == before
    assert sorted(path.name for path in ledger.parent.iterdir()) == ["ledger.db", "runs"]
