"""Opening the file that holds the store: its version, its place, and what it must not be.

A file that is damaged, foreign or newer than this program is refused and never changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

import apsw

from mailsponge.durable import sync_directory
from mailsponge.errors import StoreError
from mailsponge.store.faults import BUSY_AFTER, worded

NAME = "store.db"

SAFE_SQLITE = (3, 51, 3)
"""Versions before can damage a database in WAL mode that two connections write at the same moment."""

PAGE = 16 * 1024
"""Bytes of a page: most mail fits into one, and SQLite writes each that changed. With its own 4 kB, a message of that
size takes three, and half as much longer; with 32 kB, what is written in vain costs more than it saves.
"""

CACHE = 2000
"""kB of pages in memory while much is written: SQLite's own figure. It reckons it in pages before it knows how large
they are, so this has to be said once they are known; else it is four times as much.
"""

APPLICATION_ID = 0x4D53504F
"""``MSPO``, in the file's header: a mail store of ours and no other SQLite database."""

STATEMENTS = 300
"""Statements that are kept prepared: those that take many rows are one each for each number of rows."""

Connect = Callable[[Path], apsw.Connection]
"""Opens an existing file; handed in by tests that let the disk fail."""


def connect(file: Path, *, vfs: str | None = None) -> apsw.Connection:
    """Open a file that exists, for reading and writing; ``vfs`` names another way to the disk than SQLite's own."""
    connection = apsw.Connection(
        str(file), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs, statementcachesize=STATEMENTS
    )
    connection.set_busy_timeout(int(BUSY_AFTER * 1000))
    # FULL: a commit is on the disk when it returns. fullfsync: on macOS, too, where fsync alone does not promise that.
    for name, value in ("synchronous", "full"), ("fullfsync", "on"), ("trusted_schema", "off"):
        connection.pragma(name, value)
    return connection


def relaxed(connect: Connect) -> Connect:
    """The same, but a commit does not wait for the disk: for what can be made again if a loss of power takes it."""

    def connect_relaxed(file: Path) -> apsw.Connection:
        connection = connect(file)
        connection.pragma("synchronous", "normal")
        return connection

    return connect_relaxed


def open_or_create(file: Path, connect: Connect = connect) -> apsw.Connection:
    """Open the store for the server, made or brought up to date where need be. Raises StoreError."""
    require_safe_sqlite(apsw.sqlite_lib_version())
    _make_file(file)
    with _opened(file, connect) as connection:
        connection.pragma("page_size", PAGE)  # of a new file; one that holds something keeps the size it has
        known = _version(connection, file)
        for version, script in enumerate(migrations()[known:], known + 1):
            _migrate(connection, script, version)
        if connection.pragma("journal_mode", "wal") != "wal":
            raise StoreError(
                f"{file}: its file system cannot share memory between processes: keep the data on a local disk"
            )
        connection.pragma("cache_size", -CACHE)
        return connection


def open_beside(file: Path, connect: Connect = connect) -> apsw.Connection:
    """Open a store as it is, whether its server runs or not. Raises StoreError; creates and upgrades nothing."""
    require_safe_sqlite(apsw.sqlite_lib_version())
    if not file.exists():
        raise StoreError(
            f"there is no mail store in {file.parent}: start `mailsponge serve`, or name its data directory"
        )
    _refuse_emptied(file)
    with _opened(file, connect) as connection:
        version = _version(connection, file)
        if version == 0:
            raise StoreError(
                f"{file} is empty: if `mailsponge serve` is just starting, it is filled in a moment; "
                "if not, start it, and it makes a new store, or restore a backup"
            )
        if version < len(migrations()):
            raise StoreError(
                f"{file}: an older mailsponge wrote it: start `mailsponge serve` once, and it is brought up to date"
            )
        return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """One transaction that takes its turn among other writers at once; taken back when it cannot be finished."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def require_safe_sqlite(found: str) -> None:
    """Raise StoreError for a version of SQLite that mail cannot be trusted to."""
    if tuple(int(number) for number in found.split(".")) < SAFE_SQLITE:
        least = ".".join(map(str, SAFE_SQLITE))
        raise StoreError(
            f"SQLite {found} can damage a mail store; {least} or later is needed: pip install -U apsw"
        )


@cache
def migrations() -> list[str]:
    """The SQL of each version of the schema, from the first on. Read once: a server may leave the right to."""
    folder = resources.files("mailsponge.store").joinpath("schema")
    return [
        file.read_text("utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name[0].isdigit()
    ]


@contextmanager
def _opened(file: Path, connect: Connect) -> Iterator[apsw.Connection]:
    """A connection that stays open unless what follows fails."""
    with worded(file):
        connection = connect(file)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise


def make_directory(directory: Path) -> None:
    """Make the data directory, if it is missing, the owner's alone and durably. Raises StoreError."""
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for made in missing:
            sync_directory(made.parent)
    except OSError as error:
        raise StoreError(f"cannot keep mail in {directory}: {error.strerror} ({error.filename})") from error


def _make_file(file: Path) -> None:
    """Make an empty file, if there is none, that is the owner's alone: SQLite gives its helper files the same
    mode.
    """
    try:
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            sync_directory(file.parent)
    except OSError as error:
        raise StoreError(f"cannot keep mail in {file}: {error.strerror}") from error
    _refuse_emptied(file)


def _refuse_emptied(file: Path) -> None:
    """SQLite would take an empty file for a new one, and remove the log with the mail that is still in it."""
    log = file.with_name(f"{file.name}-wal")
    try:
        emptied = file.stat().st_size == 0 and log.exists() and log.stat().st_size > 0
    except OSError as error:
        raise StoreError(f"cannot keep mail in {file}: {error.strerror}") from error
    if emptied:
        raise StoreError(
            f"{file} was emptied, but {log.name} still holds mail: restore a backup; nothing was changed"
        )


def _version(connection: apsw.Connection, file: Path) -> int:
    """The version of the schema in the file, 0 for an empty one."""
    version = int(connection.pragma("user_version"))
    owner = connection.pragma("application_id")
    if version == 0 and owner == 0 and connection.pragma("schema_version") == 0:
        return 0
    if owner != APPLICATION_ID:
        raise StoreError(
            f"{file} belongs to another program: name another data directory; it was left as it is"
        )
    if version > len(migrations()):
        raise StoreError(
            f"{file}: a newer mailsponge wrote it (version {version}, this one knows {len(migrations())}): "
            "upgrade mailsponge; it was left as it is"
        )
    return version


def _migrate(connection: apsw.Connection, script: str, version: int) -> None:
    with transaction(connection):
        connection.execute(script)
        connection.pragma("user_version", version)
        connection.pragma("application_id", APPLICATION_ID)
