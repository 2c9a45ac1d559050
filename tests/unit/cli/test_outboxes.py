"""``mailsponge outbox``: which mails wait and why, what they say, and trying once more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner

from kit.smtp_server import SmtpServer
from mailsponge.cli import main
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Mail
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings

WAITING = Mail(
    "<5f0c11@example.org>",
    1_700_000_000.0,
    "podcasts: Søndag has failed",
    "sponge@example.org",
    ("me@example.org", "you@example.org"),
    b"Subject: =?utf-8?q?S=C3=B8ndag?=\r\nMessage-ID: <5f0c11@example.org>\r\n\r\nHello\x1b[2J\r\n",
    attempts=2,
    last_attempt_at=1_700_003_600.0,
    last_reply="localhost:25: connection refused",
)
SENT = replace(WAITING, message_id="<5f0caa@example.org>", created_at=1_600_000_000.0, status="sent")
REFUSED = replace(WAITING, message_id="<77@example.org>", status="refused", last_reply="550 no such user")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer({}) as server:
        yield server


def keep(state: Path, *mails: Mail, job: str = "podcasts", mailhost: str | None = None) -> JobPlace:
    """A job with these mails in its outbox."""
    place = job_place(state, job)
    place.runs.mkdir(parents=True)
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        ledger.put_settings(Settings(job, ("me@example.org",), mailhost=mailhost).to_json())
        for mail in mails:
            ledger.add_mail(mail)
    return place


def kept(place: JobPlace) -> list[Mail]:
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        return ledger.mails()


def outbox(state: Path, *arguments: str) -> click.testing.Result:
    return CliRunner().invoke(
        main, ["outbox", *arguments], env={"MAILSPONGE_STATE": str(state), "MAILSPONGE_TO": None}
    )


def listed(state: Path, *arguments: str) -> list[str]:
    return [row["message_id"] for row in json.loads(outbox(state, "list", "--json", *arguments).stdout)]


# list


def test_json_says_what_waits_and_why(state):
    keep(state, WAITING)

    result = outbox(state, "list", "--json")

    assert result.stderr == ""
    assert json.loads(result.stdout) == [
        {
            "id": "5f0c11",
            "job": "podcasts",
            "message_id": "<5f0c11@example.org>",
            "subject": "podcasts: Søndag has failed",
            "to": ["me@example.org", "you@example.org"],
            "created_at": "2023-11-14T22:13:20Z",
            "status": "waiting",
            "attempts": 2,
            "last_attempt_at": "2023-11-14T23:13:20Z",
            "last_reply": "localhost:25: connection refused",
        }
    ]


def test_what_was_refused_is_listed_and_what_was_sent_only_when_asked_for(state):
    keep(state, WAITING, SENT, REFUSED)

    assert listed(state) == ["<5f0c11@example.org>", "<77@example.org>"]
    assert listed(state, "--all") == ["<5f0caa@example.org>", "<5f0c11@example.org>", "<77@example.org>"]


def test_mails_of_every_job_are_listed(state):
    keep(state, WAITING, job="b")
    keep(state, REFUSED, job="a")

    assert listed(state) == ["<77@example.org>", "<5f0c11@example.org>"]


@pytest.mark.parametrize("arguments", [[], ["list"]])
def test_for_people_it_is_a_table(state, arguments):
    keep(state, WAITING)

    result = outbox(state, *arguments)

    headings, row = result.stdout.splitlines()
    assert headings.split() == ["id", "decided", "job", "subject", "status", "tries", "last", "answer"]
    assert "5f0c11" in row
    assert "podcasts: Søndag has failed" in row
    assert "localhost:25: connection refused" in row


def test_an_empty_outbox_says_so_and_is_no_failure(state):
    keep(state, SENT)

    result = outbox(state)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "the outbox is empty: nothing waits\n"
    assert json.loads(outbox(state, "list", "--json").stdout) == []


def test_an_answer_of_a_hostile_server_drives_no_terminal(state):
    keep(state, replace(WAITING, last_reply="550 \x1b[2J\nx"))

    assert "550 \\x1b[2J\\nx" in outbox(state).stdout


# show


@pytest.mark.parametrize("wanted", ["5f0c11", "5f0c1", "5", "<5f0c11@example.org>"])
def test_a_mail_is_shown_by_the_beginning_of_its_id(state, wanted):
    keep(state, WAITING, REFUSED)

    result = outbox(state, "show", wanted)

    assert result.exit_code == 0
    assert "\nSubject: Søndag\nMessage-ID: <5f0c11@example.org>\n\nHello" in result.stdout


def test_what_became_of_it_stands_before_the_mail_itself(state):
    keep(state, WAITING)

    first, *rest = outbox(state, "show", "5f0c11").stdout.splitlines()

    assert first == "Status: waiting; 2 tries, the last 14 Nov 2023: localhost:25: connection refused"
    assert rest[0] == "Job: podcasts"
    assert "Envelope: from <sponge@example.org> to me@example.org, you@example.org" in rest


def test_raw_it_is_the_exact_bytes(state):
    keep(state, WAITING)

    assert outbox(state, "show", "--raw", "5f0c11").stdout_bytes == WAITING.content


def test_an_id_that_begins_another_is_still_that_mails(state):
    keep(state, WAITING, replace(WAITING, message_id="<5f0c112@example.org>", subject="another"))

    assert "Message-ID: <5f0c11@example.org>" in outbox(state, "show", "5f0c11").stdout


# What stands before the subcommand


@pytest.mark.parametrize(
    "arguments", [["--all", "--json"], ["--all", "list", "--json"], ["list", "--all", "--json"]]
)
def test_the_options_of_the_list_are_those_of_the_outbox_too(state, arguments):
    keep(state, SENT)

    assert len(json.loads(outbox(state, *arguments).stdout)) == 1


def test_a_state_that_stands_before_the_subcommand_is_meant_for_it(state, tmp_path):
    keep(state, WAITING)

    for arguments in (["show", "5f0c11"], ["list"], ["send"]):
        result = outbox(tmp_path / "elsewhere", "--state", str(state), *arguments)
        assert "5f0c11" in result.output


def test_options_of_the_list_before_another_subcommand_are_an_error(state):
    result = outbox(state, "--json", "show", "5f0c11")

    assert result.exit_code == 2
    assert "are for the list" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["send"]])
def test_a_ledger_that_cannot_be_read_hides_no_other(state, server, arguments):
    keep(state, WAITING, job="a").ledger.write_bytes(b"no ledger" * 1000)
    keep(state, replace(WAITING, message_id="<77@h>"), job="b", mailhost=server.url)

    result = outbox(state, *arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith("mailsponge: a: the ledger ")
    assert result.stderr.endswith("; mailsponge check a sets it aside and begins a new one\n")
    assert "77" in result.stdout


def test_a_mail_that_is_shown_drives_no_terminal(state):
    keep(state, WAITING)

    assert "Hello\\x1b[2J\n" in outbox(state, "show", "5f0c11").stdout


@pytest.mark.parametrize(
    ("wanted", "said"), [("5f0c", "2 mails begin with '5f0c'"), ("99", "no mail begins with '99'")]
)
def test_what_names_no_one_mail_is_an_error_that_says_how_to_find_it(state, wanted, said):
    keep(state, WAITING, SENT)

    result = outbox(state, "show", wanted)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"mailsponge: {said}: mailsponge outbox list --all shows their IDs\n"


# send


def test_what_waits_is_handed_over(state, server):
    place = keep(state, WAITING, mailhost=f"smtp://127.0.0.1:{server.port}")

    result = outbox(state, "send")

    assert result.exit_code == 0
    assert result.stdout == f"5f0c11: podcasts: Søndag has failed: handed to 127.0.0.1:{server.port}\n"
    assert [mail.message_id for mail in server.mails] == ["<5f0c11@example.org>"]
    assert [mail.status for mail in kept(place)] == ["sent"]


def test_what_was_refused_is_tried_once_more(state, server):
    place = keep(state, REFUSED, mailhost=f"smtp://127.0.0.1:{server.port}")

    outbox(state, "send")

    assert [mail.content for mail in server.mails] == [REFUSED.content]
    assert [mail.status for mail in kept(place)] == ["sent"]


def test_what_still_waits_is_a_failure_that_says_why(state):
    place = keep(state, WAITING, mailhost="smtp://127.0.0.1:1")

    result = outbox(state, "send")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("mailsponge: 5f0c11: still waits: 127.0.0.1:1: ")
    assert len(result.stderr.splitlines()) == 1
    assert [mail.attempts for mail in kept(place)] == [3]


def test_with_ids_those_mails_go_and_no_others(state, server):
    place = keep(state, WAITING, REFUSED, mailhost=server.url)

    result = outbox(state, "send", "77")

    assert result.exit_code == 0
    assert [(mail.id, mail.status) for mail in kept(place)] == [("5f0c11", "waiting"), ("77", "sent")]


def test_one_that_was_mentioned_is_sent_by_its_id_alone(state, server):
    place = keep(state, REFUSED.mentioned(), mailhost=server.url)

    assert outbox(state, "send").stderr == "the outbox is empty: nothing waits\n"
    assert outbox(state, "send", "77").exit_code == 0
    assert [mail.status for mail in kept(place)] == ["sent"]


def test_what_was_sent_is_not_sent_again(state, server):
    keep(state, SENT, mailhost=server.url)

    result = outbox(state, "send", "5f0caa")

    assert result.exit_code == 1
    assert "5f0caa was handed over already" in result.stderr
    assert server.mails == []


def test_each_refusal_is_said_once(state):
    with SmtpServer({"RCPT": "550 5.1.1 nobody here"}) as server:
        keep(state, WAITING, mailhost=server.url)
        result = outbox(state, "send")

    assert result.exit_code == 1
    assert result.output.count("nobody here") == 2  # one a recipient
    assert len(result.output.splitlines()) == 1


def test_several_that_wait_for_one_server_are_one_line_and_a_count(state):
    keep(
        state,
        WAITING,
        replace(WAITING, message_id="<88@h>"),
        replace(WAITING, message_id="<99@h>"),
        mailhost="smtp://127.0.0.1:1",
    )

    first, second = outbox(state, "send").stderr.splitlines()

    assert first.startswith("mailsponge: 5f0c11: still waits: ")
    assert second == "mailsponge: podcasts: 2 more mails wait: for the same server"


def test_sending_folds_nothing_and_decides_nothing(state, server):
    place = keep(state, WAITING, mailhost=server.url)
    (place.runs / "00000001").mkdir()
    (place.runs / "00000001/owner.jsonl").write_text("")

    outbox(state, "send")

    assert [path.name for path in place.runs.iterdir()] == ["00000001"]
