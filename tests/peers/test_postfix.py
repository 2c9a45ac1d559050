"""Postfix as the server that sends: what it was given arrives, over SMTP and LMTP, and it uses what it is offered."""

from __future__ import annotations

import os
import re
import smtplib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from kit import house as ways
from kit import peers
from kit.awaited import awaited
from kit.house import House
from kit.mail_server import PATIENCE
from kit.post import Post, trace_and_message
from kit.smtp_server import CERTIFICATE
from private_postfix import PrivatePostfix, Unavailable

SETTINGS = """\
inet_interfaces = 127.0.0.1, [::1]
inet_protocols = all
smtp_host_lookup = native
relayhost = [127.0.0.1]:{smtp.port}
transport_maps = inline:{{
  {{ me+ipv6@example.org = smtp:[::1]:{ipv6.port} }},
  {{ me+starttls@example.org = smtp:[localhost]:{smtp.port} }},
  {{ me+lmtp@example.org = lmtp:inet:127.0.0.1:{lmtp.port} }},
  {{ me+lmtp-socket@example.org = lmtp:unix:{lmtp_socket.host} }} }}
smtp_tls_security_level = none
smtp_tls_policy_maps = inline:{{
  {{ [::1]:{ipv6.port} = may }},
  {{ [localhost]:{smtp.port} = secure match=localhost }} }}
lmtp_tls_security_level = encrypt
lmtp_tls_policy_maps = inline:{{ {{ {lmtp_socket.host} = none }}, {{ unix:{lmtp_socket.host} = none }} }}
smtp_tls_CAfile = {authority}
smtp_tls_loglevel = 1
lmtp_tls_loglevel = 1
debug_peer_list = 127.0.0.1
"""
"""Where each recipient's mail goes, and how safely. It logs what it says to 127.0.0.1, word by word."""

SENDER = "me@example.org"
BODY = b"Good morning.\r\n.\r\n.. and dots\r\n"
HELLO = b"From: me@example.org\r\nSubject: Hello\r\n\r\n" + BODY


class Outcome(NamedTuple):
    """What Postfix says became of a message, for one recipient."""

    status: str
    reason: str


class Sending:
    """Postfix, and what it tells of."""

    def __init__(self, postfix: PrivatePostfix) -> None:
        self.postfix = postfix
        self._told = 0

    def send(
        self, content: bytes, recipient: str, mail: Sequence[str] = (), rcpt: Sequence[str] = ()
    ) -> Outcome:
        """Send a message, with these parameters of MAIL and RCPT, and wait until Postfix knows what became of it."""
        self._told = len(self.postfix.log())
        with smtplib.SMTP("127.0.0.1", self.postfix.port, "client.example.net", timeout=PATIENCE) as smtp:
            smtp.sendmail(SENDER, [recipient], content, mail, rcpt)
        return self.outcome(recipient)

    def outcome(self, recipient: str) -> Outcome:
        """Wait until it is known."""
        found = awaited(
            re.compile(rf" to=<{re.escape(recipient)}>,.* status=(\w+) \((.*)\)\n").search, self.log
        )
        return Outcome(*found.groups())

    def log(self) -> str:
        """What Postfix has said since the last message was handed to it."""
        return self.postfix.log()[self._told :]


@pytest.fixture(scope="module")
def running(house: House) -> Iterator[PrivatePostfix]:
    """A Postfix of our own, one for all tests here."""
    settings = SETTINGS.format(
        smtp=house.address(ways.PLAIN), ipv6=house.address(ways.IPV6), lmtp=house.address(ways.LMTP),
        lmtp_socket=house.address(ways.LMTP_SOCKET), authority=CERTIFICATE,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # Postfix works as somebody else
        try:
            with PrivatePostfix(Path(folder), [], settings) as postfix:
                yield postfix
        except Unavailable as reason:
            peers.missing(str(reason))


@pytest.fixture
def sending(running: PrivatePostfix) -> Sending:
    return Sending(running)


@pytest.mark.parametrize(
    ("recipient", "protocol"),
    [
        ("me@example.org", "ESMTP"),
        ("me+ipv6@example.org", "ESMTPS"),
        ("me+starttls@example.org", "ESMTPS"),
        ("me+lmtp@example.org", "LMTPS"),
        ("me+lmtp-socket@example.org", "LMTP"),
    ],
)
def test_what_postfix_sends_arrives(sending: Sending, recipient: str, protocol: str, post: Post):
    outcome = sending.send(HELLO, recipient)

    assert outcome.status == "sent", outcome.reason
    assert outcome.reason.startswith("250 2.0.0 Taken as ")
    [letter] = post.letters("me")
    trace, _ = trace_and_message(letter)
    assert f" with {protocol} " in trace
    assert f"for <{recipient}>" in trace
    assert letter.endswith(b"\r\n\r\n" + BODY)


@pytest.mark.parametrize(
    ("recipient", "trust"),
    [
        ("me+starttls@example.org", "Verified"),
        ("me+ipv6@example.org", "Trusted"),
        ("me+lmtp@example.org", "Untrusted"),
    ],
)
def test_postfix_agrees_on_tls(sending: Sending, recipient: str, trust: str, post: Post):
    sending.send(HELLO, recipient)

    assert re.search(rf"{trust} TLS connection established to \S+: TLSv1\.3 ", sending.log())


def test_it_pipelines_and_says_the_size(sending: Sending, post: Post):
    sending.send(HELLO, "me@example.org")

    assert "Using ESMTP PIPELINING" in sending.log()
    assert re.search(rf"> \S+: MAIL FROM:<{SENDER}> SIZE=\d+", sending.log())


def test_what_senders_wish_of_reports_is_passed_on(sending: Sending, post: Post):
    outcome = sending.send(
        HELLO, "me@example.org", ["RET=HDRS", "ENVID=letter-17"],
        ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;me@example.org"],
    )  # fmt: skip

    assert outcome.status == "sent"
    assert re.search(r"> \S+: MAIL FROM:<\S+> SIZE=\d+ ENVID=letter-17 RET=HDRS", sending.log())
    assert re.search(r"> \S+: RCPT TO:<\S+> ORCPT=rfc822;me@example.org NOTIFY=SUCCESS,DELAY", sending.log())


def test_a_name_beyond_ascii_is_reached(sending: Sending, post: Post):
    outcome = sending.send(
        "Subject: Søndag\r\n\r\nDet gælder også.\r\n".encode(), "søren@example.org", ["SMTPUTF8"]
    )

    assert outcome.status == "sent", outcome.reason
    [letter] = post.letters("søren")
    assert " with UTF8SMTP " in trace_and_message(letter)[0]
    assert letter.endswith("\r\n\r\nDet gælder også.\r\n".encode())


def test_a_large_message_arrives_whole(sending: Sending, post: Post):
    body = b"".join(b"%07d %s\r\n" % (number, b"x" * 60) for number in range(70_000))
    outcome = sending.send(b"Subject: large\r\n\r\n" + body, "me+starttls@example.org")

    assert outcome.status == "sent", outcome.reason
    [letter] = post.letters("me")
    assert letter.partition(b"\r\n\r\n")[2] == body


@pytest.mark.parametrize("recipient", ["nobody@example.org", "person@elsewhere.example"])
def test_what_is_refused_comes_back_to_its_sender(sending: Sending, recipient: str, post: Post):
    outcome = sending.send(HELLO, recipient)

    assert outcome.status == "bounced"
    assert re.search(r" said: 550 5\.(1|7)\.1 ", outcome.reason)
    assert sending.outcome(SENDER).status == "sent"
    [letter] = post.letters("me")
    assert letter.startswith(b"Return-Path: <>\r\n")
    assert outcome.reason.split(" said: ")[1][:10].encode() in letter


def test_a_hundred_at_once_all_arrive(sending: Sending, run, peer, post: Post):
    target = f"127.0.0.1:{sending.postfix.port}"
    outcome = run(peer("smtp-source"), "-s", "10", "-m", "100", "-f", SENDER, "-t", "you@example.org", target)

    assert outcome.succeeded, outcome.said
    awaited(lambda told: told.count(" to=<you@example.org>,") == 100, sending.log)
    assert len({trace_and_message(letter)[0] for letter in post.letters("you")}) == 100
