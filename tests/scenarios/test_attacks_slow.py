"""Row "slowloris": a client that is slow, silent or deaf keeps its connection for a while, and not for ever.

A command has its deadline, a message has one, and so has the reading of replies. Bytes that drip buy no time for a
command, and none past the deadline of the message. Nothing of what was begun stays.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Callable

import pytest

from kit.attacks import Post, WayIn, Wire

LIMITS = "command_deadline = 0.7\nmessage_deadline = 1.2"
TOO_SLOW = "421 4.4.2 "


def dripping(wire: Wire, drop: bytes) -> str:
    """Send a drop again and again until there is a reply, and return that."""
    while not select.select([wire.socket], [], [], 0.05)[0]:
        wire.send(drop)
    return wire.reply()


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"MAIL FRO",
        b"MAIL FROM:<>\r\nRCPT TO:<you@example.org>\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:<you@example.org>\r\nBDAT 100 LAST\r\nhalf",
        b"BDAT 100 LAST\r\nnobody asked",
    ],
    ids=["after hello", "in a command", "in a transaction", "in a chunk", "in a chunk nobody wanted"],
)
def test_who_says_nothing_any_more_is_told_and_left(post: Post, way_in: WayIn, beginning: bytes) -> None:
    with way_in.greeted(post.server) as wire:
        wire.hello()
        wire.send(beginning)
        said = list(iter(wire.reply, ""))

        assert said[-1].startswith(TOO_SLOW)
    assert post.letters("you") == []


def test_who_never_says_hello_is_told_and_left(post: Post, way_in: WayIn) -> None:
    with way_in.greeted(post.server) as wire:
        assert wire.reply().startswith(TOO_SLOW)
        assert wire.closed()


def test_who_sends_half_a_message_is_told_and_left(connect: Callable[[], Wire], post: Post) -> None:
    wire = connect()
    wire.envelope()
    wire.send(b"Subject: half\r\n\r\n.")

    assert wire.reply().startswith(TOO_SLOW)
    assert wire.closed()
    assert post.letters("you") == []


@pytest.mark.parametrize("drop", [b"x", b" ", b"\0", b"\r"], ids=repr)
def test_a_command_that_drips_is_no_command(connect: Callable[[], Wire], drop: bytes) -> None:
    assert dripping(connect(), drop).startswith(TOO_SLOW)


@pytest.mark.parametrize("drop", [b"x", b"x\r\n", b".", b"\r\n.\r", b"\n.\n"], ids=repr)
def test_a_message_that_drips_is_no_message(connect: Callable[[], Wire], post: Post, drop: bytes) -> None:
    wire = connect()
    wire.envelope()

    assert dripping(wire, drop).startswith(TOO_SLOW)
    assert post.letters("you") == []


def test_chunks_that_drip_are_no_message(connect: Callable[[], Wire], post: Post) -> None:
    wire = connect()
    wire.envelope(last=b"")
    wire.send(b"BDAT 10000 LAST\r\n")

    assert dripping(wire, b"x").startswith(TOO_SLOW)
    assert post.letters("you") == []


def test_who_does_not_read_is_not_read_either_and_cut_off(connect: Callable[[], Wire], post: Post) -> None:
    before = post.server.peak_memory()
    wire = connect()
    taken = 0
    try:
        while taken < 1_000_000_000:
            wire.send(b"HELP\r\n" * 10_000)
            taken += 60_000
    except (ConnectionError, ssl.SSLError):
        assert post.server.peak_memory() - before < 8_000_000
    else:
        pytest.fail("the server took a gigabyte of questions from somebody who reads no answer")
