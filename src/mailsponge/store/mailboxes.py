"""Reading and tidying the SQLite store, from any process, whether its server runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import database, refusals, removing, rows
from mailsponge.store.connection import Reading
from mailsponge.store.content import pieces
from mailsponge.store.course import Course, numbers_of
from mailsponge.store.headings import HEAD, message_id
from mailsponge.store.listing import entry
from mailsponge.store.protocol import SEARCHED, Entry, HopDown, Message, Step
from mailsponge.store.story import story

_LINES = """
SELECT message.id, entry.mailbox, entry.seen, arrived_at, size, reverse_path, recipients, eight_bit, smtputf8, parts
FROM entry JOIN message ON message.id = entry.message WHERE folder <> 'Trash'
"""
_NEWEST_FIRST = "ORDER BY arrived_at DESC, message.id DESC, entry.mailbox"
_LIST_ALL = f"{_LINES} {_NEWEST_FIRST}"
_LIST_ONE = f"{_LINES} AND entry.mailbox = ? {_NEWEST_FIRST}"

_MESSAGE = """
SELECT reverse_path, recipients, eight_bit, smtputf8, wishes, arrived_at, peer, helo, reasons, steps, size,
    (SELECT json_group_array(mailbox) FROM entry WHERE message = message.id AND mailbox IN (
        SELECT value FROM json_each(mailboxes) UNION SELECT user FROM delivery WHERE id BETWEEN ?2 AND ?3))
FROM message WHERE id = ?1
"""

_SEEN = """
INSERT INTO trace (message, at, what, why)
    SELECT message, :at, 'opened', 'in the mailbox ' || mailbox FROM entry
    WHERE mailbox = :mailbox AND message = :message AND NOT seen;
UPDATE entry SET seen = 1 WHERE mailbox = :mailbox AND message = :message;
"""
_LATER = "SELECT at, what, why FROM trace WHERE message = ? ORDER BY id"

_COURSES = f"SELECT {rows.COURSE} FROM delivery WHERE id BETWEEN ? AND ? ORDER BY id"
_DOWN = """
SELECT name, until, failures, hop.why FROM hop
WHERE name IN (SELECT next_hop FROM delivery WHERE id BETWEEN ? AND ? AND next_attempt_at IS NOT NULL)
"""

_PART_HEAD = f"SELECT substr(content, 1, {HEAD}) FROM part WHERE message = ? AND number = 0"
_TAIL_HEAD = f"SELECT coalesce(substr(tail, 1, {HEAD}), x'') FROM message WHERE id = ?"

_MOST_FOUND = 1000
"""Heads that are read in search of a Message-ID; a text that is in more of them is none."""
_WITH_TEXT = f"""
SELECT id, head FROM (
    SELECT id, coalesce(
        (SELECT substr(content, 1, {HEAD}) FROM part WHERE parts > 0 AND message = message.id AND number = 0),
        substr(tail, 1, {HEAD}), x'') AS head
    FROM message ORDER BY id DESC LIMIT {SEARCHED})
WHERE instr(head, CAST(? AS BLOB)) LIMIT {_MOST_FOUND}
"""


class SqliteMailboxes:
    """See `protocol.Mailboxes`. Any number may be open on one data directory, beside a server; threads may share one.

    Raises StoreError when there is no store in ``directory`` that this program can read; it never makes one.
    """

    def __init__(
        self, directory: Path, *, connect: database.Connect = database.connect, now: clock.Clock = clock.now
    ) -> None:
        self._now = now
        self._reading = Reading(directory / database.NAME, connect)

    def mailboxes(self) -> list[str]:
        """Names of the mailboxes that hold mail."""
        return [name for (name,) in self._reading.rows("SELECT DISTINCT mailbox FROM entry ORDER BY mailbox")]

    def count(self) -> int:
        """A scan of small rows, about a millisecond for 100,000 of them."""
        count: int = self._reading.rows("SELECT count(*) FROM entry WHERE folder <> 'Trash'")[0][0]
        return count

    def mails(self, mailbox: str | None = None) -> list[Entry]:
        """Newest arrival first."""
        found = self._reading.rows(_LIST_ALL) if mailbox is None else self._reading.rows(_LIST_ONE, mailbox)
        lines = (self._entry(row) for row in found)
        return [line for line in lines if line is not None]

    def _entry(self, row: tuple[Any, ...]) -> Entry | None:
        """The line for a row of the list; None when the message was deleted meanwhile."""
        message_id, mailbox, seen, arrived_at, size, *envelope, parts = row
        head = self._reading.rows(_PART_HEAD if parts else _TAIL_HEAD, message_id)
        if not head:
            return None
        return entry(
            message_id,
            mailbox,
            rows.envelope(*envelope),
            head[0][0],
            arrived_at=arrived_at,
            size=size,
            seen=bool(seen),
        )

    def message(self, message_id: int) -> Message | None:
        """The message, or None."""
        for *envelope, arrived_at, peer, helo, reasons, steps, size, mailboxes in self._reading.rows(
            _MESSAGE, message_id, *numbers_of(message_id)
        ):
            return Message(
                id=message_id,
                envelope=rows.envelope(*envelope),
                mailboxes=tuple(sorted(rows.names(mailboxes))),
                arrived_at=arrived_at,
                peer=peer,
                helo=helo,
                reasons=rows.names(reasons),
                steps=rows.steps(steps),
                size=size,
            )
        return None

    def trace(self, message_id: int) -> list[Step]:
        """Its row's story, then the rows of what came later."""
        message = self.message(message_id)
        if message is None:
            raise refusals.no_such(message_id, self._reading.file)
        later = [Step(*row) for row in self._reading.rows(_LATER, message_id)]
        return story(message, later, self._courses(message_id), self._down(message_id))

    def _courses(self, message_id: int) -> list[Course]:
        """How its deliveries have gone so far."""
        return [rows.course(row) for row in self._reading.rows(_COURSES, *numbers_of(message_id))]

    def _down(self, message_id: int) -> dict[str, HopDown]:
        """Of the next hops that it waits for, those that nothing gets through to."""
        found = self._reading.rows(_DOWN, *numbers_of(message_id))
        return {name: HopDown(*down) for name, *down in found}

    def with_message_id(self, text: str) -> list[int]:
        """SQLite looks for the text, and each head that has it is read."""
        wanted = text.strip().strip("<>")
        if not wanted:
            return []
        heads = self._reading.rows(_WITH_TEXT, wanted)
        return [number for number, head in heads if message_id(head) == wanted]

    def content(self, message_id: int) -> Iterator[bytes]:
        """A part at a time, each read when it is asked for."""
        for (parts,) in self._reading.rows("SELECT parts FROM message WHERE id = ?", message_id):
            if parts == rows.CONTENT_REMOVED:
                raise refusals.removed(message_id)
            return pieces(self._reading, message_id, parts)
        raise refusals.no_such(message_id, self._reading.file)

    def mark_seen(self, message_id: int, mailbox: str) -> None:
        """Durable when it returns."""
        if not self._reading.change(_SEEN, mailbox=mailbox, message=message_id, at=self._now()):
            raise StoreError(
                f"message {message_id} does not lie in the mailbox {mailbox!r}: `mailsponge mail list` shows what does"
            )

    def delete(self, message_id: int) -> None:
        """Durable when it returns."""
        values = removing.values_of(message_id, self._now())
        with self._reading.transaction() as connection:
            waits = connection.execute(removing.WAITS, values).fetchall()
            if not connection.execute(removing.TAKE_OUT if waits else removing.DELETE, values).fetchall():
                where = self._reading.file
                raise refusals.only_waits(message_id) if waits else refusals.no_such(message_id, where)

    def close(self) -> None:
        """Let go of the file."""
        self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
