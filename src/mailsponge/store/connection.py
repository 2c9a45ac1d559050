"""One connection for all that reads, or changes a little: beside the writer's, in the server's process or any other.
Threads may share it; each statement is one thread's at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from mailsponge.store import database
from mailsponge.store.faults import worded


class Reading:
    """Raises StoreError when there is no store in the file that this program can read; it never makes one."""

    def __init__(self, file: Path, connect: database.Connect = database.connect) -> None:
        self.file = file
        self._turn = threading.Lock()
        self._connection = database.open_beside(file, connect)

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows that a query finds."""
        with self._turn, worded(self.file):
            return self._connection.execute(query, values).fetchall()

    def named(self, query: str, values: Mapping[str, object]) -> list[Any]:
        """The same for a query whose values have names."""
        with self._turn, worded(self.file):
            return self._connection.execute(query, values).fetchall()

    def pairs(self, query: str, *values: object) -> dict[Any, Any]:
        """A mapping out of rows of two columns, without a list of them."""
        with self._turn, worded(self.file):
            return dict(self._connection.execute(query, values))

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """Changes that happen all or not at all; they wait for their turn among other writers."""
        with self._turn, worded(self.file), database.transaction(self._connection):
            yield self._connection

    def change(self, statements: str, **values: object) -> int:
        """How many rows changed, in one transaction."""
        with self.transaction() as connection:
            before = connection.total_changes()
            connection.execute(statements, values)
            return connection.total_changes() - before

    def close(self) -> None:
        """Let go of the file. A second time does nothing."""
        with self._turn, worded(self.file):
            self._connection.close()
