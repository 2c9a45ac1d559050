"""Postfix's load generator: twenty sessions at once lose nothing and mix nothing up, by whichever way they come."""

from __future__ import annotations

import re

import pytest

from kit import house as ways
from kit.house import House, Way
from kit.post import Post, trace_and_message

MESSAGES = 500

LINES = [b"%d%s\r\n" % ((line + 1) % 10, b"X" * 77) for line in range(51)]
FILLER = b"".join(LINES) + b"X" * 16 + b"\r\n"
"""What smtp-source writes for -l 4096: numbered lines of 80 bytes, the last one cut."""


@pytest.fixture
def smtp_source(house: House, run, peer):
    program = peer("smtp-source")

    def send(way: Way, *options: str, recipient: str = "me@example.org"):
        address = house.address(way)
        protocol = ("-L",) if way.entrance == "lmtp" else ()
        return run(
            program, *protocol, "-s", "20", "-m", str(MESSAGES), "-l", "4096", *options,
            "-f", "person@example.net", "-t", recipient, str(address) if address.port else f"unix:{address}",
        )  # fmt: skip

    return send


@pytest.mark.parametrize(
    "way", [ways.PLAIN, ways.IPV6, ways.SOCKET, ways.LMTP, ways.LMTP_SOCKET], ids=lambda way: way.name
)
@pytest.mark.parametrize("options", [(), ("-d",)], ids=["connection-a-message", "connections-reused"])
def test_twenty_sessions_at_once_deliver_every_message_once(smtp_source, way, options, post: Post):
    outcome = smtp_source(way, *options)

    assert outcome.succeeded, outcome.said
    traces = {trace_and_message(letter)[0] for letter in post.letters("me")}
    assert len(traces) == MESSAGES  # the id is in it
    assert all(f" with {_protocol(way)} id " in trace for trace in traces)


def _protocol(way: Way) -> str:
    return way.protocol if way.entrance == "lmtp" else "SMTP"  # it says HELO


def test_messages_of_sessions_at_once_do_not_mix(smtp_source, post: Post):
    smtp_source(ways.PLAIN, "-d")

    letters = post.letters("me")
    assert len(letters) == MESSAGES
    for letter in letters:
        head, body = trace_and_message(letter)[1].split(b"\r\n\r\n", 1)
        assert len(re.findall(rb"^Message-Id:", head, re.MULTILINE | re.IGNORECASE)) == 1
        assert body == FILLER


@pytest.mark.parametrize("way", [ways.PLAIN, ways.LMTP], ids=lambda way: way.name)
def test_an_unknown_recipient_stops_it_with_550_5_1_1(smtp_source, way, post: Post):
    outcome = smtp_source(way, recipient="nobody@example.org")

    assert not outcome.succeeded
    assert "550 5.1.1" in outcome.said
    assert post.letters("me") == []
