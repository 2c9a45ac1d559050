"""Row "relaying": a stranger who wants mail passed on to somebody else, in every spelling that once worked somewhere.

Here V, the victim, is example.org, where ``me`` and ``you`` live; ``to`` lives at D, elsewhere. Each form is refused,
or looked up as a name of V's that nobody has. ``%`` and ``!`` mean nothing, and there are no source routes.

Programs on this machine, which the kernel vouches for, may write to D; what of these forms names somebody there goes
on, and the others are refused as for strangers (unit/server/test_sending_on.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kit.attacks import WAYS_IN, Post, WayIn, Wire, plain, unmet

LIMITS = "errors = 1000000"
IP = "[127.0.0.1]"
D, E, V = "elsewhere.example", "further.example", "example.org"

SENDERS = ["", f"x@{D}", f"x@{V}", f"me@{V}", f"x@{IP}", "x@[192.0.2.1]", "x"]
RECIPIENTS = [
    f"to@{D}",
    f"to%{D}@{IP}",
    f"to%{D}@{V}",
    f'"to@{D}"',
    f'"to%{D}"',
    f"to@{D}@{IP}",
    f'"to@{D}"@{IP}',
    f"to@{D}@{V}",
    f"@{IP}:to@{D}",
    f"@{V}:to@{D}",
    f"{D}!to",
    f"{D}!to@{IP}",
    f"{D}!to@{V}",
    f'"to@{D}"@{V}',
    f"@{V},@{E}:to@{D}",
    f"to@{D}.",
    f"to@{V}.{D}",
    f"to@{D}.{V}",
    f"to@{IP}",
    "to@[192.0.2.1]",
    "to@[IPv6:2001:db8::1]",
    f'"to%{D}"@{V}',
    f'"{D}!to"@{V}',
    f"<to@{D}>",
    f"me@{V},to@{D}",
    f"me@{V}>,<to@{D}",
    f"me@{V} to@{D}",
    f"@{V}:me@{V}",
    "to",
]


@pytest.fixture(params=[way for way in WAYS_IN if way.strangers], ids=lambda way: way.name)
def way_in(request: pytest.FixtureRequest) -> WayIn:
    """The ways that strangers come."""
    return request.param


@pytest.fixture(autouse=True)
def nothing_arrives(post: Post) -> Iterator[None]:
    """Nobody gets a message, the postmaster (who is ``me``) included."""
    yield
    assert post.letters("me") == post.letters("you") == []


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_nothing_is_passed_on(connect: Callable[[], Wire], recipient: str) -> None:
    wire = connect()
    for sender in SENDERS:
        taken = wire.code(f"MAIL FROM:<{sender}>".encode())
        assert taken == 250 or 500 <= taken < 600
        assert 500 <= wire.code(f"RCPT TO:<{recipient}>".encode()) < 600, sender
        assert wire.code(b"DATA") in (503, 554), sender
        assert wire.code(b"RSET") == 250


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_nothing_is_passed_on_with_a_recipient_who_lives_here_beside_it(
    connect: Callable[[], Wire], recipient: str
) -> None:
    wire = connect()
    wire.envelope(last=b"")
    assert 500 <= wire.code(f"RCPT TO:<{recipient}>".encode()) < 600
    assert wire.code(b"RSET") == 250


@pytest.mark.parametrize(
    "line",
    [
        b"XCLIENT ADDR=127.0.0.1 LOGIN=me",
        b"XFORWARD ADDR=127.0.0.1 NAME=localhost",
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1 25",
        b"AUTH EXTERNAL bWU=",
        b"ATRN example.org",
        b"ETRN example.org",
        b"TURN",
    ],
)
def test_nobody_becomes_somebody_else_by_saying_so(connect: Callable[[], Wire], line: bytes) -> None:
    wire = connect()

    assert 500 <= wire.code(line) < 600
    wire.envelope(last=b"")
    assert wire.code(f"RCPT TO:<to@{D}>".encode()) == 550


@pytest.mark.parametrize(
    "first",
    [
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1 25\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 1, 127, 0, 0, 1, 0, 1, 0, 25]) + b"\r\n",
    ],
    ids=["version 1", "version 2"],
)
def test_the_proxy_protocol_is_no_way_to_another_address(post: Post, first: bytes) -> None:
    with unmet(post.server) as wire:
        wire.send(first + b"VRFY the.end\r\n")
        assert wire.codes(1) == [220]
        refused = list(iter(lambda: wire.codes(1)[0], 252))
        assert refused
        assert min(refused) >= 500
        wire.hello()
        wire.envelope()
        assert wire.code(b".") == 250

    [letter] = post.letters("you")
    assert b"\r\nReceived: from attacker.example ([127.0.0.1])\r\n" in letter
    post.empty()


def test_mail_from_somebody_here_is_no_reason_to_pass_it_on(post: Post) -> None:
    with plain(post.server) as wire:
        wire.hello()
        assert wire.code(f"MAIL FROM:<me@{V}> AUTH=<me@{V}>".encode()) in (250, 555)
        wire.code(b"RSET")
        assert wire.code(f"MAIL FROM:<me@{V}>".encode()) == 250
        assert wire.ask(f"RCPT TO:<to@{D}>".encode()).startswith("550 5.7.1 ")
