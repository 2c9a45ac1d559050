"""The command sendmail as others start it: cron, mail in three kinds, mutt and git send-email."""

from __future__ import annotations

import email
import email.policy
import os
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest

from kit import house as ways
from kit.client import Outcome
from kit.house import House
from kit.mail_server import SOURCES
from kit.post import Post, trace_and_message

TEXT = "Det gælder også.\n.\nEnd\n"
PATCH = """\
From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: me <me@example.org>
Date: Sat, 31 Jan 2026 08:30:00 +0100
Subject: [PATCH] A better world

---
 1 file changed
"""


class Command(NamedTuple):
    """The command, as a program on this machine."""

    path: Path
    pickup: Path

    def waiting(self) -> list[bytes]:
        """What waits for a server."""
        return [file.read_bytes() for file in self.pickup.iterdir()]


def installed(folder: Path, socket: str) -> Command:
    folder.mkdir()
    pickup = folder / "pickup"
    pickup.mkdir()
    script = folder / "sendmail"
    script.write_text(
        f"#!/bin/sh\n"
        f"PYTHONPATH='{SOURCES}' MAILSPONGE_SUBMIT='{socket}' MAILSPONGE_PICKUP='{pickup}'\n"
        f"export PYTHONPATH MAILSPONGE_SUBMIT MAILSPONGE_PICKUP\n"
        f"exec '{sys.executable}' -m mailsponge.sendmail \"$@\"\n"
    )
    script.chmod(0o755)
    return Command(script, pickup)


@pytest.fixture
def command(house: House, tmp_path: Path) -> Command:
    """It hands over to the house."""
    return installed(tmp_path / "up", str(house.address(ways.SOCKET)))


@pytest.fixture
def lonely(tmp_path: Path) -> Command:
    """There is no server for it."""
    return installed(tmp_path / "down", "/nonexistent/submit")


class Program:
    """A program that sends by the command sendmail."""

    name = ""
    """The peer's."""

    def __init__(self, run: Callable[..., Outcome], peer: Callable[[str], str], folder: Path) -> None:
        self.run, self.folder = run, folder
        self.program = peer(self.name) if self.name else ""

    def send(self, sendmail: Path, *recipients: str) -> Outcome:
        raise NotImplementedError


class Cron(Program):
    """Debian's cron, which starts it like this (do_command.c) for what a job has said."""

    def send(self, sendmail: Path, *recipients: str) -> Outcome:
        said = (
            f"From: root (Cron Daemon)\nTo: {recipients[0]}\nSubject: Cron <me@box> date\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
            f"X-Cron-Env: <SHELL=/bin/sh>\n\n{TEXT}"
        )
        flags = ("-FCronDaemon", "-i", "-B8BITMIME", "-oem")
        return self.run(sendmail, *flags, recipients[0], stdin=said.encode())


class SNail(Program):
    """The mail(1) of many systems."""

    name = "s-nail"

    def send(self, sendmail: Path, *recipients: str) -> Outcome:
        options = ("-Ssendwait", "-Sttycharset=utf-8", f"-Smta={sendmail}", "-Sv15-compat=yes")
        what = ("-r", "me@example.org", "-s", "Søndag", *recipients)
        return self.run(self.program, "-:/", *options, *what, stdin=TEXT.encode())


class BsdMailx(Program):
    """The one of BSD, which is older than MIME."""

    name = "bsd-mailx"

    def send(self, sendmail: Path, *recipients: str) -> Outcome:
        settings = self.folder / "mailrc"
        settings.write_text(f"set sendmail={sendmail}\nset sendwait\n")
        with_settings = ("env", f"MAILRC={settings}")
        return self.run(*with_settings, self.program, "-I", "-s", "Sunday", *recipients, stdin=TEXT.encode())


class Mutt(Program):
    """With -t in none of its own flags, and all recipients behind ``--``."""

    name = "mutt"

    def send(self, sendmail: Path, *recipients: str) -> Outcome:
        settings = (
            f"set sendmail='{sendmail} -oem -oi'",
            "set copy=no",
            "set from=me@example.org",
            "set use_from=yes",
        )
        options = [word for setting in settings for word in ("-e", setting)]
        return self.run(
            self.program, "-n", "-F/dev/null", *options, "-s", "Søndag", *recipients, stdin=TEXT.encode()
        )


class GitSendEmail(Program):
    """By the path of a program in place of a server."""

    name = "git-send-email"
    option = "--smtp-server={}"

    def _settings(self) -> Path:
        settings = self.folder / "gitconfig"
        settings.write_text("[user]\nname = me\nemail = me@example.org\n")
        return settings

    def send(self, sendmail: Path, *recipients: str) -> Outcome:
        patch = self.folder / "0001.patch"
        patch.write_text(PATCH)
        to = [f"--to={recipient}" for recipient in recipients]
        return self.run(
            "env", f"GIT_CONFIG_GLOBAL={self._settings()}",
            self.program, "--quiet", "--confirm=never", "--suppress-cc=all", "--from=me@example.org",
            self.option.format(sendmail), *to, patch,
        )  # fmt: skip


class GitSendmailCmd(GitSendEmail):
    """By a command line, to which it adds -i and the recipients."""

    option = "--sendmail-cmd={}"


PROGRAMS = [Cron, SNail, BsdMailx, Mutt, GitSendEmail, GitSendmailCmd]


@pytest.fixture(params=PROGRAMS, ids=lambda program: program.__name__)
def program(request, run, peer, tmp_path) -> Program:
    made: Program = request.param(run, peer, tmp_path)
    return made


def read(letter: bytes) -> EmailMessage:
    return email.message_from_bytes(trace_and_message(letter)[1], policy=email.policy.default)


def test_what_it_sends_arrives(program: Program, command: Command, post: Post):
    outcome = program.send(command.path, "me@example.org")

    assert outcome.succeeded, outcome.said
    [letter] = post.letters("me")
    message = read(letter)
    assert message["Date"]
    assert message["Message-ID"]
    assert message["From"]
    expected = "1 file changed" if isinstance(program, GitSendEmail) else TEXT
    assert expected in message.get_content().replace("\r\n", "\n")
    assert f"(local uid {os.getuid()} (" in trace_and_message(letter)[0]


def test_without_a_server_it_waits_and_nobody_is_troubled(program: Program, lonely: Command):
    outcome = program.send(lonely.path, "me@example.org")

    assert outcome.succeeded, outcome.said
    [letter] = lonely.waiting()
    assert b"\r\nRCPT TO:<me@example.org>\r\nDATA\r\n" in letter


@pytest.mark.parametrize("program", [SNail, Mutt, GitSendEmail, GitSendmailCmd], indirect=True)
def test_whom_the_server_refuses_is_told_at_once(program: Program, command: Command, post: Post):
    outcome = program.send(command.path, "nobody@example.org")

    assert not outcome.succeeded
    assert "nobody@example.org: 550 5.1.1" in outcome.said
    assert command.waiting() == []
    assert post.letters("me") == []


@pytest.mark.parametrize("program", [SNail, Mutt, BsdMailx], indirect=True)
def test_several_recipients(program: Program, command: Command, post: Post):
    outcome = program.send(command.path, "me@example.org", "you@example.org")

    assert outcome.succeeded, outcome.said
    assert [len(post.letters(mailbox)) for mailbox in ("me", "you")] == [1, 1]


def test_crons_mail_to_a_name_alone_comes_to_somebody(run, peer, tmp_path, command: Command, post: Post):
    outcome = Cron(run, peer, tmp_path).send(command.path, "root")

    assert outcome.succeeded, outcome.said
    assert read(post.letters("me")[0])["Subject"] == "Cron <me@box> date"


def test_the_line_that_separates_messages_in_a_file_is_no_header(command: Command, post: Post):
    patch = subprocess.run(
        [command.path, "-i", "me@example.org"], input=PATCH.encode(), capture_output=True, check=True
    )

    assert patch.stderr == b""
    assert read(post.letters("me")[0])["Subject"] == "[PATCH] A better world"
