"""A session with PostgreSQL that keeps to a deadline. The only file that imports psycopg, which is an extra.

libpq knows a timeout for connecting, in whole seconds and for each address, and none for the answer to a query; a
database that is gone without a word would hold up a program's end for minutes. So every wait is made here.
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mailsponge import database_url
from mailsponge.clock import Deadline
from mailsponge.errors import StateError
from mailsponge.sponge.model import storable
from mailsponge.sponge.sockets import resolve

Row = tuple[Any, ...]

_LEAST: Final = 0.5
"""Seconds that a connection or a lock gets even when no time is left: what was done until then is worth keeping."""
_SLACK: Final = 0.25
"""Seconds that we wait longer than the server does for a lock, so that it is the server that says so."""

_FIXED: Final = {
    "application_name": "mailsponge",
    "client_encoding": "UTF8",
    # A host or a database that vanishes in the middle of something is found out.
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_OPTIONS: Final = (
    "-c idle_in_transaction_session_timeout=60000"
    " -c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)
"""The same on the server's side: a host that is gone must not keep the others out."""


class Missing(StateError):
    """There is no such table: nobody has kept anything in this database yet."""


class Session:
    """One connection: made when it is needed, and made anew if it was lost since the last transaction.

    Texts come back as they were given, whatever is in them, lone surrogates apart: see :func:`_written`.

    Args:
        url: the database.
        seconds_left: asked before each wait how long it may last.

    Raises StateError where the database is away or refuses. No message shows a password.
    """

    def __init__(self, url: str, seconds_left: Callable[[], float]) -> None:
        self.shown = database_url.shown(url)
        self._url = url
        self._seconds_left = seconds_left
        self._connection: _Connection | None = None
        self._is_inside = False

    @contextmanager
    def transaction(self, lock: int) -> Iterator[None]:
        """Begin, wait for the lock of that number, and at the end commit or undo."""
        with self._explained():
            connection = self._begun(lock)
            self._is_inside = True
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                _undo(connection)
                raise
            finally:
                self._is_inside = False

    def _begun(self, lock: int) -> _Connection:
        milliseconds = int(max(self._seconds_left(), _LEAST) * 1000)
        # Whatever the database's default, each statement is to see what the last holder of the lock has committed.
        begin = (
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
            f" SET LOCAL lock_timeout = {milliseconds}; SELECT pg_advisory_xact_lock({lock})"
        )
        self._execute_first(begin)
        return self._open()

    def _execute_first(self, query: str) -> psycopg.Cursor[Row]:
        """Execute what begins something. If the connection was ended since it was last used, it is made anew."""
        before = self._connection
        connection = self._open()
        try:
            return connection.execute(query.encode())
        except _NoAnswer:
            raise
        except psycopg.OperationalError:
            _undo(connection)
            if connection is not before or not connection.closed:
                raise
            return self._open().execute(query.encode())

    @contextmanager
    def try_lock(self, lock: int) -> Iterator[bool]:
        """Take a lock if it is free, for as long as the session lasts, or the block; yields whether it was."""
        with self._explained():
            ((mine,),) = self._execute_first(f"SELECT pg_try_advisory_lock({lock})")
        holder = self._connection
        try:
            yield mine
        finally:
            # Where the session is gone, its lock is too.
            if mine and holder is self._connection and not (holder is None or holder.closed):
                with suppress(StateError):
                    self.execute("SELECT pg_advisory_unlock(%s)", lock)

    def execute(self, query: str, *values: object, **named: object) -> list[Row]:
        """Execute a query, its values in order or by name, and return its rows."""
        given: Any = {name: _written(value) for name, value in named.items()} or _row_written(values)
        with self._explained():
            cursor = self._open().execute(query.encode(), given or None)
            return [_row_read(row) for row in cursor] if cursor.description else []

    def stream(self, query: str, *values: object) -> Iterator[Row]:
        """Execute a query in the transaction, and yield its rows without ever holding all of them."""
        with self._explained(), self._open().cursor(name="rows") as cursor:
            cursor.itersize = 2000
            cursor.execute(query.encode(), _row_written(values))
            for row in cursor:
                yield _row_read(row)

    def copy(self, into: str, rows: Iterable[Sequence[object]]) -> None:
        """Put rows ``into`` a "table (column, …)", reading them as they come."""
        with (
            self._explained(),
            self._open().cursor() as cursor,
            cursor.copy(f"COPY {into} FROM STDIN".encode()) as copying,
        ):
            for row in rows:
                copying.write_row(_row_written(row))

    def close(self) -> None:
        """End the session: what was not committed is undone, and its locks are free."""
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> _Connection:
        """The connection. What was begun in one that is lost is not continued in another."""
        if self._connection is None or (self._connection.closed and not self._is_inside):
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> _Connection:
        """Connect to the first server that answers, each tried for a fair part of the time."""
        deadline = Deadline(max(self._seconds_left(), _LEAST))
        try:
            attempts = self._attempts(deadline)
        except (OSError, ValueError) as error:
            raise psycopg.OperationalError(str(error)) from error
        troubles: list[str] = []
        for tried, parameters in enumerate(attempts):
            share = Deadline(deadline.left() / (len(attempts) - tried))
            try:
                connection = _Connection(_connect(parameters, share))
            except psycopg.OperationalError as error:
                troubles.append(str(error).strip())
            else:
                connection.seconds_left = self._seconds_left
                connection.autocommit = True
                connection.prepare_threshold = None
                return connection
        raise psycopg.OperationalError("; ".join(dict.fromkeys(troubles)))

    def _attempts(self, deadline: Deadline) -> list[dict[str, Any]]:
        """The servers and their addresses, as parameters of a connection each. Raises OSError."""
        try:
            given = conninfo_to_dict(self._url)
        except psycopg.Error:
            # Not chained, and not shown: it quotes the URL.
            raise StateError(
                f"libpq does not understand the URL of the database, which is like {database_url.EXAMPLE}"
            ) from None
        common: dict[str, Any] = {
            **given,
            **_FIXED,
            "options": f"{given.get('options') or ''} {_OPTIONS}".strip(),
        }
        hosts = str(given.get("host") or ("" if "service" in given else os.environ.get("PGHOST", ""))).split(
            ","
        )
        ports = str(given.get("port") or os.environ.get("PGPORT", "5432")).split(",")
        attempts = []
        for n, host in enumerate(hosts):
            if not host or host.startswith(("/", "@")) or "hostaddr" in given:
                attempts.append(
                    common if len(hosts) == 1 else common | {"host": host, "port": ports[n % len(ports)]}
                )
                continue
            port = ports[n % len(ports)]
            attempts += [
                common | {"host": host, "port": port, "hostaddr": address[0]}
                for _, address in resolve(host, int(port), deadline)
            ]
        return attempts

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except psycopg.errors.LockNotAvailable:
            raise StateError(
                f"the ledger in {self.shown} is in use: whoever squeezes this job was not done in time"
            ) from None
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise Missing(self._cannot(error)) from None
        except psycopg.Error as error:
            raise StateError(self._cannot(error)) from None

    def _cannot(self, error: psycopg.Error) -> str:
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in database_url.passwords(self._url):
            text = text.replace(secret, "…")
        return f"the ledger in {self.shown} cannot be used now: {text}"


class _NoAnswer(psycopg.OperationalError):
    """The database says nothing any more."""


class _Connection(psycopg.Connection[Row]):
    """A connection that gives up when nothing comes for as long as there is time, and goes on while something does."""

    seconds_left: Callable[[], float] = staticmethod(lambda: _LEAST)

    def wait(self, gen: Any, *_: Any, **__: Any) -> Any:
        """Do what psycopg's own does, within the deadline."""
        try:
            wanted = next(gen)
            while True:
                wanted = gen.send(self._ready(wanted))
        except StopIteration as done:
            return done.value

    def _ready(self, wanted: int) -> int:
        try:
            ready = _poll(self.pgconn.socket, wanted, max(self.seconds_left(), _LEAST) + _SLACK)
            if not ready:
                raise _NoAnswer("no answer in time")
        except BaseException:
            # Nobody knows what the server was about to say; it undoes what was begun.
            self.pgconn.finish()
            raise
        return ready


def _connect(parameters: dict[str, Any], deadline: Deadline) -> pq.abc.PGconn:
    raw = pq.PGconn.connect_start(make_conninfo("", **parameters).encode())
    try:
        while (status := raw.connect_poll()) != pq.PollingStatus.OK:
            if status == pq.PollingStatus.FAILED:
                raise psycopg.OperationalError(raw.error_message.decode("utf-8", "replace"))
            wanted = _READ if status == pq.PollingStatus.READING else _WRITE
            if not _poll(raw.socket, wanted, deadline.left()):
                raise _NoAnswer(f"{parameters.get('host') or 'the database'} does not answer")
        raw.nonblocking = 1
    except BaseException:
        raw.finish()
        raise
    return raw


_READ: Final = selectors.EVENT_READ
_WRITE: Final = selectors.EVENT_WRITE
"""psycopg numbers them in the same way, wanted or ready."""

_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


def _poll(descriptor: int, wanted: int, seconds: float) -> int:
    """Wait until a socket can be read or written; which of them it is, or 0 once the time is over."""
    with _Selector() as selector:
        selector.register(descriptor, wanted)
        return sum(events for _, events in selector.select(seconds))


def _undo(connection: _Connection) -> None:
    with suppress(psycopg.Error):
        if not connection.closed:
            connection.execute("ROLLBACK")


# Texts: PostgreSQL's hold no NUL, and UTF-8 no lone surrogate

_MARK: Final = "\u2400"
"""␀: what stands for NUL is this and a 0, and for itself, twice itself."""


def _written(value: Any) -> Any:
    """The value as PostgreSQL can keep it."""
    if isinstance(value, str):
        if not value.isascii():
            value = storable(value).replace(_MARK, _MARK * 2)
        return value.replace("\0", f"{_MARK}0") if "\0" in value else value
    return [_written(each) for each in value] if isinstance(value, list) else value


def _read(value: Any) -> Any:
    """The reverse."""
    if not isinstance(value, str) or _MARK not in value:
        return value
    return _MARK.join(part.replace(f"{_MARK}0", "\0") for part in value.split(_MARK * 2))


def _row_written(values: Sequence[object]) -> tuple[Any, ...]:
    return tuple(map(_written, values))


def _row_read(row: Row) -> Row:
    return tuple(map(_read, row))
