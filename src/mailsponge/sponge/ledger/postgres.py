"""The ledger in PostgreSQL: one database for many jobs, shared by any number of hosts.

Whoever is inside a transaction of a job holds that job's lock, so that two hosts never squeeze the same job at once;
different jobs do not wait for each other. Journals are no business of the database: they lie on each host, and wait
there while it is away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from mailsponge.errors import StateError
from mailsponge.sponge.ledger.migrations import MIGRATIONS, TABLES
from mailsponge.sponge.ledger.protocol import Folded, Standing
from mailsponge.sponge.ledger.rows import (
    ATTEMPT_COLUMNS,
    FLAPS,
    MAIL_COLUMNS,
    RECORD_COLUMNS,
    RUN_COLUMNS,
    WELL_BEGINS,
    as_json,
    attempt_columns,
    attempt_of,
    incident_of,
    mail_columns,
    mail_of,
    record_of,
    run_of,
    standings_of,
    state_of,
)
from mailsponge.sponge.ledger.session import Missing, Session
from mailsponge.sponge.model import (
    Attempt,
    Ending,
    Excerpt,
    Gathered,
    Incident,
    Mail,
    Record,
    Run,
    Silence,
    SourceState,
)

_GATHERED: Final = "gathered"
_NOT_THE_NEWEST: Final = "seq < (SELECT max(seq) FROM mailsponge.run WHERE job = %(job)s)"
_LOGGED: Final = "logged"
"""Small things remembered of a job: up to which run everything was gathered, and how many records there are."""
_QUIET: Final = Incident()
_WELL: Final = "state LIKE %(well)s AND state NOT LIKE %(flaps)s"
_LONGEST_KEY: Final = 200
_AT_ONCE: Final = 1000
"""Runs whose records are forgotten in one go."""


class PostgresLedger:
    """The ledger of one job in a database that hosts share.

    Args:
        url: the database; what is missing in it is made.
        job: the name of the job's directory.
        seconds_left: asked before each wait, for the network or for another host, how long it may last.

    Raises StateError if the database is away or refuses, or a newer mailsponge has been at it.
    """

    shared = True

    def __init__(self, url: str, job: str, seconds_left: Callable[[], float] = lambda: 5.0) -> None:
        self._job = job
        self._session = Session(url, seconds_left)
        try:
            _prepare(self._session)
        except BaseException:
            self._session.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and at the end commit or undo."""
        with self._session.transaction(_lock("job", self._job)):
            yield

    @contextmanager
    def outbox_lock(self) -> Iterator[bool]:
        """Hold the right to hand over what the outbox holds: a lock that goes with the session."""
        with self._session.try_lock(_lock("outbox", self._job)) as mine:
            yield mine

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def rename(self, job: str) -> None:
        """Keep all that there is of the job under another name."""
        for table in TABLES:
            self._session.execute(f"UPDATE mailsponge.{table} SET job = %s WHERE job = %s", job, self._job)

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before."""
        query = "SELECT 1 FROM mailsponge.run WHERE job = %s AND id = %s"
        return bool(self._session.execute(query, self._job, _key(run_id)))

    def newest_number(self, host: str = "") -> int:
        """The highest number of a folded run of a host that is no stray, or 0."""
        query = "SELECT max(number) FROM mailsponge.run WHERE job = %(job)s AND ending <> %(stray)s"
        query += " AND host = %(host)s" if host else ""
        return self._one(query, host=_key(host), stray=str(Ending.STRAY)) or 0

    def last_began_at(self) -> float | None:
        """When the run with the highest number began."""
        query = "SELECT began_at FROM mailsponge.run WHERE job = %(job)s AND ending <> %(stray)s"
        at: float | None = self._one(f"{query} ORDER BY number DESC LIMIT 1", stray=str(Ending.STRAY))
        return at

    def _one(self, query: str, **named: object) -> Any:
        """The one value that a query about the job yields; None if it yields nothing."""
        rows = self._session.execute(query, job=self._job, **named)
        return rows[0][0] if rows else None

    def beginnings(self, most: int) -> list[float]:
        """When the last runs began, newest first."""
        query = "SELECT began_at FROM mailsponge.run WHERE job = %s AND ending <> %s"
        order = "ORDER BY began_at DESC, number DESC, seq DESC LIMIT %s"
        return [at for (at,) in self._session.execute(f"{query} {order}", self._job, str(Ending.STRAY), most)]

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run, reading them as they come."""
        run = _key(run_id)
        rows = ((self._job, run, *record) for record in records)
        self._session.copy(f"mailsponge.record (job, run, {RECORD_COLUMNS})", rows)

    def add_run(
        self, run: Run, verdicts: Mapping[str, int], note: str, attempts: Mapping[str, Attempt] | None = None
    ) -> None:
        """Keep a run, what it showed and what it proved."""
        kept = run._replace(id=_key(run.id), host=_key(run.host), ending=str(run.ending))  # type: ignore[arg-type]
        self._session.execute(
            f"INSERT INTO mailsponge.run (job, {RUN_COLUMNS}, logged)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            *(self._job, *kept, note, run.records > 0),
        )
        shown = attempts or {}
        self._session.copy(
            f"mailsponge.verdict (job, run, source, level, {ATTEMPT_COLUMNS})",
            (
                (self._job, kept.id, source, verdicts.get(source), *attempt_columns(shown.get(source)))
                for source in dict.fromkeys((*verdicts, *shown))
            ),
        )
        self._count(run.records)

    def _count(self, records: int) -> None:
        """Keep the sum of the records: adding them up anew would take ever longer."""
        if records:
            self.put_memo(_LOGGED, int(self.memo(_LOGGED) or 0) + records)

    def runs(self, most: int) -> list[Folded]:
        """The last runs of all hosts, newest first: by their clocks, as numbers tell nothing between hosts."""
        rows = self._session.execute(
            f"SELECT {RUN_COLUMNS} FROM mailsponge.run WHERE job = %s"
            " ORDER BY began_at DESC, number DESC, seq DESC LIMIT %s",
            *(self._job, most),
        )
        verdicts: dict[str, dict[str, int]] = {row[0]: {} for row in rows}
        found = self._session.execute(
            "SELECT run, source, level FROM mailsponge.verdict"
            " WHERE job = %s AND run = ANY(%s) AND level IS NOT NULL",
            *(self._job, list(verdicts)),
        )
        for run, source, level in found:
            verdicts[run][source] = level
        with self._legible():
            return [Folded(run_of(row), verdicts[row[0]], row[8]) for row in rows]

    def history(self, most: int | None = None) -> Iterator[tuple[Run, dict[str, Attempt]]]:
        """Every run with what it showed, or the newest of them, in the order in which they were folded."""
        since = 0 if most is None else self._newest_that_named(most)
        rows = self._session.stream(
            f"SELECT {RUN_COLUMNS}, source, {ATTEMPT_COLUMNS} FROM mailsponge.run LEFT JOIN mailsponge.verdict"
            " ON verdict.job = run.job AND verdict.run = run.id AND highest IS NOT NULL"
            " WHERE run.job = %s AND seq > %s ORDER BY seq",
            *(self._job, since),
        )
        run: Run | None = None
        shown: dict[str, Attempt] = {}
        with self._legible(), closing(rows):  # type: ignore[type-var]
            for row in rows:
                if run is None or run.id != row[0]:
                    if run is not None:
                        yield run, shown
                    run, shown = run_of(row), {}
                if row[9] is not None:
                    shown[row[9]] = attempt_of(row[10:])
            if run is not None:
                yield run, shown

    def _newest_that_named(self, most: int) -> int:
        """The run after which those come that together named so many sources at most."""
        count = "SELECT count(*) FROM mailsponge.verdict WHERE verdict.job = run.job AND verdict.run = run.id"
        rows = self._session.stream(
            f"SELECT seq, ({count} AND highest IS NOT NULL) FROM mailsponge.run WHERE job = %s ORDER BY seq DESC",
            self._job,
        )
        left = most
        with closing(rows):  # type: ignore[type-var]
            for seq, named in rows:
                left -= named
                if left < 0:
                    return int(seq)
        return 0

    def recent(self, source: str, most: int, host: str = "") -> list[int | None]:
        """What the last runs proved of a source, oldest first."""
        which, order = ("AND host = %(host)s", "number") if host else ("", "began_at")
        rows = self._session.execute(
            "SELECT (SELECT level FROM mailsponge.verdict WHERE verdict.job = run.job AND run = run.id"
            " AND left(source, 200) = left(%(source)s, 200) AND source = %(source)s)"
            f" FROM mailsponge.run WHERE job = %(job)s {which}"
            f" ORDER BY {order} DESC, number DESC, seq DESC LIMIT %(most)s",
            job=self._job,
            source=source,
            host=_key(host),
            most=most,
        )
        return [row[0] for row in rows][::-1]

    def recents(self, sources: Collection[str], most: int, host: str = "") -> dict[str, list[int | None]]:
        """What the last runs proved of some sources, oldest first."""
        which, order = ("AND host = %(host)s", "number") if host else ("", "began_at")
        rows = self._session.execute(
            f"SELECT id FROM mailsponge.run WHERE job = %(job)s {which}"
            f" ORDER BY {order} DESC, number DESC, seq DESC LIMIT %(most)s",
            job=self._job,
            host=_key(host),
            most=most,
        )
        places = {run: place for place, (run,) in enumerate(reversed(rows))}
        found: dict[str, list[int | None]] = {source: [None] * len(places) for source in sources}
        verdicts = self._session.execute(
            "SELECT run, source, level FROM mailsponge.verdict WHERE job = %s AND run = ANY(%s) AND source = ANY(%s)",
            *(self._job, list(places), list(found)),
        )
        for run, source, level in verdicts:
            found[source][places[run]] = level
        return found

    def records(self, run_id: str, source: str | None, level: int) -> list[Record]:
        """One source's records of one run, by time."""
        return self._records(run_id, source, level, "at, id")

    def excerpt(self, run_id: str, source: str | None, first: int, last: int, level: int = 0) -> Excerpt:
        """The two ends of one source's log in one run."""
        count = self._one(
            f"SELECT count(*) FROM mailsponge.record WHERE {_WANTED}", **_wanted(run_id, source, level)
        )
        if count <= first + last:
            return Excerpt(self._records(run_id, source, level, "at, id"), [], 0)
        head = self._records(run_id, source, level, "at, id", first)
        tail = self._records(run_id, source, level, "at DESC, id DESC", last)
        return Excerpt(head, tail[::-1], count - first - last)

    def _records(
        self, run_id: str, source: str | None, level: int, order: str, most: int | None = None
    ) -> list[Record]:
        rows = self._session.execute(
            f"SELECT {RECORD_COLUMNS} FROM mailsponge.record WHERE {_WANTED} ORDER BY {order} LIMIT %(most)s",
            **{"job": self._job, "most": most, **_wanted(run_id, source, level)},
        )
        return [record_of(row) for row in rows]

    def states(self, host: str = "") -> dict[str, SourceState]:
        """Every source's state on a host."""
        query = "SELECT name, state FROM mailsponge.source WHERE job = %s AND host = %s"
        rows = self._session.execute(query, self._job, _key(host))
        with self._legible():
            return {name: state_of(json.loads(text)) for name, text in rows}

    def standings(self) -> list[Standing]:
        """Every source's state on every host."""
        query = "SELECT name, host, state FROM mailsponge.source WHERE job = %s"
        rows = sorted(self._session.execute(query, self._job))
        with self._legible():
            return standings_of(rows)

    def troubled(self) -> tuple[list[Standing], int]:
        """The standings of what is not simply well, and how many others there are."""
        found = self._standings(f"AND NOT ({_WELL})")
        count = self._one("SELECT count(*) FROM mailsponge.source WHERE job = %(job)s") or 0
        return found, count - len(found)

    def well(self, first: int, most: int | None) -> list[Standing]:
        """Some of those others."""
        order = 'ORDER BY name COLLATE "C", host COLLATE "C" LIMIT %(most)s OFFSET %(first)s'
        return self._standings(f"AND {_WELL} {order}", most=most, first=first)

    def _standings(self, which: str, **named: object) -> list[Standing]:
        query = f"SELECT name, host, state FROM mailsponge.source WHERE job = %(job)s {which}"
        rows = self._session.execute(query, job=self._job, well=WELL_BEGINS, flaps=FLAPS, **named)
        with self._legible():
            return standings_of(sorted(rows))

    def put_states(self, states: Mapping[str, SourceState], host: str = "") -> None:
        """Keep the states that changed."""
        if not states:
            return
        given = {
            "job": self._job,
            "host": _key(host),
            "names": list(states),
            "states": [as_json(state) for state in states.values()],
        }
        new = "unnest(%(names)s::text[], %(states)s::text[]) AS new (name, state)"
        same = (
            "source.job = %(job)s AND source.host = %(host)s"
            " AND left(source.name, 200) = left(new.name, 200) AND source.name = new.name"
        )
        self._session.execute(
            f"UPDATE mailsponge.source SET state = new.state FROM {new} WHERE {same}", **given
        )
        self._session.execute(
            "INSERT INTO mailsponge.source (job, host, name, state)"
            f" SELECT %(job)s, %(host)s, new.name, new.state FROM {new}"
            f" WHERE NOT EXISTS (SELECT FROM mailsponge.source WHERE {same})",
            **given,
        )

    def incidents(self) -> dict[str, Incident]:
        """Every source's incident."""
        query = "SELECT name, incident FROM mailsponge.incident WHERE job = %s"
        rows = self._session.execute(query, self._job)
        with self._legible():
            return {name: incident_of(json.loads(text)) for name, text in rows}

    def put_incidents(self, incidents: Mapping[str, Incident]) -> None:
        """Keep the incidents that changed."""
        if not incidents:
            return
        self._remove("incident", incidents)
        kept = {name: as_json(incident) for name, incident in incidents.items() if incident != _QUIET}
        self._session.execute(
            "INSERT INTO mailsponge.incident (job, name, incident)"
            " SELECT %s, name, incident FROM unnest(%s::text[], %s::text[]) AS new (name, incident)",
            *(self._job, list(kept), list(kept.values())),
        )

    def forget(self, sources: Iterable[str], host: str | None = None) -> None:
        """Remove the states of some sources, and their incidents if it is for every host."""
        names = list(sources)
        self._remove("source", names, host)
        if host is None:
            self._remove("incident", names)

    def _remove(self, table: str, names: Iterable[str], host: str | None = None) -> None:
        which = "" if host is None else "AND host = %(host)s"
        self._session.execute(
            f"DELETE FROM mailsponge.{table} USING unnest(%(names)s::text[]) AS old (name)"
            f" WHERE job = %(job)s {which}"
            f" AND left({table}.name, 200) = left(old.name, 200) AND {table}.name = old.name",
            job=self._job,
            names=list(names),
            host=_key(host or ""),
        )

    def silences(self) -> list[Silence]:
        """The silences there are and were."""
        rows = self._session.execute(
            "SELECT pattern, since, until, because FROM mailsponge.silence WHERE job = %s ORDER BY since, id",
            self._job,
        )
        return [Silence(*row) for row in rows]

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Keep these silences instead of those there were."""
        rows = [(self._job, *silence) for silence in silences]
        self._session.execute("DELETE FROM mailsponge.silence WHERE job = %s", self._job)
        self._session.copy("mailsponge.silence (job, pattern, since, until, because)", rows)

    def memo(self, name: str) -> Any:
        """A small thing remembered under a name."""
        value = self._one(
            "SELECT value FROM mailsponge.setting WHERE job = %(job)s AND name = %(name)s", name=name
        )
        with self._legible():
            return None if value is None else json.loads(value)

    def put_memo(self, name: str, value: Any) -> None:
        """Remember a small thing."""
        self._session.execute(
            "INSERT INTO mailsponge.setting (job, name, value) VALUES (%s, %s, %s)"
            " ON CONFLICT (job, name) DO UPDATE SET value = excluded.value",
            *(self._job, name, json.dumps(value)),
        )

    def gathered(self, level: int) -> list[Gathered]:
        """What was logged of each source since everything was gathered last."""
        rows = self._session.execute(
            f"SELECT source, count(*), min(at) FROM {_RUNS_WITH_RECORDS} AND level >= %s GROUP BY source",
            *(self._job, self._gathered_until(), level),
        )
        return [Gathered(*row) for row in sorted(rows)]

    def gathered_records(self) -> Iterator[Record]:
        """All that was logged since then."""
        query = f"SELECT {RECORD_COLUMNS} FROM {_RUNS_WITH_RECORDS} ORDER BY run.seq, at, record.id"
        yield from map(record_of, self._session.stream(query, self._job, self._gathered_until()))

    def all_gathered(self) -> None:
        """What was logged so far needs not be gathered any more."""
        newest = self._one("SELECT max(seq) FROM mailsponge.run WHERE job = %(job)s") or 0
        if newest != self._gathered_until():
            self.put_memo(_GATHERED, newest)

    def _gathered_until(self) -> int:
        return int(self.memo(_GATHERED) or 0)

    def settings(self) -> dict[str, Any] | None:
        """The job's settings as last kept."""
        kept = self.memo("settings")
        with self._legible():
            return dict(kept) if kept is not None else None

    def put_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep the job's settings."""
        self.put_memo("settings", dict(settings))

    def add_mail(self, mail: Mail) -> None:
        """Put a mail into the outbox."""
        self._session.execute(
            f"INSERT INTO mailsponge.outbox (job, {MAIL_COLUMNS})"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            *(self._job, *mail_columns(mail)),
        )

    def put_mail(self, mail: Mail) -> None:
        """Keep what became of a mail."""
        self._session.execute(
            "UPDATE mailsponge.outbox SET toaddrs = %s, status = %s, attempts = %s, last_attempt_at = %s,"
            " last_reply = %s WHERE job = %s AND message_id = %s",
            *(json.dumps(mail.toaddrs), mail.status, mail.attempts, mail.last_attempt_at, mail.last_reply),
            *(self._job, mail.message_id),
        )

    def mails(self, status: str | None = None) -> list[Mail]:
        """The mails of the outbox, oldest first."""
        which = "" if status is None else "AND status = %(status)s"
        rows = self._session.execute(
            f"SELECT {MAIL_COLUMNS} FROM mailsponge.outbox WHERE job = %(job)s {which} ORDER BY created_at, id",
            job=self._job,
            status=status,
        )
        with self._legible():
            return [mail_of(row) for row in rows]

    def prune(self, records_before: float, runs_before: float, most_records: int) -> None:
        """Forget what is too old, or too much."""
        until = self._gathered_until()
        self._forget_logs(
            "greatest(began_at, folded_at) < %(before)s ORDER BY seq",
            until,
            lambda records: True,
            before=records_before,
        )
        total = int(self.memo(_LOGGED) or 0)
        if total > most_records:
            excess = total - most_records
            self._forget_logs(f"{_NOT_THE_NEWEST} ORDER BY seq", until, _as_long_as_there_are(excess))
        old = "SELECT id FROM mailsponge.run WHERE job = %s AND greatest(began_at, folded_at) < %s"
        old += " AND (seq <= %s OR NOT logged)"
        given = (self._job, runs_before, until)
        self._session.execute(
            f"DELETE FROM mailsponge.verdict WHERE job = %s AND run IN ({old})", self._job, *given
        )
        self._session.execute(
            f"DELETE FROM mailsponge.run WHERE job = %s AND id IN ({old})", self._job, *given
        )
        self._session.execute(
            "DELETE FROM mailsponge.silence WHERE job = %s AND until < %s", self._job, runs_before
        )
        self._session.execute(
            "DELETE FROM mailsponge.outbox WHERE job = %s AND status = 'sent' AND created_at < %s",
            *(self._job, runs_before),
        )

    def _forget_logs(
        self, which: str, until: int, is_too_much: Callable[[int], bool], **named: object
    ) -> None:
        """Forget the records of runs, the oldest first, as long as there are too many."""
        query = (
            "SELECT id, records FROM mailsponge.run"
            f" WHERE job = %(job)s AND logged AND seq <= %(until)s AND {which} LIMIT {_AT_ONCE}"
        )
        while rows := self._session.execute(query, job=self._job, until=until, **named):
            gone = [(run, records) for run, records in rows if is_too_much(records)]
            runs = [run for run, _ in gone]
            self._session.execute(
                "DELETE FROM mailsponge.record WHERE job = %s AND run = ANY(%s)", self._job, runs
            )
            self._session.execute(
                "UPDATE mailsponge.run SET logged = false WHERE job = %s AND id = ANY(%s)", self._job, runs
            )
            self._count(-sum(records for _, records in gone))
            if len(gone) < _AT_ONCE:
                return

    @contextmanager
    def _legible(self) -> Iterator[None]:
        """Somebody else may have written what no mailsponge has; a database is not set aside for that."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"the ledger of {self._job} in {self._session.shown} cannot be read: {error!r}"
            ) from error


def jobs(url: str, seconds_left: Callable[[], float] = lambda: 5.0) -> list[str]:
    """The jobs in a database, as their directories are called. Raises StateError."""
    with closing(Session(url, seconds_left)) as session:
        try:
            rows = session.execute("SELECT DISTINCT job FROM mailsponge.setting")
        except Missing:
            return []
        return sorted(job for (job,) in rows if not job.startswith("."))


def _as_long_as_there_are(excess: int) -> Callable[[int], bool]:
    left = excess

    def is_too_much(records: int) -> bool:
        nonlocal left
        was, left = left, left - records
        return was > 0

    return is_too_much


def _prepare(session: Session) -> None:
    """Make what is missing, or bring it up to date. Several may try at the same time."""
    if _version(session) < len(MIGRATIONS):
        with session.transaction(_lock("schema", "")):
            _migrate(session)
    if _version(session) > len(MIGRATIONS):
        raise StateError(
            f"the ledger in {session.shown} was written by a newer mailsponge; upgrade this one, or give another state"
        )


def _version(session: Session) -> int:
    try:
        ((version,),) = session.execute("SELECT version FROM mailsponge.version")
    except Missing:
        return 0
    return int(version)


def _migrate(session: Session) -> None:
    ((encoding, schema, table),) = session.execute(
        "SELECT current_setting('server_encoding'), to_regnamespace('mailsponge') IS NOT NULL,"
        " to_regclass('mailsponge.version') IS NOT NULL"
    )
    if encoding != "UTF8":
        raise StateError(
            f"the database {session.shown} is encoded as {encoding}: not every text fits in; "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    if not schema:
        session.execute("CREATE SCHEMA mailsponge")
    done = _version(session) if table else 0
    for step in MIGRATIONS[done:]:
        session.execute(step)
    if not table:
        session.execute("INSERT INTO mailsponge.version VALUES (%s)", len(MIGRATIONS))
    elif done < len(MIGRATIONS):
        session.execute("UPDATE mailsponge.version SET version = %s", len(MIGRATIONS))


def _lock(kind: str, job: str) -> int:
    """The number of an advisory lock, of 64 bits, that nobody else in the database is likely to use."""
    digest = hashlib.sha256(f"mailsponge {kind} {job}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _key(text: str) -> str:
    """A run's id or a host's name, which may be an index's key; one of any length, which is nobody's, made short."""
    if len(text) <= _LONGEST_KEY:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: _LONGEST_KEY - len(digest) - 1]}-{digest}"


_WANTED: Final = (
    "job = %(job)s AND run = %(run)s AND level >= %(level)s"
    " AND (%(source)s::text IS NULL OR source = %(source)s)"
)


def _wanted(run_id: str, source: str | None, level: int) -> dict[str, Any]:
    return {"run": _key(run_id), "source": source, "level": level}


_RUNS_WITH_RECORDS: Final = (
    "mailsponge.run JOIN mailsponge.record ON record.job = run.job AND record.run = run.id"
    " WHERE run.job = %s AND run.seq > %s"
)
