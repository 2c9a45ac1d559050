"""How long a mail server that says nothing holds up the end of a program: its timeout, and no more than a second.

The server is a socket on loopback that accepts and is silent: a firewall that swallows packets looks like that from the
inside of a connection. A program logs a failure that is to be told now, and ends. Its time is measured from the end of
its work to the end of its process; the same program without anything to tell shows what an end takes anyway.

    python bench/exit.py [--rounds 3] [--timeout 2]
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

GOAL = 1.0
"""Seconds beyond the timeout."""
PROGRAM = """
import logging, sys, time
from mailsponge import SpongeHandler

timeout, port, level = float(sys.argv[1]), sys.argv[2], sys.argv[3]
logging.basicConfig(level="INFO", handlers=[
    SpongeHandler("exit", "me@localhost", mailhost=f"127.0.0.1:{port}", timeout=timeout, patience="now")
])
logging.log(getattr(logging, level), "the last words")
print(time.time(), flush=True)
"""


@contextmanager
def silent_server() -> Iterator[int]:
    """A port on which the system accepts connections, and nobody ever says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


def seconds_to_exit(timeout: float, port: int, level: str) -> float:
    """How long the program takes to end after its last line."""
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-") as state:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(timeout), str(port), level],
            env={**os.environ, "MAILSPONGE_STATE": state},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            text=True,
        )
        return time.time() - float(ended.stdout)


def main() -> int:
    """Measure, print, and end with 1 if a program was held up for longer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="with each timeout (default: 3)")
    parser.add_argument("--timeout", type=float, nargs="*", default=[0.5, 2.0, 5.0], help="seconds")
    given = parser.parse_args()
    print(f"exit: {given.rounds} rounds with each timeout, Python {sys.version.split()[0]}")
    worst = 0.0
    with silent_server() as port:
        for timeout in given.timeout:
            nothing = [seconds_to_exit(timeout, port, "INFO") for _ in range(given.rounds)]
            told = [seconds_to_exit(timeout, port, "ERROR") for _ in range(given.rounds)]
            worst = max(worst, *(spent - timeout for spent in told))
            print(
                f"  timeout {timeout:3g} s: {max(nothing):5.2f} s with nothing to tell,"
                f" {max(told):5.2f} s with a mail that nobody takes"
            )
    print(
        f"  worst beyond the timeout: {worst:.2f} s; the mark is {GOAL:g}: {'kept' if worst <= GOAL else 'MISSED'}"
    )
    return 0 if worst <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
