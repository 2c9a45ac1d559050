"""Rules of reading mail on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from mailsponge.cli import main
from mailsponge.config import Machine
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance
from mailsponge.store.sqlite import SqliteStore

ARRIVED = 1769844600.0

HELLO = b"""\
From: =?utf-8?q?S=C3=B8ren?= <s@b.example>\r
To: me@example.org\r
Subject: =?utf-8?q?S=C3=B8ndag_p=C3=A5_P1?=\r
Date: Sat, 31 Jan 2026 08:00:00 +0100\r
Content-Type: text/plain; charset=utf-8\r
\r
Gr\xc3\xbc\xc3\x9fe\r
"""


@pytest.fixture(autouse=True)
def _zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")


class Post:
    """A data directory with mail in it."""

    def __init__(self, data) -> None:
        self.data = data

    def keep(self, content: bytes, *mailboxes: str) -> int:
        """Put a message into mailboxes."""
        store = SqliteStore(self.data)
        incoming = store.incoming()
        incoming.write(content)
        envelope = Envelope(parse("s@b.example"), (parse("me@example.org"),))
        reasons = ("<me@example.org> user me",)
        kept = Acceptance(envelope, mailboxes or ("me",), ARRIVED, "192.0.2.1", "client.example", reasons)
        incoming.accept(kept, lambda fault: None)
        store.close()
        return incoming.id

    def mail(self, *arguments: str) -> Result:
        """Run ``mailsponge mail``."""
        return CliRunner().invoke(main, ["mail", arguments[0], "--data", str(self.data), *arguments[1:]])

    def listed(self, *arguments: str) -> list[dict[str, object]]:
        """``mail list --json``, read."""
        found: list[dict[str, object]] = json.loads(self.mail("list", "--json", *arguments).stdout)
        return found


@pytest.fixture
def post(tmp_path):
    return Post(tmp_path / "data")


def test_a_list_for_scripts_has_every_field(post):
    number = post.keep(HELLO)

    assert post.listed() == [
        {
            "id": number,
            "mailbox": "me",
            "from": "Søren <s@b.example>",
            "to": "me@example.org",
            "subject": "Søndag på P1",
            "date": "2026-01-31T07:00:00Z",
            "arrived_at": "2026-01-31T07:30:00Z",
            "size": len(HELLO),
            "seen": False,
        }
    ]


def test_a_list_of_nothing_is_an_empty_list_for_scripts(post):
    SqliteStore(post.data).close()

    assert post.mail("list", "--json").stdout == "[]\n"


def test_a_list_of_nothing_is_said_on_standard_error(post):
    SqliteStore(post.data).close()
    done = post.mail("list")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No mail.\n")


def test_a_list_for_people_begins_with_the_id_and_marks_what_is_new(post):
    first = post.keep(HELLO)
    second = post.keep(HELLO)
    post.mail("show", str(first))

    lines = post.mail("list").stdout.splitlines()
    assert lines[1].split() == [
        str(second), "2026-01-31", "07:30", "me", "Søren", "<s@b.example>", "Søndag", "på", "P1", "new",
    ]  # fmt: skip
    assert lines[2].split()[0] == str(first)
    assert "new" not in lines[2]


def test_a_list_can_be_of_one_user_whatever_the_case(post):
    post.keep(HELLO, "me")
    post.keep(HELLO, "You")

    assert [mail["mailbox"] for mail in post.listed("--user", "you")] == ["You"]


def test_who_lives_in_a_directory_without_its_configuration_is_not_known(post):
    post.keep(HELLO, "me")

    assert post.listed("--user", "you") == []


def test_a_user_who_is_not_there_is_an_error_that_names_those_who_are(post):
    post.keep(HELLO, "me", "You")

    done = CliRunner().invoke(
        main, ["mail", "list", "--user", "nobody"], env={"MAILSPONGE_DATA": str(post.data)}
    )

    assert (done.exit_code, done.stdout) == (1, "")
    assert "nobody here is called 'nobody'" in done.stderr
    assert "You" in done.stderr


def test_a_user_who_lives_here_and_has_no_mail_has_none(post):
    post.keep(HELLO, "somebody-else")

    done = post.mail("list", "--user", Machine.here().user)

    assert (done.exit_code, done.stderr) == (0, "No mail.\n")


@pytest.mark.parametrize("wanted", ["abc", "0", "-1", "1.5", "٣", "9" * 30])
def test_what_is_no_id_is_an_error_that_says_what_one_is(post, wanted):
    post.keep(HELLO)

    done = post.mail("show", "--", wanted)

    assert done.exit_code == 2
    assert "the number that `mailsponge mail list` shows" in done.stderr


def test_a_long_subject_is_whole_in_a_pipe(post):
    post.keep(b"Subject: " + b"word " * 30 + b"end\r\n\r\n")

    assert "word end" in post.mail("list").stdout


def test_a_mail_is_shown_with_its_headers_its_reason_and_its_text(post):
    number = post.keep(HELLO)

    assert post.mail("show", str(number)).stdout == (
        "From: Søren <s@b.example>\n"
        "To: me@example.org\n"
        "Subject: Søndag på P1\n"
        "Date: 2026-01-31 07:00\n"
        "Arrived: 2026-01-31 07:30 from 192.0.2.1, which called itself client.example\n"
        "Envelope: from <s@b.example>\n"
        "Taken for: <me@example.org> user me\n"
        "\n"
        "Grüße\n"
    )


def test_what_is_attached_is_named(post):
    number = post.keep(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="bill.pdf"\r\n\r\naGVsbG8=\r\n--b--\r\n'
    )

    assert post.mail("show", str(number)).stdout.endswith(
        "\nSee there.\n\nAttached (1; --raw has them):\n  bill.pdf  application/pdf  5 bytes\n"
    )


def test_a_raw_mail_is_exactly_its_bytes(post):
    content = bytes(range(256)) + b"\r\n"
    number = post.keep(content)
    done = subprocess.run(
        [sys.executable, "-m", "mailsponge", "mail", "show", str(number), "--raw", "--data", str(post.data)],
        capture_output=True,
        check=True,
    )

    assert done.stdout == content


@pytest.mark.parametrize("option", [[], ["--raw"]])
def test_showing_a_mail_marks_it_as_read(post, option):
    number = post.keep(HELLO, "me", "you")
    post.mail("show", str(number), *option)

    assert [mail["seen"] for mail in post.listed()] == [True, True]


def test_showing_a_mail_to_one_user_marks_it_as_read_for_that_one(post):
    number = post.keep(HELLO, "me", "you")
    post.mail("show", str(number), "--user", "YOU")

    assert {mail["mailbox"]: mail["seen"] for mail in post.listed()} == {"me": False, "you": True}


HOSTILE = (
    b"From: \x1b]0;owned\x07 <x@y.example>\r\n"
    b"Subject: =?utf-8?b?4oCuYWIbWzMxbQ==?=\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    b"\x1b[2J\xe2\x80\xae hidden \xc2\x9b31m\x08\r\nsecond\tline\r\n"
)


@pytest.mark.parametrize("command", [["list"], ["show", "1"], ["list", "--json"]])
def test_what_a_stranger_wrote_cannot_drive_the_terminal(post, command):
    post.keep(HOSTILE)
    said = post.mail(*command).stdout

    assert not [letter for letter in said if letter in "\x1b\x07\x08\x9b\u202e"]


def test_lines_and_tabs_of_a_text_stay(post):
    post.keep(HOSTILE)

    assert post.mail("show", "1").stdout.endswith("\\x9b31m\\x08\nsecond\tline\n")


def test_a_mail_there_is_not_is_told(post):
    post.keep(HELLO)
    done = post.mail("show", "99")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "mailsponge: there is no mail 99; `mailsponge mail list` shows those there are\n"


def test_a_user_who_does_not_have_the_mail_is_told(post):
    number = post.keep(HELLO, "me")
    done = post.mail("show", str(number), "--user", "you")

    assert done.exit_code == 1
    assert "does not lie in the mailbox" in done.stderr


def test_where_there_is_no_mail_store_is_told(tmp_path):
    done = Post(tmp_path / "none").mail("list")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "mailsponge serve" in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_configuration_says_where_mail_is(post, tmp_path):
    post.keep(HELLO)
    config = tmp_path / "post.toml"
    config.write_text(f'data = "{post.data}"\n')

    assert CliRunner().invoke(main, ["mail", "list", "--config", str(config)]).stdout.count("Søndag") == 1


def test_the_variable_says_where_mail_is(post, monkeypatch):
    post.keep(HELLO)
    monkeypatch.setenv("MAILSPONGE_DATA", str(post.data))

    assert CliRunner().invoke(main, ["mail", "list"]).stdout.count("Søndag") == 1


def test_mail_can_be_read_while_the_server_runs(post):
    post.keep(HELLO)
    running = SqliteStore(post.data)
    try:
        assert post.mail("show", "1").exit_code == 0
        assert post.listed()[0]["seen"]
    finally:
        running.close()


@pytest.mark.parametrize("command", [[], ["list"], ["show"]])
def test_help_teaches_with_examples(command):
    said = CliRunner().invoke(main, ["mail", *command, "--help"]).output

    assert "mailsponge mail" in said
    assert "Examples:" in said
