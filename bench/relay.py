"""The relay alone, without queue or store: how many messages a second it hands to Postfix's smtp-sink, and their cost.

Messages of 4 kB, so many at a time, over connections that are reused. Time on the processor is this process's own; the
sink has the other core.

    python bench/relay.py [--messages 20000] [--rounds 5] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import random
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mailsponge.courier.carrier import Carrier
from mailsponge.courier.conversation import Caller
from mailsponge.courier.exchangers import Lookup
from mailsponge.courier.relay import RelayCourier
from mailsponge.courier.resolving import Dns, Mx
from mailsponge.courier.timeouts import Timeouts
from mailsponge.courier.trust import trust
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Result
from mailsponge.mail.trace_header import return_path
from mailsponge.routes import NextHop, Routes
from mailsponge.server.loop import new_loop
from mailsponge.store.protocol import Due, Parcel
from private_sink import PrivateSink

FOUND = Path(__file__).resolve().parents[1] / ".cache" / "peers" / "found.json"
GOAL = 130.0
"""Microseconds on the processor that a message may cost."""
AT_ONCE = (5, 10, 20)
SENDER = Address("sender", "client.example")
PROSE = b"The quick brown fox jumps over the lazy dog, and writes 72 octets more.\r\n"
MESSAGE = return_path(SENDER) + b"Subject: hello\r\n\r\n" + PROSE * 55


class Measured(NamedTuple):
    """What one round came to."""

    rate: float
    """Messages a second."""
    cost: float
    """Microseconds of this process's time on the processor a message."""


def parcel(number: int) -> Parcel:
    """A message that waits, as a store hands it out."""

    def content() -> Iterator[bytes]:
        yield MESSAGE

    to = Address(f"user{number % 100}", "bench.example")
    due = Due(number, 0, to, "", "sink", 0, False)
    return Parcel(number, Envelope(SENDER, (to,)), 0.0, len(MESSAGE), (due,), content, in_memory=True)


def courier(port: int) -> RelayCourier:
    """One that hands everything to the sink."""
    caller = Caller(
        "client.example",
        trust(),
        Timeouts(),
        lambda: secrets.token_urlsafe(24),
        memoryview(bytearray(65536)),
    )

    def shuffled(records: Sequence[Mx]) -> Sequence[Mx]:
        return random.sample(records, len(records))

    lookup = Lookup(Dns(), (), lambda address, port: False, shuffled)
    sink = NextHop("sink", "127.0.0.1", port, mx=False)
    return RelayCourier(Carrier(caller, lookup), lambda: Routes(sink))


async def hand_over(port: int, messages: int, at_once: int) -> Measured:
    """Relay that many."""
    relay = courier(port)
    numbers = iter(range(messages))

    async def work() -> None:
        for number in numbers:
            (outcome,) = await relay.deliver(parcel(number))
            assert outcome.result is Result.RELAYED, outcome

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    taken, used = time.perf_counter() - began, time.process_time() - used
    await relay.close()
    return Measured(messages / taken, used / messages * 1e6)


def measure(port: int, messages: int, at_once: int) -> Measured:
    """One round, in a loop of its own."""
    loop = new_loop()
    try:
        return loop.run_until_complete(hand_over(port, messages, at_once))
    finally:
        loop.close()


def profiled(port: int, messages: int) -> None:
    """Where the time goes."""
    with cProfile.Profile() as profile:
        measure(port, messages, 10)
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


def main() -> int:
    """Measure, print, and end with 1 if a message costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=20_000, help="messages a round (default: 20000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: 5)")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    given = parser.parse_args()
    worst = 0.0
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    smtp_sink = found.get("smtp-sink", {}).get("program")
    if not smtp_sink:
        print("smtp-sink is missing: run `python tests/peers/unpack.py` first")
        return 1
    with PrivateSink(smtp_sink) as sink:
        if given.profile:
            profiled(sink.port, given.messages)
        for at_once in AT_ONCE:
            rounds = [measure(sink.port, given.messages, at_once) for _ in range(given.rounds)]
            rate = statistics.median(each.rate for each in rounds)
            cost = statistics.median(each.cost for each in rounds)
            worst = max(worst, cost)
            print(
                f"{at_once:3d} at a time: {rate:8,.0f} messages/s   {cost:6.1f} us each   (goal {GOAL:.0f})"
            )
    return 0 if worst <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
