"""What a record costs: SpongeHandler.emit beside the standard FileHandler with the same formatter.

Both handlers get the same records through the same logger, in turns within one run, so that a machine that slows down
slows both; the rounds are many and short, for the same reason. A no-op handler shows what a record costs before any
handler sees it. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mailsponge import SpongeHandler

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class NoOpHandler(logging.Handler):
    """Takes a record and does nothing with it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Nothing."""


def handlers(folder: Path, formatter: logging.Formatter | None) -> dict[str, logging.Handler]:
    """The handlers to compare, by name."""
    os.environ["MAILSPONGE_STATE"] = str(folder / "state")
    compared: dict[str, logging.Handler] = {
        "FileHandler": logging.FileHandler(folder / "log"),
        "SpongeHandler": SpongeHandler("bench", "me@localhost", mailhost="127.0.0.1:9"),
        "no-op": NoOpHandler(),
    }
    for handler in compared.values():
        handler.setFormatter(formatter)
    return compared


def seconds(handler: logging.Handler, records: int, threads: int) -> float:
    """How long it takes to log that many records, shared out among threads."""
    log = logging.Logger("podcasts.download")
    log.addHandler(handler)

    def work() -> None:
        for number in range(records // threads):
            log.info("downloaded %s in %d ms", "Søndag på P1", number)

    began = time.perf_counter()
    if threads == 1:
        work()
    else:
        run_in_threads(work, threads)
    return time.perf_counter() - began


def run_in_threads(work: Callable[[], None], threads: int) -> None:
    """Run it in so many threads at once."""
    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def measure(
    formatter: logging.Formatter | None, records: int, rounds: int, threads: int
) -> dict[str, list[float]]:
    """Microseconds a record, a list of rounds for each handler."""
    with tempfile.TemporaryDirectory() as name:
        compared = handlers(Path(name), formatter)
        taken: dict[str, list[float]] = {handler: [] for handler in compared}
        for _ in range(rounds):
            for handler in compared:
                taken[handler].append(seconds(compared[handler], records, threads) / records * 1e6)
        for made in compared.values():
            made.close()
        sponge = compared["SpongeHandler"]
        assert isinstance(sponge, SpongeHandler)
        kept = sponge.squeeze()
        assert kept.saved
    return taken


def report(title: str, taken: dict[str, list[float]]) -> float:
    """Print one comparison; returns the ratio SpongeHandler / FileHandler, pair by pair, at the median."""
    ratio = statistics.median(
        s / f for s, f in zip(taken["SpongeHandler"], taken["FileHandler"], strict=True)
    )
    above = statistics.median(
        (s - n) / (f - n)
        for s, f, n in zip(taken["SpongeHandler"], taken["FileHandler"], taken["no-op"], strict=True)
    )
    print(f"\n{title}")
    for name, values in taken.items():
        spread = f"{min(values):.1f} to {max(values):.1f}"
        print(f"  {name:14} {statistics.median(values):6.2f} µs a record   ({spread})")
    print(f"  ratio SpongeHandler / FileHandler: {ratio:.2f}   (above a no-op: {above:.2f})")
    return ratio


def main() -> int:
    """Measure, print, and end with 1 if emit costs more than FileHandler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000, help="records a round (default: 2000)")
    parser.add_argument("--rounds", type=int, default=75, help="interleaved rounds (default: 75)")
    given = parser.parse_args()
    print(
        f"emit: {given.records} records a round, {given.rounds} interleaved rounds, Python {sys.version.split()[0]}"
    )
    ratios = [
        report(
            f"{threads} thread{'s' * (threads > 1)}, {what}",
            measure(formatter, given.records, given.rounds, threads),
        )
        for what, formatter in ((f"formatter {FORMAT!r}", logging.Formatter(FORMAT)), ("no formatter", None))
        for threads in (1, 8)
    ]
    worst = max(ratios)
    print(f"\nworst ratio {worst:.2f}; the mark is 1.00: {'kept' if worst <= 1 else 'MISSED'}")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
