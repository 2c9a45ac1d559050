"""Mail that waits in the SQLite store: looking at it and putting it right, from any process, beside a server or not.

A server is told of a change by a number that goes up with each (`bell.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from mailsponge.store import course, refusals, rows
from mailsponge.store.course import WITHDRAWN, numbers_of
from mailsponge.store.inbox import SqliteInbox
from mailsponge.store.protocol import KEPT_WITHDRAWN, MOST_DELIVERIES, HopDown, Queued

_AT_A_TIME = 500
"""Messages that are read, or changed in one transaction, at a time: it is over in a moment."""

_MESSAGES = (
    f"SELECT DISTINCT id / {MOST_DELIVERIES} FROM delivery WHERE next_attempt_at IS NOT NULL ORDER BY 1"
)
_QUEUED = f"""
SELECT message.id, reverse_path, recipients, size, arrived_at, {rows.COURSE}
FROM json_each(?) AS wanted
CROSS JOIN message ON message.id = wanted.value
CROSS JOIN delivery ON delivery.id
    BETWEEN message.id * {MOST_DELIVERIES} AND message.id * {MOST_DELIVERIES} + {MOST_DELIVERIES - 1}
WHERE next_attempt_at IS NOT NULL ORDER BY delivery.id
"""

_OF_ONE = "id BETWEEN :first AND :last"
_OF_MANY = f"""
id IN (SELECT one.id FROM json_each(:messages) CROSS JOIN delivery AS one
       ON one.id BETWEEN value * {MOST_DELIVERIES} AND value * {MOST_DELIVERIES} + {MOST_DELIVERIES - 1})
"""
_WAITS = "next_attempt_at IS NOT NULL"
_GONE = f"(result = '{WITHDRAWN}' AND at > :since)"

_IS_THERE = f"SELECT 1 FROM delivery WHERE {_OF_ONE} AND ({_WAITS} OR :back AND {_GONE}) LIMIT 1"
_HOLD = f"UPDATE delivery SET held = 1 WHERE {_OF_ONE} AND {_WAITS} AND NOT held"
_RELEASE = f"""
UPDATE delivery SET held = 0, next_attempt_at = :now,
    result = iif(result = '{WITHDRAWN}', iif(status IS NULL, NULL, 'deferred'), result)
WHERE {_OF_ONE} AND ({_WAITS} AND held OR {_GONE})
"""
_RETRY = """
UPDATE delivery SET next_attempt_at = min(next_attempt_at, :now) WHERE {} AND next_attempt_at IS NOT NULL AND NOT held
"""
_WITHDRAW = f"""
UPDATE delivery SET held = 0, next_attempt_at = NULL, result = '{WITHDRAWN}', at = :now WHERE {_OF_ONE} AND {_WAITS}
"""
_CHANGED = f"RETURNING id / {MOST_DELIVERIES}, next_hop"

_TOLD = "INSERT INTO trace (message, at, what, why) SELECT value, :at, :what, :why FROM json_each(:messages)"
_UP = "DELETE FROM hop WHERE name IN (SELECT value FROM json_each(:hops))"
_CALL = "UPDATE called SET times = times + 1"
_HOPS = "SELECT name, until, failures, why FROM hop"


class SqliteBeside(SqliteInbox):
    """See `protocol.Beside`: mailboxes and the queue, as `SqliteMailboxes` opens them."""

    def queued(self) -> Iterator[Queued]:
        """Their numbers at once, the rest some at a time."""
        waiting = [message_id for (message_id,) in self._reading.rows(_MESSAGES)]
        for at in range(0, len(waiting), _AT_A_TIME):
            yield from self._queued(waiting[at : at + _AT_A_TIME])

    def in_queue(self, message_id: int) -> Queued | None:
        """One message that waits, or None."""
        return next(self._queued([message_id]), None)

    def _queued(self, message_ids: Sequence[int]) -> Iterator[Queued]:
        found = self._reading.rows(_QUEUED, rows.json(message_ids))
        for (message_id, reverse_path, recipients, size, arrived_at), each in groupby(
            found, itemgetter(slice(5))
        ):
            envelope = rows.envelope(reverse_path, recipients, False, False)
            courses = [rows.course(row[5:]) for row in each]
            yield Queued(
                id=message_id,
                reverse_path=envelope.reverse_path,
                size=size,
                arrived_at=arrived_at,
                recipients=tuple(
                    course.waiting(one, envelope.recipients[one.delivery.recipient]) for one in courses
                ),
            )

    def hold(self, message_id: int) -> int:
        """Durable when it returns."""
        return self._put_right(message_id, _HOLD, "held", course.HELD)

    def release(self, message_id: int) -> int:
        """Durable when it returns."""
        return self._put_right(message_id, _RELEASE, "released", course.RELEASED, tried=True, back=True)

    def retry(self, message_id: int) -> int:
        """Durable when it returns."""
        return self._put_right(message_id, _RETRY.format(_OF_ONE), "retried", course.RETRIED, tried=True)

    def retry_all(self) -> int:
        """Some messages a transaction, so that nobody who writes has to wait for all of them."""
        waiting = [message_id for (message_id,) in self._reading.rows(_MESSAGES)]
        return sum(
            self._changed(
                _RETRY.format(_OF_MANY),
                {"messages": rows.json(waiting[at : at + _AT_A_TIME])},
                "retried",
                course.RETRIED,
                tried=True,
            )
            for at in range(0, len(waiting), _AT_A_TIME)
        )

    def withdraw(self, message_id: int) -> int:
        """Durable when it returns."""
        return self._put_right(message_id, _WITHDRAW, "withdrawn", course.TAKEN_OUT)

    def hops_down(self) -> Mapping[str, HopDown]:
        """A row each."""
        return {name: HopDown(*down) for name, *down in self._reading.rows(_HOPS)}

    def _put_right(
        self, message_id: int, update: str, what: str, why: str, *, tried: bool = False, back: bool = False
    ) -> int:
        """``tried``: it is to be tried at once. ``back``: what was withdrawn lately counts as well."""
        first, last = numbers_of(message_id)
        chosen = {"first": first, "last": last, "back": back, "since": self._now() - KEPT_WITHDRAWN}
        return self._changed(update, chosen, what, why, tried=tried, message_id=message_id)

    def _changed(
        self,
        update: str,
        chosen: Mapping[str, object],
        what: str,
        why: str,
        *,
        tried: bool,
        message_id: int | None = None,
    ) -> int:
        """Do it in one transaction, with all that belongs to it; how many deliveries changed."""
        now = self._now()
        with self._reading.transaction() as connection:
            if message_id is not None and not connection.execute(_IS_THERE, chosen).fetchall():
                raise refusals.not_in_queue(message_id)
            changed = connection.execute(f"{update} {_CHANGED}", {**chosen, "now": now}).fetchall()
            if not changed:
                return 0
            messages = rows.json(list(dict.fromkeys(number for number, _ in changed)))
            connection.execute(_TOLD, {"messages": messages, "at": now, "what": what, "why": why})
            if tried:
                connection.execute(_UP, {"hops": rows.json(list({hop for _, hop in changed}))})
                connection.execute(_CALL)
        if tried:
            self._called()
        return len(changed)

    def _called(self) -> None:
        """A server that does this itself need not be told."""
