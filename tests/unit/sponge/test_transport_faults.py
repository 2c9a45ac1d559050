"""A server that hangs, drips, dies or talks nonsense at any step: one deadline holds, and the mail waits."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from kit.smtp_server import SmtpServer, Talk, drips, drips_lines, hangs_up, says_nothing, then
from mailsponge.clock import Deadline
from mailsponge.sponge.mailhost import parse
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.transport import hand_over

MAIL = Mail(
    "<1@example.net>", 0.0, "hello", "a@example.net", ("b@example.org",), b"Subject: hello\r\n\r\nHello.\r\n"
)

SECONDS = 0.4
"""What a server gets in these tests."""

GENEROUS = 3.0
"""Seconds that a busy machine may add to that."""

STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end of data"]


def in_time(port: int, query: str = "", mail: Mail = MAIL, scheme: str = "smtp") -> Outcome:
    """Hand a mail over within the deadline, and see to it that it is kept."""
    began = time.monotonic()
    outcome = hand_over(mail, parse(f"{scheme}://127.0.0.1:{port}{query}"), None, Deadline(SECONDS))
    assert time.monotonic() - began < SECONDS + GENEROUS
    return outcome


@pytest.mark.parametrize("fault", [says_nothing, drips, drips_lines, hangs_up])
@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_fails_at_a_step_makes_the_mail_wait(step, fault):
    with SmtpServer({step: fault}) as server:
        outcome = in_time(server.port)

    assert outcome.status == "waiting"
    assert outcome.reply.startswith(f"127.0.0.1:{server.port}: ")
    assert not outcome.server_is_there
    assert "Traceback" not in outcome.reply


def test_a_server_that_dies_in_the_middle_of_a_message_has_not_got_it():
    def takes_a_little(talk: Talk) -> None:
        talk.hear()
        hangs_up(talk)

    with SmtpServer({"content": takes_a_little}) as server:
        outcome = in_time(server.port, mail=replace(MAIL, content=b"x" * 70 + b"\r\n" * 3_000_000))

    assert outcome.status == "waiting"
    assert server.mails == []


def test_a_server_that_stops_reading_is_not_waited_for():
    def reads_no_more(talk: Talk) -> None:
        talk.stopped.wait()
        hangs_up(talk)

    with SmtpServer({"content": reads_no_more}) as server:
        outcome = in_time(server.port, mail=replace(MAIL, content=(b"x" * 70 + b"\r\n") * 500_000))

    assert outcome.status == "waiting"


def test_a_server_that_takes_the_mail_and_drops_before_it_answers_may_get_it_again():
    with SmtpServer({"end of data": [hangs_up, "250 2.0.0 taken"]}) as server:
        first, second = in_time(server.port), in_time(server.port)

    assert (first.status, second.status) == ("waiting", "sent")
    assert server.mails[0].content == server.mails[1].content


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    outcome = in_time(port)

    assert outcome.status == "waiting"
    assert "refused" in outcome.reply


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A port whose queue is full: a connection is neither made nor refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        waiting = []
        for _ in range(5):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
            waiting.append(client)
        yield listening.getsockname()[1]
        for client in waiting:
            client.close()


def test_a_connection_that_is_never_made_is_not_waited_for():
    with nobody_accepts() as port:
        outcome = in_time(port)

    assert outcome.status == "waiting"
    assert "timed out" in outcome.reply


@pytest.mark.parametrize(
    "nonsense",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x00" * 500 + b"\r\n",
        b"\r\n",
        b"220",
        b"220\r\n220\r\n",
        b"999 what\r\n",
        b"-20 what\r\n",
        b"220 " + b"x" * 20_000 + b"\r\n",
        b"\xff\xfe\xfd 220\r\n",
        b"250-a\r\n251 b\r\n",
    ],
)
def test_a_greeting_that_is_none_makes_the_mail_wait(nonsense):
    def says(talk: Talk) -> None:
        talk.say_bytes(nonsense)
        hangs_up(talk)

    with SmtpServer({"greeting": says}) as server:
        outcome = in_time(server.port)

    assert outcome.status == "waiting"
    assert outcome.reply.isprintable()


def test_what_is_no_reply_is_told_whole_with_who_said_it():
    def speaks_http(talk: Talk) -> None:
        talk.say_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        hangs_up(talk)

    with SmtpServer({"greeting": speaks_http}) as server:
        outcome = in_time(server.port)

    says = "no mail server, or a confused one: it says 'HTTP/1.1 400 Bad Request'"
    assert outcome.reply == f"127.0.0.1:{server.port}: {says}"


@pytest.mark.parametrize("step", STEPS)
def test_silence_is_told_as_silence_with_who_was_silent(step):
    with SmtpServer({step: says_nothing}) as server:
        outcome = in_time(server.port)

    assert outcome.reply == f"127.0.0.1:{server.port}: no answer in time"


def test_a_server_that_takes_nobody_is_named():
    with SmtpServer({"greeting": "554 5.3.2 not you"}) as server:
        outcome = in_time(server.port)

    assert outcome.reply == f"127.0.0.1:{server.port}: 554 5.3.2 not you"


@pytest.mark.parametrize("line", [b"250-and then\r\n" * 1000, b"x" * 65536])
def test_a_server_that_talks_without_end_is_not_listened_to(line):
    """It would fill the memory of somebody else's program within the deadline."""
    said = [0]

    def talks(talk: Talk) -> None:
        while True:
            talk.say_bytes(line)
            said[0] += len(line)

    with SmtpServer({"EHLO": talks}) as server:
        outcome = hand_over(MAIL, parse(server.url), None, Deadline(20))

    assert outcome.status == "waiting"
    assert said[0] < 32 * 1024 * 1024


def test_a_message_refused_before_it_ends_is_refused():
    """A server that answers and hangs up while the message is still coming."""

    def answers_at_once(talk: Talk) -> None:
        talk.say("552 5.3.4 too big")
        hangs_up(talk)

    with SmtpServer({"content": answers_at_once}) as server:
        outcome = in_time(server.port)

    assert outcome.status in ("refused", "waiting")
    assert server.mails == []


def test_a_server_that_closes_after_421_is_gone():
    with SmtpServer({"MAIL": then("421 4.3.2 going down", hangs_up)}) as server:
        outcome = in_time(server.port)

    assert outcome.status == "waiting"
    assert "421 4.3.2 going down" in outcome.reply


def test_without_any_time_left_nothing_is_tried():
    with SmtpServer() as server:
        outcome = hand_over(MAIL, parse(server.url), None, Deadline(0))

    assert outcome.status == "waiting"
    assert server.commands == []
