"""What 100,000 messages for hosts that are dead cost those for a host that lives: in speed, at the start, in memory.

Two servers relay to smtp-sink, by turns. The one has an empty queue; in that of the other wait 100,000 messages for a
thousand hosts, half of which refuse connections, and half of which say nothing at all.

    python bench/dead_hosts.py [--rounds 5] [--messages 2000] [--waiting 100000] [--folder /var/tmp]
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, create_server, socket

from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance, Delivery
from mailsponge.store.sqlite import SqliteStore
from private_mailsponge import PrivateMailsponge
from private_sink import CountingSink
from relay_against_postfix import FOUND, RECIPIENTS, SESSIONS, SIZE, THROUGH_MAILSPONGE, send

HOSTS = 1000
LEAST = 0.9
"""Of the speed that there is with an empty queue."""
MOST_SECONDS = 5.0
MOST_MEMORY = 100_000_000
SENDER = parse("sender@client.example")
CONTENT = (
    b"Return-Path: <sender@client.example>\r\nReceived: from x\r\n\tby y;\r\n\tnow\r\n"
    + b"x" * 1000
    + b"\r\n"
)


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes no connection, and refuses none."""
    with create_server(("127.0.0.1", 0), backlog=0) as full, socket(AF_INET, SOCK_STREAM) as first:
        first.connect(full.getsockname())
        with socket(AF_INET, SOCK_STREAM) as second:
            second.setblocking(False)
            second.connect_ex(full.getsockname())
            yield full.getsockname()[1]


def refusing() -> int:
    """A port that nobody listens on."""
    with create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def fill(data: Path, waiting: int) -> None:
    """Let messages for dead hosts wait."""
    store = SqliteStore(data)
    for number in range(waiting):
        address = Address("somebody", f"dead{number % HOSTS}.example")
        incoming = store.incoming()
        incoming.write(CONTENT)
        incoming.accept(
            Acceptance(
                Envelope(SENDER, (address,)), (), time.time(), "192.0.2.1", "client.example", ("it goes out",),
                deliveries=(Delivery(0, address, "", address.domain),),
            ),
            lambda fault: None,
        )  # fmt: skip
    store.close()


def memory(server: PrivateMailsponge) -> int:
    """Bytes that it had at most."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def first_after_start(server: PrivateMailsponge, program: str, sink: CountingSink) -> float:
    """Start it again; returns the seconds until it has relayed something."""
    server.stop()
    begin = time.perf_counter()
    server.start()
    send(program, server.port, RECIPIENTS["mailsponge"], 1, sink)
    return time.perf_counter() - begin


def compare(folder: Path, rounds: int, messages: int, waiting: int, program: str, smtp_sink: str) -> bool:
    """Run the comparison below the folder; returns whether the goals were met."""
    with silent() as deaf, CountingSink(smtp_sink) as sink:
        closed = refusing()
        dead = "".join(
            f'"dead{number}.example" = "smtp://127.0.0.1:{closed if number % 2 else deaf}"\n'
            for number in range(HOSTS)
        )
        settings = THROUGH_MAILSPONGE.format(port=sink.port) + dead
        fill(folder / "full" / "data", waiting)
        print(f"  {waiting:,} messages wait for {HOSTS:,} dead hosts")
        with (
            PrivateMailsponge(folder / "empty", ["me"], settings) as empty,
            PrivateMailsponge(folder / "full", ["me"], settings) as full,
        ):
            print(f"  smtp-source, {SESSIONS} sessions, {SIZE:,} bytes, {messages:,} messages a round")
            ratios = []
            for number in range(rounds + 1):
                seconds = {
                    name: send(program, server.port, RECIPIENTS["mailsponge"], messages, sink)
                    for name, server in (("empty", empty), ("full", full))
                }
                print(
                    f"  round {number}: {messages / seconds['empty']:,.0f}/s and {messages / seconds['full']:,.0f}/s"
                )
                if number:
                    ratios.append(seconds["empty"] / seconds["full"])
            ratio = statistics.median(ratios)
            most = memory(full)
            start = first_after_start(full, program, sink)
            most = max(most, memory(full))
    kept = True
    for title, figure, goal, met in (
        ("the living are relayed at", f"{ratio:.0%}", f"{LEAST:.0%} of the speed", ratio >= LEAST),
        ("from a start to the first relayed", f"{start:.1f} s", f"{MOST_SECONDS:g} s", start <= MOST_SECONDS),
        ("memory at most", f"{most / 1e6:.0f} MB", f"{MOST_MEMORY / 1e6:.0f} MB", most <= MOST_MEMORY),
    ):
        kept = kept and met
        print(f"  {title:<36}{figure:>8}; the mark is {goal}: {'kept' if met else 'MISSED'}")
    return kept


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--messages", type=int, default=2000, help="a round")
    options.add_argument("--waiting", type=int, default=100_000)
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on the disk to measure")
    chosen = options.parse_args()
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    smtp_source, smtp_sink = (found.get(name, {}).get("program") for name in ("smtp-source", "smtp-sink"))
    if not smtp_source or not smtp_sink:
        print("  not measured: smtp-source is missing (tests/peers/unpack.py says why)")
        return 1
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-", dir=chosen.folder) as folder:
        met = compare(Path(folder), chosen.rounds, chosen.messages, chosen.waiting, smtp_source, smtp_sink)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
