"""Rules of LMTP (RFC 2033): another mail server is told of each recipient what became of the mail."""

from __future__ import annotations

import os
import smtplib
from functools import partial

import pytest

from mailsponge.server.role import LMTP
from mailsponge.store.memory import MemoryStore


@pytest.fixture
def post(open_post):
    with open_post(role=LMTP) as running:
        yield running


@pytest.fixture
def client(post):
    with post.client() as connected:
        assert connected.reply().startswith("220 ")
        assert connected.say("LHLO front.example").startswith("250")
        yield connected


def test_each_recipient_gets_an_answer(post, client):
    client.say("MAIL FROM:<a@b.example>")
    assert client.say("RCPT TO:<me@example.org>").startswith("250")
    assert client.say("RCPT TO:<nobody@example.org>").startswith("550 5.1.1")
    assert client.say("RCPT TO:<you@example.org>").startswith("250")
    assert client.say("DATA").startswith("354")
    client.send(b"x\r\n.\r\n")

    assert [client.reply(), client.reply()] == ["250 2.0.0 Taken as 1\r\n"] * 2
    assert client.say("NOOP").startswith("250")
    assert b"\tby mail.example.org with LMTP id 1;" in post.content("me")


def test_a_message_with_a_fault_is_refused_for_each(post, client):
    client.say("MAIL FROM:<a@b.example>")
    client.say("RCPT TO:<me@example.org>")
    client.say("RCPT TO:<you@example.org>")
    client.say("DATA")
    client.send(b"a bare\nline feed\r\n.\r\n")

    assert [client.reply()[:9], client.reply()[:9]] == ["550 5.6.0"] * 2
    assert post.store.mails() == []


def test_a_store_that_fails_is_told_for_each(open_post):
    full = partial(MemoryStore, room=1)
    with open_post(role=LMTP, make_store=lambda call: full(call=call)) as post, post.client() as client:
        client.reply()
        client.say("LHLO front.example")
        client.say("MAIL FROM:<a@b.example>")
        client.say("RCPT TO:<me@example.org>")
        client.say("RCPT TO:<you@example.org>")
        client.say("DATA")
        client.send(b"x\r\n.\r\n")

        assert [client.reply()[:9], client.reply()[:9]] == ["452 4.3.1"] * 2


def test_chunks_are_answered_for_each_at_their_end_alone(post, client):
    client.say("MAIL FROM:<a@b.example>")
    client.say("RCPT TO:<me@example.org>")
    client.say("RCPT TO:<you@example.org>")
    client.send(b"BDAT 3\r\nx\r\n")
    assert client.reply().startswith("250")
    client.send(b"BDAT 3 LAST\r\ny\r\n")

    assert [client.reply(), client.reply()] == ["250 2.0.0 Taken as 1\r\n"] * 2


def test_somebody_elsewhere_is_no_more_taken_than_in_smtp(client):
    client.say("MAIL FROM:<a@b.example>")

    assert client.say("RCPT TO:<x@elsewhere.example>").startswith("550 5.7.1")


def test_smtplib_delivers_through_a_unix_socket(open_post, tmp_path):
    with open_post(role=LMTP, place=tmp_path / "lmtp") as post:
        with smtplib.LMTP(str(tmp_path / "lmtp"), local_hostname="front.example") as lmtp:
            lmtp.sendmail("boss@elsewhere.example", ["me@example.org"], "Subject: hello\n\nworld\n")

        assert f"Received: from front.example (local uid {os.getuid()} (".encode() in post.content()


def test_the_server_in_front_hands_over_what_anybody_sent_whoever_it_runs_as(open_post, rules, tmp_path):
    with open_post(rules._replace(trusted=frozenset()), role=LMTP, place=tmp_path / "lmtp") as post:
        with smtplib.LMTP(str(tmp_path / "lmtp"), local_hostname="front.example") as lmtp:
            lmtp.sendmail("boss@elsewhere.example", ["me@example.org"], "Subject: hello\n\nworld\n")

        assert post.content().endswith(b"\r\n\r\nworld\r\n")
