"""Removing a message from a mailbox of the SQLite store for good, and altogether where nobody needs it any more."""

from __future__ import annotations

from typing import Any, Final

import apsw

from mailsponge.store.course import numbers_of
from mailsponge.store.reading import KEPT_IN_TRASH, TRASH

_MAILBOXES: Final = """
SELECT value FROM message JOIN json_each(mailboxes) WHERE message.id = :message
UNION SELECT user FROM delivery WHERE id BETWEEN :first AND :last
"""
WAITS: Final = """
SELECT 1 FROM delivery WHERE id BETWEEN :first AND :last AND next_attempt_at IS NOT NULL LIMIT 1
"""
TAKE_OUT: Final = f"""
INSERT INTO trace (message, at, what, why)
    SELECT message, :at, 'deleted', 'from the mailbox ' || mailbox FROM entry
    WHERE message = :message AND mailbox IN ({_MAILBOXES}) ORDER BY mailbox
    RETURNING id;
DELETE FROM entry WHERE message = :message AND mailbox IN ({_MAILBOXES});
"""
DELETE: Final = f"""
DELETE FROM entry WHERE message = :message AND mailbox IN ({_MAILBOXES});
DELETE FROM part WHERE message = :message;
DELETE FROM trace WHERE message = :message;
DELETE FROM delivery WHERE id BETWEEN :first AND :last;
DELETE FROM message WHERE id = :message RETURNING id;
"""
_TAKE_OUT_OF_TRASH: Final = f"""
DELETE FROM entry WHERE mailbox = :mailbox AND message = :message AND folder = '{TRASH}' RETURNING message
"""
_LIES_ELSEWHERE: Final = f"SELECT 1 FROM entry WHERE message = :message AND mailbox IN ({_MAILBOXES}) LIMIT 1"
_TOLD: Final = """
INSERT INTO trace (message, at, what, why) VALUES (:message, :at, 'deleted', 'from the mailbox ' || :mailbox)
"""
_OLD: Final = "SELECT mailbox, message FROM entry WHERE discarded_at < ? ORDER BY discarded_at LIMIT ?"


def values_of(message: int, at: float) -> dict[str, object]:
    """What the statements take."""
    first, last = numbers_of(message)
    return {"message": message, "first": first, "last": last, "at": at}


def remove(connection: apsw.Connection, mailbox: str, message: int, at: float) -> bool:
    """Remove what lies in the Trash of a mailbox; whether it did."""
    values = {**values_of(message, at), "mailbox": mailbox}
    if not connection.execute(_TAKE_OUT_OF_TRASH, values).fetchall():
        return False
    is_needed = any(connection.execute(each, values).fetchall() for each in (WAITS, _LIES_ELSEWHERE))
    connection.execute(_TOLD if is_needed else DELETE, values)
    return True


def empty_trash(connection: apsw.Connection, now: float, most: int) -> int:
    """Remove what has lain in the Trash of any mailbox for long enough, at most so many messages; how many."""
    old: list[Any] = connection.execute(_OLD, (now - KEPT_IN_TRASH, most)).fetchall()
    return sum(remove(connection, mailbox, message, now) for mailbox, message in old)
