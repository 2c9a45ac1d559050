"""Reading the messages of the SQLite store for its lists: beside the server's writer, through a connection of its own.

Messages are read first, and what was made of them is written in one short transaction, so that mail which comes in
hardly waits for it. It does not wait for the disk either: what a loss of power takes is made again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from mailsponge.store import database, rows, threads
from mailsponge.store.backlog import MOST, Backlog
from mailsponge.store.connection import Reading
from mailsponge.store.glance import BEGINNING, Glance, glance
from mailsponge.store.reading import LONGEST_THREAD
from mailsponge.store.threads import Known, Place

_MESSAGES_AT_ONCE: Final = 50
"""... that are written in one transaction."""
_WORDS_AT_ONCE: Final = 500_000
"""Characters of words, likewise: what takes long is to find room for each in the index."""

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


class Seen(NamedTuple):
    """A message that was read."""

    message: int
    mailboxes: tuple[str, ...]
    arrived_at: float
    size: int
    glance: Glance


class Indexer:
    """Indexes the messages of one file. Threads may share it; one at a time has its turn."""

    def __init__(self, file: Path, connect: database.Connect) -> None:
        self.backlog = Backlog()
        self._file = file
        self._connect = database.relaxed(connect)
        self._turn = threading.Lock()
        self._reading: Reading | None = None
        self.is_told = False
        """Whoever accepts messages notes them in the backlog: if it is empty, there are none."""

    def index(self, most: int) -> int:
        """See `reading.Inbox`. Raises StoreError."""
        with self._turn:
            taken = self.backlog.take(most)
            if not taken and (self.backlog.must_look or not self.is_told):
                self._look()
                taken = self.backlog.take(most)
            self._index(taken)
            return len(taken)

    def read(self, mailbox: str, messages: Sequence[int]) -> None:
        """Those of them that lie in the mailbox and were not read yet. Raises StoreError."""
        with self._turn:
            unread = self._opened().rows(_OF_THESE, mailbox, rows.json(messages))
            self._index([message for (message,) in unread])

    def _look(self) -> None:
        """For what was there before this process, and what it has not kept in mind."""
        self.backlog.must_look = False
        found = [message for (message,) in self._opened().rows(_ALL_UNREAD, MOST)]
        self.backlog.note(reversed(found))
        if len(found) == MOST:
            self.backlog.must_look = True

    def _index(self, messages: Sequence[int]) -> None:
        portion: list[Seen] = []
        weight = 0
        for seen in self._seen(messages):
            portion.append(seen)
            weight += len(seen.glance.words)
            if len(portion) >= _MESSAGES_AT_ONCE or weight >= _WORDS_AT_ONCE:
                self._write(portion)
                portion, weight = [], 0
        if portion:
            self._write(portion)

    def _seen(self, messages: Sequence[int]) -> Iterator[Seen]:
        for message in messages:
            for row in self._opened().rows(_MESSAGE, message):
                *envelope, arrived_at, size, beginning, mailboxes = row
                read = glance(rows.envelope(*envelope), beginning)
                yield Seen(message, rows.names(mailboxes), arrived_at, size, read)

    def _write(self, portion: Sequence[Seen]) -> None:
        with self._opened().transaction() as connection:
            for seen in portion:
                for mailbox in seen.mailboxes:
                    _put_into_lists(connection, mailbox, seen)

    def _opened(self) -> Reading:
        if self._reading is None:
            self._reading = Reading(self._file, self._connect)
        return self._reading

    def close(self) -> None:
        """Let go of the file. A second time does nothing."""
        with self._turn:
            if self._reading is not None:
                self._reading.close()


def _put_into_lists(connection: apsw.Connection, mailbox: str, seen: Seen) -> None:
    """Unless it is in them, or has left the mailbox meanwhile."""
    boxes: list[Any] = connection.execute(_BOX, (mailbox,)).fetchall()
    ((box,),) = boxes
    place = _place(connection, box, seen.glance.names)
    said, head = seen.glance.said, (seen.message << 20) + box
    thread = seen.message if place.thread is None else place.thread
    values = (head, box, mailbox, seen.message, thread, seen.arrived_at, seen.size, *said)
    if not connection.execute(_HEAD, (*values, seen.glance.snippet, seen.glance.attachments)).fetchall():
        return
    connection.execute(_FOUND, (head, f"in:{box} {seen.glance.words}"))
    own, others = seen.glance.names
    if place.joins is not None:
        connection.execute(_JOIN, (thread, box, place.joins))
    connection.execute(_NAMED, (box, head, rows.json(others)))
    if own is not None:
        connection.execute(_OWNED, (box, own, head))


def _place(connection: apsw.Connection, box: int, names: threads.Names) -> Place:
    own, others = names
    wanted = rows.json(others if own is None else (own, *others))
    found: dict[Any, Any] = {
        name: more for name, *more in connection.execute(_KNOWN, (box, wanted)).fetchall()
    }
    nearest = next((name for name in others if name in found), None)

    def known(name: int | None) -> Known | None:
        if name not in found:
            return None
        owned, thread = found[name]
        sizes: list[Any] = connection.execute(_SIZE, (box, thread)).fetchall()
        return Known(thread, bool(owned), sizes[0][0])

    return threads.place(known(own), known(nearest))
