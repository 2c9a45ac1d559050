"""Word from node to node over sessions that are lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from queue_fixtures import Told
from store_fixtures import PATIENCE

pytest.importorskip("psycopg")

from mailsponge.store.postgres.connection import Connection, Database  # noqa: E402
from mailsponge.store.postgres.wakeups import Wakeups  # noqa: E402

Wake = Callable[[Database, "Ear"], Wakeups]


class LosesTheFirst(Database):
    """Its first session is lost when something is to be sent in it."""

    __slots__ = ("_connected",)

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._connected = 0

    def connect(self, name: str = "mailsponge") -> Connection:
        self._connected += 1
        connection = super().connect(name)
        return connection if self._connected > 1 else Lost(connection)  # type: ignore[return-value]


class Lost:
    """A session that is lost by sending."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, query: str | bytes, *rest: Any) -> Any:
        if "pg_notify" in str(query):
            self._connection.close()
        return self._connection.execute(query, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Ear(Told):
    """A listener that knows when it can hear."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = threading.Event()

    def look(self) -> list[str]:
        """There is nothing to be seen, but this is asked once word from others is heard."""
        self.is_open.set()
        return []


@pytest.fixture
def wake() -> Iterator[Wake]:
    """Opens one end, and waits until it hears."""

    def opened(database: Database, ear: Ear) -> Wakeups:
        wakeups = at_end.enter_context(closing(Wakeups(database, ear, ear.look)))
        assert ear.is_open.wait(PATIENCE)
        return wakeups

    with ExitStack() as at_end:
        yield opened


def test_word_that_was_lost_with_its_session_is_sent_in_the_next(database: str, wake: Wake) -> None:
    ear = Ear()
    wake(Database(database), ear)
    wake(LosesTheFirst(database), Ear()).send({"example.net"})
    ear.wait_for("example.net")
