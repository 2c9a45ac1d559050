"""The embedded store: one SQLite file, one server that writes it, readers beside it.

``<directory>/store.db``, in WAL mode with synchronous=FULL, and ``lock``, which one server holds. A
message is durable when its `done` is told None: that is after COMMIT has returned, and COMMIT returns after the
fsync.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import apsw

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import committing, database, refusals
from mailsponge.store.bell import Bell
from mailsponge.store.beside import SqliteBeside
from mailsponge.store.claims import Claims
from mailsponge.store.commits import Commits
from mailsponge.store.connection import Reading
from mailsponge.store.due import DueMail
from mailsponge.store.faults import locked_out, store_error, worded
from mailsponge.store.footprint import Footprint
from mailsponge.store.incoming import SqliteIncoming
from mailsponge.store.jobs import Batch, DrawnJob, Tidying
from mailsponge.store.lock import ServerLock
from mailsponge.store.protocol import Call, Done, HopDown, Parcel, Report, Settlement, direct
from mailsponge.store.queue_jobs import HopJob, PutJob, SettleJob, TidyJob, filed
from mailsponge.store.writer import Listener, Writer

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

_CALLED = "SELECT times FROM called"

_REMOVE_ORPHAN = "DELETE FROM part WHERE message = :message"


class SqliteStore(SqliteBeside):
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
            undo.callback(self._reading.close)
            self._claiming = Reading(directory / database.NAME, connect)
            self._first_id = self._reading.rows(_HIGHEST_ID)[0][0] + 1
            undo.pop_all()
        self._ids = itertools.count(self._first_id)
        self._call = call
        self._footprint = Footprint()
        self._writer = Writer(_File(self._writing, self._reading.file), call=call)
        self._indexer.follow(self._writer.delivered)
        self._claims = Claims()
        self._due = DueMail(self._claiming, self._claims)
        self._listener: Listener | None = None
        self._bell: Bell | None = None
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
        orphans = self._reading.rows(_ORPHANS, self._first_id)
        for (message_id,) in orphans:
            self._reading.change(_REMOVE_ORPHAN, message=message_id)
        return len(orphans)

    def tidy(self, before: float) -> int:
        """In transactions of the writer's, with whatever else it writes."""
        while True:
            some = Tidying(before, self._now())
            job = TidyJob(some)
            if not self._writer.submit(job):
                raise refusals.closed()
            job.wait()
            if some.changed or not some.looked_at:
                return some.changed

    def put_into(self, message_id: int, mailbox: str, done: Done) -> None:
        """An entry, in the writer's next transaction."""
        if not self._writer.submit(PutJob(message_id, mailbox, done)):
            self._call(partial(done, refusals.closed()))

    def watch(self, listener: Listener) -> None:
        """The writer tells of what it accepted, and a thread looks whether others have changed something."""
        self._listener = listener
        self._writer.watch(listener)
        if self._bell is None:
            self._bell = Bell(self._times_called, self._tell_what_is_due)

    def _times_called(self) -> int:
        times: int = self._reading.rows(_CALLED)[0][0]
        return times

    def _tell_what_is_due(self) -> None:
        hops = self._due.released(self._now())
        if hops and self._listener is not None:
            self._call(partial(self._listener, hops))

    def _called(self) -> None:
        if self._bell is not None:
            self._bell.look()

    def next_hops(self) -> Mapping[str, float]:
        """From the index of what waits."""
        return self._due.next_hops()

    def claim(self, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        """No write: a claim is in memory."""
        return self._due.claim(next_hop, most, now)

    def keep_claims(self) -> None:
        """They last as long as this server."""

    def let_go(self, dues: Collection[int]) -> None:
        """In memory."""
        self._claims.let_go(dues)

    def settle(self, settlements: Sequence[Settlement], reports: Sequence[Report], done: Done) -> None:
        """Written with whatever else waits for the disk."""
        mine = self._claims.settling(settlements)
        its_reports = [filed(next(self._ids), report) for report in reports]
        if not self._writer.submit(SettleJob(mine, its_reports, partial(self._settled, mine), done)):
            self._claims.not_settled(mine)
            self._call(partial(done, refusals.closed()))

    def _settled(self, settlements: Sequence[Settlement], fault: StoreError | None) -> None:
        (self._claims.settled if fault is None else self._claims.not_settled)(settlements)

    def hop_is_down(self, next_hop: str, down: HopDown | None) -> None:
        """A row, if the disk takes it; whoever tells it knows it, too."""
        self._writer.submit(HopJob(next_hop, down))

    def close(self) -> None:
        """Write and tell all that was handed over, then let go of the file and the lock."""
        if self._closed:
            return
        self._closed = True
        if self._bell is not None:
            self._bell.close()
        self._writer.submit(DrawnJob(next(self._ids) - 1))
        self._writer.close()
        try:
            super().close()
            self._claiming.close()
            with worded(self._reading.file):
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
        committing.commit(self._connection, batch)

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
