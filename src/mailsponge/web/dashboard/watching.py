"""Reading the jobs' ledgers, each once for as long as it does not change.

Other users' state is never looked at: there is nothing here but the places that the server was given, which are those
of the user that it runs as.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from operator import is_not
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge import clock, database_url
from mailsponge.clock import Clock
from mailsponge.errors import LedgerUnreadable, MailspongeError
from mailsponge.sponge import folder, report
from mailsponge.sponge.ledger import Ledger, Standing
from mailsponge.sponge.ledger.opening import every_job, read_ledger
from mailsponge.sponge.model import Incident, Mail
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.replay import rules_kept
from mailsponge.web.dashboard.board import Board, Job, Row, Rows, Well, due, in_order, worst_first

SECONDS: Final = 3.0
"""How long a page waits for a ledger that somebody else is inside of."""

_SETTLED: Final = 2.0
"""Seconds after which a file's time of change tells all changes: two within its clock's grain look the same."""
_DATABASE: Final = 5.0
"""Seconds for which what was read of a database is shown again: it does not tell cheaply whether it has changed."""
_LIKELY: Final = 100
"""Sources of a job, the worst, whose last runs are read along with the rest."""
_HABIT: Final = 12
"""Runs that tell how often a job runs."""
_QUIET: Final = Incident()
_NONE: Final = Well(0, (), lambda begin, end: ())


class State(NamedTuple):
    """Where a sponge keeps what it remembers."""

    directory: Path
    database: str = ""


class Place(NamedTuple):
    """A job, and which of the states it is in."""

    state: int
    job: JobPlace


Cells = dict[tuple[str, str], Sequence[int | None]]
"""What the last runs proved, oldest first, by source and host."""


class _Kept(NamedTuple):
    version: object
    job: Job
    troubled: Sequence[Row]
    well: Well
    cells: Cells
    """Of the sources that were shown, or are likely to be."""


class Watch:
    """What was read last of each job; to be asked from any thread.

    Args:
        states: where jobs are; each as a directory, and the URL of a database or an empty text.
        now: the clock.
    """

    def __init__(self, states: Sequence[tuple[Path, str]], now: Clock = clock.now) -> None:
        self._states = [State(*state) for state in states]
        self._now = now
        self._kept: dict[Place, _Kept] = {}
        self._merged: tuple[list[Sequence[Row]], Rows] = [], Rows((), ())
        self._lock = threading.Lock()

    @property
    def shown(self) -> list[str]:
        """Where jobs are looked for, for a person to read."""
        return [
            database_url.shown(state.database) if state.database else str(state.directory)
            for state in self._states
        ]

    def places(self) -> tuple[list[Place], list[str]]:
        """Every job there is, and what keeps others from being seen."""
        found: list[Place] = []
        troubles: list[str] = []
        for number, state in enumerate(self._states):
            try:
                found += [Place(number, job) for job in every_job(state.directory, state.database)]
            except (MailspongeError, OSError) as error:
                troubles.append(f"the jobs in {self.shown[number]} cannot be read: {error}")
        return found, troubles

    def place(self, state: int, job: str) -> Place | None:
        """The job of that name; None if there is none."""
        if not job.strip() or not 0 <= state < len(self._states):
            return None
        place = self._place(state, job)
        if place.job.database:
            return place if place.job in every_job(place.job.directory.parent, place.job.database) else None
        return place if place.job.runs.is_dir() else None

    def board(self) -> tuple[Board, list[str]]:
        """How everything stands, and what keeps some of it from being seen."""
        places, troubles = self.places()
        parts = [self._read(place) for place in places]
        self._forget_all_but(places)
        return Board(in_order(kept.job for kept in parts), self._sorted(parts)), troubles

    def _sorted(self, parts: Sequence[_Kept]) -> Rows:
        """The rows of all jobs, the worst first: sorted anew when those of a job were read anew."""
        troubled = [kept.troubled for kept in parts]
        before, rows = self._merged
        if len(before) != len(troubled) or any(map(is_not, before, troubled)):
            rows = Rows(chain.from_iterable(troubled), [kept.well for kept in parts])
            self._merged = troubled, rows
        return rows

    def job(self, place: Place) -> tuple[Job, Rows]:
        """How one job stands, and its sources."""
        kept = self._read(place)
        return kept.job, Rows(kept.troubled, [kept.well])

    def cells(self, rows: Sequence[Row]) -> dict[Row, Sequence[int | None]]:
        """What the last runs proved of these rows' sources; a ledger that cannot be read now has no cells."""
        found: dict[Row, Sequence[int | None]] = {}
        by_job: dict[tuple[int, str], list[Row]] = {}
        for row in rows:
            by_job.setdefault((row.state, row.job), []).append(row)
        for (state, job), some in by_job.items():
            place = self._place(state, job)
            with self._lock:
                kept = self._kept.get(place)
            known: Cells = kept.cells if kept else {}
            missing = [row for row in some if (row.source, row.host) not in known]
            if missing:
                with suppress(MailspongeError, OSError), looking_into(place.job) as ledger:
                    known |= _cells(ledger, missing) if ledger else {}
            found |= {row: known.get((row.source, row.host), ()) for row in some}
        return found

    def _place(self, state: int, job: str) -> Place:
        where = self._states[state]
        return Place(state, job_place(where.directory, job, where.database))

    def changed(self, place: Place) -> None:
        """Somebody has changed what is kept of a job: it is read anew."""
        with self._lock:
            self._kept.pop(place, None)

    def _read(self, place: Place) -> _Kept:
        version = self.version(place.job)
        with self._lock:
            kept = self._kept.get(place)
        if kept is None or version is None or kept.version != version:
            try:
                kept = _Kept(version, *_read(place))
            except (MailspongeError, OSError) as error:
                return _Kept(None, Job(place.job.name, place.state, trouble=trouble(error)), [], _NONE, {})
            with self._lock:
                self._kept[place] = kept
        return kept._replace(job=_here(kept.job, place.job))

    def version(self, place: JobPlace) -> object:
        """Something that is another whenever the ledger is; None if nothing tells."""
        if place.database:
            return int(self._now() / _DATABASE)
        try:
            status = os.stat(place.ledger)
        except OSError:
            return None
        # Changed a moment ago, it may change again without another time of change: what git calls racily clean.
        is_settled = self._now() - status.st_mtime > _SETTLED
        return (status.st_ino, status.st_size, status.st_mtime_ns) if is_settled else None

    def _forget_all_but(self, places: Iterable[Place]) -> None:
        with self._lock:
            for gone in self._kept.keys() - set(places):
                del self._kept[gone]


def trouble(error: Exception) -> str:
    """What is wrong with a ledger, and what to do about it."""
    if isinstance(error, LedgerUnreadable):
        return f"{error}; `mailsponge check` sets it aside and begins a new one"
    return str(error)


def _here(job: Job, place: JobPlace) -> Job:
    """The job with what its directory on this machine tells, which changes without the ledger."""
    try:
        return job._replace(unfolded=report.unfolded(place), going_on=folder.any_alive(place))
    except OSError as error:
        return job._replace(trouble=str(error))


@contextmanager
def looking_into(place: JobPlace) -> Iterator[Ledger | None]:
    """A job's ledger in a transaction; None if it has none yet. Raises StateError."""
    ledger = read_ledger(place, lambda: SECONDS)
    if ledger is None:
        yield None
        return
    with closing(ledger), ledger.transaction():
        yield ledger


def _read(place: Place) -> tuple[Job, Sequence[Row], Well, Cells]:
    name = place.job.name
    with looking_into(place.job) as ledger:
        if ledger is None:
            return Job(name, place.state), [], _NONE, {}
        mails = {status: ledger.mails(status) for status in ("waiting", "refused", "mentioned")}
        standings, well = ledger.troubled()
        teller = _Teller(place, ledger.incidents(), _became(mails))
        troubled = teller.rows(standings)
        first = teller.rows(ledger.well(0, _LIKELY))
        cells = _cells(ledger, [*sorted(troubled, key=worst_first), *first][:_LIKELY])
        began = ledger.beginnings(_HABIT)
        try:
            expected = Policy(**rules_kept(ledger, name)).expected
        except MailspongeError:
            # What a newer version has written hides no job.
            expected = None
        silences = tuple(ledger.silences())
    left = (*mails["waiting"], *mails["refused"])
    last = max(left, key=lambda mail: mail.last_attempt_at or 0.0, default=None)
    job = Job(
        name,
        place.state,
        Counter(row.word for row in troubled) + Counter(ok=well),
        began[0] if began else None,
        due(expected, began),
        len(mails["waiting"]),
        last.last_reply if last else "",
        len(mails["refused"]),
        silences=silences,
    )
    return job, troubled, Well(well, first, _WellSources(place, teller, well)), cells


def _cells(ledger: Ledger, rows: Sequence[Row]) -> Cells:
    by_host: dict[str, list[str]] = {}
    for row in rows:
        by_host.setdefault(row.host, []).append(row.source)
    found: Cells = {}
    for host, sources in by_host.items():
        recents = ledger.recents(sources, report.RECENT, host)
        found |= {(source, host): tuple(verdicts) for source, verdicts in recents.items()}
    return found


class _WellSources:
    """The sources of a job that are well: some are read each time, all of them once for as long as nothing changes."""

    def __init__(self, place: Place, teller: _Teller, number: int) -> None:
        self._place = place
        self._teller = teller
        self._number = number
        self._all: Sequence[Row] | None = None

    def __call__(self, begin: int, end: int) -> Sequence[Row]:
        """Those from one place to another; none while the ledger cannot be read."""
        if self._all is not None:
            return self._all[begin:end]
        found: Sequence[Row] = ()
        with suppress(MailspongeError, OSError), looking_into(self._place.job) as ledger:
            if ledger is not None:
                found = self._teller.rows(ledger.well(begin, end - begin))
                if len(found) == self._number:
                    self._all = found
        return found


def _became(mails: Mapping[str, Sequence[Mail]]) -> dict[str, str]:
    """What became of each mail that was not sent."""
    became = {mail.message_id: "refused" for mail in (*mails["refused"], *mails["mentioned"])}
    return became | {mail.message_id: "waiting" for mail in mails["waiting"]}


class _Teller(NamedTuple):
    """Makes rows of standings."""

    place: Place
    incidents: Mapping[str, Incident]
    became: Mapping[str, str]

    def rows(self, standings: Iterable[Standing]) -> list[Row]:
        """A row a standing."""
        return [self._row(standing) for standing in standings]

    def _row(self, standing: Standing) -> Row:
        state, incident = standing.state, self.incidents.get(standing.source, _QUIET)
        return Row(
            self.place.job.name,
            standing.source,
            standing.host,
            "flapping" if state.flapping else state.status.value,
            state.runs_failed,
            state.since,
            state.last_run_at,
            report.word_of(state.last_verdict),
            state.reason,
            state.failed_run,
            incident.told_at,
            None if incident.told_at is None else self.became.get(incident.thread or "", "sent"),
            incident.acknowledged is not None,
            incident.acknowledged_because,
            self.place.state,
        )
