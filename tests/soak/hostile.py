"""Clients that mean harm: they are refused, held up or cut off, and nobody else notices."""

from __future__ import annotations

from letters import Letter, bdat, stuffed
from town import Kind, Surprise, Visit, envelope, expect, to
from wire import Lost, Wire

from kit.false_ends import FALSE_ENDS

MESSAGE_SIZE = 6_000_000
RECIPIENTS = 100
CONNECTIONS_PER_ADDRESS = 50
"""Limits of the server under the soak."""

TLS_HELLO = bytes.fromhex("16030100c4010000c00303") + bytes(range(185))
HTTP = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"


async def smuggles(visit: Visit) -> None:
    """A letter with what looks like its end in the middle, and behind that a transaction of somebody else's name."""
    outer, content = visit.letter()
    inner, forged = visit.letter()
    wire = await visit.greeted()
    await envelope(wire, outer)
    await wire.send(_open(content) + visit.rng.choice(FALSE_ENDS) + _transaction(inner, forged))
    expect(await wire.reply(), 550)
    await _is_still_served(wire)


async def smuggles_past_the_size(visit: Visit) -> None:
    """The same behind more than a message may have."""
    outer, content = visit.letter()
    inner, forged = visit.letter()
    wire = await visit.greeted()
    await envelope(wire, outer)
    flood = (b"x" * 998 + b"\r\n") * (MESSAGE_SIZE // 1000 + 1)
    await wire.send(_open(content) + flood)
    await wire.send(visit.rng.choice(FALSE_ENDS) + _transaction(inner, forged))
    expect(await wire.reply(), 552)
    await _is_still_served(wire)


async def smuggles_in_a_chunk(visit: Visit) -> None:
    """The same in chunks: one that spoils its letter, then one that nobody wanted."""
    _, content = visit.letter()
    inner, forged = visit.letter()
    chunk = content + visit.rng.choice(FALSE_ENDS) + _transaction(inner, forged)
    wire = await visit.greeted()
    expect(await wire.say(b"MAIL FROM:<a@client.example>"), 250)
    expect(await wire.say(to("p0")), 250)
    await wire.send(bdat([chunk]) + b"RSET\r\n" + bdat([chunk]))
    expect(await wire.reply(), 550)
    expect(await wire.reply(), 250)
    expect(await wire.reply(), 503)
    await _is_still_served(wire)


async def endless_line(visit: Visit) -> None:
    """A command of several megabytes, which has an end in the end."""
    wire = await visit.greeted()
    for _ in range(visit.rng.randint(1, 100)):
        await wire.send(b"A" * 50_000)
    expect(await wire.say(b"A"), 500)
    await _is_still_served(wire)


async def nothing_but_zeros(visit: Visit) -> None:
    """NULs where commands should be, and in them."""
    wire = await visit.greeted()
    expect(await wire.say(b"\0" * 1000), 500)
    expect(await wire.say(b"MAIL FROM:<a\0@client.example>"), 500, 553)
    expect(await wire.say(b"NO\0OP\nMAIL FROM:<>\0"), 500)
    expect(await wire.reply(), 500)
    await _is_still_served(wire)


async def too_many_commands(visit: Visit) -> None:
    """Thousands in one go: each is answered, in order."""
    many = visit.rng.randint(1000, 5000)
    wire = await visit.greeted()
    wire.write(b"NOOP\r\nRSET\r\n" * many)
    for _ in range(2 * many):
        expect(await wire.reply(), 250)


async def too_many_mistakes(visit: Visit) -> None:
    """Thousands in one go: few are answered."""
    wire = await visit.greeted()
    wire.write(visit.rng.choice((b"RCTP\r\n", b"DATA\r\n", b"\r\n", b"AUTH x\r\n")) * 5000)
    await _is_sent_away(wire, within=30)


async def tries_out_names(visit: Visit) -> None:
    """Thousands of recipients who do not exist."""
    wire = await visit.greeted()
    expect(await wire.say(b"MAIL FROM:<>"), 250)
    wire.write(b"".join(to(f"guess{number}") + b"\r\n" for number in range(3000)))
    await _is_sent_away(wire, within=30)


async def too_many_recipients(visit: Visit) -> None:
    """Thousands who do: the first are taken, the others may come another time, and the letter arrives."""
    letter, content = visit.letter(people=1)
    (mailbox,) = letter.mailboxes
    wire = await visit.greeted()
    expect(await wire.say(b"MAIL FROM:<>"), 250)
    wire.write((to(mailbox) + b"\r\n") * 3000)
    for _ in range(RECIPIENTS):
        expect(await wire.reply(), 250)
    for _ in range(3000 - RECIPIENTS):
        expect(await wire.reply(), 452)
    expect(await wire.say(b"DATA"), 354)
    expect(await visit.finish(wire, letter, stuffed(content)), 250)


async def relays(visit: Visit) -> None:
    """Recipients elsewhere."""
    wire = await visit.greeted()
    expect(await wire.say(b"MAIL FROM:<p0@example.org>"), 250)
    expect(await wire.say(to("p1", "elsewhere.example")), 550)
    expect(await wire.say(to("p1%elsewhere.example")), 550)
    expect(await wire.say(b"RCPT TO:<@example.org:p1@elsewhere.example>"), 501, 553, 550)
    expect(await wire.say(b"DATA"), 554)


async def does_not_wait(visit: Visit) -> None:
    """A letter that is sent before DATA was answered."""
    letter, content = visit.letter()
    wire = await visit.greeted()
    group = [b"MAIL FROM:<>", *map(to, letter.mailboxes), b"DATA"]
    await wire.send(b"\r\n".join(group) + b"\r\n" + stuffed(content))
    for _ in group[:-1]:
        expect(await wire.reply(), 250)
    expect(await wire.reply(), 503)
    await wire.drain_to_the_end()


async def talks_something_else(visit: Visit) -> None:
    """TLS, HTTP with commands in its body, noise."""
    letter, content = visit.letter()
    wire = await visit.connect()
    body = b"EHLO x\r\n" + _transaction(letter, content)
    wire.write(visit.rng.choice((TLS_HELLO, HTTP + body, visit.rng.randbytes(100_000))))
    try:
        wire.finish()
        while True:
            code = (await wire.reply()).code
            if code != 220 and code < 400:
                raise Surprise(f"{code} to what was no SMTP")
    except Lost:
        return


async def does_not_read(visit: Visit) -> None:
    """Questions without end, and no eye for the answers: the server stops reading, then hangs up."""
    wire = await visit.greeted()
    sent = 0
    try:
        while sent < 50_000_000:
            await wire.send(b"HELP\r\n" * 10_000)
            sent += 60_000
    except Lost:
        return
    if not visit.disturbed:  # one that stops reads on for a second, and answers no more
        raise Surprise("the server took 50 MB of questions, and kept the answers")


async def crowds(visit: Visit) -> None:
    """As many connections as one address can get, and more."""
    wires = [await visit.connect() for _ in range(CONNECTIONS_PER_ADDRESS + 10)]
    codes = [(await wire.reply()).code for wire in wires]
    if codes.count(220) > CONNECTIONS_PER_ADDRESS:
        raise Surprise(f"{codes.count(220)} connections from one address")
    visit.rng.shuffle(wires)
    for wire in wires:
        wire.reset()


def _open(content: bytes) -> bytes:
    """A letter on the wire without its end."""
    return stuffed(content)[: -len(b".\r\n")]


def _transaction(letter: Letter, content: bytes) -> bytes:
    recipients = b"".join(to(mailbox) + b"\r\n" for mailbox in letter.mailboxes)
    return b"MAIL FROM:<p0@example.org>\r\n" + recipients + b"DATA\r\n" + stuffed(content)


async def _is_still_served(wire: Wire) -> None:
    expect(await wire.say(b"NOOP"), 250)


async def _is_sent_away(wire: Wire, within: int) -> None:
    """Refusals, then 421, soon."""
    for _ in range(within):
        if (await wire.reply()).code == 421:
            return
    raise Surprise(f"more than {within} mistakes, and no 421")


KINDS = (
    Kind("hostile: smuggles", smuggles, 2, 0.1),
    Kind("hostile: smuggles past the size", smuggles_past_the_size, 1, 3.0),
    Kind("hostile: smuggles in a chunk", smuggles_in_a_chunk, 1, 0.2),
    Kind("hostile: endless line", endless_line, 1, 1.0),
    Kind("hostile: zeros", nothing_but_zeros, 1, 0.5),
    Kind("hostile: too many commands", too_many_commands, 1, 1.0),
    Kind("hostile: too many mistakes", too_many_mistakes, 1, 0.5),
    Kind("hostile: tries out names", tries_out_names, 1, 0.5),
    Kind("hostile: too many recipients", too_many_recipients, 1, 2.0),
    Kind("hostile: relays", relays, 1, 0.5),
    Kind("hostile: does not wait", does_not_wait, 1, 0.3),
    Kind("hostile: something else", talks_something_else, 1, 0.3),
    Kind("hostile: does not read", does_not_read, 1, 0.5),
    Kind("hostile: crowds", crowds, 1, 1.0),
)
