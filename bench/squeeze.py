"""What the end of a run costs: folding, masking, deciding, beside ``sqlite3.executemany`` of the rows that come of it.

A journal is written once through the real SpongeHandler: 100,000 records over 1,000 sources, about 100 characters each,
some with URLs, one in a hundred with a secret, one in a hundred with a traceback. In each round a fresh copy of it is
squeezed into a fresh state directory, and the same rows go from a list in memory into a table with the same columns, in
a fresh file with the same pragmas: one transaction, synced. A journal of 10,000 sources that all fail shows what
deciding and composing cost when everything is to be told. Memory is measured in processes of their own.

    python bench/squeeze.py [--records 100000] [--rounds 7] [--folder /var/tmp]
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import machine
from mailsponge import SpongeHandler, source
from mailsponge.clock import Deadline
from mailsponge.sponge import digest, folder, journal, policy
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer

TIMES_GOAL = 3.0
MEMORY_GOAL = 64
"""MB that the end of a run may add."""
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
JOB = "bench"
SECRETS = (
    "POST https://api.example.org/v1/items?page=4&token=Zm9vYmFyYmF6cXV4 gave 200",
    "connecting with user=feeds password=correct-horse-battery timeout=30 to db.example.org",
    "request headers: Accept: */*, Authorization: Bearer eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl",
    "cloning https://robot:s3cr3t-p4ss@git.example.org/feeds.git into the cache, depth 1",
)


class Shape(NamedTuple):
    """What a journal is made of."""

    sources: int
    failing: int
    """How many of the sources log tracebacks."""
    formatter: bool = False
    patience: str = "3 runs"


ORDINARY = {
    "no formatter": Shape(1_000, 50),
    f"formatter {FORMAT!r}": Shape(1_000, 50, formatter=True),
}
ALL_FAIL = Shape(10_000, 9_999, patience="now")
"""One source is well: else it would be one common cause, and one line instead of 10,000."""


# The journal, written as a program writes it


def write_journal(state: Path, shape: Shape, records: int) -> None:
    """Log through the real handler, source after source; the run is left open, and its journal's end is added later."""
    handler = SpongeHandler(JOB, "me@localhost", mailhost="127.0.0.1:9", state=state, patience=shape.patience,
                            common_cause=1.0)  # fmt: skip
    if shape.formatter:
        handler.setFormatter(logging.Formatter(FORMAT))
    log = logging.Logger("podcasts.download")
    log.addHandler(handler)
    chance = random.Random(42)
    each = records // shape.sources
    failures = max(records // 100 // shape.failing, 1)
    for number in range(shape.sources):
        with source(f"https://feeds{number}.example.org/podcast/{number}.xml"):
            for count in range(each):
                if number < shape.failing and count < failures:
                    log_traceback(log, count)
                else:
                    log.info(*message(chance, count))


def message(chance: random.Random, count: int) -> tuple[Any, ...]:
    """A message of about 100 characters, with its arguments."""
    if chance.random() < 0.01:
        return (chance.choice(SECRETS),)
    if chance.random() < 0.2:
        return (
            "downloaded https://media.example.org/audio/%08d/%s.mp3: %d bytes in %d ms, from the cache",
            count, f"{chance.getrandbits(64):016x}", chance.getrandbits(26), count,
        )  # fmt: skip
    return (
        "entry %d of the feed is known already (%s): its title is %r, and nothing is to be done",
        count, f"{chance.getrandbits(64):016x}", "Søndag på P1, del 3",
    )  # fmt: skip


def log_traceback(log: logging.Logger, count: int) -> None:
    """Log an exception with its traceback."""
    try:
        raise ConnectionError(f"HTTP 503 from the server, try {count}")
    except ConnectionError:
        log.exception("the feed cannot be had: giving it up after %d tries, until the next run", count)


class Written:
    """A run that is over, to be copied into fresh state directories."""

    def __init__(self, home: Path, title: str, shape: Shape, records: int) -> None:
        self.title = title
        self._home = home
        self._records = records
        # In a process of its own, which ends at once: this one stays small, and the run is not squeezed.
        run_here("write", home / "written", shape, records)
        self._original = job_place(home / "written", JOB)
        with next(self._original.runs.glob(f"*/{folder.OWNER}")).open("ab") as file:
            file.write(journal.line(k="end", t=time.time(), ending="finished"))
        self._copies = 0

    def fresh(self) -> JobPlace:
        """A new state directory with nothing in it but the run."""
        self._copies += 1
        place = job_place(self._home / f"copy{self._copies}", JOB)
        folder.make_directories(place)
        shutil.copytree(self._original.runs, place.runs, dirs_exist_ok=True)
        os.sync()
        return place

    def squeezed(self) -> Path:
        """The ledger that comes of it."""
        place = self.fresh()
        squeeze(place)
        return place.ledger


# What is compared


def squeeze(place: JobPlace) -> None:
    """The end of a run, as the handler does it; the mail server takes what there is at once."""

    def take(mail: Mail, deadline: Deadline) -> Outcome:
        return Outcome("sent", "250 OK")

    done = Squeezer(place, Settings(JOB, ("me@localhost",)), send=take).squeeze(Deadline(60))
    assert done.saved
    assert not done.warnings


def rows_of(ledger: Path) -> list[tuple[object, ...]]:
    """The records of a ledger as rows that nobody has put anywhere yet: Python keeps a text's UTF-8 once it is made."""
    with closing(sqlite3.connect(ledger)) as database:
        return database.execute(
            "SELECT run, source, record.* FROM span JOIN record ON record.rowid BETWEEN first AND last"
            " ORDER BY record.rowid"
        ).fetchall()


def plain_insert(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    """The rows into a table with the ledger's columns and pragmas, and nothing else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(
            "CREATE TABLE record (run TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL, level INTEGER NOT NULL,"
            " logger TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL, laid_out INTEGER NOT NULL)"
        )
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("COMMIT")


class Taken(NamedTuple):
    """Seconds, a figure a round."""

    inserts: list[float]
    squeezes: list[float]
    folding: list[float]
    """The part of a squeeze that reads the journal and puts its records into the ledger."""
    deciding: list[float]
    """The part that asks the policy and composes the mail."""

    def ratio(self) -> float:
        """Of the whole end of a run, round by round, at the median."""
        return statistics.median(s / i for s, i in zip(self.squeezes, self.inserts, strict=True))

    def ratio_of_deciding(self) -> float:
        """Of deciding and composing."""
        return statistics.median(d / i for d, i in zip(self.deciding, self.inserts, strict=True))


def measure(written: Written, rounds: int, home: Path) -> Taken:
    """Both by turns, each in a fresh directory; the first round, which warms up, does not count."""
    ledger = written.squeezed()
    taken = Taken([], [], [], [])
    for number in range(rounds + 1):
        place = written.fresh()
        with (
            Stopwatch((SqliteLedger, "add_records")) as folding,
            Stopwatch((policy, "decide"), (policy, "tick"), (digest, "compose")) as deciding,
        ):
            squeezing = seconds(lambda place=place: squeeze(place))  # type: ignore[misc]
        shutil.rmtree(place.directory)
        path, rows = home / f"plain{number}.db", rows_of(ledger)
        inserting = seconds(lambda path=path, rows=rows: plain_insert(path, rows))  # type: ignore[misc]
        path.unlink()
        rows.clear()
        if number:
            taken.inserts.append(inserting)
            taken.squeezes.append(squeezing)
            taken.folding.append(folding.seconds)
            taken.deciding.append(deciding.seconds)
    return taken


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Stopwatch:
    """Measures what some functions take, none inside another, while the block lasts."""

    def __init__(self, *functions: tuple[Any, str]) -> None:
        self._functions = [(owner, name, getattr(owner, name)) for owner, name in functions]
        self.seconds = 0.0

    def __enter__(self) -> Stopwatch:
        for owner, name, function in self._functions:
            setattr(owner, name, self._measured(function))
        return self

    def _measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*arguments: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                self.seconds += time.perf_counter() - began

        return measured

    def __exit__(self, *_: object) -> None:
        for owner, name, function in self._functions:
            setattr(owner, name, function)


# Processes of their own


def run_here(what: str, where: Path, *arguments: object) -> str:
    """Run a part of this script in a new process; returns what it prints."""
    command = [sys.executable, __file__, "--part", what, str(where), *map(repr, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def part(what: str, where: Path, shape: str = "", records: str = "0") -> None:
    """What such a process does."""
    if what == "write":
        write_journal(where, eval(shape), int(records))  # ours: the repr of a Shape
        os._exit(0)
    before = most_memory()
    squeeze(JobPlace(where))
    print(most_memory() - before)


def most_memory() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory_added(written: Written) -> float:
    """MB that a squeeze adds to a process that has loaded all that it needs."""
    place = written.fresh()
    added = float(run_here("squeeze", place.directory))
    shutil.rmtree(place.directory)
    return added


# The report


def report(title: str, taken: Taken, memory: float) -> None:
    """Print one comparison."""
    print(f"\n{title}")
    for name, values in taken._asdict().items():
        spread = f"{min(values) * 1e3:.0f} to {max(values) * 1e3:.0f}"
        print(f"  {name:10} {statistics.median(values) * 1e3:8.0f} ms   ({spread})")
    print(f"  memory added {memory:6.1f} MB")


def compare(home: Path, records: int, rounds: int) -> bool:
    """Run the comparisons below the folder; returns whether all goals were met."""
    print(f"  {machine.shape(home)}")
    written = [Written(home / f"{i}", *item, records) for i, item in enumerate(ORDINARY.items())]
    failing = Written(home / "failing", "10,000 failing sources", ALL_FAIL, records)
    # First of all, while this process is small: a child's greatest size begins with that of its parent.
    memory = {each.title: memory_added(each) for each in (*written, failing)}
    kept = []
    for each in written:
        taken = measure(each, rounds, home)
        report(f"{records:,} records over 1,000 sources, {each.title}", taken, memory[each.title])
        kept.append(_kept("end of run / executemany", taken.ratio(), TIMES_GOAL))
        kept.append(_kept("memory added, MB", memory[each.title], MEMORY_GOAL))
    taken = measure(failing, rounds, home)
    report(f"{records:,} records over 10,000 failing sources, all told", taken, memory[failing.title])
    kept.append(_kept("deciding and composing / executemany", taken.ratio_of_deciding(), TIMES_GOAL))
    kept.append(_kept("memory added, MB", memory[failing.title], MEMORY_GOAL))
    return all(kept)


def _kept(what: str, value: float, goal: float) -> bool:
    print(f"  {what}: {value:.2f}; the mark is {goal:g}: {'kept' if value <= goal else 'MISSED'}")
    return value <= goal


def main() -> int:
    """Measure, print, and end with 1 if a mark is missed."""
    if sys.argv[1:2] == ["--part"]:
        part(sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=100_000, help="in each journal (default: 100000)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default: 7)")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on the disk to measure")
    given = parser.parse_args()
    print(f"squeeze: {given.rounds} interleaved rounds, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-", dir=given.folder) as home:
        return 0 if compare(Path(home), given.records, given.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
