"""TLS: what must be secret goes encrypted to a server that can prove who it is, or it waits."""

from __future__ import annotations

import socket
import time

import pytest

from kit.smtp_server import (
    CERTIFICATE,
    SmtpServer,
    Talk,
    drips,
    hangs_up,
    says_nothing,
    then,
)
from mailsponge.clock import Deadline
from mailsponge.sponge.mailhost import Credentials, parse
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.transport import hand_over

MAIL = Mail(
    "<1@example.net>", 0.0, "hello", "a@example.net", ("b@example.org",), b"Subject: hello\r\n\r\nHello.\r\n"
)


@pytest.fixture
def vouched_for(monkeypatch):
    """Let this machine trust the certificate that the server has signed itself."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def handed(server: SmtpServer, query: str, login: Credentials | None = None, seconds: float = 20) -> Outcome:
    return hand_over(MAIL, parse(server.url + query), login, Deadline(seconds))


def test_required_and_not_offered_nothing_goes_out():
    with SmtpServer() as server:
        outcome = handed(server, "?starttls=require")

    assert outcome.status == "waiting"
    assert "STARTTLS" in outcome.reply
    assert [command.split()[0].upper() for command in server.commands] == ["EHLO"]


def test_with_a_user_it_is_required_unless_the_url_says_otherwise():
    with SmtpServer(extensions=["AUTH PLAIN"]) as server:
        host = parse(server.url)._replace(user="me")
        outcome = hand_over(MAIL, host, Credentials("me", "secret"), Deadline(20))

    assert outcome.status == "waiting"
    assert not any("AUTH" in command for command in server.commands)


def test_required_and_nobody_vouches_for_the_certificate_nothing_goes_out():
    with SmtpServer(extensions=["STARTTLS"]) as server:
        outcome = handed(server, "?starttls=require")

    assert outcome.status == "waiting"
    assert "certificate" in outcome.reply.lower()
    assert server.mails == []
    assert not any(command.upper().startswith("MAIL") for command in server.commands)


def test_required_and_vouched_for_it_goes_encrypted(vouched_for):
    with SmtpServer(extensions=["STARTTLS"]) as server:
        assert handed(server, "?starttls=require").status == "sent"

    assert server.mails[0].encrypted


def test_tried_it_goes_encrypted_whoever_the_server_is():
    with SmtpServer(extensions=["STARTTLS"]) as server:
        assert handed(server, "").status == "sent"

    assert server.mails[0].encrypted


def test_tried_and_not_offered_it_goes_in_the_clear():
    with SmtpServer() as server:
        assert handed(server, "?starttls=try").status == "sent"

    assert not server.mails[0].encrypted


def test_never_means_never():
    with SmtpServer(extensions=["STARTTLS"]) as server:
        assert handed(server, "?starttls=never").status == "sent"

    assert not server.mails[0].encrypted


@pytest.mark.parametrize("query", ["?starttls=require", "?starttls=try"])
@pytest.mark.parametrize("answer", ["454 4.7.0 not now", "502 5.5.1 what?", hangs_up])
def test_offered_and_then_refused_the_mail_waits(query, answer):
    with SmtpServer({"STARTTLS": answer}, extensions=["STARTTLS"]) as server:
        outcome = handed(server, query)

    assert outcome.status == "waiting"
    assert server.mails == []


@pytest.mark.parametrize("fault", [says_nothing, drips, hangs_up])
def test_a_server_that_fails_in_the_handshake_makes_the_mail_wait(fault):
    with SmtpServer({"STARTTLS": then("220 2.0.0 go ahead", fault)}, extensions=["STARTTLS"]) as server:
        began = time.monotonic()
        outcome = handed(server, "?starttls=require", seconds=0.4)

    assert time.monotonic() - began < 4
    assert outcome.status == "waiting"


@pytest.mark.parametrize("fault", [says_nothing, drips, hangs_up])
@pytest.mark.parametrize("step", ["MAIL", "end of data"])
def test_a_server_that_fails_inside_tls_makes_the_mail_wait(step, fault):
    with SmtpServer({step: fault}, extensions=["STARTTLS"]) as server:
        began = time.monotonic()
        outcome = handed(server, "?starttls=try", seconds=0.6)

    assert time.monotonic() - began < 4
    assert outcome.status == "waiting"
    assert not outcome.server_is_there


def test_what_was_slipped_in_before_tls_counts_for_nothing(vouched_for):
    """Else somebody on the way could answer for the server (CVE-2021-38371 and its kin)."""

    def slips_in(talk: Talk) -> None:
        talk.say("220 2.0.0 go ahead\r\n250-slipped.example\r\n250 AUTH PLAIN")
        talk.start_tls()

    with SmtpServer({"STARTTLS": slips_in}, extensions=["STARTTLS"]) as server:
        outcome = handed(server, "?starttls=require")

    assert outcome.status in ("sent", "waiting")
    assert not any("AUTH" in command for command in server.commands)
    assert all(mail.encrypted for mail in server.mails)


def test_what_was_said_before_tls_is_forgotten(vouched_for):
    """The server offers login before TLS and not after: then nobody logs in."""
    with SmtpServer(extensions=["STARTTLS", "AUTH PLAIN"], after_tls=[]) as server:
        outcome = handed(server, "?starttls=require", Credentials("me", "secret"))

    assert outcome.status == "waiting"
    assert not any("AUTH" in command for command in server.commands)


def test_smtps_is_tls_from_the_first_byte(vouched_for):
    with SmtpServer(tls_at_once=True) as server:
        assert handed(server, "").status == "sent"

    assert server.mails[0].encrypted


def test_smtps_to_a_server_nobody_vouches_for_waits():
    with SmtpServer(tls_at_once=True) as server:
        outcome = handed(server, "")

    assert outcome.status == "waiting"
    assert "certificate" in outcome.reply.lower()


def test_smtps_to_a_server_of_another_name_waits(vouched_for):
    with SmtpServer(tls_at_once=True, host="127.0.0.2") as server:
        outcome = handed(server, "")

    assert outcome.status == "waiting"
    assert server.mails == []


def test_smtps_to_a_server_that_speaks_plainly_waits():
    with SmtpServer() as server:
        outcome = hand_over(MAIL, parse(f"smtps://127.0.0.1:{server.port}"), None, Deadline(20))

    assert outcome.status == "waiting"
    assert server.mails == []


def test_plain_smtp_to_a_server_that_waits_for_tls_waits():
    with SmtpServer(tls_at_once=True) as server:
        outcome = hand_over(MAIL, parse(f"smtp://127.0.0.1:{server.port}"), None, Deadline(0.4))

    assert outcome.status == "waiting"


def test_smtps_to_a_server_that_says_nothing_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        url = f"smtps://127.0.0.1:{silent.getsockname()[1]}"
        outcome = hand_over(MAIL, parse(url), None, Deadline(0.4))

    assert time.monotonic() - began < 4
    assert outcome.status == "waiting"
