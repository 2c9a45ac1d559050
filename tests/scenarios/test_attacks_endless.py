"""Rows "over-long line, endless line" and "many RCPT, large headers", and crowds: what costs its sender little must not
cost the server much.

Memory stays bounded whatever comes, the session stays in step or ends, and everybody else is served.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from kit.attacks import PATIENCE, Post, WayIn, Wire, unmet

SIZE = 3_000_000
RECIPIENTS = 100
PER_ADDRESS = 20
LIMITS = f"""\
message_size = {SIZE}
recipients = {RECIPIENTS}
connections_per_address = {PER_ADDRESS}
errors = 10
"""
ENDLESS = 30_000_000
PIECE = b"x" * 100_000
BOUND = 8_000_000
"""Bytes of memory that an attack may cost; how much each really does, bench/memory.py measures."""


@pytest.fixture
def bounded(post: Post) -> Iterator[None]:
    """What a test here does must not make the server grow."""
    before = post.server.peak_memory()
    yield
    assert post.server.peak_memory() - before < BOUND


@pytest.mark.usefixtures("bounded")
def test_an_endless_command_is_thrown_away(connect: Callable[[], Wire]) -> None:
    wire = connect()
    for _ in range(ENDLESS // len(PIECE)):
        wire.send(PIECE)

    assert wire.code(b"x") == 500
    assert wire.code(b"NOOP") == 250


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("octet", [b"\0", b"\r", b" ", b"\xff", b"\r\r\n", b"\n"], ids=repr)
def test_endless_noise_is_thrown_away(connect: Callable[[], Wire], octet: bytes) -> None:
    wire = connect()
    try:
        for _ in range(ENDLESS // len(PIECE)):
            wire.send(octet * (len(PIECE) // len(octet)))
        wire.send(b"\r\n")
        last = list(iter(wire.reply, ""))[-1] if b"\n" in octet else wire.reply()
    except ConnectionError:  # it had too many mistakes in it
        last = "421"

    assert last.startswith("421" if b"\n" in octet else "500")


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("line", [b"x", b"x\r\n", b".", b"\r\n", b"\r\n..", b"\0", b"\r", b"\n"], ids=repr)
def test_a_message_past_the_size_limit_is_thrown_away(
    connect: Callable[[], Wire], post: Post, line: bytes
) -> None:
    wire = connect()
    wire.envelope()
    for _ in range(ENDLESS // len(PIECE)):
        wire.send(line * (len(PIECE) // len(line)))

    assert wire.code(b"\r\n.") in (550, 552)
    assert wire.code(b"NOOP") == 250
    assert post.letters("you") == []


def test_a_message_of_one_line_is_one_all_the_same(connect: Callable[[], Wire], post: Post) -> None:
    wire = connect()
    wire.envelope()
    wire.send(b"Subject: long\r\n\r\n" + b"x" * (SIZE - 100))

    assert wire.code(b"\r\n.") == 250
    assert len(post.letters("you")[0]) > SIZE - 100


def test_a_message_that_says_it_is_too_large_is_refused_before_it_comes(connect: Callable[[], Wire]) -> None:
    assert connect().ask(b"MAIL FROM:<> SIZE=%d" % (SIZE + 1)).startswith("552 5.3.4 ")


@pytest.mark.usefixtures("bounded")
def test_a_header_without_end_is_refused(connect: Callable[[], Wire], post: Post) -> None:
    wire = connect()
    wire.envelope()
    wire.send((b"X-Line: " + b"y" * 70 + b"\r\n") * 10_000)

    assert wire.ask(b"\r\nbody\r\n.").startswith("552 5.3.4 ")
    assert post.letters("you") == []


@pytest.mark.usefixtures("bounded")
def test_recipients_past_the_limit_may_come_another_time(connect: Callable[[], Wire], post: Post) -> None:
    wire = connect()
    assert f"LIMITS RCPTMAX={RECIPIENTS}\r\n" in wire.hello()
    wire.send(b"MAIL FROM:<>\r\n" + b"RCPT TO:<you@example.org>\r\n" * 5000)

    assert wire.codes(1 + 5000) == [250] + RECIPIENTS * [250] + (5000 - RECIPIENTS) * [452]
    assert wire.code(b"DATA") == 354
    assert wire.code(b"Subject: x\r\n.") == 250
    assert len(post.letters("you")) == 1


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(
    "line", [b"VRFY", b"HELLO", b"MAIL", b""], ids=repr
)  # fmt: skip
def test_who_makes_mistakes_without_end_is_sent_away(connect: Callable[[], Wire], line: bytes) -> None:
    wire = connect()
    assert wire.code(b"MAIL FROM:<>") == 250
    wire.send((line + b"\r\n") * 11)
    codes = wire.codes(11)

    assert codes[-1] == 421
    assert min(codes[:-1]) >= 500
    assert wire.closed()


@pytest.mark.usefixtures("bounded")
def test_who_guesses_names_without_end_is_sent_away_unless_the_kernel_knows_them(
    connect: Callable[[], Wire], way_in: WayIn
) -> None:
    wire = connect()
    assert wire.code(b"MAIL FROM:<>") == 250
    wire.send(b"RCPT TO:<guess@example.org>\r\n" * 11)

    assert wire.codes(11) == [550] * 10 + [421 if way_in.strangers else 550]


@pytest.mark.usefixtures("bounded")
def test_thousands_of_commands_are_answered_in_order(connect: Callable[[], Wire]) -> None:
    wire = connect()
    wire.send((b"NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\n") * 2000)

    assert wire.codes(8000) == [250, 250, 252, 214] * 2000


def test_a_crowd_from_one_address_keeps_nobody_else_out(post: Post) -> None:
    with contextlib.ExitStack() as crowd:
        here = [crowd.enter_context(Wire(met_from("127.0.0.3", post))) for _ in range(PER_ADDRESS + 5)]
        greetings = [wire.reply()[:4] for wire in here]
        with Wire(met_from("127.0.0.2", post)) as other:
            assert other.reply().startswith("220 ")
            other.hello()
            other.envelope()
            assert other.code(b"Subject: x\r\n.") == 250
        for wire in here:
            wire.send(b"QUIT\r\n")

        assert greetings == PER_ADDRESS * ["220 "] + 5 * ["421 "]
    post.empty()


def met_from(source: str, post: Post) -> socket.socket:
    """Connect from one of this machine's addresses."""
    return socket.create_connection(("127.0.0.1", post.server.port), PATIENCE, (source, 0))


@pytest.mark.parametrize(
    "hello",
    [
        bytes.fromhex("16030100c4010000c00303") + bytes(range(185)),
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\nEHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<you@example.org>\r\nDATA\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\x03\0\0\0",
        bytes(range(256)) * 100,
    ],
    ids=["TLS", "GET", "POST", "SSH", "RDP", "noise"],
)
def test_another_protocol_gets_nowhere(post: Post, hello: bytes) -> None:
    with unmet(post.server) as wire:
        wire.send(hello + b"\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        greeting, *refused = wire.codes(1000)

        assert greeting == 220
        assert min(refused) >= 400
    assert post.letters("you") == []
