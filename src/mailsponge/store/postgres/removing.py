"""Removing a message from a mailbox of the shared store for good, and altogether where nobody needs it any more."""

from __future__ import annotations

from typing import Final

from mailsponge.store.course import numbers_of
from mailsponge.store.postgres.connection import Connection
from mailsponge.store.reading import KEPT_IN_TRASH, TRASH

IDS: Final = "delivery.id BETWEEN %(first)b AND %(last)b"
"""The deliveries of a message; `ids` has the values."""

# Whoever queues or settles something of the message meanwhile takes its turn.
HOW_IT_LIES: Final = f"""
SELECT EXISTS (SELECT 1 FROM mailsponge_mail.delivery WHERE {IDS} AND next_attempt_at IS NOT NULL),
    EXISTS (SELECT 1 FROM mailsponge_mail.entry WHERE message = %(message)b)
FROM mailsponge_mail.message WHERE id = %(message)b FOR UPDATE OF message
"""
DELETE: Final = (
    "DELETE FROM mailsponge_mail.entry WHERE message = %(message)b",
    f"DELETE FROM mailsponge_mail.delivery WHERE {IDS}",
    "DELETE FROM mailsponge_mail.ended WHERE message = %(message)b",
    "DELETE FROM mailsponge_mail.part WHERE message = %(message)b",
    "DELETE FROM mailsponge_mail.trace WHERE message = %(message)b",
    "DELETE FROM mailsponge_mail.message WHERE id = %(message)b",
)
_OUT_OF_TRASH: Final = f"""
DELETE FROM mailsponge_mail.entry WHERE mailbox = %(mailbox)b AND message = %(message)b AND folder = '{TRASH}'
RETURNING message
"""
_TOLD: Final = """
INSERT INTO mailsponge_mail.trace (message, at, what, why)
    VALUES (%(message)b, %(at)b, 'deleted', 'from the mailbox ' || %(mailbox)b)
"""
_OLD: Final = """
SELECT mailbox, message FROM mailsponge_mail.entry WHERE discarded_at < %b
ORDER BY discarded_at LIMIT %b::bigint FOR UPDATE SKIP LOCKED
"""


def ids(message_id: int) -> dict[str, int]:
    """The values of `IDS`."""
    first, last = numbers_of(message_id)
    return {"first": first, "last": last}


def remove(connection: Connection, mailbox: str, message: int, at: float) -> bool:
    """Remove what lies in the Trash of a mailbox; whether it did."""
    values = {"mailbox": mailbox, "message": message, "at": at, **ids(message)}
    if not connection.execute(_OUT_OF_TRASH.encode(), values).fetchall():
        return False
    how = connection.execute(HOW_IT_LIES.encode(), values).fetchall()
    is_needed = any(any(row) for row in how)
    for statement in (_TOLD,) if is_needed else DELETE:
        connection.execute(statement.encode(), values)
    return True


def empty_trash(connection: Connection, now: float, most: int) -> int:
    """Remove what has lain in the Trash of any mailbox for long enough, at most so many messages; how many."""
    old = connection.execute(_OLD.encode(), (now - KEPT_IN_TRASH, most)).fetchall()
    return sum(remove(connection, mailbox, message, now) for mailbox, message in old)
