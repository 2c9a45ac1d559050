"""One suite for every program that submits mail: what it sends lands in the mailbox byte for byte, and what it may not
send is refused in words it shows its user.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

PLAIN = b"""\
From: A person <person@example.net>\r
To: me@example.org\r
Subject: Hello\r
Date: Mon, 05 Jan 2026 06:00:00 +0000\r
Message-ID: <hello@example.net>\r
\r
Good morning.\r
"""

UTF8 = """\
From: Søren <person@example.net>\r
To: me@example.org\r
Subject: Søndag på P1 kunne ikke hentes 🧽\r
Date: Mon, 05 Jan 2026 06:00:00 +0000\r
Message-ID: <søndag@example.net>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Det gælder også «brødteksten»: 日本語 🧽\r
""".encode()

DOTS = PLAIN + b".\r\n..\r\n.dot before a word\r\n...\r\n\r\n.\r\n\r\n . \r\nlast.\r\n"

BIG = PLAIN + b"".join(b"%07d %s\r\n" % (i, b"x" * 61) for i in range(5 * 1024 * 1024 // 71))


class Client:
    """A program that submits one message."""

    needs = ""
    """The peer's name, for a program from outside."""
    adds = b""
    """What the program itself puts behind a message."""

    def __init__(self, office, run, program: str, folder: Path) -> None:
        self.office, self.run, self.program, self.folder = office, run, program, folder

    def send(self, message: bytes, recipient: str = "me@example.org"):
        """Submit the message; returns whether that succeeded, and what the program said."""
        raise NotImplementedError

    def file(self, message: bytes) -> Path:
        path = self.folder / "message.eml"
        path.write_bytes(message)
        return path


class Smtplib(Client):
    def send(self, message, recipient="me@example.org"):
        options = ["BODY=8BITMIME", "SMTPUTF8"]
        with smtplib.SMTP(self.office.host, self.office.port) as smtp:
            try:
                smtp.sendmail("person@example.net", [recipient], message, mail_options=options)
            except smtplib.SMTPRecipientsRefused as refused:
                [(code, text)] = refused.recipients.values()
                return False, f"{code} {text.decode()}"
        return True, ""


class Curl(Client):
    needs = "curl"

    def send(self, message, recipient="me@example.org"):
        return self.run(
            self.program, "--disable", "--noproxy", "*", "--silent", "--verbose",
            "--url", f"smtp://{self.office.host}:{self.office.port}/client.example.net",
            "--mail-from", "person@example.net", "--mail-rcpt", recipient, "--upload-file", self.file(message),
        )  # fmt: skip


class Swaks(Client):
    needs = "swaks"
    adds = b"\r\n"
    pipelining: tuple[str, ...] = ()

    def send(self, message, recipient="me@example.org"):
        return self.run(
            self.program, "--server", self.office.host, "--port", str(self.office.port), *self.pipelining,
            "--helo", "client.example.net", "--from", "person@example.net", "--to", recipient,
            "--suppress-data", "--data", f"@{self.file(message)}",
        )  # fmt: skip


class PipeliningSwaks(Swaks):
    pipelining = ("--pipeline",)


class Msmtp(Client):
    needs = "msmtp"

    def send(self, message, recipient="me@example.org"):
        return self.run(
            self.program, f"--host={self.office.host}", f"--port={self.office.port}", "--tls=off",
            "--domain=client.example.net", "--from=person@example.net", "--debug", recipient, stdin=message,
        )  # fmt: skip


@pytest.fixture(params=[Smtplib, Curl, Swaks, PipeliningSwaks, Msmtp], ids=lambda kind: kind.__name__.lower())
def client(request, office, run, peer: Callable[[str], str], tmp_path) -> Client:
    kind = request.param
    return kind(office, run, peer(kind.needs) if kind.needs else "", tmp_path)


@pytest.mark.parametrize("message", [PLAIN, UTF8, DOTS, BIG], ids=["plain", "utf8", "dots", "5MB"])
def test_what_a_client_sends_lands_byte_for_byte(client, office, message):
    succeeded, said = client.send(message)

    assert succeeded, said
    assert office.sole_message() == message + client.adds


def test_the_listing_shows_a_utf8_subject_as_a_person_wrote_it(client, office):
    client.send(UTF8)

    [mail] = office.mails("me")
    assert mail["subject"] == "Søndag på P1 kunne ikke hentes 🧽"


def test_one_mail_to_an_alias_lands_in_each_mailbox_behind_it(client, office):
    client.send(PLAIN, "team@example.org")

    assert office.sole_message("me") == office.sole_message("you") == PLAIN + client.adds


def test_nobody_of_that_name_is_550_5_1_1(client, office):
    succeeded, said = client.send(PLAIN, "stranger@example.org")

    assert not succeeded
    assert "550 5.1.1" in said
    assert office.mails("me") == []


def test_relaying_is_550_5_7_1(client, office):
    succeeded, said = client.send(PLAIN, "person@example.com")

    assert not succeeded
    assert "550 5.7.1" in said
    assert office.mails("me") == []
