"""The embedded store: one SQLite file, one server that writes it, readers beside it.

``<directory>/store.db``, in WAL mode with synchronous=FULL, and ``lock``, which one server holds. A
message is durable when its `done` is told None: that is after COMMIT has returned, and COMMIT returns after the
fsync.
"""

from __future__ import annotations

import itertools
import logging
from contextlib import ExitStack
from pathlib import Path

import apsw

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import database
from mailsponge.store.commits import Commits
from mailsponge.store.faults import locked_out, store_error, worded
from mailsponge.store.footprint import Footprint
from mailsponge.store.incoming import SqliteIncoming
from mailsponge.store.jobs import Batch, DrawnJob
from mailsponge.store.lock import ServerLock
from mailsponge.store.mailboxes import SqliteMailboxes
from mailsponge.store.protocol import Call, direct
from mailsponge.store.writer import Writer

log = logging.getLogger(__name__)

_HIGHEST_ID = """
SELECT max(
    (SELECT highest FROM drawn),
    (SELECT coalesce(max(id), 0) FROM message),
    (SELECT coalesce(max(message), 0) FROM part)
)
"""

_ORPHANS = """
SELECT DISTINCT message FROM part
WHERE message < ? AND NOT EXISTS (SELECT 1 FROM message AS accepted WHERE accepted.id = part.message)
"""

_REMOVE_ORPHAN = "DELETE FROM part WHERE message = :message"


class SqliteStore(SqliteMailboxes):
    """See `protocol.Store`.

    Makes ``directory`` (0700) and the file in it (0600) when they are missing. Raises StoreError when another
    server holds them, when the file is damaged, foreign or newer, or when the system does not let it. ``call``
    carries one callback a commit from the writer's thread to the caller's.
    """

    def __init__(
        self,
        directory: Path,
        *,
        call: Call = direct,
        connect: database.Connect = database.connect,
        now: clock.Clock = clock.now,
    ) -> None:
        database.make_directory(directory)
        with ExitStack() as undo:
            self._lock = ServerLock(directory / "lock")
            undo.callback(self._lock.close)
            self._writing = database.open_or_create(directory / database.NAME, connect)
            undo.callback(self._writing.close)
            super().__init__(directory, connect=connect, now=now)
            self._first_id = self._rows(_HIGHEST_ID)[0][0] + 1
            undo.pop_all()
        self._ids = itertools.count(self._first_id)
        self._call = call
        self._footprint = Footprint()
        self._writer = Writer(_File(self._writing, self._file), call=call)
        self._closed = False

    def incoming(self) -> SqliteIncoming:
        """Draws the id in memory: no disk."""
        return SqliteIncoming(next(self._ids), self._writer, self._footprint, self._call)

    @property
    def commits(self) -> Commits:
        """Of the writer."""
        return self._writer.commits

    @property
    def held(self) -> int:
        """Bytes that are in memory, or just on their way out of it."""
        return self._footprint.held

    def sweep(self) -> int:
        """One transaction an orphan, so that even many of them never hold the writer for long."""
        orphans = self._rows(_ORPHANS, self._first_id)
        for (message_id,) in orphans:
            self._change(_REMOVE_ORPHAN, message=message_id)
        return len(orphans)

    def close(self) -> None:
        """Write and tell all that was handed over, then let go of the file and the lock."""
        if self._closed:
            return
        self._closed = True
        self._writer.submit(DrawnJob(next(self._ids) - 1))
        self._writer.close()
        try:
            super().close()
            with worded(self._file):
                self._writing.close()
        finally:
            self._lock.close()


class _File:
    """See `writer.Target`: through a connection that is nobody else's."""

    def __init__(self, connection: apsw.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    def batch(self) -> Batch:
        return Batch()

    def commit(self, batch: Batch) -> None:
        batch.commit(self._connection)

    def take_back(self) -> None:
        """SQLite takes a transaction back by itself after some errors, and not after others."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:
            log.exception("a failed transaction could not be taken back")

    def worded(self, error: Exception) -> StoreError:
        return store_error(error, self._file, self._connection.system_errno)

    def is_in_vain(self, fault: StoreError | None) -> bool:
        return locked_out(fault)
