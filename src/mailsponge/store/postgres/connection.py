"""A session with PostgreSQL: what every one of ours asks of the server, and how long it waits for it."""

from __future__ import annotations

import logging
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mailsponge import database_url
from mailsponge.errors import StoreError
from mailsponge.store.postgres.faults import BUSY_AFTER, store_error, unreachable

log = logging.getLogger(__name__)

Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]

_OPTIONS: Final = (
    # Of a database or a role somebody may have asked for less; what is told to be durable has to be.
    " -c synchronous_commit=on -c default_transaction_isolation=read\\ committed"
    f" -c lock_timeout={BUSY_AFTER:.0f}s"
    # A server that vanishes in the middle of something must not keep the others out.
    " -c idle_in_transaction_session_timeout=60s"
    " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)
_FIXED: Final[dict[str, Any]] = {
    "client_encoding": "UTF8",
    # A database that vanishes is found out, too. Seconds, but for the last, which is in milliseconds.
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Database:
    """Where a database is. Never shows a password."""

    __slots__ = ("_url", "shown")

    def __init__(self, url: str) -> None:
        self._url = url
        self.shown = database_url.shown(url)
        """Host and name, for messages and logs."""

    def connect(self, name: str = "mailsponge") -> Connection:
        """A new session, each statement a transaction by itself unless one is begun; ``name`` is what the database's
        administrator sees. Raises StoreError.
        """
        try:
            given = conninfo_to_dict(self._url)
        except psycopg.Error:
            # Not chained, and not shown: it quotes the URL.
            raise StoreError(
                f"libpq does not understand the URL of the database, which is like {database_url.EXAMPLE}"
            ) from None
        ours = {"options": f"{given.get('options') or ''}{_OPTIONS}", "application_name": name}
        try:
            return psycopg.connect(make_conninfo("", **{**_FIXED, **given, **ours}), autocommit=True)
        except psycopg.Error as error:
            raise unreachable(self.shown, self._scrubbed(error)) from None

    def worded(self, error: Exception) -> StoreError:
        """What went wrong in a session, in words that tell what to do about it."""
        return store_error(self.shown, error, self._scrubbed(error))

    def _scrubbed(self, error: Exception) -> str:
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in database_url.passwords(self._url):
            text = text.replace(secret, "…")
        return text

    def __repr__(self) -> str:
        return f"Database({self.shown!r})"


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Whether nobody knows what became of what was asked: the database has not said it, or is gone. The session is over
    then; psycopg does not always notice by itself.
    """
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        connection.close()
    return connection.closed
