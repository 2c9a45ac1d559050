"""Reading the messages of the shared store for its lists, through a session of its own.

Each server reads what it accepted itself, and looks now and then for what others have left. One at a time writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from mailsponge import clock
from mailsponge.store import rows
from mailsponge.store.glance import BEGINNING, glance
from mailsponge.store.indexer import Indexer, Seen, place
from mailsponge.store.postgres.connection import Connection, Database
from mailsponge.store.postgres.reading import Reading
from mailsponge.store.postgres.schema import LOCK
from mailsponge.store.reading import LONGEST_THREAD

LOOKED_AGAIN: Final = 60.0
"""Seconds after which a server looks for what another one has accepted and not read: it may have died."""

_LOCKED: Final = f"SELECT pg_advisory_xact_lock({LOCK}, -1), set_config('synchronous_commit', 'off', true)"

_UNREAD: Final = """
mailsponge_mail.entry LEFT JOIN mailsponge_mail.box ON box.mailbox = entry.mailbox
LEFT JOIN mailsponge_mail.head ON head.id = (entry.message << 20) + box.number WHERE head.id IS NULL
"""
_ALL_UNREAD: Final = (
    f"SELECT DISTINCT entry.message FROM {_UNREAD} ORDER BY entry.message DESC LIMIT %(most)b::bigint"
)
_OF_THESE: Final = f"""
SELECT entry.message FROM {_UNREAD} AND entry.mailbox = %(mailbox)b AND entry.message = ANY(%(messages)b::bigint[])
"""
_MESSAGE: Final = f"""
SELECT reverse_path, recipients, eight_bit, smtputf8, wishes, arrived_at, size,
    CASE WHEN parts <= 0 THEN substring(tail FROM 1 FOR {BEGINNING}) ELSE coalesce(
        (SELECT substring(content FROM 1 FOR {BEGINNING}) FROM mailsponge_mail.part
            WHERE message = message.id AND number = 0), '') END
FROM mailsponge_mail.message WHERE id = %(message)b
"""

# Who marks or moves one of them meanwhile waits, and then finds it in the list.
_ENTRIES: Final = """
SELECT message, mailbox, folder, seen, starred FROM mailsponge_mail.entry WHERE message = ANY(%b::bigint[])
ORDER BY mailbox, message FOR NO KEY UPDATE
"""
_BOX: Final = "SELECT number FROM mailsponge_mail.box WHERE mailbox = %b"
_NEW_BOX: Final = "INSERT INTO mailsponge_mail.box (mailbox) VALUES (%b) RETURNING number"
_HEAD: Final = """
INSERT INTO mailsponge_mail.head (id, box, message, folder, seen, starred, thread, arrived_at, size, sender, recipients,
    subject, date, snippet, attachments)
VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING
"""
_FOUND: Final = "INSERT INTO mailsponge_mail.found (id, words) VALUES (%b, array_to_tsvector(%b::text[]))"
_KNOWN: Final = """
SELECT name, owned, thread FROM mailsponge_mail.mention JOIN mailsponge_mail.head ON head.id = mention.head
WHERE mention.box = %b::integer AND name = ANY(%b::bigint[])
"""
_SIZE: Final = f"""
SELECT count(*) FROM (SELECT FROM mailsponge_mail.head
    WHERE box = %b::integer AND thread = %b::bigint LIMIT {LONGEST_THREAD}) AS counted
"""
_JOIN: Final = (
    "UPDATE mailsponge_mail.head SET thread = %b::bigint WHERE box = %b::integer AND thread = %b::bigint"
)
_NAMED: Final = """
INSERT INTO mailsponge_mail.mention (box, name, head, owned)
    SELECT %b::integer, name, %b::bigint, false FROM unnest(%b::bigint[]) AS name ON CONFLICT DO NOTHING
"""
_OWNED: Final = """
INSERT INTO mailsponge_mail.mention AS old (box, name, head, owned) VALUES (%b::integer, %b::bigint, %b::bigint, true)
    ON CONFLICT (box, name) DO UPDATE SET head = excluded.head, owned = true WHERE NOT old.owned
"""


class PostgresIndexer(Indexer):
    """Indexes the messages of one database."""

    def __init__(self, database: Database, monotonic: clock.Clock = clock.monotonic) -> None:
        super().__init__()
        self._reading = Reading(database)
        self._monotonic = monotonic
        self._looked_at = monotonic()

    def index(self, most: int) -> int:
        """See `Indexer`."""
        if self._monotonic() > self._looked_at + LOOKED_AGAIN:
            self._backlog.must_look = True
        return super().index(most)

    def _unread(self, most: int) -> list[int]:
        self._looked_at = self._monotonic()
        return [message for (message,) in self._reading.rows(_ALL_UNREAD, most=most)]

    def _unread_of(self, mailbox: str, messages: Sequence[int]) -> list[int]:
        found = self._reading.rows(_OF_THESE, mailbox=mailbox, messages=list(messages))
        return [message for (message,) in found]

    def _seen(self, message: int) -> Seen | None:
        for *envelope, arrived_at, size, beginning in self._reading.rows(_MESSAGE, message=message):
            return Seen(message, (), arrived_at, size, glance(rows.envelope(*envelope), bytes(beginning)))
        return None

    def _write(self, portion: Sequence[Seen]) -> None:
        seen = {each.message: each for each in portion}
        boxes: dict[str, int] = {}
        with self._reading.transaction() as connection:
            connection.execute(_LOCKED)
            for message, mailbox, *marks in _rows(connection, _ENTRIES, list(seen)):
                if mailbox not in boxes:
                    boxes[mailbox] = _box(connection, mailbox)
                _put_into_lists(connection, boxes[mailbox], seen[message], marks)

    def close(self) -> None:
        """End the session."""
        self._reading.close()


def _rows(connection: Connection, statement: str, *values: object) -> list[Any]:
    return connection.execute(statement.encode(), values, binary=True).fetchall()


def _box(connection: Connection, mailbox: str) -> int:
    found = _rows(connection, _BOX, mailbox) or _rows(connection, _NEW_BOX, mailbox)
    return int(found[0][0])


def _put_into_lists(connection: Connection, box: int, seen: Seen, marks: Sequence[Any]) -> None:
    own, others = seen.glance.names
    where = place(seen.glance.names, partial(_mentions, connection, box), partial(_size, connection, box))
    thread = seen.message if where.thread is None else where.thread
    head = seen.head(box)
    values = (head, box, seen.message, *marks, thread, seen.arrived_at, seen.size, *seen.glance.said)
    more = (seen.glance.snippet, seen.glance.attachments)
    if not connection.execute(_HEAD.encode(), (*values, *more)).rowcount:
        return
    with connection.pipeline():
        connection.execute(_FOUND, (head, [f"in:{box}", *seen.glance.words.split()]))
        if where.joins is not None:
            connection.execute(_JOIN, (thread, box, where.joins))
        if others:
            connection.execute(_NAMED, (box, head, list(others)))
        if own is not None:
            connection.execute(_OWNED, (box, own, head))


def _mentions(connection: Connection, box: int, names: Sequence[int]) -> dict[int, tuple[bool, int]]:
    if not names:
        return {}
    found = _rows(connection, _KNOWN, box, list(names))
    return {name: (owned, thread) for name, owned, thread in found}


def _size(connection: Connection, box: int, thread: int) -> int:
    return int(_rows(connection, _SIZE, box, thread)[0][0])
