"""``mailsponge replay``: a picture and a list for a person, JSON for a script; nothing is mailed or changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sponge_jobs import RememberedJob

from mailsponge.cli import main

pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def job(remembered: RememberedJob) -> RememberedJob:
    """A job of which a source fails from its third run on, for three runs."""
    for failing in ((), (), ("b",), ("b",), ("b",), ()):
        remembered.ran(*failing, works=("a",) if failing else ("a", "b"))
    return remembered


def line(day: int, verdict: str, **more: str) -> str:
    return json.dumps(
        {"run": str(day), "at": f"2026-01-{day:02}T07:00:00Z", "source": "x", "verdict": verdict} | more
    )


def replay_file(path: Path, *lines: str, options: tuple[str, ...] = ()) -> Result:
    path.write_text("\n".join(lines))
    return CliRunner().invoke(main, ["replay", "--from", str(path), *options])


def kinds(result: Result) -> list[list[tuple[str, str]]]:
    return [[(flip["kind"], flip["source"]) for flip in mail["flips"]] for mail in json.loads(result.stdout)]


def test_by_its_own_rules_a_job_is_told_of_as_it_was(job):
    assert kinds(job.command("replay", "podcasts", "--json")) == [[("new", "b")], [("recovered", "b")]]


def test_by_other_rules_other_mails_come(job):
    assert kinds(job.command("replay", "podcasts", "--json", "--patience", "4 runs")) == []
    assert kinds(job.command("replay", "podcasts", "--json", "--recover-after", "2")) == [[("new", "b")]]


def test_a_script_gets_what_the_interface_promises(job):
    first = json.loads(job.command("replay", "podcasts", "--json").stdout)[0]

    assert first == {"at": "2023-11-15T02:13:20Z", "flips": [{"kind": "new", "source": "b"}], "digest": 0}


def test_a_person_sees_a_picture_the_mails_and_a_sum(job):
    assert job.command("replay", "podcasts").stdout.splitlines() == [
        "   14 Nov",
        "b  ··xxN·R",
        "a cell: hour   N new   R recovered   x failed, not mailed   · ok",
        "",
        "when                               what",
        "Wed 15 Nov 2023  02:13  NEW        b has failed 2 runs in a row",
        "                 04:13  RECOVERED  b works again after 4 hours",
        "",
        "6 runs, 14 Nov 2023 to 15 Nov 2023: 2 mails (1 new, 1 recovered)",
    ]


def test_that_nothing_would_have_been_mailed_is_said_below_what_failed(job):
    shown = job.command("replay", "podcasts", "--patience", "never").stdout.splitlines()

    assert shown[1] == "b  ··xxx·"
    assert shown[-1] == "6 runs, 14 Nov 2023 to 15 Nov 2023: nothing would have been mailed"


def test_nothing_is_changed(job):
    before = job.place.ledger.read_bytes()

    job.command("replay", "podcasts", "--patience", "now")

    assert job.place.ledger.read_bytes() == before


def test_a_file_is_decided_by_the_default_rules(tmp_path):
    lines = [line(day, "failed") for day in (1, 2, 3)]

    assert kinds(replay_file(tmp_path / "h.jsonl", *lines, options=("--json",))) == [[("new", "x")]]


def test_a_patience_a_level_can_be_given(tmp_path):
    lines = [line(1, "failed", level="CRITICAL"), line(2, "failed", level="ERROR")]
    rules = ("--json", "--patience", "ERROR='9 runs'", "--patience", "CRITICAL=now")

    assert kinds(replay_file(tmp_path / "h.jsonl", *lines, options=rules))[0] == [("new", "x")]


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    result = CliRunner().invoke(main, ["replay", "--from", str(tmp_path / "nope.jsonl")])

    assert result.exit_code == 2
    assert "nope.jsonl" in result.stderr


def test_an_empty_file_says_so(tmp_path):
    result = replay_file(tmp_path / "h.jsonl")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "there is no run to replay\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--patience", "soon"), "patience 'soon'"),
        (("--patience", "2 runs", "--patience", "now"), "each is LEVEL=P"),
        (("--digest", "much"), "digest 'much'"),
        (("--common-cause", "2"), "common_cause 2.0"),
    ],
)
def test_rules_that_cannot_be_are_an_error(tmp_path, options, said):
    result = replay_file(tmp_path / "h.jsonl", line(1, "ok"), options=options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize("wrong", ["{", "[]", '{"run": 1}', line(1, "maybe"), "\udcff"])
def test_a_line_that_cannot_be_read_is_told_by_its_number(tmp_path, wrong):
    path = tmp_path / "h.jsonl"
    path.write_bytes(f"{line(1, 'ok')}\n{wrong}".encode("utf-8", "surrogateescape"))

    result = CliRunner().invoke(main, ["replay", "--from", str(path)])

    assert result.exit_code == 2
    assert "h.jsonl: " in result.stderr


@pytest.mark.parametrize("arguments", [[], ["podcasts", "--from", "-"]])
def test_a_job_or_a_file_and_not_both(arguments):
    result = CliRunner().invoke(main, ["replay", *arguments], input="")

    assert result.exit_code == 2
    assert "give a job, or --from FILE" in result.stderr
