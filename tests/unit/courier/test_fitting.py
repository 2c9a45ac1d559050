"""Rules of what is changed for a server that offers less (RFC 6152 section 3, RFC 6531 section 3.2, RFC 1870)."""

from __future__ import annotations

import pytest

from kit.relaying import HELLO, LARGE, Relaying, results
from kit.smtp_server import SmtpServer
from mailsponge.mail.outcome import Result

ALL = ("PIPELINING", "8BITMIME", "SMTPUTF8")
BLACKBIRD = (
    "Subject: Amsel\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsüß\r\n".encode()
)


def test_octets_beyond_ascii_are_encoded_for_who_takes_none():
    with SmtpServer() as server, Relaying(server.port) as relaying:
        assert results(relaying.send(BLACKBIRD, "a@example.net", eight_bit=True)) == ["relayed"]
        assert server.mails[0].message.get_content() == "süß\r\n"
        assert server.mails[0].content.isascii()


SONG = [BLACKBIRD.partition("süß".encode())[0], *(["süß ".encode() * 10 + b"\r\n"] * 20_000)]
"""A large message, in pieces."""


def test_of_a_large_one_what_is_encoded_is_not_kept_in_memory():
    with SmtpServer() as server, Relaying(server.port) as relaying:
        assert results(relaying.send(SONG, "a@example.net", eight_bit=True, in_memory=False)) == ["relayed"]
        assert server.mails[0].message.get_payload(decode=True) == b"".join(SONG[1:])
        assert server.mails[0].content.isascii()


def test_where_there_is_no_room_for_that_it_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with SmtpServer() as server, Relaying(server.port) as relaying:
        [outcome] = relaying.send(SONG, "a@example.net", eight_bit=True, in_memory=False)

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.0")
    assert "no room" in outcome.why


def test_who_takes_them_gets_them_as_they_are():
    with SmtpServer(extensions=ALL) as server, Relaying(server.port) as relaying:
        assert results(relaying.send(BLACKBIRD, "a@example.net")) == ["relayed"]
        assert server.mails[0].content == BLACKBIRD
        assert any("BODY=8BITMIME" in command for command in server.commands)


def test_what_cannot_be_encoded_fails():
    with SmtpServer() as server, Relaying(server.port) as relaying:
        [outcome] = relaying.send("Subject: süß\r\n\r\nsüß\r\n".encode(), "a@example.net", eight_bit=True)

    assert (outcome.result, outcome.status) == (Result.FAILED, "5.6.3")


def test_a_domain_beyond_ascii_has_a_name_in_ascii():
    with SmtpServer() as server, Relaying(server.port) as relaying:
        assert results(relaying.send(HELLO, "you@bücher.example", smtputf8=True)) == ["relayed"]
        assert server.mails[0].recipients == ["you@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("content", "recipient"),
    [(HELLO, "sø@example.net"), ("Subject: süß\r\n\r\n".encode(), "you@example.net")],
)
def test_what_has_no_name_in_ascii_fails(content, recipient):
    with SmtpServer() as server, Relaying(server.port) as relaying:
        [outcome] = relaying.send(content, recipient, smtputf8=True)

    assert (outcome.result, outcome.status) == (Result.FAILED, "5.6.7")


def test_who_knows_smtputf8_gets_it_as_it_is():
    with SmtpServer(extensions=ALL) as server, Relaying(server.port) as relaying:
        assert results(relaying.send(HELLO, "sø@example.net", smtputf8=True)) == ["relayed"]
        assert server.mails[0].recipients == ["sø@example.net"]


def test_a_message_that_is_too_large_fails():
    with SmtpServer(extensions=("SIZE 100000",)) as server, Relaying(server.port) as relaying:
        [outcome] = relaying.send(LARGE, "a@example.net")

    assert (outcome.result, outcome.status) == (Result.FAILED, "5.3.4")
