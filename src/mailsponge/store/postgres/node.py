"""One server among those that share the database: who it is, that it lives, and what it writes.

Every start is a node of its own, a row of the table ``node``. It holds an advisory lock on its id as long as its
session lasts, and every batch puts off the moment from which the others take it for dead. So

- a server that starts anew on the same machine finds its predecessor's lock free, and takes its work over at once;
- the others take over what a node had begun that is killed, once they find its lock free and have not heard of it for
  longer than one that lives is silent;
- a server that is cut off from the database is taken for dead after a while, and its own batches say so, too: each
  begins by asking whether its node is still alive, in the transaction that would write it.

A commit whose answer never came is looked up: the node's row has the number of its last batch. The new session first
waits for the old one's lock: then that one is over, and what it has not committed it never will.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import pq

from mailsponge.errors import StoreError
from mailsponge.store.jobs import Batch
from mailsponge.store.postgres.batch import PostgresBatch
from mailsponge.store.postgres.connection import Connection, Database, is_lost
from mailsponge.store.postgres.faults import TAKEN_FOR_DEAD, is_away
from mailsponge.store.postgres.ids import Ids
from mailsponge.store.postgres.schema import LOCK, bring_up_to_date
from mailsponge.store.protocol import CLAIM_RENEWED

log = logging.getLogger(__name__)

GRACE: Final = 1.5 * CLAIM_RENEWED
"""Seconds in which a node whose session is over has another one, and says so, if it lives."""
PATIENCE: Final = 30.0
"""Seconds that a database which was lost in the middle of a commit is waited for, so that the outcome can be told."""
_PAUSE: Final = 0.2
"""Seconds between attempts."""

_BORN: Final = (
    "INSERT INTO mailsponge_mail.node (name, until)"
    " VALUES (%s, clock_timestamp() + %s * interval '1 second') RETURNING id"
)
_PREDECESSORS: Final = "SELECT id FROM mailsponge_mail.node WHERE name = %s AND id < %s AND NOT dead"
_IS_FREE: Final = "SELECT pg_try_advisory_lock(%s, %s)"
_FREE: Final = "SELECT pg_advisory_unlock(%s, %s)"
_OURS: Final = "SELECT pg_advisory_lock(%s, %s)"
_END_THE_LAST: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    " AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
)
_FREE_CLAIMS: Final = (
    "UPDATE mailsponge_mail.delivery SET claimed_by = NULL WHERE next_attempt_at IS NOT NULL"
    " AND claimed_by IN (SELECT id FROM mailsponge_mail.node WHERE dead)"
)
_LAST_BATCH: Final = "SELECT batch FROM mailsponge_mail.node WHERE id = %s"

_OVERDUE: Final = (
    "UPDATE mailsponge_mail.node SET dead = true"
    " WHERE NOT dead AND (until < clock_timestamp() OR id = ANY(%(nodes)s)"
    " OR heard_of_at < clock_timestamp() - %(grace)s * interval '1 second'"
    " AND pg_try_advisory_xact_lock(%(lock)s, id))"
)


class Node:
    """See the module, and `writer.Target`. Raises StoreError when the database is away or has no store for us.

    Args:
        database: where.
        name: the machine's. Two servers on one machine need not have two.
        lease: seconds after which a node that nobody has heard of is taken for dead.
        ids: gets numbers for messages whenever it has few.
        patience: see `PATIENCE`.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        lease: float,
        ids: Ids,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._name = name
        self._lease = lease
        self._ids = ids
        self._patience = patience
        self._sleep = sleep
        self._number = 0
        self.id = 0
        self._connection = database.connect(_session(0))
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        try:
            bring_up_to_date(self._connection, self._database.shown)
            self._warn_of_what_is_not_durable()
            self._be_born(self._connection)
            self._write(PostgresBatch())  # draws the first numbers
        except psycopg.Error as error:
            raise self._database.worded(error) from error

    def _warn_of_what_is_not_durable(self) -> None:
        for setting in "fsync", "full_page_writes":
            ((value,),) = self._connection.execute("SELECT current_setting(%s)", (setting,))
            if value == "off":
                log.warning(
                    "%s: the database server has %s = off: what it says is kept does not survive a loss of power; "
                    "turn it on in postgresql.conf",
                    self._database.shown,
                    setting,
                )

    def _be_born(self, connection: Connection) -> None:
        with connection.transaction():
            # Nobody sees the row before its lock is held.
            ((self.id,),) = connection.execute(_BORN, (self._name, self._lease))
            connection.execute(_OURS, (LOCK, self.id))
        connection.execute("SELECT set_config('application_name', %s, false)", (_session(self.id),))
        for (predecessor,) in connection.execute(_PREDECESSORS, (self._name, self.id)).fetchall():
            ((is_free,),) = connection.execute(_IS_FREE, (LOCK, predecessor))
            if is_free:
                bury(connection, predecessor)
                connection.execute(_FREE, (LOCK, predecessor))

    def batch(self) -> PostgresBatch:
        """An empty one."""
        return PostgresBatch()

    def commit(self, batch: Batch) -> None:
        """Write it in one transaction. One that was lost on the way is looked up before anything is said of it."""
        assert isinstance(batch, PostgresBatch)
        try:
            self._write(batch)
        except psycopg.DatabaseError as error:
            if error.sqlstate != TAKEN_FOR_DEAD:
                raise
            log.warning("%s: %s", self._database.shown, self._database.worded(error))
            self._be_born(self._connection)
            self._write(batch)

    def _write(self, batch: PostgresBatch) -> None:
        """Once more, if the session was lost and what was written in it with it."""
        self._number += 1
        for is_last in False, True:
            connection = self._connected()
            try:
                return self._write_in(connection, batch)
            except psycopg.Error as error:
                if not is_lost(connection, error):
                    raise
                if self._was_committed(error):
                    return None
                if is_last:
                    raise
        return None

    def _write_in(self, connection: Connection, batch: PostgresBatch) -> None:
        first = batch.write(connection, self.id, self._number, self._lease, with_ids=self._ids.is_low)
        if first is not None:
            self._ids.add(first)

    def _was_committed(self, lost: psycopg.Error) -> bool:
        """Whether the last batch is there. Raises StoreError when nobody can say."""
        last_chance = time.monotonic() + self._patience
        while True:
            try:
                ((batch,),) = self._connected().execute(_LAST_BATCH, (self.id,))
            except (psycopg.Error, StoreError) as error:
                fault = self._database.worded(error)
                if not is_away(fault) or time.monotonic() > last_chance:
                    raise StoreError(
                        f"{fault}. It was lost while it wrote, so what was handed over last may be there all the same"
                    ) from lost
            else:
                return bool(batch >= self._number)
            self._sleep(_PAUSE)

    def _connected(self) -> Connection:
        """The session; a new one, if it was lost, in which the last one's lock is ours."""
        if not self._connection.closed and _has_something_to_say(self._connection):
            with suppress(psycopg.OperationalError):
                self._connection.execute("SELECT")
        if self._connection.closed:
            connection = self._database.connect(_session(0))
            try:
                connection.execute(_END_THE_LAST, (_session(self.id),))
                connection.execute(_OURS, (LOCK, self.id))
                connection.execute("SELECT set_config('application_name', %s, false)", (_session(self.id),))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def take_back(self) -> None:
        """Psycopg has done that. A session where it has not is none to go on with: at its end the database does it."""
        status = self._connection.info.transaction_status
        if not self._connection.closed and status is not pq.TransactionStatus.IDLE:
            self._connection.close()

    def worded(self, error: Exception) -> StoreError:
        """What went wrong, for people."""
        return self._database.worded(error)

    def is_in_vain(self, fault: StoreError | None) -> bool:
        """While the database is away, the next job has to wait for it as well."""
        return is_away(fault)

    def close(self) -> None:
        """End the session, and leave nothing to be taken over."""
        try:
            if not self._connection.closed:
                bury(self._connection, self.id)
        except psycopg.Error as error:
            log.warning(
                "%s: what was begun is taken over later: %s", self._database.shown, self.worded(error)
            )
        finally:
            self._connection.close()


def bury(connection: Connection, *nodes: int, grace: float = GRACE) -> int:
    """Take for dead what has not been heard of in time, and these nodes; how many deliveries are free by that.

    ``grace`` seconds are time enough for a node whose session is over, too.
    What a node claimed while it was taken for dead is found the next time.
    """
    with connection.transaction():
        connection.execute(_OVERDUE, {"nodes": list(nodes), "grace": grace, "lock": LOCK})
        return connection.execute(_FREE_CLAIMS).rowcount


def _has_something_to_say(connection: Connection) -> bool:
    """Without having been asked; mostly that it is over. It is well to know that before anything is written."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _session(node: int) -> str:
    """What the database's administrator sees."""
    return f"mailsponge node {node}" if node else "mailsponge"
