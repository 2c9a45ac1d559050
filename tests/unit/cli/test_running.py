"""``mailsponge run``: a command as it was, and remembered. Real processes, as the run ends with the interpreter."""

from __future__ import annotations

from contextlib import closing

import pytest
from click.testing import CliRunner

from kit.smtp_server import SmtpServer
from mailsponge.cli import main
from mailsponge.sponge.ledger.sqlite import SqliteLedger

TO = {"MAILSPONGE_TO": "me@example.org"}


def test_the_output_passes_through_and_the_status_is_the_commands(job):
    done = job.command("run", "backup", "--", "sh", "-c", "echo out; echo err >&2; exit 7", **TO)

    assert (done.status, done.out) == (7, "out\n")
    assert done.err.startswith("err\n")


def test_what_the_command_did_is_remembered(job):
    job.name = "backup"
    job.command("run", "backup", "--", "sh", "-c", "echo out; echo err >&2; exit 7", **TO)

    assert sorted(record.text for record in job.records()) == ["ended with status 7", "err", "out"]
    assert job.states()[""].status == "soft"


def test_a_command_that_works_is_ok(job):
    job.name = "backup"

    assert job.command("run", "backup", "--", "true", **TO).status == 0
    assert job.verdicts() == [{"": 0}]


def test_a_source_is_judged_by_itself(job):
    job.name = "sync"

    job.command("run", "sync", "--source", "nas1", "--", "false", **TO)
    job.command("run", "sync", "--source", "nas2", "--", "true", **TO)

    assert job.verdicts() == [{"nas1": 40, "": 0}, {"nas2": 0, "": 0}]


def test_patience_recipients_and_mail_host_are_taken_from_the_options(job):
    with SmtpServer({}) as server:
        job.command(
            *("run", "backup", "--to", "me@example.org", "--to", "you@example.org", "--patience", "now"),
            *("--mailhost", f"127.0.0.1:{server.port}", "--", "sh", "-c", "echo broken >&2; exit 1"),
        )

    (mail,) = server.mails
    assert mail.recipients == ["me@example.org", "you@example.org"]
    assert mail.message["Subject"] == "backup: the job itself has failed"
    assert "broken" in mail.message.get_body(("plain",)).get_content()


def test_the_rules_are_taken_from_the_options(job):
    job.name = "backup"

    job.command(
        *(
            "run",
            "backup",
            "--patience",
            "ERROR=2 runs",
            "--patience",
            "CRITICAL='now'",
            "--digest",
            "20 records",
        ),
        *("--recover-after", "2", "--expect", "1 day", "--", "true"),
        **TO,
    )

    with closing(SqliteLedger(job.place.ledger)) as ledger, ledger.transaction():
        kept = ledger.settings()
    assert kept["patience"] == {"ERROR": "2 runs", "CRITICAL": "now"}
    assert (kept["digest"], kept["recover_after"], kept["expect"]) == ("20 records", 2, "1 day")


def test_the_state_can_be_given_as_an_option(job, tmp_path):
    job.command("run", "backup", "--state", str(tmp_path / "other"), "--", "true", **TO)

    assert (tmp_path / "other" / "backup" / "ledger.db").exists()


def test_options_after_the_dashes_are_the_commands(job):
    done = job.command("run", "backup", "--", "sh", "-c", 'echo "$0 $1"', "--json", "--help", **TO)

    assert done.out == "--json --help\n"


def test_a_command_that_cannot_be_found_is_told_and_remembered(job):
    job.name = "backup"

    done = job.command("run", "backup", "--", "no-such-command", **TO)

    assert done.status == 127
    assert "no-such-command cannot be started: No such file or directory" in done.err
    assert job.states()[""].status == "soft"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "backup", "--patience", "soon", "--to", "me@example.org", "--", "true"], "patience 'soon'"),
        (
            ["run", "backup", "--match", "(", "--to", "me@example.org", "--", "true"],
            "--match '(' is no regular expression",
        ),
        (
            ["run", "backup", "--match", "(?P<what>.*)", "--to", "me@example.org", "--", "true"],
            "has none of the groups source, level and message",
        ),
        (["run", "backup", "--to", "Me <me@example.org>", "--", "true"], "is no mail address"),
        (
            ["run", "backup", "--to", "me@example.org", "--mailhost", "ftp://x", "--", "true"],
            "mailhost 'ftp://x'",
        ),
        (["run", "backup", "--digest", "much", "--to", "me@example.org", "--", "true"], "digest 'much'"),
        (["run", "backup", "--expect", "0 days", "--to", "me@example.org", "--", "true"], "expect '0 days'"),
        (
            ["run", "backup", "--recover-after", "0", "--to", "me@example.org", "--", "true"],
            "--recover-after",
        ),
        (
            [
                "run",
                "backup",
                "--to",
                "me@example.org",
                "--mailhost",
                "smtp://me:pw@mail.example.org",
                "--",
                "true",
            ],
            "MAILSPONGE_PASSWORD",
        ),
        (
            [
                "run",
                "backup",
                "--patience",
                "now",
                "--patience",
                "3 runs",
                "--to",
                "me@example.org",
                "--",
                "true",
            ],
            "each is LEVEL=P",
        ),
        (["run", "", "--to", "me@example.org", "--", "true"], "give the job a name"),
        (["run", "backup", "--", "true"], "nobody to mail to: give --to me@example.org"),
        (["run", "backup"], "Missing argument"),
        (["run"], "Missing argument 'JOB'"),
    ],
)
def test_what_cannot_be_is_said_before_the_command_runs(tmp_path, arguments, said):
    nothing = dict.fromkeys(("MAILSPONGE_TO", "MAILSPONGE_MAILHOST"))
    env = {**nothing, "MAILSPONGE_STATE": str(tmp_path), "XDG_CONFIG_HOME": "/nonexistent"}

    result = CliRunner().invoke(main, arguments, env=env)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "toaddrs" not in result.stderr
    assert "SpongeHandler" not in result.stderr
    assert list(tmp_path.iterdir()) == []


MATCH = r"^(?P<level>[A-Za-z]+) (?P<source>\w+): (?P<message>.*)"
SAYS = "echo INFO nas1: copied; echo error nas2: disk full; echo something else"


def test_lines_are_taken_apart_and_each_source_is_judged_by_itself(job):
    job.name = "mirror"

    done = job.command("run", "mirror", "--match", MATCH, "--", "sh", "-c", SAYS, **TO)

    assert done.out == "INFO nas1: copied\nerror nas2: disk full\nsomething else\n"
    assert [(record.source, record.level, record.text) for record in job.records()] == [
        ("nas1", 20, "copied"),
        ("nas2", 40, "disk full"),
        ("", 20, "something else"),
    ]
    assert job.verdicts() == [{"": 0, "nas1": 0, "nas2": 40}]


def test_what_no_line_tells_the_source_of_belongs_to_the_one_that_was_given(job):
    job.name = "mirror"

    job.command(
        *("run", "mirror", "--source", "all", "--match", MATCH, "--", "sh", "-c", f"{SAYS}; exit 3"), **TO
    )

    assert [(record.source, record.text) for record in job.records()][2:] == [
        ("all", "something else"),
        ("all", "ended with status 3"),
    ]
    assert job.verdicts() == [{"": 0, "all": 40, "nas1": 0, "nas2": 40}]
