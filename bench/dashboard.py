"""What the first page of the dashboard costs with 10,000 sources, on the server: reading the ledgers, and rendering.

Two shapes: one job of 10,000 sources, and 20 jobs of 500 each; every fortieth source fails now and then, or always.
Each page is made in three situations: nothing has changed since the last one (somebody reloads), one job has run since,
and nothing was read before (the first page after a start). The page is the whole answer, through the handler and its
template; without the network and the guard. What it weighs is told as it is, and gzipped.

    python bench/dashboard.py [--sources 10000] [--rounds 15] [--folder /var/tmp]
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from starlette.requests import Request

import machine
from mailsponge import clock
from mailsponge.sponge import folder
from mailsponge.sponge.deliberation import Deliberation
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import ERROR, INFO, Attempt, Ending, Run
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings
from mailsponge.web import pages as shell
from mailsponge.web import shipped
from mailsponge.web.app import ROOMS
from mailsponge.web.dashboard import pages, replaying
from mailsponge.web.dashboard.watching import Watch, looking_into
from mailsponge.web.security import User

GOAL = 0.050
"""Seconds that the page may take on the server when somebody reloads it, or a job has run."""
WEIGHT_GOAL = 100_000
"""Octets of the page and all it loads, as they go over the network."""
RUNS = 25
HOUR = 3600.0


class Shape(NamedTuple):
    """How the sources are spread."""

    jobs: int
    each: int


def fill(state: Path, shape: Shape) -> list[JobPlace]:
    """Make jobs with a history, ended an hour ago."""
    chance = random.Random(17)
    return [_job(state, f"job {number:03}", shape.each, chance) for number in range(shape.jobs)]


def _job(state: Path, name: str, sources: int, chance: random.Random) -> JobPlace:
    place = job_place(state, name)
    folder.make_directories(place)
    settings = Settings(name, ("me@example.org",))
    share = {
        f"host{n:05}.example.org": chance.choice((1.0, 0.9, 0.3)) if n % 40 == 0 else 0.0
        for n in range(sources)
    }
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        deliberation = Deliberation(ledger)
        for number in range(1, RUNS + 1):
            at = clock.now() - (RUNS - number + 1) * HOUR
            run = Run(f"run {number}", number, "here", at, at + 60, Ending.FINISHED, 0, at + 61)
            shown = {source: _attempt(chance.random() < fails) for source, fails in share.items()}
            deliberation.run_folded(settings.policy, run, shown, at + 61)
        deliberation.keep()
        ledger.put_settings(settings.to_json())
    settle(place)
    return place


def _attempt(fails: bool) -> Attempt:
    return Attempt(highest=ERROR if fails else INFO, entered=True, lowest=INFO)


def settle(place: JobPlace, seconds: float = 60.0) -> None:
    """Make a ledger look as if it had been changed so long ago."""
    at = clock.now() - seconds
    os.utime(place.ledger, (at, at))


class Desk:
    """The page, and what it keeps from one request to the next."""

    def __init__(self, state: Path) -> None:
        office = SimpleNamespace(clock=clock.now, states=())
        self.watch = Watch([(state, "")])
        desk = pages.Desk(self.watch, replaying.Replays())
        self._app = SimpleNamespace(
            state=SimpleNamespace(office=office, rooms=ROOMS, templates=shell.environment(), desk=desk)
        )
        self._app.state.templates.get_template("dashboard/board.html")

    def page(self) -> bytes:
        """The first page."""
        state: dict[str, Any] = {"user": User("me", True), "identity": "x" * 43}
        scope = {"type": "http", "method": "GET", "path": "/jobs", "query_string": b"", "headers": []}
        return bytes(pages.all_jobs(Request({**scope, "app": self._app, "state": state})).body)

    def reading(self) -> None:
        """What of that is reading, choosing apart."""
        found, _ = self.watch.board()
        self.watch.cells(found.rows[: pages.MOST_ROWS])


class Figure(NamedTuple):
    """One situation: seconds for reading, and for all of it."""

    reading: float
    whole: float


def measure(prepare: Callable[[], Desk], rounds: int) -> tuple[Figure, list[float]]:
    """The medians, and every round's whole."""
    readings, wholes = [], []
    for _ in range(rounds):
        readings.append(_timed(prepare().reading))
        wholes.append(_timed(prepare().page))
    return Figure(statistics.median(readings), statistics.median(wholes)), wholes


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def weight(page: bytes) -> tuple[int, int]:
    """Octets of the page as it is, and of all that goes over the network, scripts and styles gzipped."""
    static = sum(
        len(file.packed) for name, file in shipped.statics().items() if not name.endswith("inbox.css")
    )
    return len(page), len(page) + static


def compare(home: Path, shape: Shape, rounds: int) -> bool:
    """Measure one shape, print it, and return whether it meets the marks."""
    state = home / f"{shape.jobs} of {shape.each}"
    places = fill(state, shape)
    desk = Desk(state)
    page = desk.page()
    turn = iter(range(1_000_000))

    def reloaded() -> Desk:
        return desk

    def one_ran() -> Desk:
        # Each time at another moment, so that the ledger is seen to have changed.
        settle(places[0], 60.0 + next(turn))
        return desk

    print(
        f"\n{shape.jobs} × {shape.each} sources" if shape.jobs > 1 else f"\none job of {shape.each} sources"
    )
    fits = True
    for title, prepare, has_goal in (
        ("nothing changed", reloaded, True),
        ("one job has run", one_ran, True),
        ("nothing read before", lambda: Desk(state), False),
    ):
        figure, wholes = measure(prepare, rounds)
        met = not has_goal or figure.whole <= GOAL
        fits &= met
        mark = f"  goal {GOAL * 1000:.0f}: {'met' if met else 'MISSED'}" if has_goal else ""
        print(
            f"  {title:20} {figure.whole * 1000:6.1f} ms ({min(wholes) * 1000:.1f} to {max(wholes) * 1000:.1f}),"
            f" of it reading {figure.reading * 1000:.1f}{mark}"
        )
    alone, whole = weight(page)
    packed = len(gzip.compress(page))
    met = whole <= WEIGHT_GOAL
    print(
        f"  the page {alone / 1000:.1f} kB (gzipped {packed / 1000:.1f}), with styles and scripts {whole / 1000:.1f} kB"
        f"  goal {WEIGHT_GOAL / 1000:.0f}: {'met' if met else 'MISSED'}"
    )
    print(f"  a replay of its first job: {_replay(places[0])}")
    return fits and met


def _replay(place: JobPlace) -> str:
    begin = time.perf_counter()
    with looking_into(place) as ledger:
        assert ledger is not None
        read = replaying.history(ledger, place.name, clock.now())
    between = time.perf_counter()
    came = replaying.under(read, "2 runs")
    end = time.perf_counter()
    read_once, decided = (between - begin) * 1000, (end - between) * 1000
    return f"{read_once:.0f} ms to read once, {decided:.0f} ms a patience ({len(came.mails)} mails)"


def main() -> int:
    """Measure, print, and end with 1 if a mark is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sources", type=int, default=10_000, help="all in all (default: 10000)")
    parser.add_argument("--rounds", type=int, default=15, help="of each situation (default: 15)")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on the disk to measure")
    given = parser.parse_args()
    print(f"dashboard: {given.rounds} rounds, Python {sys.version.split()[0]}; {machine.shape(given.folder)}")
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-", dir=given.folder) as home:
        shapes = Shape(20, given.sources // 20), Shape(1, given.sources)
        met = [compare(Path(home), shape, given.rounds) for shape in shapes]
        return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
