"""What ``import mailsponge`` costs a program that logs, beside the parts of the standard library that it stands on.

Each round starts fresh interpreters, by turns: one that imports nothing, one that imports logging.handlers, sqlite3,
json and email.message, and one that imports mailsponge. What an interpreter without imports takes is taken off both.

    python bench/imports.py [--rounds 30]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

GOAL = 1.5
IMPORTS = {
    "nothing": "pass",
    "standard": "import logging.handlers, sqlite3, json, email.message",
    "mailsponge": "from mailsponge import SpongeHandler, source",
}


def seconds(statement: str, environment: dict[str, str]) -> float:
    """How long a fresh interpreter takes for the statement, from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return time.perf_counter() - began


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds, a list of rounds for each statement; the first round, which compiles, does not count."""
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-") as bytecode:
        # Whatever is set here, what is compared is modules that have been compiled, as an installer does.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(rounds + 1):
            for name, statement in IMPORTS.items():
                spent = seconds(statement, environment) * 1e3
                if number:
                    taken[name].append(spent)
    return taken


def main() -> int:
    """Measure, print, and end with 1 if the import costs too much."""
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
    ratio = statistics.median((ours - nothing) / (theirs - nothing) for nothing, theirs, ours in each)
    print(
        f"  ratio mailsponge / standard: {ratio:.2f}; the mark is {GOAL:g}: {'kept' if ratio <= GOAL else 'MISSED'}"
    )
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
