"""Reading the messages of the SQLite store for its lists: beside the server's writer, through a connection of its own.

A commit here does not wait for the disk: what a loss of power takes is made again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw

from mailsponge.store import database, refusals, rows
from mailsponge.store.connection import Reading
from mailsponge.store.glance import BEGINNING, glance
from mailsponge.store.indexer import Indexer, Seen, place
from mailsponge.store.reading import LONGEST_THREAD

_ID: Final = "(entry.message << 20) + (SELECT number FROM box WHERE box.mailbox = entry.mailbox)"
_UNREAD: Final = f"NOT EXISTS (SELECT 1 FROM head WHERE head.id = {_ID})"
_ALL_UNREAD: Final = f"SELECT DISTINCT message FROM entry WHERE {_UNREAD} ORDER BY message DESC LIMIT ?"
_OF_THESE: Final = f"""
SELECT message FROM entry WHERE mailbox = ? AND message IN (SELECT value FROM json_each(?)) AND {_UNREAD}
"""

_MESSAGE: Final = f"""
SELECT reverse_path, recipients, eight_bit, smtputf8, wishes, arrived_at, size,
    coalesce(
        (SELECT substr(content, 1, {BEGINNING}) FROM part WHERE parts > 0 AND message = message.id AND number = 0),
        substr(tail, 1, {BEGINNING}), x''),
    (SELECT json_group_array(mailbox) FROM entry WHERE message = message.id AND mailbox IN (
        SELECT value FROM json_each(mailboxes) UNION SELECT user FROM delivery
        WHERE id BETWEEN message.id << 20 AND (message.id << 20) + 0xFFFFF))
FROM message WHERE id = ?
"""

_BOX: Final = """
INSERT INTO box (mailbox) VALUES (?) ON CONFLICT DO UPDATE SET mailbox = excluded.mailbox RETURNING number
"""
_HEAD: Final = """
INSERT INTO head (id, box, message, folder, seen, starred, thread, arrived_at, size, sender, recipients, subject, date,
        snippet, attachments)
    SELECT ?1, ?2, message, folder, seen, starred, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 FROM entry
    WHERE mailbox = ?3 AND message = ?4 ON CONFLICT DO NOTHING RETURNING id
"""
_FOUND: Final = "INSERT INTO found (rowid, words) VALUES (?, ?)"
_KNOWN: Final = """
SELECT name, owned, thread FROM mention JOIN head ON head.id = mention.head
WHERE mention.box = ? AND name IN (SELECT value FROM json_each(?))
"""
_SIZE: Final = (
    f"SELECT count(*) FROM (SELECT 1 FROM head WHERE box = ? AND thread = ? LIMIT {LONGEST_THREAD})"
)
_JOIN: Final = "UPDATE head SET thread = ? WHERE box = ? AND thread = ?"
_NAMED: Final = """
INSERT INTO mention (box, name, head, owned) SELECT ?, value, ?, 0 FROM json_each(?) WHERE true ON CONFLICT DO NOTHING
"""
_OWNED: Final = """
INSERT INTO mention (box, name, head, owned) VALUES (?, ?, ?, 1)
    ON CONFLICT DO UPDATE SET head = excluded.head, owned = 1 WHERE NOT owned
"""


class SqliteIndexer(Indexer):
    """Indexes the messages of one file."""

    def __init__(self, file: Path, connect: database.Connect) -> None:
        super().__init__()
        self._file = file
        self._connect = database.relaxed(connect)
        self._opening = threading.Lock()
        self._reading: Reading | None = None
        self._closed = False

    def _unread(self, most: int) -> list[int]:
        return [message for (message,) in self._opened().rows(_ALL_UNREAD, most)]

    def _unread_of(self, mailbox: str, messages: Sequence[int]) -> list[int]:
        return [message for (message,) in self._opened().rows(_OF_THESE, mailbox, rows.json(messages))]

    def _seen(self, message: int) -> Seen | None:
        for *envelope, arrived_at, size, beginning, mailboxes in self._opened().rows(_MESSAGE, message):
            read = glance(rows.envelope(*envelope), beginning)
            return Seen(message, rows.names(mailboxes), arrived_at, size, read)
        return None

    def _write(self, portion: Sequence[Seen]) -> None:
        with self._opened().transaction() as connection:
            for seen in portion:
                for mailbox in seen.mailboxes:
                    _put_into_lists(connection, mailbox, seen)

    def _opened(self) -> Reading:
        """When it is needed for the first time: who only reads a mail does not need it."""
        with self._opening:
            if self._closed:
                raise refusals.closed()
            if self._reading is None:
                self._reading = Reading(self._file, self._connect)
            return self._reading

    def close(self) -> None:
        """After whoever has their turn."""
        with self._turn, self._opening:
            self._closed = True
            if self._reading is not None:
                self._reading.close()


def _put_into_lists(connection: apsw.Connection, mailbox: str, seen: Seen) -> None:
    boxes: list[Any] = connection.execute(_BOX, (mailbox,)).fetchall()
    ((box,),) = boxes
    own, others = seen.glance.names
    where = place(seen.glance.names, partial(_mentions, connection, box), partial(_size, connection, box))
    thread = seen.message if where.thread is None else where.thread
    head = seen.head(box)
    values = (head, box, mailbox, seen.message, thread, seen.arrived_at, seen.size, *seen.glance.said)
    if not connection.execute(_HEAD, (*values, seen.glance.snippet, seen.glance.attachments)).fetchall():
        return
    connection.execute(_FOUND, (head, f"in:{box} {seen.glance.words}"))
    if where.joins is not None:
        connection.execute(_JOIN, (thread, box, where.joins))
    connection.execute(_NAMED, (box, head, rows.json(others)))
    if own is not None:
        connection.execute(_OWNED, (box, own, head))


def _mentions(connection: apsw.Connection, box: int, names: Sequence[int]) -> dict[int, tuple[bool, int]]:
    found: list[Any] = connection.execute(_KNOWN, (box, rows.json(names))).fetchall()
    return {name: (bool(owned), thread) for name, owned, thread in found}


def _size(connection: apsw.Connection, box: int, thread: int) -> int:
    counted: list[Any] = connection.execute(_SIZE, (box, thread)).fetchall()
    return int(counted[0][0])
