"""The shared store: one PostgreSQL database, any number of servers that write it, readers beside them.

A message is durable when its `done` is told None: that is after COMMIT has returned, with synchronous_commit=on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import course, rows
from mailsponge.store.commits import Commits
from mailsponge.store.footprint import Footprint
from mailsponge.store.incoming import PART, SqliteIncoming
from mailsponge.store.jobs import Job
from mailsponge.store.postgres import tidying
from mailsponge.store.postgres.batch import Told
from mailsponge.store.postgres.claims import Claims
from mailsponge.store.postgres.connection import Database
from mailsponge.store.postgres.ids import Ids
from mailsponge.store.postgres.jobs import HopJob, LetGoJob, PutJob, SettleJob, SignOfLife
from mailsponge.store.postgres.node import PATIENCE, Node, bury
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
from mailsponge.store.rows import Row
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

_CLOSED: Final = "the store is closed: the server is stopping"


class PostgresStore(PostgresQueue):
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
        self._node = Node(
            database, node, lease=lease, ids=self._ids, patience=patience, told=self._something_waits
        )
        self._begin(database, now, None)
        self._call = call
        self._footprint = Footprint()
        self._writer = Writer(self._node, call=call)
        self._asked_for_ids = False
        self._closed = False
        # Whoever reads a large message holds nobody up who looks for work.
        self._working = Reading(database)
        self._claims = Claims(self._working, self.content)
        self._listener: Callable[[Collection[str]], None] | None = None
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
            freed = bury(connection)
        if freed:
            self._tell(self.next_hops())

    def tidy(self, before: float) -> int:
        """Two hundred messages at a time."""
        return tidying.tidy(self._working, before, self._now())

    def put_into(self, message_id: int, mailbox: str, done: Done) -> None:
        """In the next commit."""
        self._submit(PutJob(message_id, mailbox, done))

    def watch(self, listener: Callable[[Collection[str]], None]) -> None:
        """Also of what other nodes accept, by a session and a thread of their own."""
        self._listener = listener
        if self._wakeups is None:
            self._wakeups = Wakeups(self._database, self._tell, self.next_hops)

    def _something_waits(self, hops: Collection[str]) -> None:
        """Accepted by a batch of ours."""
        self._tell(hops)
        if self._wakeups is not None:
            self._wakeups.send(hops)

    def _tell(self, hops: Collection[str]) -> None:
        if hops and self._listener is not None:
            self._call(partial(self._listener, hops))

    def next_hops(self) -> Mapping[str, float]:
        """By the index: the time it takes grows with the next hops and not with the messages."""
        self._wait_for_what_is_let_go()
        return self._claims.next_hops()

    def claim(self, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        """Rows that another node is just claiming are passed over."""
        self._wait_for_what_is_let_go()
        return self._claims.claim(self._node.id, next_hop, most, now)

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
        self._claims.forget(given)

        def then(fault: StoreError | None) -> None:
            self._letting_go.remove(given)
            if fault is not None:
                self._claims.forget_what_is_not_known()

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
        """In the next commit."""
        try:
            told = [self._report(report, settlements) for report in reports]
        except StoreError as error:
            fault = error
            self._call(lambda: done(fault))
            return
        settled = [row for row in map(self._row, settlements) if row is not None]

        def then(fault: StoreError | None) -> None:
            if fault is None:
                self._claims.forget(each.delivery for each in settlements)

        self._submit(SettleJob(settled, told, done, then))

    def _row(self, settlement: Settlement) -> Row | None:
        """None: it is not this node's to settle."""
        claim = self._claims.mine(settlement.delivery)
        if claim is None:
            return None
        number, outcome, at, again, warned = settlement
        waits = again is not None
        return (
            number,
            claim.attempts,
            outcome.result.value,
            outcome.status,
            outcome.why,
            outcome.reply,
            outcome.by,
            float(at),
            None if again is None else float(again),
            warned,
            course.deferred(claim.address, settlement).why if waits else None,
        )

    def _report(self, report: Report, settlements: Sequence[Settlement]) -> Told:
        """Its rows. Raises StoreError when there is no number for it."""
        message_id, content = self._next_id(), report.content
        whole = max(len(content) - 1, 0) // PART * PART
        parts = [(message_id, at // PART, content[at : at + PART]) for at in range(0, whole, PART)]
        about = {each.delivery: each for each in settlements if each.delivery in report.about}
        return Told(
            message=rows.message(message_id, report.acceptance, len(content), len(parts), content[whole:]),
            parts=parts,
            about={
                number: course.reported(message_id, about[number])
                for number in report.about
                if number in about
            },
        )

    def hop_is_down(self, next_hop: str, down: HopDown | None) -> None:
        """In the next commit."""
        self._writer.submit(HopJob(next_hop, down))

    def _submit(self, job: Job) -> None:
        done = job.done
        if not self._writer.submit(job) and done is not None:
            self._call(lambda: done(StoreError(_CLOSED)))

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
