"""One session for all that reads, or changes a little: one thread at a time, and opened anew where it was lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg

from mailsponge.errors import StoreError
from mailsponge.store.postgres.connection import Connection, Database, Row, is_lost

Result = TypeVar("Result")

_AT_ONCE: Final = 100
"""Rows that are fetched together where there may be a great many."""


class Reading:
    """See the module. Every method may block, and raises StoreError.

    What is read is read again in a new session if the old one was lost meanwhile, as it is when the database was
    started anew. What changes something is never done twice.
    """

    def __init__(self, database: Database, prepare: Callable[[Connection], None] | None = None) -> None:
        """``prepare`` is done in each session before anything else."""
        self._database = database
        self._prepare = prepare
        self._turn = threading.RLock()
        self._connection: Connection | None = None
        self._closed = False

    def rows(self, query: str, **values: object) -> list[Row]:
        """The rows of a query that changes nothing; ``values`` are those of its ``%(name)b``."""
        with self._explained():
            return self._again_if_lost(
                lambda connection: connection.execute(query.encode(), values, binary=True).fetchall()
            )

    def once(self, query: str, **values: object) -> list[Row]:
        """The rows of one statement that changes something; durable when it returns."""
        with self._explained():
            connection = self._again_if_lost(_ping)
            return connection.execute(query.encode(), values, binary=True).fetchall()

    def stream(self, query: str, **values: object) -> Iterator[Row]:
        """The same, never holding all rows; nobody else has a turn while they are read."""
        with self._changing() as connection, connection.cursor(name="rows", binary=True) as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(query.encode(), values)
            yield from cursor

    def change(self, *statements: str, **values: object) -> int:
        """How many rows changed by statements in one transaction; durable when it returns."""
        with self._changing() as connection:
            return sum(
                max(connection.execute(statement.encode(), values).rowcount, 0) for statement in statements
            )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction for what is more than that."""
        with self._changing() as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._explained():
            connection = self._again_if_lost(_ping)
            with connection.transaction():
                yield connection

    def _again_if_lost(self, work: Callable[[Connection], Result]) -> Result:
        before = self._connection
        connection = self._open()
        try:
            return work(connection)
        except psycopg.OperationalError as error:
            if not is_lost(connection, error) or connection is not before:
                raise
        return work(self._open())

    def _open(self) -> Connection:
        if self._closed:
            raise StoreError(f"{self._database.shown}: it has been closed")
        if self._connection is None or self._connection.closed:
            connection = self._database.connect()
            try:
                if self._prepare is not None:
                    self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with self._turn:
            try:
                yield
            except psycopg.Error as error:
                if self._connection is not None:
                    is_lost(self._connection, error)  # it is to be opened anew then
                raise self._database.worded(error) from error

    def close(self) -> None:
        """End the session; a second time does nothing."""
        with self._turn:
            self._closed = True
            if self._connection is not None:
                self._connection.close()


def _ping(connection: Connection) -> Connection:
    """The connection, if it still is one."""
    connection.execute("SELECT")
    return connection
