"""What it costs to start: a program that logs, beside the parts of the standard library that it stands on; and the
command sendmail, beside the least that such a command would import.

Each round starts fresh interpreters, by turns. For the sponge: one that imports nothing, one that imports
logging.handlers, sqlite3, json and email.message, and one that imports what a program needs of mailsponge; what an
interpreter without imports takes is taken off both. For sendmail: one that imports argparse and socket, one that starts
it with nothing to do, and one in which it sends a mail to a server that answers at once, from start to end.

    python bench/imports.py [--rounds 30]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

GOAL = 1.5
SENDMAIL = "import sys; sys.argv[1:] = {}; from mailsponge.sendmail.__main__ import main; main()"
IMPORTS = {
    "nothing": "pass",
    "standard": "import logging.handlers, sqlite3, json, email.message",
    "mailsponge": "from mailsponge import SpongeHandler, source",
    "least": "import argparse, socket",
    "sendmail": SENDMAIL.format(["-I"]),
    "sends": SENDMAIL.format(["-i", "me@example.org"]),
}
MAIL = b"Subject: hello\n\nworld\n"


class Server:
    """Says at once that it takes everything."""

    def __init__(self, path: Path) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection, connection.makefile("rwb", buffering=0) as talk:
                talk.write(b"220 mail.example.org\r\n")
                content = False
                for line in talk:
                    content = line != b".\r\n" if content else line == b"DATA\r\n"
                    if line == b"DATA\r\n":
                        talk.write(b"354 go on\r\n")
                    elif not content and line != b"QUIT\r\n":
                        talk.write(b"250 fine\r\n")


def seconds(statement: str, environment: dict[str, str]) -> float:
    """How long a fresh interpreter takes for the statement, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", statement], check=True, env=environment, input=MAIL, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds, a list of rounds for each statement; the first round, which compiles, does not count."""
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-") as folder:
        Server(Path(folder, "submit"))
        environment = {
            **os.environ,
            # Whatever is set here, what is compared is modules that have been compiled, as an installer does.
            "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
            "PYTHONDONTWRITEBYTECODE": "",
            "MAILSPONGE_SUBMIT": f"{folder}/submit",
        }
        for number in range(rounds + 1):
            for name, statement in IMPORTS.items():
                spent = seconds(statement, environment) * 1e3
                if number:
                    taken[name].append(spent)
    return taken


def main() -> int:
    """Measure, print, and end with 1 if something costs too much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30, help="interleaved rounds (default: 30)")
    rounds = parser.parse_args().rounds
    print(f"imports: {rounds} interleaved rounds, Python {sys.version.split()[0]}")
    taken = measure(rounds)
    for name, values in taken.items():
        print(f"  {name:12} {statistics.median(values):6.1f} ms   ({min(values):.1f} to {max(values):.1f})")
    each = zip(taken["nothing"], taken["standard"], taken["mailsponge"], strict=True)
    ratios = {
        "mailsponge / standard": statistics.median(
            (ours - nothing) / (theirs - nothing) for nothing, theirs, ours in each
        ),
        "sendmail / least": _ratio(taken["sendmail"], taken["least"]),
        "sends / least": _ratio(taken["sends"], taken["least"]),
    }
    for name, ratio in ratios.items():
        print(f"  ratio {name}: {ratio:.2f}; the mark is {GOAL:g}: {'kept' if ratio <= GOAL else 'MISSED'}")
    return 0 if max(ratios.values()) <= GOAL else 1


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    sys.exit(main())
