"""The shared store: one PostgreSQL database, any number of servers that write it, readers beside them.

A message is durable when its `done` is told None: that is after COMMIT has returned, with synchronous_commit=on.
"""

from __future__ import annotations

import threading
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store.commits import Commits
from mailsponge.store.footprint import Footprint
from mailsponge.store.incoming import SqliteIncoming
from mailsponge.store.postgres.batch import SignOfLife
from mailsponge.store.postgres.connection import Database
from mailsponge.store.postgres.ids import Ids
from mailsponge.store.postgres.mailboxes import PostgresMailboxes
from mailsponge.store.postgres.node import PATIENCE, Node, bury
from mailsponge.store.protocol import CLAIM_RENEWED, Call, direct
from mailsponge.store.writer import Writer

LEASE: Final = 5 * CLAIM_RENEWED
"""Seconds after which the other servers take over what one that is not heard of any more had begun."""

_ORPHANS: Final = """
SELECT message FROM mailsponge_mail.arriving
WHERE NOT EXISTS (SELECT 1 FROM mailsponge_mail.node WHERE node.id = arriving.node AND NOT dead)
"""
_REMOVE_ORPHAN: Final = (
    "DELETE FROM mailsponge_mail.arriving WHERE message = %(message)b",
    "DELETE FROM mailsponge_mail.part WHERE message = %(message)b"
    " AND NOT EXISTS (SELECT 1 FROM mailsponge_mail.message WHERE id = %(message)b)",
)


class PostgresStore(PostgresMailboxes):
    """See `protocol.Store`.

    Makes the tables when they are missing. Raises StoreError when the database is away, newer, or does not let us.

    Args:
        url: the database: ``postgresql://user@host/name``; a password rather in PGPASSWORD or ``~/.pgpass``.
        node: this machine's name among those that share the database.
        call: carries one callback a commit from the writer's thread to the caller's.
        lease: seconds after which others take this server for dead if they hear nothing of it.
        patience: seconds that a database which was lost in the middle of a commit is waited for.
    """

    def __init__(
        self,
        url: str,
        *,
        node: str,
        call: Call = direct,
        now: clock.Clock = clock.now,
        lease: float = LEASE,
        patience: float = PATIENCE,
    ) -> None:
        database = Database(url)
        self._ids = Ids()
        self._node = Node(database, node, lease=lease, ids=self._ids, patience=patience)
        self._begin(database, now, None)
        self._call = call
        self._footprint = Footprint()
        self._writer = Writer(self._node, call=call)
        self._asked_for_ids = False
        self._closed = False

    def incoming(self) -> SqliteIncoming:
        """Draws the id in memory. Raises StoreError when the database has been away for too many messages."""
        if self._ids.is_low and not self._asked_for_ids:
            self._asked_for_ids = self._writer.submit(SignOfLife(self._ids_were_asked_for))
        return SqliteIncoming(self._ids.draw(), self._writer, self._footprint, self._call)

    def _ids_were_asked_for(self, fault: StoreError | None) -> None:
        self._asked_for_ids = False

    @property
    def commits(self) -> Commits:
        """Of the writer."""
        return self._writer.commits

    @property
    def held(self) -> int:
        """Bytes that are in memory, or just on their way out of it."""
        return self._footprint.held

    def sweep(self) -> int:
        """What dead nodes have left; one transaction each, so that even many of them hold nobody up for long."""
        with self._reading.transaction() as connection:
            bury(connection)
        orphans = self._reading.rows(_ORPHANS)
        for (message_id,) in orphans:
            self._reading.change(*_REMOVE_ORPHAN, message=message_id)
        return len(orphans)

    def keep_claims(self) -> None:
        """A batch with nothing in it puts off the moment from which this node is taken for dead."""
        told: list[StoreError | None] = []
        settled = threading.Event()

        def then(fault: StoreError | None) -> None:
            told.append(fault)
            settled.set()

        if self._writer.submit(SignOfLife(then)):
            settled.wait()
        for fault in told:
            if fault is not None:
                raise fault

    def close(self) -> None:
        """Write and tell all that was handed over, then end the sessions."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        self._node.close()
        super().close()
