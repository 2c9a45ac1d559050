"""The shared store: one PostgreSQL database, any number of servers that write it, readers beside them.

A message is durable when its `done` is told None: that is after COMMIT has returned, with synchronous_commit=on.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import refusals
from mailsponge.store.claims import Claims
from mailsponge.store.commits import Commits
from mailsponge.store.footprint import Footprint
from mailsponge.store.incoming import SqliteIncoming
from mailsponge.store.postgres import tidying
from mailsponge.store.postgres.connection import Database
from mailsponge.store.postgres.due import DueMail
from mailsponge.store.postgres.ids import Ids
from mailsponge.store.postgres.jobs import LetGoJob, SignOfLife
from mailsponge.store.postgres.node import GRACE, PATIENCE, Node, bury
from mailsponge.store.postgres.queue import PostgresQueue
from mailsponge.store.postgres.reading import Reading
from mailsponge.store.postgres.wakeups import Wakeups
from mailsponge.store.protocol import (
    CLAIM_RENEWED,
    Call,
    Done,
    HopDown,
    Parcel,
    Report,
    Settlement,
    direct,
)
from mailsponge.store.queue_jobs import HopJob, PutJob, SettleJob, filed
from mailsponge.store.writer import Listener, Writer

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


class PostgresStore(PostgresQueue):
    """See `protocol.Store`.

    Makes the tables when they are missing. Raises StoreError when the database is away, newer, or does not let us.

    Args:
        url: the database: ``postgresql://user@host/name``; a password rather in PGPASSWORD or ``~/.pgpass``.
        node: this machine's name among those that share the database.
        call: carries one callback a commit from the writer's thread to the caller's.
        lease: seconds after which others take this server for dead if they hear nothing of it.
        grace: seconds after which this one takes another for dead that has no session, either.
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
        grace: float = GRACE,
        patience: float = PATIENCE,
    ) -> None:
        database = Database(url)
        self._ids = Ids()
        self._node = Node(database, node, lease=lease, ids=self._ids, patience=patience)
        self._begin(database, now, None)
        self._call = call
        self._footprint = Footprint()
        self._writer = Writer(self._node, call=call)
        self._indexer.follow(self._writer.delivered)
        self._grace = grace
        self._asked_for_ids = False
        self._closed = False
        # Whoever reads a large message holds nobody up who looks for work.
        self._working = Reading(database)
        self._claims = Claims()
        self._due = DueMail(self._working, self._claims, self.content)
        self._listener: Listener | None = None
        self._wakeups: Wakeups | None = None
        self._letting_go: list[list[int]] = []

    def incoming(self) -> SqliteIncoming:
        """Draws the id in memory. Raises StoreError when the database has been away for too many messages."""
        return SqliteIncoming(self._next_id(), self._writer, self._footprint, self._call)

    def _next_id(self) -> int:
        if self._ids.is_low and not self._asked_for_ids:
            self._asked_for_ids = self._writer.submit(SignOfLife(self._ids_were_asked_for))
        return self._ids.draw()

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
        self._bury_the_dead()
        orphans = self._working.rows(_ORPHANS)
        for (message_id,) in orphans:
            self._working.change(*_REMOVE_ORPHAN, message=message_id)
        return len(orphans)

    def _bury_the_dead(self) -> None:
        with self._working.transaction() as connection:
            freed = bury(connection, grace=self._grace)
        if freed:
            self._tell(self._what_is_due())

    def tidy(self, before: float) -> int:
        """Two hundred messages at a time."""
        return tidying.tidy(self._working, before, self._now())

    def put_into(self, message_id: int, mailbox: str, done: Done) -> None:
        """In the next commit."""
        if not self._writer.submit(PutJob(message_id, mailbox, done)):
            self._call(partial(done, refusals.closed()))

    def watch(self, listener: Listener) -> None:
        """The writer tells of what it accepted; of what others did a session and a thread of their own."""
        self._listener = listener
        if self._wakeups is None:
            self._wakeups = Wakeups(self._database, self._tell, self._what_is_due)
        self._writer.watch(partial(_tell_all, self._wakeups.send, listener))

    def _tell(self, hops: Collection[str]) -> None:
        if hops and self._listener is not None:
            self._call(partial(self._listener, hops))

    def _what_is_due(self) -> list[str]:
        now = self._now()
        return [hop for hop, at in self._due.next_hops().items() if at <= now]

    def next_hops(self) -> Mapping[str, float]:
        """By the index: the time it takes grows with the next hops and not with the messages."""
        self._wait_for_what_is_let_go()
        return self._due.next_hops()

    def claim(self, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        """Rows that another node is just claiming are passed over."""
        self._wait_for_what_is_let_go()
        return self._due.claim(self._node.id, next_hop, most, now)

    def keep_claims(self) -> None:
        """Says that this node lives, and takes over what dead ones had claimed."""
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
        self._bury_the_dead()

    def let_go(self, dues: Collection[int]) -> None:
        """In the next commit."""
        given = list(dues)
        self._claims.let_go(given)

        def then(fault: StoreError | None) -> None:
            self._letting_go.remove(given)
            if fault is not None:
                self._due.has_strays = True

        self._letting_go.append(given)
        if not self._writer.submit(LetGoJob(given, then)):
            self._letting_go.remove(given)

    def _wait_for_what_is_let_go(self) -> None:
        """Whoever gives something back finds it there."""
        if self._letting_go:
            written = threading.Event()
            if self._writer.submit(SignOfLife(lambda fault: written.set())):
                written.wait()

    def settle(self, settlements: Sequence[Settlement], reports: Sequence[Report], done: Done) -> None:
        """In the next commit. Without numbers for the reports, it fails as if the database had not taken it."""
        try:
            its_reports = [filed(self._next_id(), report) for report in reports]
        except StoreError as fault:
            self._call(partial(done, fault))
            return
        mine = self._claims.settling(settlements)
        if not self._writer.submit(SettleJob(mine, its_reports, partial(self._settled, mine), done)):
            self._claims.not_settled(mine)
            self._call(partial(done, refusals.closed()))

    def _settled(self, settlements: Sequence[Settlement], fault: StoreError | None) -> None:
        (self._claims.settled if fault is None else self._claims.not_settled)(settlements)

    def hop_is_down(self, next_hop: str, down: HopDown | None) -> None:
        """In the next commit."""
        self._writer.submit(HopJob(next_hop, down))

    def close(self) -> None:
        """Write and tell all that was handed over, then end the sessions."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        if self._wakeups is not None:
            self._wakeups.close()
        self._working.close()
        self._node.close()
        super().close()


def _tell_all(send: Listener, listener: Listener, hops: Collection[str]) -> None:
    send(hops)
    listener(hops)
