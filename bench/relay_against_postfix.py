"""smtp-source through a mail server to smtp-sink: mailsponge beside Postfix, on this machine, in this run, by turns.

The rate is of what was *relayed*: from the start of smtp-source to the moment smtp-sink has taken the last message.
Both servers sync each message to disk before they say 250, forget it once the sink has it, and may open as many
connections to the sink as they come with (both 20).

    python bench/relay_against_postfix.py [--rounds 5] [--messages 2000] [--folder /var/tmp]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
from private_mailsponge import PrivateMailsponge
from private_postfix import IPV4, PrivatePostfix, Unavailable
from private_sink import CountingSink

FOUND = Path(__file__).resolve().parents[1] / ".cache" / "peers" / "found.json"
GOAL = 5.0
"""Times Postfix's rate."""
SESSIONS, SIZE = 20, 4096
SERVERS = ("mailsponge", "Postfix")

THROUGH_POSTFIX = """\
relay_domains = sink.example
transport_maps = inline:{{ sink.example=smtp:[127.0.0.1]:{port} }}
smtp_host_lookup = native
"""
THROUGH_MAILSPONGE = """\
[aliases]
out = "out@sink.example"
[routes]
"sink.example" = "smtp://127.0.0.1:{port}"
"""
"""A stranger may not relay, so it goes by an alias that leads outside: a little more work than Postfix has."""
RECIPIENTS = {"mailsponge": "out@bench.example", "Postfix": "out@sink.example"}


def send(program: str, port: int, recipient: str, messages: int, sink: CountingSink) -> float:
    """Send; returns the seconds until the sink had taken the last message."""
    before = sink.taken
    begin = time.perf_counter()
    subprocess.run(
        [
            program, "-s", str(SESSIONS), "-l", str(SIZE), "-m", str(messages), "-d",
            "-f", "sender@client.example", "-t", recipient, f"127.0.0.1:{port}",
        ],
        stdin=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    while sink.taken - before < messages:
        time.sleep(0.005)
    return time.perf_counter() - begin


def compare(folder: Path, rounds: int, messages: int, smtp_source: str, smtp_sink: str) -> bool:
    """Run the comparison below the folder; returns whether the goal was met."""
    folder.chmod(0o755)
    print(f"  {machine.shape(folder)}")
    rates: dict[str, list[float]] = {name: [] for name in SERVERS}
    with (
        CountingSink(smtp_sink) as sink,
        PrivatePostfix(
            folder / "postfix", ["nobody"], IPV4 + THROUGH_POSTFIX.format(port=sink.port)
        ) as postfix,
        PrivateMailsponge(
            folder / "mailsponge", ["me"], THROUGH_MAILSPONGE.format(port=sink.port)
        ) as mailsponge,
    ):
        print(f"  mailsponge {mailsponge.version} beside Postfix {postfix.version}")
        print(f"  smtp-source, {SESSIONS} sessions, {SIZE:,} bytes, {messages:,} messages a round")
        ports = {"mailsponge": mailsponge.port, "Postfix": postfix.port}
        for number in range(rounds + 1):
            for name in SERVERS:
                seconds = send(smtp_source, ports[name], RECIPIENTS[name], messages, sink)
                if number:
                    rates[name].append(messages / seconds)
            print(f"  round {number} of {rounds}{'' if number else ' (to warm up)'}", flush=True)
    for name in SERVERS:
        print(
            f"  {name:<12}{statistics.median(rates[name]):>8,.0f} relayed/s "
            f"({min(rates[name]):,.0f}–{max(rates[name]):,.0f})"
        )
    pairs = zip(rates["mailsponge"], rates["Postfix"], strict=True)
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    kept = ratio >= GOAL
    print(f"  {ratio:.1f} times Postfix's rate; the mark is {GOAL:g}: {'kept' if kept else 'MISSED'}")
    return kept


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
            met = compare(Path(folder), chosen.rounds, chosen.messages, smtp_source, smtp_sink)
        except Unavailable as reason:
            print(f"  not measured: {reason}")
            return 1
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
