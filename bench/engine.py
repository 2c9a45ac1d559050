"""The SMTP engine alone, no sockets: how fast it takes message data apart, and how many small transactions it does.

Prints the median of warm rounds beside the goal. What is counted is this process's time on the processor, so that
what else runs there matters less; a busy neighbour still costs a third or so, by way of shared caches and threads.

    python bench/engine.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import base64
import random
import statistics
import sys
import time
from collections.abc import Callable

from mailsponge.smtp.events import NEED_DATA, Content, Event, Question
from mailsponge.smtp.server import Limits, Server

HEADER = b"Subject: a large message\r\n\r\n"
CHUNK = 256 * 1024
"""Octets handed over at a time: what asyncio reads at most (uvloop: 64 to 256 kB)."""
MESSAGE = 32 * 1024 * 1024
DATA_GOAL = 400
TRANSACTIONS = 2000
TRANSACTION_GOAL = 50_000
PROSE = b"The quick brown fox jumps over the lazy dog, and writes 72 octets more.\r\n"


def session() -> Server:
    """A session that has said EHLO."""
    server = Server("mail.example.org", Limits(message_size=2 * MESSAGE))
    server.greet()
    say(server, b"EHLO client.example.org\r\n")
    return server


def say(server: Server, data: bytes) -> Event:
    """Hand bytes over and answer all that comes of them as the protocol would."""
    server.receive_data(data)
    while True:
        event = server.next_event()
        if isinstance(event, Question):
            server.send(event.reply)
        elif event is NEED_DATA:
            return event


def stream(lines: bytes, end: bytes = b".\r\n") -> list[bytes]:
    """A message of these lines, again and again, in pieces as they come off a socket."""
    whole = HEADER + lines * (MESSAGE // len(lines)) + end
    return [whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)]


def stream_of_chunks(pieces: list[bytes]) -> list[bytes]:
    """The same message, each piece with a BDAT of its own."""
    return [
        b"BDAT %d%s\r\n" % (len(piece), b" LAST" if piece is pieces[-1] else b"") + piece for piece in pieces
    ]


def data_rate(chunks: list[bytes], command: bytes = b"DATA\r\n") -> float:
    """MB/s of one message, from the command that begins it to its end."""
    server = session()
    say(server, b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n" + command)
    taken = 0
    begin = time.process_time()
    for chunk in chunks:
        server.receive_data(chunk)
        while (event := server.next_event()) is not NEED_DATA:
            if isinstance(event, Content):
                taken += len(event.data)
            elif isinstance(event, Question):
                assert event.reply.positive
                server.send(event.reply)
    return taken / (time.process_time() - begin) / 1e6


def transaction_rate(pieces: tuple[bytes, ...]) -> float:
    """Transactions a second: MAIL, RCPT, DATA, content, end of data, each answered, in one reused session."""
    server = session()
    begin = time.process_time()
    for _ in range(TRANSACTIONS):
        for piece in pieces:
            server.receive_data(piece)
            while (event := server.next_event()) is not NEED_DATA:
                if isinstance(event, Question):
                    server.send(event.reply)
    return TRANSACTIONS / (time.process_time() - begin)


def median(measure: Callable[[], float], rounds: int) -> float:
    """The median of warm rounds; the first two only warm up."""
    return statistics.median([measure() for _ in range(rounds + 2)][2:])


def main() -> int:
    """Measure and print; 1 if a mark is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each measurement (default: 15)")
    rounds = parser.parse_args().rounds
    kept = True
    rng = random.Random(1)
    base64_lines = base64.encodebytes(rng.randbytes(570_000)).replace(b"\n", b"\r\n")
    for name, lines in {
        "prose, lines of 73": PROSE,
        "base64": base64_lines,
        "every line dotted": b".." + PROSE,
        "one long line": b"x" * 999_998 + b"\r\n",
    }.items():
        chunks = stream(lines)
        rate = median(lambda chunks=chunks: data_rate(chunks), rounds)  # type: ignore[misc]
        print(f"message data, {name:20s} {rate:10,.0f} MB/s           (the mark is {DATA_GOAL})")
        kept = rate >= DATA_GOAL and kept
    octets = stream(PROSE, b"")
    bdat = b"BDAT %d LAST\r\n" % sum(map(len, octets))
    for name, sent, command in (
        ("prose, one BDAT", octets, bdat),
        ("prose, 256 kB a BDAT", stream_of_chunks(octets), b""),
    ):
        rate = median(lambda sent=sent, command=command: data_rate(sent, command), rounds)  # type: ignore[misc]
        kept = rate >= DATA_GOAL and kept
        print(f"message data, {name:20s} {rate:10,.0f} MB/s           (the mark is {DATA_GOAL})")
    commands = b"MAIL FROM:<sender@client.example>", b"RCPT TO:<me@mail.example.org>", b"DATA"
    small = b"Subject: hello\r\n\r\nHello.\r\n.\r\n"
    apart = (*(command + b"\r\n" for command in commands), small)
    grouped = (b"\r\n".join((*commands, b"")), small)
    large = (*apart[:3], HEADER + PROSE * 56 + b".\r\n")
    bdat_small = (grouped[0][: -len(b"DATA\r\n")] + b"BDAT %d LAST\r\n" % len(small[:-3]) + small[:-3],)
    for name, pieces in {
        "a command a packet": apart,
        "pipelined": grouped,
        "pipelined, BDAT": bdat_small,
        "4 kB, a command a packet": large,
    }.items():
        rate = median(lambda pieces=pieces: transaction_rate(pieces), rounds)  # type: ignore[misc]
        is_small = pieces is not large
        kept = (rate >= TRANSACTION_GOAL or not is_small) and kept
        mark = f"the mark is {TRANSACTION_GOAL:,}" if is_small else "no mark: it is no small one"
        print(f"transactions, {name:24s} {rate:10,.0f}/s  {1e6 / rate:5.1f} us each ({mark})")
    print("all marks kept" if kept else "a mark is MISSED")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
