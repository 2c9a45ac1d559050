"""The ledger in SQLite: one file a job, a rollback journal, ``synchronous=FULL``.

It is written once a run, so safety costs nothing that anybody would notice, and any Python's SQLite can be trusted with
it (versions before 3.51.3 can corrupt a WAL database that several connections write).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any, Final

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
    storable_value,
)
from mailsponge.sponge.ledger.sqlite_file import SqliteFile
from mailsponge.sponge.lock import locked
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
from mailsponge.sponge.places import JobPlace

_TOGETHER: Final = 160
"""Records put into the ledger at a time; with six values each, fewer than the 999 that any SQLite takes."""

_MOST_NAMED: Final = 500
"""Sources asked for in one query."""

_Span = tuple[str, int, int]
"""A source, and the first and last row of a stretch of its records."""

_SPANS: Final = "span JOIN record ON record.rowid BETWEEN span.first AND span.last"
"""A record and whose it is. Neighbours are mostly one source's, so that a span a stretch costs a tenth of an index."""

_WELL: Final = "state LIKE :well AND state NOT LIKE :flaps"
_PATTERNS: Final = {"well": WELL_BEGINS, "flaps": FLAPS}

_GATHERED: Final = "gathered"
_QUIET: Final = Incident()


class SqliteLedger(SqliteFile):
    """A ledger in a file, for the runs of one machine. Made as :class:`.sqlite_file.SqliteFile` says."""

    shared = False

    @contextmanager
    def outbox_lock(self) -> Iterator[bool]:
        """Hold the right to hand over what the outbox holds: the lock of a file beside the ledger."""
        with locked(JobPlace(self._path.parent).outbox_lock, lambda: 0.0) as mine:
            yield mine

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before."""
        return self._database.execute("SELECT 1 FROM run WHERE id = ?", (run_id,)).fetchone() is not None

    def newest_number(self, host: str = "") -> int:
        """The highest number of a folded run of a host that is no stray, or 0."""
        query = "SELECT coalesce(max(number), 0) FROM run WHERE ending != :stray AND :host IN ('', host)"
        return int(self._database.execute(query, {"stray": Ending.STRAY, "host": host}).fetchone()[0])

    def last_began_at(self) -> float | None:
        """When the run with the highest number began."""
        query = "SELECT began_at FROM run WHERE ending != ? ORDER BY number DESC LIMIT 1"
        row = self._database.execute(query, (Ending.STRAY,)).fetchone()
        return float(row[0]) if row else None

    def beginnings(self, most: int) -> list[float]:
        """When the last runs began, newest first."""
        query = (
            "SELECT began_at FROM run WHERE ending != ? ORDER BY number DESC, began_at DESC, seq DESC LIMIT ?"
        )
        return [at for (at,) in self._database.execute(query, (Ending.STRAY, most))]

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run, reading them as they come."""
        left = iter(records)
        next_row = int(self._database.execute("SELECT coalesce(max(rowid), 0) + 1 FROM record").fetchone()[0])
        spans: list[_Span] = []
        while some := list(islice(left, _TOGETHER)):
            self._add_some(some)
            for source, neighbours in groupby(some, key=itemgetter(0)):
                row, next_row = next_row, next_row + len(list(neighbours))
                if spans and spans[-1][0] == source:
                    row = spans.pop()[1]
                spans.append((source, row, next_row - 1))
            if len(spans) > _TOGETHER:
                self._add_spans(run_id, spans[:-1])
                del spans[:-1]
        self._add_spans(run_id, spans)

    def _add_some(self, records: list[Record]) -> None:
        """Keep some records in one statement: that takes two thirds of the time."""
        insert = _insert_of(len(records))
        try:
            self._database.execute(insert, _values(records))
        except UnicodeEncodeError:
            # A lone surrogate, somewhere. To look at each text beforehand would take longer than all the rest.
            records[:] = (Record(*map(storable_value, record)) for record in records)
            self._database.execute(insert, _values(records))

    def _add_spans(self, run_id: str, spans: list[_Span]) -> None:
        self._database.executemany(
            "INSERT INTO span VALUES (?, ?, ?, ?)", ((run_id, *span) for span in spans)
        )

    def add_run(
        self, run: Run, verdicts: Mapping[str, int], note: str, attempts: Mapping[str, Attempt] | None = None
    ) -> None:
        """Keep a run, what it showed and what it proved."""
        self._database.execute(
            f"INSERT INTO run ({RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*map(storable_value, run), note),
        )
        shown = attempts or {}
        self._database.executemany(
            f"INSERT INTO verdict (run, source, level, {ATTEMPT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (run.id, storable_value(source), verdicts.get(source), *attempt_columns(shown.get(source)))
                for source in dict.fromkeys((*verdicts, *shown))
            ),
        )

    def runs(self, most: int) -> list[Folded]:
        """The last runs, newest first."""
        rows = self._database.execute(
            f"SELECT {RUN_COLUMNS} FROM run ORDER BY number DESC, began_at DESC, seq DESC LIMIT ?", (most,)
        ).fetchall()
        with self._legible():
            return [Folded(run_of(row), self._verdicts(row[0]), row[8]) for row in rows]

    def _verdicts(self, run_id: str) -> dict[str, int]:
        query = "SELECT source, level FROM verdict WHERE run = ? AND level IS NOT NULL"
        return dict(self._database.execute(query, (run_id,)))

    def history(self, most: int | None = None) -> Iterator[tuple[Run, dict[str, Attempt]]]:
        """Every run with what it showed, or the newest of them, in the order in which they were folded."""
        since = 0 if most is None else self._newest_that_named(most)
        runs = f"SELECT {RUN_COLUMNS} FROM run WHERE seq > ? ORDER BY seq"
        rows = self._database.execute(runs, (since,)).fetchall()
        query = f"SELECT source, {ATTEMPT_COLUMNS} FROM verdict WHERE run = ? AND highest IS NOT NULL"
        with self._legible():
            for row in rows:
                shown = self._database.execute(query, (row[0],))
                yield run_of(row), {source: attempt_of(columns) for source, *columns in shown}

    def _newest_that_named(self, most: int) -> int:
        """The run after which those come that together named so many sources at most."""
        count = "SELECT count(*) FROM verdict WHERE run = run.id AND highest IS NOT NULL"
        left = most
        for seq, named in self._database.execute(f"SELECT seq, ({count}) FROM run ORDER BY seq DESC"):
            left -= named
            if left < 0:
                return int(seq)
        return 0

    def recent(self, source: str, most: int, host: str = "") -> list[int | None]:
        """What the last runs proved of a source, oldest first."""
        query = (
            "SELECT (SELECT level FROM verdict WHERE verdict.run = run.id AND source = :source)"
            " FROM run WHERE :host IN ('', host) ORDER BY number DESC, began_at DESC, seq DESC LIMIT :most"
        )
        rows = self._database.execute(query, {"source": storable_value(source), "most": most, "host": host})
        return [row[0] for row in rows][::-1]

    def recents(self, sources: Collection[str], most: int, host: str = "") -> dict[str, list[int | None]]:
        """What the last runs proved of some sources, oldest first."""
        query = "SELECT id FROM run WHERE :host IN ('', host) ORDER BY number DESC, began_at DESC, seq DESC LIMIT :most"
        rows = self._database.execute(query, {"host": host, "most": most})
        runs = [run for (run,) in rows][::-1]
        names = {storable_value(source): source for source in sources}
        found: dict[str, list[int | None]] = {source: [None] * len(runs) for source in sources}
        for place, run in enumerate(runs):
            left = iter(names)
            while some := list(islice(left, _MOST_NAMED)):
                marks = ", ".join("?" * len(some))
                verdicts = f"SELECT source, level FROM verdict WHERE run = ? AND source IN ({marks})"
                for name, level in self._database.execute(verdicts, (run, *some)):
                    found[names[name]][place] = level
        return found

    def records(self, run_id: str, source: str | None, level: int) -> list[Record]:
        """One source's records of one run, by time."""
        return self._records(run_id, source, level, "at, record.rowid", -1)

    def excerpt(self, run_id: str, source: str | None, first: int, last: int, level: int = 0) -> Excerpt:
        """The two ends of one source's log in one run."""
        query = f"SELECT count(*) FROM {_where(source)}"
        wanted = _wanted(run_id, source, level)
        count = int(self._database.execute(query, wanted).fetchone()[0])
        if count <= first + last:
            return Excerpt(self._records(run_id, source, level, "at, record.rowid", count), [], 0)
        head = self._records(run_id, source, level, "at, record.rowid", first)
        tail = self._records(run_id, source, level, "at DESC, record.rowid DESC", last)
        return Excerpt(head, tail[::-1], count - first - last)

    def _records(self, run_id: str, source: str | None, level: int, order: str, most: int) -> list[Record]:
        query = f"SELECT {RECORD_COLUMNS} FROM {_where(source)} ORDER BY {order} LIMIT :most"
        rows = self._database.execute(query, {**_wanted(run_id, source, level), "most": most})
        return [record_of(row) for row in rows]

    def states(self, host: str = "") -> dict[str, SourceState]:
        """Every source's state on a host."""
        rows = self._database.execute(
            "SELECT name, state FROM source WHERE host = ?", (storable_value(host),)
        )
        with self._legible():
            return {name: state_of(json.loads(text)) for name, text in rows}

    def standings(self) -> list[Standing]:
        """Every source's state on every host."""
        rows = self._database.execute("SELECT name, host, state FROM source ORDER BY name, host")
        with self._legible():
            return standings_of(rows.fetchall())

    def troubled(self) -> tuple[list[Standing], int]:
        """The standings of what is not simply well, and how many others there are."""
        query = f"SELECT name, host, state FROM source WHERE NOT ({_WELL}) ORDER BY name, host"
        with self._legible():
            found = standings_of(self._database.execute(query, _PATTERNS).fetchall())
        count = int(self._database.execute("SELECT count(*) FROM source").fetchone()[0])
        return found, count - len(found)

    def well(self, first: int, most: int | None) -> list[Standing]:
        """Some of those others."""
        query = f"SELECT name, host, state FROM source WHERE {_WELL} ORDER BY name, host LIMIT :most OFFSET :first"
        limits = {"first": first, "most": -1 if most is None else most}
        rows = self._database.execute(query, {**_PATTERNS, **limits})
        with self._legible():
            return standings_of(rows.fetchall())

    def put_states(self, states: Mapping[str, SourceState], host: str = "") -> None:
        """Keep the states that changed."""
        self._database.executemany(
            "INSERT INTO source (name, host, state) VALUES (?, ?, ?)"
            " ON CONFLICT (name, host) DO UPDATE SET state = excluded.state",
            ((storable_value(name), storable_value(host), as_json(state)) for name, state in states.items()),
        )

    def incidents(self) -> dict[str, Incident]:
        """Every source's incident."""
        rows = self._database.execute("SELECT name, incident FROM incident")
        with self._legible():
            return {name: incident_of(json.loads(text)) for name, text in rows}

    def put_incidents(self, incidents: Mapping[str, Incident]) -> None:
        """Keep the incidents that changed."""
        self._database.executemany(
            "DELETE FROM incident WHERE name = ?",
            ((storable_value(name),) for name, kept in incidents.items() if kept == _QUIET),
        )
        self._database.executemany(
            "INSERT INTO incident (name, incident) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET incident = excluded.incident",
            ((storable_value(name), as_json(kept)) for name, kept in incidents.items() if kept != _QUIET),
        )

    def forget(self, sources: Iterable[str], host: str | None = None) -> None:
        """Remove the states of some sources, and their incidents if it is for every host."""
        names = [(storable_value(name),) for name in sources]
        if host is not None:
            query = "DELETE FROM source WHERE name = ? AND host = ?"
            self._database.executemany(query, ((*name, storable_value(host)) for name in names))
            return
        self._database.executemany("DELETE FROM source WHERE name = ?", names)
        self._database.executemany("DELETE FROM incident WHERE name = ?", names)

    def silences(self) -> list[Silence]:
        """The silences there are and were."""
        rows = self._database.execute(
            "SELECT pattern, since, until, because FROM silence ORDER BY since, rowid"
        )
        return [Silence(*row) for row in rows]

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Keep these silences instead of those there were."""
        self._database.execute("DELETE FROM silence")
        self._database.executemany(
            "INSERT INTO silence (pattern, since, until, because) VALUES (?, ?, ?, ?)",
            (tuple(map(storable_value, silence)) for silence in silences),
        )

    def memo(self, name: str) -> Any:
        """A small thing remembered under a name."""
        row = self._database.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        with self._legible():
            return json.loads(row[0]) if row else None

    def put_memo(self, name: str, value: Any) -> None:
        """Remember a small thing."""
        self._database.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )

    def gathered(self, level: int) -> list[Gathered]:
        """What was logged of each source since everything was gathered last."""
        query = (
            "SELECT source, count(*), min(at) FROM run JOIN span ON span.run = run.id"
            " JOIN record ON record.rowid BETWEEN span.first AND span.last"
            " WHERE run.seq > ? AND record.level >= ? GROUP BY source ORDER BY source"
        )
        return [Gathered(*row) for row in self._database.execute(query, (self._gathered_until(), level))]

    def gathered_records(self) -> Iterator[Record]:
        """All that was logged since then."""
        query = (
            f"SELECT {RECORD_COLUMNS} FROM run JOIN span ON span.run = run.id"
            " JOIN record ON record.rowid BETWEEN span.first AND span.last"
            " WHERE run.seq > ? ORDER BY run.seq, at, record.rowid"
        )
        yield from map(record_of, self._database.execute(query, (self._gathered_until(),)))

    def all_gathered(self) -> None:
        """What was logged so far needs not be gathered any more."""
        self.put_memo(_GATHERED, self._database.execute("SELECT max(seq) FROM run").fetchone()[0] or 0)

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
        query = f"INSERT INTO outbox ({MAIL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._database.execute(query, mail_columns(mail))

    def put_mail(self, mail: Mail) -> None:
        """Keep what became of a mail."""
        self._database.execute(
            "UPDATE outbox SET toaddrs = ?, status = ?, attempts = ?, last_attempt_at = ?, last_reply = ?"
            " WHERE message_id = ?",
            (
                json.dumps(mail.toaddrs),
                mail.status,
                mail.attempts,
                mail.last_attempt_at,
                storable_value(mail.last_reply),
                mail.message_id,
            ),
        )

    def mails(self, status: str | None = None) -> list[Mail]:
        """The mails of the outbox, oldest first."""
        rows = self._database.execute(
            f"SELECT {MAIL_COLUMNS} FROM outbox WHERE :status IS NULL OR status = :status ORDER BY created_at, rowid",
            {"status": status},
        )
        with self._legible():
            return [mail_of(row) for row in rows]

    def prune(self, records_before: float, runs_before: float, most_records: int) -> None:
        """Forget what is too old, or too much."""
        execute = self._database.execute
        # Since a run began or was folded, whichever is later: a clock may have been wrong when it began. And the newest
        # run keeps its records, however many they are.
        newer = "sum(records) OVER (ORDER BY seq DESC) - records AS newer"
        summed = f"SELECT id, max(began_at, folded_at) AS at, seq, records, {newer} FROM run"
        runs = f"SELECT id FROM ({summed}) WHERE (at < ? OR (newer > 0 AND newer + records > ?)) AND seq <= ?"
        limits = (records_before, most_records, self._gathered_until())
        execute(
            f"DELETE FROM record WHERE rowid IN (SELECT record.rowid FROM {_SPANS} WHERE run IN ({runs}))",
            limits,
        )
        execute(f"DELETE FROM span WHERE run IN ({runs})", limits)
        old = "max(began_at, folded_at) < :before AND (seq <= :gathered OR records = 0)"
        moments = {"before": runs_before, "gathered": self._gathered_until()}
        execute(f"DELETE FROM verdict WHERE run IN (SELECT id FROM run WHERE {old})", moments)
        execute(f"DELETE FROM run WHERE {old}", moments)
        execute("DELETE FROM silence WHERE until < ?", (runs_before,))
        execute("DELETE FROM outbox WHERE status = 'sent' AND created_at < ?", (runs_before,))


def _where(source: str | None) -> str:
    """Which records are wanted. Two texts rather than one that fits both: SQLite would use no index for that."""
    whose = "" if source is None else " AND source = :source"
    return f"{_SPANS} WHERE run = :run{whose} AND level >= :level"


def _wanted(run_id: str, source: str | None, level: int) -> dict[str, Any]:
    return {"run": run_id, "source": storable_value(source), "level": level}


@cache
def _insert_of(records: int) -> str:
    return f"INSERT INTO record VALUES {', '.join(['(?, ?, ?, ?, ?, ?)'] * records)}"


def _values(records: list[Record]) -> list[object]:
    """All that is kept of each record but its source, which its span tells."""
    return list(chain.from_iterable(map(itemgetter(slice(1, None)), records)))
