"""The other ways out: a sendmail program, and names that somebody has to look up."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kit.programs import wait_until
from kit.smtp_server import SmtpServer
from mailsponge.clock import Deadline
from mailsponge.sponge.mailhost import MailHost, parse
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.sockets import resolve
from mailsponge.sponge.transport import hand_over

MAIL = Mail(
    "<1@example.net>",
    0.0,
    "hello",
    "a@example.net",
    ("b@example.org",),
    b"Subject: hello\r\n\r\n.\r\nHello.\r\n",
)


@pytest.fixture
def script(tmp_path):
    """Makes a program of a shell script; $OUT is a path beside it."""

    def make(text: str, name: str = "sendmail") -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nOUT={tmp_path}/out\n{text}\n")
        path.chmod(0o755)
        return path

    return make


def handed(path: Path, mail: Mail = MAIL, seconds: float = 20) -> Outcome:
    return hand_over(mail, parse(f"sendmail:{path}"), None, Deadline(seconds))


def test_sendmail_gets_the_message_and_the_addresses(script, tmp_path):
    path = script('printf "%s\\n" "$@" > "$OUT"; cat > "$OUT.mail"')

    outcome = handed(path, replace(MAIL, toaddrs=("b@example.org", "-oQ/tmp@example.org")))

    assert (outcome.status, outcome.reply) == ("sent", f"handed to {path}")
    given = (tmp_path / "out").read_text().split("\n")
    assert given[: given.index("--")] == ["-i", "-f", "a@example.net"]
    assert given[given.index("--") + 1 :] == ["b@example.org", "-oQ/tmp@example.org", ""]
    assert (tmp_path / "out.mail").read_bytes() == b"Subject: hello\n\n.\nHello.\n"


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        (75, "waiting"),
        (1, "waiting"),
        (69, "waiting"),
        (64, "refused"),
        (65, "refused"),
        (67, "refused"),
        (68, "refused"),
    ],
)
def test_sendmails_exit_status_decides(script, status, becomes):
    outcome = handed(script(f"cat > /dev/null; echo 'it is \x1b[31mfull' >&2; exit {status}"))

    assert outcome.status == becomes
    assert f"ended with status {status}: it is \\x1b[31mfull" in outcome.reply


def test_a_sendmail_that_reads_nothing_is_judged_by_its_status(script):
    big = replace(MAIL, content=b"x" * 3_000_000)

    assert handed(script("exit 75"), big).status == "waiting"
    assert handed(script("exit 0"), big).status == "sent"


def test_a_sendmail_that_is_killed_makes_the_mail_wait(script):
    assert handed(script("kill -9 $$")).status == "waiting"


def test_a_sendmail_that_hangs_is_ended_at_the_deadline(script, tmp_path):
    path = script('echo $$ > "$OUT"; exec sleep 1000')
    began = time.monotonic()

    outcome = handed(path, seconds=0.5)

    assert time.monotonic() - began < 4
    assert outcome.status == "waiting"
    assert not outcome.server_is_there
    pid = (tmp_path / "out").read_text().strip()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_sendmail_that_leaves_something_running_has_taken_the_mail(script, tmp_path):
    """It holds on to the streams it was given; the mail is in the queue all the same, and must not go for ever."""
    path = script('cat > /dev/null; sleep 1000 & echo $! > "$OUT"; exit 0')
    began = time.monotonic()

    outcome = handed(path)
    seconds = time.monotonic() - began
    pid = int((tmp_path / "out").read_text())
    os.kill(pid, signal.SIGKILL)

    assert outcome.status == "sent"
    assert seconds < 15


@pytest.mark.parametrize("kind", ["missing", "not executable", "a directory", "not a program"])
def test_a_sendmail_that_cannot_be_started_makes_the_mail_wait(script, tmp_path, kind):
    path = script("exit 0")
    if kind == "missing":
        path.unlink()
    elif kind == "not executable":
        path.chmod(0o644)
    elif kind == "a directory":
        path = tmp_path
    else:
        path.write_bytes(b"\x7fELF nonsense")

    outcome = handed(path)

    assert outcome.status == "waiting"
    assert str(path) in outcome.reply


def test_a_sendmail_that_talks_much_is_quoted_briefly(script):
    outcome = handed(script("yes | head -c 3000000 >&2; exit 75"))

    assert outcome.status == "waiting"
    assert len(outcome.reply) <= 1000


# Names


def test_a_number_needs_nobody(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")

    assert [address[1][0] for address in resolve("127.0.0.1", 25, Deadline(5))] == ["127.0.0.1"]
    assert [address[1][0] for address in resolve("::1", 25, Deadline(5))] == ["::1"]


def test_localhost_is_this_machine_whatever_the_resolver_thinks(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")

    assert [address[1][0] for address in resolve("localhost", 25, Deadline(5))] == ["127.0.0.1", "::1"]


def test_a_name_is_looked_up_in_a_process_of_its_own(script, monkeypatch):
    """A name this machine knows without asking anybody: its own, by /etc/hosts."""
    monkeypatch.setattr(sys, "executable", str(script("echo 127.0.0.1", "python3")))
    with SmtpServer() as server:
        outcome = hand_over(MAIL, MailHost("smtp", "mail.example.org", server.port), None, Deadline(20))

    assert outcome.status == "sent"


def test_a_resolver_that_hangs_is_not_waited_for(script, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(script("exec sleep 1000", "python3")))
    began = time.monotonic()

    outcome = hand_over(MAIL, parse("mail.example.org"), None, Deadline(0.5))

    assert time.monotonic() - began < 4
    assert outcome.status == "waiting"
    assert "no address for mail.example.org in time" in outcome.reply


def test_a_name_that_nobody_knows_makes_the_mail_wait():
    outcome = hand_over(MAIL, parse("no-such-host.invalid"), None, Deadline(10))

    assert outcome.status == "waiting"
    assert "no address for no-such-host.invalid" in outcome.reply


def test_a_real_name_is_found(monkeypatch):
    found = resolve(
        "ip6-localhost" if "ip6-localhost" in Path("/etc/hosts").read_text() else "localhost",
        25,
        Deadline(20),
    )

    assert found[0][1][0] in ("::1", "127.0.0.1")


@pytest.fixture
def known(monkeypatch):
    """A resolver that knows one name."""

    def look_up(host: str, *_: object, flags: int = 0, **__: object) -> list[object]:
        if flags & socket.AI_NUMERICHOST and host != "192.0.2.7":
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 25))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize("name", ["podcasts", "uwsgi", "blender"])
def test_a_program_that_is_no_python_is_never_started_in_its_place(
    script, known, monkeypatch, tmp_path, name
):
    """A program that Python is embedded in is itself sys.executable: it would start itself for ever."""
    monkeypatch.setattr(sys, "executable", str(script('echo started > "$OUT"', name)))

    assert resolve("mail.example.org", 25, Deadline(5)) == [(socket.AF_INET, ("192.0.2.7", 25))]
    assert not (tmp_path / "out").exists()


def test_a_frozen_program_is_not_started_in_its_place(script, known, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(script('echo started > "$OUT"', "python3")))
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert resolve("mail.example.org", 25, Deadline(5)) == [(socket.AF_INET, ("192.0.2.7", 25))]
    assert not (tmp_path / "out").exists()
