"""Clients that take their time: within the deadlines they are served, past them they are told so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from letters import stuffed
from town import Kind, Surprise, Visit, envelope, expect, to
from wire import Lost, Reply, Wire

COMMAND_DEADLINE = 5.0
MESSAGE_DEADLINE = 10.0
"""Seconds that the server under the soak gives."""


async def by_the_byte(visit: Visit) -> None:
    """A whole transaction, a few bytes at a time."""
    letter, content = visit.letter(size=visit.rng.randrange(50, 600))
    wire = await visit.connect()
    expect(await wire.reply(), 220)
    for line in (b"EHLO slow.example", b"MAIL FROM:<a@client.example>", *map(to, letter.mailboxes)):
        await _trickle(visit, wire, line + b"\r\n")
        expect(await wire.reply(), 250)
    await _trickle(visit, wire, b"DATA\r\n")
    expect(await wire.reply(), 354)
    end = stuffed(content)
    await _trickle(visit, wire, end[:-1])
    expect(await visit.finish(wire, letter, end[-1:]), 250)


async def reads_by_the_byte(visit: Visit) -> None:
    """Replies that are read an octet at a time."""
    letter, content = visit.letter()
    wire = await visit.greeted()
    await envelope(wire, letter)
    letter.offered += 1
    await wire.send(stuffed(content))
    said = b""
    while not said.endswith(b"\r\n"):
        octet = await wire.read(1)
        if not octet:
            raise Lost("the server has closed")
        said += octet
    expect(visit.account(letter, Reply(int(said[:3]), said.decode())), 250)


async def says_nothing(visit: Visit) -> None:
    """Silence after the greeting, or in the middle of a command."""
    wire = await visit.greeted()
    await wire.send(visit.rng.choice((b"", b"MAIL FR", b"NOOP")))
    await _told_to_go(wire)


async def never_ends(visit: Visit) -> None:
    """A message that drips on for longer than any may take, and then has an end all the same."""
    letter, content = visit.letter()
    wire = await visit.greeted()
    await envelope(wire, letter)
    told = asyncio.create_task(_told_to_go(wire))
    try:
        while not told.done():
            wire.write(b"drip\r\n")
            await asyncio.wait((told,), timeout=0.2)
        wire.write(stuffed(content))
    finally:
        told.cancel()
    await told


async def _told_to_go(wire: Wire) -> None:
    reply = await wire.reply()
    if reply.code != 421:
        raise Surprise(f"{reply.text.strip()} instead of 421, for who came too late")


async def _trickle(visit: Visit, wire: Wire, data: bytes) -> None:
    for piece in _pieces(visit, data):
        await wire.send(piece)
        await asyncio.sleep(0.001)


def _pieces(visit: Visit, data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = visit.rng.randint(1, 9)
        yield data[at : at + length]
        at += length


KINDS = (
    Kind("slow: by the byte", by_the_byte, 3, 0.5, loss_is_odd=True),
    Kind("slow: reads by the byte", reads_by_the_byte, 1, 0.5, loss_is_odd=True),
    Kind("slow: says nothing", says_nothing, 2, 0.1, loss_is_odd=True),
    Kind("slow: never ends", never_ends, 2, 0.1, loss_is_odd=True),
)
