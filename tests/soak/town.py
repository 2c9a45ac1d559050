"""What all clients of a soak share: where the server is, what is posted, what was odd; and one client's visit to it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from letters import Letter, Letters
from wire import Lost, Reply, Wire

DOMAIN = "example.org"
PEOPLE = tuple(f"p{number}" for number in range(20))
TEAM = PEOPLE[:5]
"""Where mail to ``team`` goes."""


class Surprise(Exception):
    """The server did what it must not; a soak that saw one has failed."""


class NotNow(Lost):
    """The server could not keep a letter: right while its database is away, and at no other time."""


class Town:
    """What is known to all. ``life`` counts the lives of the server, and those of its database: it grows before one
    ends.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.letters = Letters()
        self.open = asyncio.Event()
        """Set while the server listens."""
        self.over = False
        """Time is up: whoever is inside may finish."""
        self.life = 0
        self.database_is_away = False
        self.visits: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.surprises: list[str] = []


class Visit:
    """One client's visit, which may open several connections."""

    def __init__(self, town: Town, kind: str, source: str, rng: random.Random) -> None:
        self.town = town
        self.kind = kind
        self.rng = rng
        self._source = source
        self._life = town.life
        self._wires: list[Wire] = []

    @property
    def disturbed(self) -> bool:
        """The server, or its database, has ended since the visit began, or is away."""
        return self._life != self.town.life or self.town.database_is_away

    async def connect(self) -> Wire:
        """Connect, and read nothing yet."""
        wire = await Wire.connect(self.town.port, self._source)
        self._wires.append(wire)
        return wire

    async def greeted(self) -> Wire:
        """Connect, and be past EHLO."""
        wire = await self.connect()
        expect(await wire.reply(), 220)
        expect(await wire.say(b"EHLO client.example"), 250)
        return wire

    def letter(self, size: int = 0, people: int = 0) -> tuple[Letter, bytes]:
        """A letter to some people: as many, and as long, as it happens."""
        mailboxes = self.rng.sample(PEOPLE, people or self.rng.randint(1, 3))
        size = size or self.rng.randrange(50, 8000)
        return self.town.letters.write(self.rng, size, frozenset(mailboxes), self.kind)

    def account(self, letter: Letter, reply: Reply) -> Reply:
        """Write down what the server said of a letter that was offered."""
        if reply.code == 250:
            letter.taken += 1
            self.town.taken[self.kind] += 1
        else:
            letter.offered -= 1
        return reply

    async def finish(self, wire: Wire, letter: Letter, end: bytes) -> Reply:
        """Send the end of a letter, and read what becomes of it."""
        letter.offered += 1
        await wire.send(end)
        return self.account(letter, await wire.reply())

    def leave(self) -> None:
        """Close whatever is open still."""
        for wire in self._wires:
            wire.close()


class Kind(NamedTuple):
    """A kind of client."""

    name: str
    visit: Callable[[Visit], Awaitable[None]]
    many: int
    """How many of them there are."""
    pause: float
    """Seconds from one visit to the next, on average."""
    loss_is_odd: bool = False
    """It does nothing that a server may hang up for."""


def expect(reply: Reply, *codes: int) -> Reply:
    """Raises Lost for 421, by which the server takes its leave, NotNow for 451, and Surprise for what is not due."""
    if reply.code in codes:
        return reply
    if reply.code == 421:
        raise Lost(reply.text)
    if reply.code == 451:
        raise NotNow(reply.text.strip())
    raise Surprise(f"{reply.text.strip()} instead of {' or '.join(map(str, codes))}")


async def envelope(wire: Wire, letter: Letter, *, parameters: bytes = b"") -> None:
    """Go as far as the 354, waiting for every reply."""
    expect(await wire.say(b"MAIL FROM:<a@client.example>" + parameters), 250)
    for mailbox in sorted(letter.mailboxes):
        expect(await wire.say(to(mailbox)), 250)
    expect(await wire.say(b"DATA"), 354)


def to(name: str, domain: str = DOMAIN) -> bytes:
    """The RCPT command."""
    return f"RCPT TO:<{name}@{domain}>".encode()
