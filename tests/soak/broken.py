"""Clients that break off, wherever it is worst: nothing of theirs may lie anywhere in half."""

from __future__ import annotations

from collections.abc import Callable

from letters import bdat, cut, stuffed
from town import Kind, Visit, envelope, expect, to
from wire import Wire

COMMANDS = (
    b"",
    b"EH",
    b"EHLO client.example\r",
    b"EHLO client.example\r\n",
    b"EHLO client.example\r\nMAIL FROM:<a@cl",
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n",
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n" + to("p0"),
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n" + to("p0") + b"\r\n",
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n" + to("p0") + b"\r\nDATA",
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n" + to("p0") + b"\r\nDATA\r\n",
)
"""How far a client comes that says what it has to say without listening."""


async def without_a_word(visit: Visit) -> None:
    """Gone as soon as it had come."""
    _breaks_off(visit, await visit.connect())


async def among_commands(visit: Visit) -> None:
    """Gone in the middle of a command, between two, or before a reply."""
    wire = await visit.connect()
    if visit.rng.random() < 0.5:
        expect(await wire.reply(), 220)
    await wire.send(visit.rng.choice(COMMANDS))
    _breaks_off(visit, wire)


async def within_a_message(visit: Visit) -> None:
    """Gone in the middle of a letter, small or so large that parts of it are on the disk already."""
    letter, content = visit.letter(visit.rng.choice((500, 5000, 1_500_000)))
    wire = await visit.greeted()
    await envelope(wire, letter)
    whole = stuffed(content)
    await wire.send(whole[: visit.rng.randrange(len(whole) - 5)])
    _breaks_off(visit, wire)


async def within_chunks(visit: Visit) -> None:
    """Gone in the middle of a chunk, or between two: the last, if it ever began, was not complete."""
    letter, content = visit.letter(visit.rng.choice((500, 5000, 1_500_000)))
    wire = await visit.greeted()
    group = [b"MAIL FROM:<a@client.example>", *map(to, letter.mailboxes)]
    whole = bdat(cut(visit.rng, content), last=visit.rng.random() < 0.5)
    await wire.send(b"\r\n".join(group) + b"\r\n" + whole[: visit.rng.randrange(len(whole))])
    _breaks_off(visit, wire)


async def within_the_end(visit: Visit) -> None:
    """Gone when of CRLF.CRLF only the last octets were missing."""
    letter, content = visit.letter()
    wire = await visit.greeted()
    await envelope(wire, letter)
    await wire.send(stuffed(content)[: -visit.rng.randint(1, 4)])
    _breaks_off(visit, wire)


async def before_the_answer(visit: Visit) -> None:
    """Gone when the letter was whole: nobody knows whether it was taken, and both are right."""
    letter, content = visit.letter(visit.rng.choice((500, 5000, 700_000)))
    wire = await visit.greeted()
    await envelope(wire, letter)
    letter.offered += 1
    await wire.send(stuffed(content))
    _breaks_off(visit, wire)


async def says_no_more_and_listens(visit: Visit) -> None:
    """Half closed behind a whole letter: it is still owed its answer. Behind half a letter there is none to give."""
    letter, content = visit.letter()
    wire = await visit.greeted()
    await envelope(wire, letter)
    if visit.rng.random() < 0.5:
        letter.offered += 1
        await wire.send(stuffed(content))
        wire.finish()
        expect(visit.account(letter, await wire.reply()), 250)
    else:
        await wire.send(stuffed(content)[:-3])
        wire.finish()
    await wire.drain_to_the_end()


def _breaks_off(visit: Visit, wire: Wire) -> None:
    ways: tuple[Callable[[], None], ...] = (wire.reset, wire.reset, wire.close)
    visit.rng.choice(ways)()


KINDS = (
    Kind("broken: without a word", without_a_word, 1, 0.2),
    Kind("broken: among commands", among_commands, 2, 0.1),
    Kind("broken: within a message", within_a_message, 2, 0.3),
    Kind("broken: within chunks", within_chunks, 1, 0.3),
    Kind("broken: within the end", within_the_end, 2, 0.2),
    Kind("broken: before the answer", before_the_answer, 2, 0.2),
    Kind("broken: says no more", says_no_more_and_listens, 1, 0.3, loss_is_odd=True),
)
