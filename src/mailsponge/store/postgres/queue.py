"""Looking at what waits in the shared store, and putting it right, from any machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import psycopg

from mailsponge.store import course, refusals, rows
from mailsponge.store.postgres.inbox import PostgresInbox
from mailsponge.store.postgres.mailboxes import COURSE
from mailsponge.store.postgres.removing import IDS, ids
from mailsponge.store.postgres.wakeups import CHANNEL, payloads
from mailsponge.store.protocol import KEPT_WITHDRAWN, HopDown, Queued

_AT_ONCE: Final = 500
"""Rows that are fetched together."""

_WAITING: Final = f"""
SELECT message.id, reverse_path, size, arrived_at, recipients::json ->> delivery.recipient, {COURSE}
FROM mailsponge_mail.delivery JOIN mailsponge_mail.message ON message.id = delivery.id >> 20
WHERE next_attempt_at IS NOT NULL
"""
_ALL: Final = f"{_WAITING} ORDER BY arrived_at, delivery.id"
_ONE: Final = f"{_WAITING} AND {IDS} ORDER BY delivery.id"

_IS_THERE: Final = f"""
SELECT 1 FROM mailsponge_mail.delivery
WHERE {IDS} AND (next_attempt_at IS NOT NULL OR result = 'withdrawn' AND at > %(since)b) LIMIT 1
"""

_TELL: Final = """
told AS (
    INSERT INTO mailsponge_mail.trace (message, at, what, why)
        SELECT DISTINCT id >> 20, %(now)b::double precision, %(what)b::text, %(why)b::text FROM changed ORDER BY 1)
"""
_UP: Final = "up AS (DELETE FROM mailsponge_mail.hop WHERE name IN (SELECT next_hop FROM changed))"
_CHANGED: Final = "SELECT next_hop, held FROM changed"

_HOLD: Final = f"""
WITH changed AS (
    UPDATE mailsponge_mail.delivery SET held = true WHERE {IDS} AND next_attempt_at IS NOT NULL AND NOT held
    RETURNING id, next_hop, held), {_TELL} {_CHANGED}
"""
# What is tried at this moment stays its node's, if that is alive.
_RELEASE: Final = f"""
WITH changed AS (
    UPDATE mailsponge_mail.delivery SET held = false, next_attempt_at = %(now)b,
        result = CASE WHEN result = 'withdrawn' THEN CASE WHEN status IS NOT NULL THEN 'deferred' END ELSE result END,
        claimed_by = (SELECT node.id FROM mailsponge_mail.node WHERE node.id = claimed_by AND NOT dead)
    WHERE {IDS} AND (next_attempt_at IS NOT NULL AND held OR result = 'withdrawn' AND at > %(since)b)
    RETURNING id, next_hop, held), {_TELL}, {_UP} {_CHANGED}
"""
_RETRY: Final = f"""
WITH changed AS (
    UPDATE mailsponge_mail.delivery SET next_attempt_at = least(next_attempt_at, %(now)b)
    WHERE %(which)s AND next_attempt_at IS NOT NULL AND NOT held
    RETURNING id, next_hop, held), {_TELL}, {_UP} {_CHANGED}
"""
_RETRY_ONE: Final = _RETRY.replace("%(which)s", IDS)
_RETRY_ALL: Final = _RETRY.replace("%(which)s", "true")
_WITHDRAW: Final = f"""
WITH changed AS (
    UPDATE mailsponge_mail.delivery SET held = false, next_attempt_at = NULL, result = 'withdrawn', at = %(now)b
    WHERE {IDS} AND next_attempt_at IS NOT NULL
    RETURNING id, next_hop, held), {_TELL},
ended AS (
    INSERT INTO mailsponge_mail.ended (message, at)
        SELECT DISTINCT id >> 20, %(now)b::double precision + {KEPT_WITHDRAWN} FROM changed
        ON CONFLICT (message) DO UPDATE SET told = false, at = excluded.at)
{_CHANGED}
"""

_HOPS: Final = "SELECT name, until, failures, why FROM mailsponge_mail.hop"
_NOTIFY: Final = b"SELECT pg_notify(%b, %b)"


class PostgresQueue(PostgresInbox):
    """See `protocol.Queue`."""

    def queued(self) -> Iterator[Queued]:
        """In a session of its own: nobody waits for whoever reads slowly, and what is shown is of one moment."""
        try:
            with (
                closing(self._database.connect()) as connection,
                connection.transaction(),
                connection.cursor(name="queued", binary=True) as cursor,
            ):
                cursor.itersize = _AT_ONCE
                cursor.execute(_ALL.encode())
                yield from _queued(cursor)
        except psycopg.Error as error:
            raise self._database.worded(error) from error

    def in_queue(self, message_id: int) -> Queued | None:
        """One message that waits, or None."""
        return next(_queued(self._reading.rows(_ONE, **ids(message_id))), None)

    def hold(self, message_id: int) -> int:
        """Durable when it returns."""
        return self._put_right(_HOLD, message_id, "held", course.HELD)

    def release(self, message_id: int) -> int:
        """Durable when it returns, and told to the servers."""
        since = self._now() - KEPT_WITHDRAWN
        return self._put_right(_RELEASE, message_id, "released", course.RELEASED, since)

    def retry(self, message_id: int) -> int:
        """Durable when it returns, and told to the servers."""
        return self._put_right(_RETRY_ONE, message_id, "retried", course.RETRIED)

    def retry_all(self) -> int:
        """In one transaction."""
        return len(self._changed(_RETRY_ALL, now=self._now(), what="retried", why=course.RETRIED))

    def withdraw(self, message_id: int) -> int:
        """Durable when it returns."""
        return self._put_right(_WITHDRAW, message_id, "withdrawn", course.TAKEN_OUT)

    def hops_down(self) -> Mapping[str, HopDown]:
        """As they were told."""
        return {name: HopDown(*down) for name, *down in self._reading.rows(_HOPS)}

    def _put_right(
        self, query: str, message_id: int, what: str, why: str, since: float = float("inf")
    ) -> int:
        """``since``: what was withdrawn not earlier counts as being in the queue, too. Raises StoreError."""
        if not self._reading.rows(_IS_THERE, **ids(message_id), since=since):
            raise refusals.not_in_queue(message_id)
        changed = self._changed(query, **ids(message_id), now=self._now(), what=what, why=why, since=since)
        return len(changed)

    def _changed(self, query: str, **values: object) -> list[Any]:
        with self._reading.transaction() as connection:
            changed = connection.execute(query.encode(), values).fetchall()
            if values["what"] in ("released", "retried") and changed:
                for payload in payloads({next_hop for next_hop, _ in changed}):
                    connection.execute(_NOTIFY, (CHANNEL, payload))
            return changed


def _queued(found: Any) -> Iterator[Queued]:
    """Rows of `_WAITING`, those of a message one after the other."""
    for message_id, group in groupby(found, key=itemgetter(0)):
        waiting: Sequence[Any] = list(group)
        _, reverse_path, size, arrived_at, *_ = waiting[0]
        yield Queued(
            id=message_id,
            reverse_path=None if reverse_path is None else rows.address(reverse_path),
            size=size,
            arrived_at=arrived_at,
            recipients=tuple(course.waiting(rows.course(row[5:]), rows.address(row[4])) for row in waiting),
        )
