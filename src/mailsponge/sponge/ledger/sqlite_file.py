"""The file of a SQLite ledger: opened, made, locked in turns, and told damaged from busy.

A rollback journal and ``synchronous=FULL``: SQLite syncs the journal, the file and the directory before COMMIT returns.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mailsponge.errors import LedgerUnreadable, StateError

VERSION: Final = 2

_SCHEMA: Final = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE run (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, number INTEGER NOT NULL, host TEXT NOT NULL,
    began_at REAL NOT NULL, ended_at REAL NOT NULL, ending TEXT NOT NULL, records INTEGER NOT NULL,
    folded_at REAL NOT NULL, note TEXT NOT NULL
);
CREATE INDEX run_number ON run (number);
CREATE TABLE verdict (
    run TEXT NOT NULL, source TEXT NOT NULL, level INTEGER,
    highest INTEGER, lowest INTEGER, raised INTEGER, entered INTEGER, broken_off INTEGER,
    PRIMARY KEY (run, source)
) WITHOUT ROWID;
CREATE TABLE record (
    at REAL NOT NULL, level INTEGER NOT NULL, logger TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL,
    laid_out INTEGER NOT NULL
);
CREATE TABLE span (
    run TEXT NOT NULL, source TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (run, source, first)
) WITHOUT ROWID;
CREATE TABLE source (
    name TEXT NOT NULL, host TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (name, host)
) WITHOUT ROWID;
CREATE TABLE incident (name TEXT PRIMARY KEY, incident TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE silence (pattern TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL, because TEXT NOT NULL);
CREATE TABLE outbox (
    message_id TEXT PRIMARY KEY, created_at REAL NOT NULL, subject TEXT NOT NULL, fromaddr TEXT NOT NULL,
    toaddrs TEXT NOT NULL, content BLOB NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL,
    last_attempt_at REAL, last_reply TEXT NOT NULL
);
"""


class SqliteFile:
    """A file with the tables of a ledger.

    Args:
        path: the file; made if missing, readable by its owner alone. Its directory must exist.
        seconds_left: asked before each transaction how long to wait for another process that is inside one.

    Raises StateError if it cannot be opened, and LedgerUnreadable if it is damaged: see :func:`.opening.open_ledger`.
    """

    def __init__(self, path: Path, seconds_left: Callable[[], float] = lambda: 5.0) -> None:
        self._path = path
        self._seconds_left = seconds_left
        try:
            _create_private(path)
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except IsADirectoryError as error:
            raise LedgerUnreadable(f"the ledger {path} cannot be opened: it is a directory") from error
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"the ledger {path} cannot be opened: {error}") from error
        with self._explained(), _closed_on_error(self._database):
            self._prepare()

    def _prepare(self) -> None:
        self._wait_no_longer_than_is_left()
        self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.execute("PRAGMA synchronous = FULL")
        if self._version() == 0:
            with self._committed():
                if self._version() == 0:
                    self._create()
        if self._version() < VERSION:
            raise LedgerUnreadable(
                f"the ledger {self._path} was written by a mailsponge that was never released"
            )
        if self._version() > VERSION:
            raise StateError(
                f"the ledger {self._path} was written by a newer mailsponge; upgrade this one, or give another state"
            )

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    def _wait_no_longer_than_is_left(self) -> None:
        milliseconds = int(max(self._seconds_left(), 0.0) * 1000)
        self._database.execute(f"PRAGMA busy_timeout = {milliseconds}")

    def _create(self) -> None:
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise LedgerUnreadable(f"{self._path} is damaged, or no ledger: it has tables and no version")
        for statement in _SCHEMA.split(";"):
            self._database.execute(statement)
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: damaged, or just not now."""
        try:
            yield
        except sqlite3.Error as error:
            if _is_damage(error) or self._is_read_only_by_itself(error):
                raise LedgerUnreadable(f"the ledger {self._path} is damaged: {error}") from error
            raise StateError(f"the ledger {self._path} cannot be used now: {error}") from error
        except UnicodeDecodeError as error:
            # SQLite quotes what it cannot read, and that need not be a text.
            raise LedgerUnreadable(f"the ledger {self._path} is damaged: {error}") from error

    def _is_read_only_by_itself(self, error: sqlite3.Error) -> bool:
        """Whether it is the file's own header that forbids to write, and neither its mode nor its disk."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        return code & 0xFF == sqlite3.SQLITE_READONLY and os.access(self._path, os.W_OK)

    @contextmanager
    def _legible(self) -> Iterator[None]:
        """A text that SQLite gives back may be damaged all the same: it does not notice a changed byte."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerUnreadable(f"the ledger {self._path} is damaged: {error!r}") from error

    @contextmanager
    def _committed(self) -> Iterator[None]:
        self._wait_no_longer_than_is_left()
        self._database.execute("BEGIN IMMEDIATE")
        pid = os.getpid()
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            # A child that a signal's handler forked in here comes by on its way out; the transaction is not its own.
            if self._database.in_transaction and os.getpid() == pid:
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


_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DAMAGED_WORDS: Final = (
    "unsupported file format",
    "no such table",
    "no such column",
    "Could not decode to UTF-8",
)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is not what it should be, rather than locked, full, or asked for what it cannot hold."""
    code = getattr(error, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in _DAMAGE) or any(word in str(error) for word in _DAMAGED_WORDS)


def _create_private(path: Path) -> None:
    """Make the file if it is not there; one that is there is not opened, as closing it would end the locks that another
    thread of this process holds on it (fcntl(2)).
    """
    if path.is_dir():
        raise IsADirectoryError(path)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise
