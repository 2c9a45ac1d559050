"""What the client's engine must stand from a server: any bytes, in any pieces, at any time.

``fuzz_one(data, rng)`` plays one session in which the server says ``data``. It raises AssertionError, or whatever the
engine should not have raised, if one of these does not hold:

- nothing a server says raises anything;
- every recipient of every transaction gets exactly one outcome, in order, before the session ends;
- nobody is accepted before the whole message is out, or by anything but a 2yz;
- what is kept of what the server said stays within the limits.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.smtp_driver import Driver, Intention, begin, hello, lhlo, quit_, to
from mailsponge.smtp.client import (
    Client,
    Ended,
    Login,
    Plain,
    ReplyLimits,
    Result,
    ScramSha256,
    Send,
    Settled,
    WantContent,
)

LIMITS = ReplyLimits(line=200, lines=10, octets=500)
CONTENT = (b"Subject: x\r", b"\n\r\n", b".\r\n", b"..\r\nlast")
MESSAGES = (
    to("b@example.net"),
    to("b@example.net", "c@example.com", "d@example.net", size=30),
    to("b@example.net", "sø@example.net", eight_bit=True),
    to(*[f"r{n}@example.net" for n in range(120)]),
)
MECHANISMS = (
    Plain("user", "pencil"),
    Login("user", "pencil"),
    ScramSha256("user", "pencil", "rOprNGfwEbeRWgbNEkqO"),
)

HELLO = (
    b"220 Hi\r\n250-x\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
    b"250-LIMITS RCPTMAX=2\r\n250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"
)
SEEDS = (
    HELLO + b"250 OK\r\n250 OK\r\n354 Go\r\n250 2.0.0 Taken\r\n221 Bye\r\n",
    HELLO + b"250 OK\r\n550-5.1.1 No\r\n550 5.1.1 body\r\n452 Too many\r\n250 OK\r\n503 No\r\n250 OK\r\n250 OK\r\n",
    HELLO + b"220 Go\r\n250 x\r\n250 OK\r\n250 OK\r\n354 Go\r\n452 Full\r\n421 Bye\r\n",
    HELLO + b"334 \r\n334 \r\n235 Welcome\r\n250 OK\r\n250 OK\r\n354 Go\r\n250 OK\r\n",
    HELLO + b"334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2"
    b"Z1E9PSxpPTQwOTY=\r\n334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==\r\n235 OK\r\n",
    b"220 Hi\r\n502 What?\r\n250 x\r\n250 OK\r\n250 OK\r\n354 Go\r\n250 OK\r\n250 OK\r\n",
)  # fmt: skip
"""What servers say: to be spoilt."""


class Watched(Driver):
    """A driver that knows whether a message is all out, and what was begun."""

    def __init__(self, client: Client, plan: list[Intention]) -> None:
        super().__init__(*plan, content=CONTENT, client=client)
        self.begun: list[int] = []
        self.out: list[bool] = []

    def _hand_over(self) -> None:
        super()._hand_over()
        self.out[-1] = bool(self.sent) and self.sent[-1].endswith((b"last\r\n.\r\n", b"last\r\n"))


def check(data: bytes) -> None:
    """Play one session, which the data alone decide."""
    fuzz_one(data, random.Random(crc32(data)))


def fuzz_one(data: bytes, rng: random.Random) -> None:
    """Play one session."""
    client = Client(secure=rng.random() < 0.5, limits=LIMITS)
    driver = Watched(client, [])
    driver._plan = plan(driver, rng)
    for piece in pieces(data, rng):
        driver.hear(piece)
        assert_bounded(client)
        if driver.ended:
            break
    if not driver.ended:
        driver.hear(b"")
    assert driver.ended
    assert_settled(driver)


def plan(driver: Watched, rng: random.Random) -> list[Intention]:
    """What the driver is going to say. What is not possible when its time comes is left out, as a program would."""
    way = rng.choice((hello, lhlo))

    def starttls(client: Client) -> bytes:
        if client.state == "ready" and "STARTTLS" in client.offers and not client.secure:
            return client.starttls()
        return client.noop()

    def login(client: Client) -> bytes:
        possible = [
            mechanism
            for mechanism in MECHANISMS
            if mechanism.name in client.offers.auth and (client.secure or not mechanism.shows_password)
        ]
        if client.state == "ready" and possible:
            return client.authenticate(rng.choice(possible))
        return client.noop()

    def transaction(client: Client) -> bytes:
        message = rng.choice(MESSAGES)
        driver.begun.append(len(message.recipients))
        driver.out.append(False)
        return begin(message)(client)

    def reset(client: Client) -> bytes:
        return client.reset()

    def possibly(say: Intention) -> Intention:
        """Where hello is due, that is said; where the session is unwelcome, goodbye."""

        def said(client: Client) -> bytes:
            if client.state == "unwelcome":
                return quit_(client)
            return way(client) if client.state == "greeted" else say(client)

        return said

    choices = (starttls, login, transaction, transaction, transaction, reset)
    return [*(possibly(rng.choice(choices)) for _ in range(8)), quit_]


def pieces(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """The data as it may come: mostly a line at a time, for a server that waits to be asked gets further."""
    for line in re.findall(rb"[^\n]*\n|[^\n]+", data):
        if rng.random() < 0.1 and len(line) > 1:
            at = rng.randrange(1, len(line))
            yield line[:at]
            yield line[at:]
        else:
            yield line


def assert_bounded(client: Client) -> None:
    """No more is kept than one line and one reply."""
    reader = client._reader
    assert len(reader._buffer) <= LIMITS.line
    assert len(reader._texts) <= LIMITS.lines
    assert sum(map(len, reader._texts)) <= LIMITS.octets
    assert len(client._owed) <= 150
    assert len(client._events) <= 3


def assert_settled(driver: Watched) -> None:
    """Each transaction has its outcomes, and an acceptance is one."""
    settled = [event for event in driver.events if isinstance(event, Settled)]
    assert [len(event.outcomes) for event in settled] == driver.begun
    for event, out in zip(settled, driver.out, strict=True):
        for outcome in event.outcomes:
            if outcome.result is Result.ACCEPTED:
                assert out
                assert outcome.reply is not None
                assert 200 <= outcome.reply.code < 300
            assert outcome.status[0] == {"accepted": "2", "temporary": "4", "permanent": "5"}[outcome.result]
    assert sum(isinstance(event, Ended) for event in driver.events) == 1
    assert not any(isinstance(event, Send) for event in driver.events)
    assert sum(isinstance(event, WantContent) for event in driver.events) <= len(driver.begun)
