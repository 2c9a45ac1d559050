"""Clients that do nothing wrong: whatever else goes on, they are served, and only a server that ends cuts them off."""

from __future__ import annotations

from far import BOX, NEVER
from letters import Letter, bdat, cut, stuffed
from town import DOMAIN, PEOPLE, TEAM, Kind, Visit, envelope, expect, to
from wire import Lost, Wire

TRIES = 3
"""A client whose connection is lost sends its letter again: a copy may be there already, for nobody told it."""


async def one_letter(visit: Visit) -> None:
    """A connection a message, until it is taken."""
    letter, content = visit.letter()
    for _ in range(TRIES):
        try:
            wire = await visit.greeted()
            await _post(visit, wire, letter, content)
            expect(await wire.say(b"QUIT"), 221)
        except Lost:
            if letter.taken:
                raise
            await visit.town.open.wait()
        else:
            return


async def many_letters(visit: Visit) -> None:
    """A connection that is used again and again."""
    wire = await visit.greeted()
    for _ in range(visit.rng.randint(2, 20)):
        await _post(visit, wire, *visit.letter())
    expect(await wire.say(b"QUIT"), 221)


async def large_letter(visit: Visit) -> None:
    """One of up to 5 MB, which the store keeps in parts, announced by its size."""
    letter, content = visit.letter(visit.rng.randrange(300_000, 5_000_000))
    wire = await visit.greeted()
    await _post(visit, wire, letter, content, f" SIZE={len(content)} BODY=8BITMIME".encode())


async def pipelined(visit: Visit) -> None:
    """Commands in groups (RFC 2920): the end of one letter and the envelope of the next go out together."""
    wire = await visit.greeted()
    before: Letter | None = None
    end = b""
    for _ in range(visit.rng.randint(2, 10)):
        letter, content = visit.letter()
        group = [b"MAIL FROM:<a@client.example>", *map(to, letter.mailboxes), b"DATA\r\n"]
        if before is not None:
            before.offered += 1
        await wire.send(end + b"\r\n".join(group))
        if before is not None:
            expect(visit.account(before, await wire.reply()), 250)
        for _ in group[:-1]:
            expect(await wire.reply(), 250)
        expect(await wire.reply(), 354)
        before, end = letter, stuffed(content)
    assert before is not None
    expect(await visit.finish(wire, before, end), 250)


async def in_chunks(visit: Visit) -> None:
    """By BDAT (RFC 3030), all of it in one group, cut where it happens."""
    wire = await visit.greeted()
    for _ in range(visit.rng.randint(1, 5)):
        letter, content = visit.letter(visit.rng.choice((500, 5000, 400_000)))
        group = [b"MAIL FROM:<a@client.example>", *map(to, letter.mailboxes)]
        chunks = cut(visit.rng, content)
        letter.offered += 1
        await wire.send(b"\r\n".join(group) + b"\r\n" + bdat(chunks))
        for _ in range(len(group) + len(chunks) - 1):
            expect(await wire.reply(), 250)
        expect(visit.account(letter, await wire.reply()), 250)


async def many_recipients(visit: Visit) -> None:
    """A letter to everybody, to most of them several times, through an alias too, and to some who do not exist."""
    letter, content = visit.letter(people=len(PEOPLE))
    names = [*PEOPLE, *TEAM, "team", *visit.rng.choices(PEOPLE, k=60)]
    wire = await visit.greeted()
    group = [b"MAIL FROM:<>", *map(to, names), *map(to, ("nobody", "none")), b"DATA\r\n"]
    await wire.send(b"\r\n".join(group))
    expect(await wire.reply(), 250)
    for _ in names:
        expect(await wire.reply(), 250)
    for _ in range(2):
        expect(await wire.reply(), 550)
    expect(await wire.reply(), 354)
    expect(await visit.finish(wire, letter, stuffed(content)), 250)


async def to_another_server(visit: Visit) -> None:
    """Letters that go on, to where they are taken or to where they are not; to some here, too."""
    wire = await visit.greeted()
    for _ in range(visit.rng.randint(1, 5)):
        here = visit.rng.sample(PEOPLE, visit.rng.randint(0, 2))
        away = visit.rng.choice(((BOX,), (BOX,), (NEVER,), (BOX, NEVER)))
        letter, content = visit.town.letters.write(visit.rng, 3000, frozenset(here), visit.kind)
        letter.away, letter.sender = frozenset(away), visit.rng.choice(PEOPLE)
        expect(await wire.say(f"MAIL FROM:<{letter.sender}@{DOMAIN}>".encode()), 250)
        for name in (*here, *away):
            expect(await wire.say(to(name)), 250)
        expect(await wire.say(b"DATA"), 354)
        expect(await visit.finish(wire, letter, stuffed(content)), 250)


async def changes_its_mind(visit: Visit) -> None:
    """Transactions that are dropped again, and then one that is not."""
    wire = await visit.greeted()
    for way in (b"RSET", b"EHLO again.example", b"RSET"):
        expect(await wire.say(b"MAIL FROM:<a@client.example>"), 250)
        expect(await wire.say(to("team")), 250)
        expect(await wire.say(way), 250)
    await _post(visit, wire, *visit.letter())


async def _post(visit: Visit, wire: Wire, letter: Letter, content: bytes, parameters: bytes = b"") -> None:
    await envelope(wire, letter, parameters=parameters)
    expect(await visit.finish(wire, letter, stuffed(content)), 250)


KINDS = (
    Kind("good: a letter a connection", one_letter, 8, 0.1, loss_is_odd=True),
    Kind("good: connections reused", many_letters, 4, 0.2, loss_is_odd=True),
    Kind("good: pipelined", pipelined, 3, 0.4, loss_is_odd=True),
    Kind("good: in chunks", in_chunks, 2, 0.5, loss_is_odd=True),
    Kind("good: up to 5 MB", large_letter, 2, 3.0, loss_is_odd=True),
    Kind("good: many recipients", many_recipients, 1, 1.0, loss_is_odd=True),
    Kind("good: to another server", to_another_server, 4, 0.1, loss_is_odd=True),
    Kind("good: changes its mind", changes_its_mind, 1, 0.5, loss_is_odd=True),
)
