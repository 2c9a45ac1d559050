"""smtp-source into a mailbox: mailsponge beside Postfix with a Maildir, on this machine, in this run, by turns.

The rate is of what was *delivered*: from the start of smtp-source to the moment the last message can be read in the
mailbox. Both answer 250 only after the message is synced to disk. Each round fills a fresh mailbox. smtp-sink, which
keeps nothing, takes its turn too: it shows how fast mail can come at all on this machine.

    python bench/against_postfix.py [--rounds 5] [--messages 2000] [--folder /var/tmp]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import machine
from private_mailsponge import PrivateMailsponge
from private_postfix import PrivatePostfix, Unavailable
from private_sink import PrivateSink

FOUND = Path(__file__).resolve().parents[1] / ".cache" / "peers" / "found.json"
GOALS = {"a connection a message": 5.0, "connections reused": 10.0}
"""Times Postfix's rate."""
SESSIONS, SIZE = 20, 4096
WAYS = {"a connection a message": (), "connections reused": ("-d",)}
"""How smtp-source connects, and the option that makes it do so."""
SERVERS = ("mailsponge", "Postfix", "smtp-sink")


class Server(Protocol):
    """What the two have in common here."""

    port: int
    version: str

    def recipient(self, mailbox: str) -> str: ...

    def delivered(self, mailbox: str) -> int: ...


class Load(NamedTuple):
    """What smtp-source is told to send."""

    program: str
    messages: int

    def send(self, server: Server, mailbox: str, *options: str) -> float:
        """Send into the mailbox; returns the seconds until the last message could be read."""
        begin = time.perf_counter()
        subprocess.run(
            [
                self.program, "-s", str(SESSIONS), "-l", str(SIZE), "-m", str(self.messages), *options,
                "-f", "sender@client.example", "-t", server.recipient(mailbox), f"127.0.0.1:{server.port}",
            ],
            stdin=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        while server.delivered(mailbox) < self.messages:
            time.sleep(0.005)
        return time.perf_counter() - begin


Rates = dict[tuple[str, str], list[float]]
"""(way, server) -> delivered messages a second, a figure a round."""


def measure(servers: dict[str, Server], load: Load, rounds: int) -> Rates:
    """Run the rounds, the servers by turns; the first, which warms both up, does not count."""
    rates: Rates = {(way, name): [] for way in WAYS for name in servers}
    for number in range(rounds + 1):
        for way, options in WAYS.items():
            for name, server in servers.items():
                seconds = load.send(server, mailbox(way, number), *options)
                if number:
                    rates[way, name].append(load.messages / seconds)
        print(f"  round {number} of {rounds}{'' if number else ' (to warm up)'}", flush=True)
    return rates


def mailbox(way: str, number: int) -> str:
    """The mailbox that a round fills."""
    return f"{'d' if WAYS[way] else 'c'}{number}"


def report(rates: Rates) -> dict[str, float]:
    """Print the medians, their range, and the ratios; returns the ratios.

    A ratio is reckoned a round, and the median taken: a machine that slows down for a while slows both in a round.
    """
    print()
    _print_row("delivered/s, median (range)", SERVERS, "ratio")
    ratios = {}
    for way in WAYS:
        pairs = zip(rates[way, "mailsponge"], rates[way, "Postfix"], strict=True)
        ratios[way] = statistics.median(ours / theirs for ours, theirs in pairs)
        _print_row(way, [_spread(rates[way, name]) for name in SERVERS], f"{ratios[way]:.1f}")
    return ratios


def _print_row(title: str, cells: Iterable[str], last: str) -> None:
    print(f"  {title:<28}" + "".join(f"{cell:>23}" for cell in cells) + f"{last:>7}")


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"


def compare(folder: Path, rounds: int, load: Load, smtp_sink: str) -> bool:
    """Run the comparison below the folder; returns whether the goal was met."""
    mailboxes = [mailbox(way, number) for way in WAYS for number in range(rounds + 1)]
    folder.chmod(0o755)  # Postfix's virtual(8) reaches its Maildir as an ordinary user
    print(f"  {machine.shape(folder)}")
    appends, files = machine.synced_appends(folder), machine.synced_files(folder)
    print(
        f"  this disk, 4 kB synced one at a time: {appends:,.0f} appends/s to one file, {files:,.0f} new files/s"
    )
    with (
        PrivatePostfix(folder / "postfix", mailboxes) as postfix,
        PrivateMailsponge(folder / "mailsponge", mailboxes) as mailsponge,
        PrivateSink(smtp_sink) as sink,
    ):
        print(f"  mailsponge {mailsponge.version} beside Postfix {postfix.version}")
        print(f"  smtp-source, {SESSIONS} sessions, {SIZE:,} bytes, {load.messages:,} messages a round")
        servers: dict[str, Server] = {"mailsponge": mailsponge, "Postfix": postfix, "smtp-sink": sink}
        ratios = report(measure(servers, load, rounds))
        if any(mailsponge.listed(name) != load.messages for name in mailboxes):
            raise AssertionError("`mailsponge mail list` does not show every message that was counted")
    met = True
    for way, goal in GOALS.items():
        kept = ratios[way] >= goal
        met = met and kept
        print(
            f"  {way}: {ratios[way]:.1f} times Postfix's rate; the mark is {goal:g}: {'kept' if kept else 'MISSED'}"
        )
    return met


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--messages", type=int, default=2000, help="a round")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on the disk to measure")
    chosen = options.parse_args()
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    smtp_source, smtp_sink = (found.get(name, {}).get("program") for name in ("smtp-source", "smtp-sink"))
    if not smtp_source or not smtp_sink:
        print("  not measured: smtp-source is missing (tests/peers/unpack.py says why)")
        return 1
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-", dir=chosen.folder) as folder:
        try:
            met = compare(Path(folder), chosen.rounds, Load(smtp_source, chosen.messages), smtp_sink)
        except Unavailable as reason:
            print(f"  not measured: {reason}")
            return 1
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
