"""The client's SMTP engine alone, no sockets: how fast it stuffs message data, and how many small messages it composes.

Prints the median of warm rounds beside the goal. What is counted is this process's time on the processor, as in
``engine.py``. The replies are those of a server that takes all.

    python bench/client_engine.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import base64
import random
import statistics
import time
from collections.abc import Callable

from mailsponge.mail.address import Address
from mailsponge.smtp.client import NEED_DATA, Client, Event, ForwardPath, Outgoing, Send, WantContent
from mailsponge.smtp.sending import Chunker, Encoder, Stuffer

CHUNK = 256 * 1024
"""Octets handed over at a time."""
MESSAGE = 32 * 1024 * 1024
DATA_GOAL = 400
TRANSACTIONS = 2000
PROSE = b"The quick brown fox jumps over the lazy dog, and writes 72 octets more.\r\n"
SMALL = b"Subject: hello\r\n\r\nHello.\r\n"

STEPS = ("250 2.1.0 Sender taken", "250 2.1.5 Recipient taken", "354 Go on", "250 2.0.0 Message taken")


def data_rate(encoder: Encoder, chunks: list[bytes]) -> float:
    """MB/s of one message, from its first piece to its end."""
    begin = time.process_time()
    for chunk in chunks:
        encoder.encode(chunk)
    encoder.finish()
    return sum(map(len, chunks)) / (time.process_time() - begin) / 1e6


def session(*offers: str) -> Client:
    """A session whose server has said hello."""
    client = Client()
    hear(client, b"220 mail.example.org\r\n", b"")
    client.hello("client.example.org")
    lines = "".join(f"250-{line}\r\n" for line in ("mail.example.org", *offers))
    hear(client, f"{lines}250 8BITMIME\r\n".encode(), b"")
    return client


def hear(client: Client, data: bytes, content: bytes) -> Event | None:
    """Hand bytes over, and do what is asked for; returns the last event."""
    client.receive_data(data)
    return drain(client, content)


def drain(client: Client, content: bytes) -> Event | None:
    """Do what is asked for until there is nothing more; returns the last event."""
    last = None
    while (event := client.next_event()) is not NEED_DATA:
        if isinstance(event, WantContent):
            client.end_content(content)
        elif not isinstance(event, Send):
            last = event
    return last


def message_rate(offers: tuple[str, ...], replies: tuple[bytes, ...], content: bytes) -> float:
    """Messages a second, each to one recipient, in one reused session: envelope, content and outcomes."""
    client = session(*offers)
    recipient = ForwardPath(Address("me", "mail.example.org"))
    message = Outgoing(Address("sender", "client.example"), (recipient,), size=len(content))
    begin = time.process_time()
    for _ in range(TRANSACTIONS):
        client.begin(message)
        drain(client, content)
        for reply in replies:
            hear(client, reply, content)
    return TRANSACTIONS / (time.process_time() - begin)


def median(measure: Callable[[], float], rounds: int) -> float:
    """The median of warm rounds; the first two only warm up."""
    return statistics.median([measure() for _ in range(rounds + 2)][2:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each measurement (default: 15)")
    rounds = parser.parse_args().rounds
    rng = random.Random(1)
    base64_lines = base64.encodebytes(rng.randbytes(570_000)).replace(b"\n", b"\r\n")
    for name, lines in {
        "prose, lines of 73": PROSE,
        "base64": base64_lines,
        "every line dotted": b"." + PROSE,
        "one long line": b"x" * 999_998 + b"\r\n",
    }.items():
        whole = lines * (MESSAGE // len(lines))
        chunks = [whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)]
        for way, kind in {"DATA": Stuffer, "BDAT": Chunker}.items():
            rate = median(lambda chunks=chunks, kind=kind: data_rate(kind(), chunks), rounds)  # type: ignore[misc]
            print(f"message data, {way} {name:20s} {rate:10,.0f} MB/s           (goal {DATA_GOAL})")
    apart = tuple(f"{step}\r\n".encode() for step in STEPS)
    grouped = (b"".join(apart[:3]), apart[3])
    chunked = (b"".join((*apart[:2], apart[3])),)
    for name, offers, replies, content in (
        ("step by step", (), apart, SMALL),
        ("pipelined", ("PIPELINING",), grouped, SMALL),
        ("pipelined, BDAT", ("PIPELINING", "CHUNKING"), chunked, SMALL),
        ("4 kB, pipelined", ("PIPELINING",), grouped, PROSE * 56),
    ):
        args = offers, replies, content
        rate = median(lambda args=args: message_rate(*args), rounds)  # type: ignore[misc]
        print(f"messages, {name:24s} {rate:10,.0f}/s  {1e6 / rate:5.1f} us each")


if __name__ == "__main__":
    main()
