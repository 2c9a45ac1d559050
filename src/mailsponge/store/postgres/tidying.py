"""Removing what nobody needs any more: contents of what has gone where it should, and stories that are old."""

from __future__ import annotations

from typing import Final

from mailsponge.store.headings import message_id
from mailsponge.store.postgres.connection import Connection
from mailsponge.store.postgres.mailboxes import HEADED
from mailsponge.store.postgres.reading import Reading
from mailsponge.store.postgres.removing import empty_trash
from mailsponge.store.protocol import KEPT_WITHDRAWN, MOST_DELIVERIES
from mailsponge.store.rows import CONTENT_REMOVED

_AT_ONCE: Final = 200
"""Messages that are tidied in one transaction."""

# Nobody else looks at the same ones meanwhile. Who ends another delivery of one waits, and has it looked at again.
_ENDED: Final = (
    "SELECT message FROM mailsponge_mail.ended WHERE NOT told AND at <= %(now)s ORDER BY at LIMIT %(most)s"
    " FOR UPDATE SKIP LOCKED"
)
_THEIRS: Final = "unnest(%(messages)s::bigint[]) AS ended"
_OF_THEM: Final = f"delivery.id BETWEEN ended << 20 AND (ended << 20) + {MOST_DELIVERIES - 1}"
_HOW: Final = f"""
SELECT ended, bool_or(next_attempt_at IS NOT NULL), max(at) FILTER (WHERE result = 'withdrawn'), max(at),
    EXISTS (SELECT 1 FROM mailsponge_mail.entry WHERE message = ended)
FROM {_THEIRS} LEFT JOIN mailsponge_mail.delivery ON {_OF_THEM} GROUP BY ended
"""
_NOT_NOW: Final = "DELETE FROM mailsponge_mail.ended WHERE message = ANY(%s)"
_LATER: Final = "UPDATE mailsponge_mail.ended SET at = %s WHERE message = %s"
_HEADS: Final = f"SELECT id, {HEADED} FROM mailsponge_mail.message WHERE id = ANY(%s)"
_REMOVE: Final = (
    f"UPDATE mailsponge_mail.message SET parts = {CONTENT_REMOVED}, tail = %s WHERE id = %s",
    "DELETE FROM mailsponge_mail.part WHERE message = %s",
    "UPDATE mailsponge_mail.ended SET told = true, at = %s WHERE message = %s",
)
_OLD: Final = (
    "SELECT message FROM mailsponge_mail.ended WHERE told AND at < %(before)s ORDER BY at LIMIT %(most)s"
    " FOR UPDATE SKIP LOCKED"
)
_FORGET: Final = (
    f"DELETE FROM mailsponge_mail.delivery USING {_THEIRS} WHERE {_OF_THEM}",
    "DELETE FROM mailsponge_mail.trace WHERE message = ANY(%(messages)s)",
    "DELETE FROM mailsponge_mail.message WHERE id = ANY(%(messages)s)",
    "DELETE FROM mailsponge_mail.ended WHERE message = ANY(%(messages)s)",
)
_HOPS: Final = "DELETE FROM mailsponge_mail.hop WHERE until < %s"
_NODES: Final = "DELETE FROM mailsponge_mail.node WHERE dead AND until < now() - interval '7 days'"


def tidy(reading: Reading, before: float, now: float) -> int:
    """Some of it; how many messages changed. Raises StoreError."""
    with reading.transaction() as connection:
        connection.execute(_HOPS, (before,))
        connection.execute(_NODES)
        emptied = empty_trash(connection, now, _AT_ONCE)
        return emptied + _remove_contents(connection, now) + _forget_stories(connection, before)


def _remove_contents(connection: Connection, now: float) -> int:
    """Looks again while it finds nothing but what is not to be removed."""
    while found := [message for (message,) in connection.execute(_ENDED, {"now": now, "most": _AT_ONCE})]:
        removed = _remove_some(connection, found, now)
        if removed:
            return removed
    return 0


def _remove_some(connection: Connection, found: list[int], now: float) -> int:
    gone: dict[int, float] = {}
    for message, waits, withdrawn_at, at, lies_in_a_mailbox in connection.execute(_HOW, {"messages": found}):
        until = None if withdrawn_at is None else withdrawn_at + KEPT_WITHDRAWN
        if until is not None and until > now and not waits:
            connection.execute(_LATER, (until, message))
        elif at is not None and not waits and not lies_in_a_mailbox:
            gone[message] = at
        else:
            connection.execute(_NOT_NOW, ([message],))
    heads = connection.execute(_HEADS, (list(gone),), binary=True).fetchall()
    with connection.pipeline():
        for message, head in heads:
            name = message_id(bytes(head))
            connection.execute(_REMOVE[0], (f"Message-ID: <{name}>\r\n".encode() if name else b"", message))
            connection.execute(_REMOVE[1], (message,))
            connection.execute(_REMOVE[2], (gone[message], message))
    return len(heads)


def _forget_stories(connection: Connection, before: float) -> int:
    found = [message for (message,) in connection.execute(_OLD, {"before": before, "most": _AT_ONCE})]
    for statement in _FORGET if found else ():
        connection.execute(statement, {"messages": found})
    return len(found)
