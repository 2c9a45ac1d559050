"""The ledger in SQLite: one file a job, a rollback journal, ``synchronous=FULL``.

It is written once a run, so safety costs nothing that anybody would notice, and any Python's SQLite can be trusted with
it (versions before 3.51.3 can corrupt a WAL database that several connections write).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from mailsponge import clock
from mailsponge.errors import LedgerUnreadable, StateError
from mailsponge.sponge.model import (
    Ending,
    Excerpt,
    Failures,
    Judged,
    Mail,
    Record,
    Run,
    SourceState,
    Status,
    storable,
)

VERSION: Final = 2

_RECORD: Final = """CREATE TABLE record (
    at REAL NOT NULL, level INTEGER NOT NULL, logger TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL,
    laid_out INTEGER NOT NULL
);
"""
_SPAN: Final = """CREATE TABLE span (
    run TEXT NOT NULL, source TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (run, source, first)
) WITHOUT ROWID;
"""
"""Which records are a source's: neighbours mostly, so that this costs a tenth of an index."""

_SCHEMA: Final = f"""
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE run (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, host TEXT NOT NULL, began_at REAL NOT NULL, ended_at REAL NOT NULL,
    ending TEXT NOT NULL, records INTEGER NOT NULL, note TEXT NOT NULL
);
CREATE INDEX run_number ON run (number);
CREATE TABLE verdict (
    run TEXT NOT NULL, source TEXT NOT NULL, level INTEGER NOT NULL,
    PRIMARY KEY (run, source)
) WITHOUT ROWID;
{_RECORD}
{_SPAN}
CREATE TABLE source (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
    message_id TEXT PRIMARY KEY, created_at REAL NOT NULL, subject TEXT NOT NULL, fromaddr TEXT NOT NULL,
    toaddrs TEXT NOT NULL, content BLOB NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL,
    last_attempt_at REAL, last_reply TEXT NOT NULL
);
"""

_FROM_VERSION_1: Final = f"""
{_SPAN}
INSERT INTO span SELECT run, source, rowid, rowid FROM record;
ALTER TABLE record RENAME TO record_1;
{_RECORD}
INSERT INTO record (rowid, at, level, logger, text, detail, laid_out)
    SELECT rowid, at, level, logger, text, detail, laid_out FROM record_1;
DROP TABLE record_1;
"""

_TOGETHER: Final = 160
"""Records put into the ledger at a time; with six values each, fewer than the 999 that any SQLite takes."""

_RUN_COLUMNS: Final = "id, number, host, began_at, ended_at, ending, records, note"
_RECORD_COLUMNS: Final = "source, at, level, logger, text, detail, laid_out"
_OF_SOURCE: Final = (
    "span JOIN record ON record.rowid BETWEEN span.first AND span.last WHERE span.run = ? AND span.source = ?"
)
_MAIL_COLUMNS: Final = (
    "message_id, created_at, subject, fromaddr, toaddrs, content, "
    "status, attempts, last_attempt_at, last_reply"
)


class SqliteLedger:
    """A ledger in a file.

    Args:
        path: the file; made if missing, readable by its owner alone. Its directory must exist.
        timeout: seconds to wait for another process that is inside a transaction.

    Raises StateError if it cannot be opened, and LedgerUnreadable if it is damaged: see :func:`open_ledger`.
    """

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self._path = path
        try:
            _create_private(path)
            self._database = sqlite3.connect(
                path, timeout=max(timeout, 0.0), isolation_level=None, check_same_thread=False
            )
        except IsADirectoryError as error:
            raise LedgerUnreadable(f"the ledger {path} cannot be opened: it is a directory") from error
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"the ledger {path} cannot be opened: {error}") from error
        with self._explained(), _closed_on_error(self._database):
            self._prepare()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.execute("PRAGMA synchronous = FULL")
        for version, statements in ((0, _SCHEMA), (1, _FROM_VERSION_1)):
            if self._version() == version:
                with self._committed():
                    if self._version() == version:
                        self._create(statements)
        if self._version() > VERSION:
            raise StateError(
                f"the ledger {self._path} was written by a newer mailsponge; upgrade this one, or give another state"
            )

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    def _create(self, statements: str) -> None:
        for statement in statements.split(";"):
            self._database.execute(statement)
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: damaged, or just not now."""
        try:
            yield
        except sqlite3.Error as error:
            if _is_damage(error):
                raise LedgerUnreadable(f"the ledger {self._path} is damaged: {error}") from error
            raise StateError(f"the ledger {self._path} cannot be used now: {error}") from error

    @contextmanager
    def _legible(self) -> Iterator[None]:
        """A text that SQLite gives back may be damaged all the same: it does not notice a changed byte."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerUnreadable(f"the ledger {self._path} is damaged: {error!r}") from error

    @contextmanager
    def _committed(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and at the end commit or undo."""
        with self._explained(), self._committed():
            yield

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before."""
        return self._database.execute("SELECT 1 FROM run WHERE id = ?", (run_id,)).fetchone() is not None

    def newest_number(self) -> int:
        """The highest number of a folded run that is no stray, or 0."""
        query = "SELECT coalesce(max(number), 0) FROM run WHERE ending != ?"
        return int(self._database.execute(query, (Ending.STRAY,)).fetchone()[0])

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run, reading them as they come."""
        left = iter(records)
        first = int(self._database.execute("SELECT coalesce(max(rowid), 0) + 1 FROM record").fetchone()[0])
        while some := list(islice(left, _TOGETHER)):
            self._add_some(run_id, first, some)
            first += len(some)

    def _add_some(self, run_id: str, first: int, records: list[Record]) -> None:
        """Keep some records in one statement: that takes two thirds of the time."""
        insert = f"INSERT INTO record VALUES {', '.join(['(?, ?, ?, ?, ?, ?)'] * len(records))}"
        try:
            self._database.execute(insert, _values(records))
        except UnicodeEncodeError:
            # A lone surrogate, somewhere. To look at each text beforehand would take longer than all the rest.
            records = [Record(*map(_storable, record)) for record in records]
            self._database.execute(insert, _values(records))
        self._database.executemany("INSERT INTO span VALUES (?, ?, ?, ?)", _spans(run_id, first, records))

    def add_run(self, run: Run, verdicts: Mapping[str, int], note: str) -> None:
        """Keep a run and its verdicts."""
        self._database.execute(
            f"INSERT INTO run ({_RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*map(_storable, run), note),
        )
        self._database.executemany(
            "INSERT INTO verdict (run, source, level) VALUES (?, ?, ?)",
            ((run.id, _storable(source), level) for source, level in verdicts.items()),
        )

    def runs(self, most: int) -> list[tuple[Run, dict[str, int], str]]:
        """The last runs, newest first."""
        rows = self._database.execute(
            f"SELECT {_RUN_COLUMNS} FROM run ORDER BY number DESC, rowid DESC LIMIT ?", (most,)
        ).fetchall()
        with self._legible():
            return [(_run(row), self._verdicts(row[0]), row[7]) for row in rows]

    def _verdicts(self, run_id: str) -> dict[str, int]:
        return dict(self._database.execute("SELECT source, level FROM verdict WHERE run = ?", (run_id,)))

    def records(self, run_id: str, source: str, level: int) -> list[Record]:
        """One source's records of one run, by time."""
        rows = self._database.execute(
            f"SELECT {_RECORD_COLUMNS} FROM {_OF_SOURCE} AND level >= ? ORDER BY at, record.rowid",
            (run_id, _storable(source), level),
        )
        return [_record(row) for row in rows]

    def excerpt(self, run_id: str, source: str, first: int, last: int) -> Excerpt:
        """The two ends of one source's log in one run."""
        key = (run_id, _storable(source))
        query = "SELECT coalesce(sum(last - first + 1), 0) FROM span WHERE run = ? AND source = ?"
        count = int(self._database.execute(query, key).fetchone()[0])
        if count <= first + last:
            return Excerpt(self._records(key, "ASC", count), [], 0)
        ends = self._records(key, "ASC", first), self._records(key, "DESC", last)
        return Excerpt(ends[0], ends[1][::-1], count - first - last)

    def _records(self, key: tuple[str, str], order: str, most: int) -> list[Record]:
        query = (
            f"SELECT {_RECORD_COLUMNS} FROM {_OF_SOURCE} ORDER BY at {order}, record.rowid {order} LIMIT ?"
        )
        return [_record(row) for row in self._database.execute(query, (*key, most))]

    def states(self) -> dict[str, SourceState]:
        """Every source's state."""
        with self._legible():
            return {
                name: _state(text) for name, text in self._database.execute("SELECT name, state FROM source")
            }

    def put_states(self, states: Mapping[str, SourceState]) -> None:
        """Keep the states that changed."""
        self._database.executemany(
            "INSERT INTO source (name, state) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET state = excluded.state",
            ((_storable(name), _text_of(state)) for name, state in states.items()),
        )

    def settings(self) -> dict[str, Any] | None:
        """The job's settings as last kept."""
        row = self._database.execute("SELECT value FROM setting WHERE name = 'settings'").fetchone()
        with self._legible():
            return dict(json.loads(row[0])) if row else None

    def put_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep the job's settings."""
        self._database.execute(
            "INSERT INTO setting (name, value) VALUES ('settings', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (json.dumps(dict(settings)),),
        )

    def add_mail(self, mail: Mail) -> None:
        """Put a mail into the outbox."""
        self._database.execute(
            f"INSERT INTO outbox ({_MAIL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                mail.message_id,
                mail.created_at,
                mail.subject,
                mail.fromaddr,
                json.dumps(mail.toaddrs),
                mail.content,
                mail.status,
                mail.attempts,
                mail.last_attempt_at,
                mail.last_reply,
            ),
        )

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
                _storable(mail.last_reply),
                mail.message_id,
            ),
        )

    def mails(self, status: str | None = None) -> list[Mail]:
        """The mails of the outbox, oldest first."""
        rows = self._database.execute(
            f"SELECT {_MAIL_COLUMNS} FROM outbox WHERE :status IS NULL OR status = :status ORDER BY created_at, rowid",
            {"status": status},
        )
        with self._legible():
            return [_mail(row) for row in rows]

    def prune(self, records_before: float, runs_before: float) -> None:
        """Forget what is too old."""
        old = "(SELECT id FROM run WHERE began_at < ?)"
        self._database.execute(
            "DELETE FROM record WHERE rowid IN (SELECT record.rowid FROM span"
            f" JOIN record ON record.rowid BETWEEN span.first AND span.last WHERE span.run IN {old})",
            (records_before,),
        )
        self._database.execute(f"DELETE FROM span WHERE run IN {old}", (records_before,))
        self._database.execute(f"DELETE FROM verdict WHERE run IN {old}", (runs_before,))
        self._database.execute("DELETE FROM run WHERE began_at < ?", (runs_before,))
        self._database.execute("DELETE FROM outbox WHERE status = 'sent' AND created_at < ?", (runs_before,))


def open_ledger(path: Path, timeout: float = 5.0) -> tuple[SqliteLedger, str]:
    """Open a ledger; a damaged one is set aside under another name, never overwritten, and a new one begun.

    Returns the ledger and what there is to say about it: where the damaged one is, or an empty text. Raises StateError.
    """
    try:
        return SqliteLedger(path, timeout), ""
    except LedgerUnreadable as error:
        aside = set_aside(path)
        return SqliteLedger(path, timeout), f"{error}; it is kept as {aside}, and a new one is begun"


def set_aside(path: Path) -> Path:
    """Rename a damaged ledger, with its journal, to a name that tells when. Raises StateError."""
    stamp = clock.iso(clock.now()).replace(":", "").replace("-", "")
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.urandom(2).hex()}")
    try:
        # Its journal first: left behind, SQLite would play it back into the new ledger.
        hot_journal = path.with_name(f"{path.name}-journal")
        if hot_journal.exists():
            hot_journal.rename(aside.with_name(f"{aside.name}-journal"))
        path.rename(aside)
    except OSError as error:
        raise StateError(f"the damaged ledger {path} cannot be set aside: {error}") from error
    return aside


_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DAMAGED_WORDS: Final = ("no such table", "no such column", "Could not decode to UTF-8")


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is not what it should be, rather than locked, full, or asked for what it cannot hold."""
    code = getattr(error, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in _DAMAGE) or any(word in str(error) for word in _DAMAGED_WORDS)


def _create_private(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


def _values(records: list[Record]) -> list[object]:
    """All that is kept of each record but its source, which its span tells."""
    return list(chain.from_iterable(map(itemgetter(slice(1, None)), records)))


def _spans(run_id: str, first: int, records: list[Record]) -> Iterator[tuple[str, str, int, int]]:
    """Where the records of each source stand, by their rowids."""
    for source, neighbours in groupby(records, key=itemgetter(0)):
        last = first + len(list(neighbours)) - 1
        yield run_id, source, first, last
        first = last + 1


def _storable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _run(row: tuple[Any, ...]) -> Run:
    run_id, number, host, began_at, ended_at, ending, records = row[:7]
    return Run(run_id, number, host, began_at, ended_at, Ending(ending), records)


def _record(row: tuple[Any, ...]) -> Record:
    source, at, level, logger, text, detail, laid_out = row
    return Record(source, at, level, logger, text, detail, bool(laid_out))


def _mail(row: tuple[Any, ...]) -> Mail:
    columns = dict(zip(_MAIL_COLUMNS.split(", "), row, strict=True))
    return Mail(**{**columns, "toaddrs": tuple(json.loads(columns["toaddrs"]))})


_STATE_FIELDS: Final = tuple(field.name for field in fields(SourceState))


def _text_of(state: SourceState) -> str:
    """What :func:`_state` reads. JSON takes the tuples in it as they are; asdict would copy each before."""
    return json.dumps({name: getattr(state, name) for name in _STATE_FIELDS})


def _state(text: str) -> SourceState:
    kept = json.loads(text)
    kept["status"] = Status(kept["status"])
    kept["streak"] = tuple(Failures(*part) for part in kept["streak"])
    kept["window"] = tuple(Judged(*judged) for judged in kept["window"])
    return SourceState(**kept)
