"""Reading and tidying the SQLite store, from any process, whether its server runs or not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store import database
from mailsponge.store.faults import worded
from mailsponge.store.headings import HEAD, message_id
from mailsponge.store.listing import entry
from mailsponge.store.protocol import SEARCHED, Entry, Message, Step
from mailsponge.store.story import story

_LINES = """
SELECT message.id, entry.mailbox, entry.seen, arrived_at, size, reverse_path, recipients, eight_bit, smtputf8, parts
FROM entry JOIN message ON message.id = entry.message
"""
_NEWEST_FIRST = "ORDER BY arrived_at DESC, message.id DESC, entry.mailbox"
_LIST_ALL = f"{_LINES} {_NEWEST_FIRST}"
_LIST_ONE = f"{_LINES} WHERE entry.mailbox = ? {_NEWEST_FIRST}"

_MESSAGE = """
SELECT reverse_path, recipients, eight_bit, smtputf8, arrived_at, peer, helo, reasons, steps, size,
    (SELECT json_group_array(entry.mailbox) FROM json_each(mailboxes) CROSS JOIN entry
     WHERE entry.mailbox = json_each.value AND entry.message = message.id)
FROM message WHERE id = ?
"""

_SEEN = """
INSERT INTO trace (message, at, what, why)
    SELECT message, :at, 'opened', 'in the mailbox ' || mailbox FROM entry
    WHERE mailbox = :mailbox AND message = :message AND NOT seen;
UPDATE entry SET seen = 1 WHERE mailbox = :mailbox AND message = :message;
"""
_LATER = "SELECT at, what, why FROM trace WHERE message = ? ORDER BY id"

_DELETE = """
DELETE FROM entry WHERE message = :message
    AND mailbox IN (SELECT value FROM message JOIN json_each(mailboxes) WHERE message.id = :message);
DELETE FROM part WHERE message = :message;
DELETE FROM trace WHERE message = :message;
DELETE FROM message WHERE id = :message;
"""

_PART = "SELECT content FROM part WHERE message = ? AND number = ?"
_TAIL = "SELECT tail FROM message WHERE id = ?"
_PART_HEAD = f"SELECT substr(content, 1, {HEAD}) FROM part WHERE message = ? AND number = 0"
_TAIL_HEAD = f"SELECT coalesce(substr(tail, 1, {HEAD}), x'') FROM message WHERE id = ?"

_MOST_FOUND = 1000
"""Heads that are read in search of a Message-ID; a text that is in more of them is none."""
_WITH_TEXT = f"""
SELECT id, head FROM (
    SELECT id, coalesce(
        (SELECT substr(content, 1, {HEAD}) FROM part WHERE parts AND message = message.id AND number = 0),
        substr(tail, 1, {HEAD}), x'') AS head
    FROM message ORDER BY id DESC LIMIT {SEARCHED})
WHERE instr(head, CAST(? AS BLOB)) LIMIT {_MOST_FOUND}
"""

_address = msgspec.json.Decoder(Address).decode
_addresses = msgspec.json.Decoder(tuple[Address, ...]).decode
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_steps = msgspec.json.Decoder(tuple[Step, ...]).decode


class SqliteMailboxes:
    """See `protocol.Mailboxes`. Any number may be open on one data directory, beside a server; threads may share one.

    Raises StoreError when there is no store in ``directory`` that this program can read; it never makes one.
    """

    def __init__(
        self, directory: Path, *, connect: database.Connect = database.connect, now: clock.Clock = clock.now
    ) -> None:
        self._now = now
        self._file = directory / database.NAME
        self._turn = threading.Lock()
        self._connection = database.open_beside(self._file, connect)

    def mailboxes(self) -> list[str]:
        """Names of the mailboxes that hold mail."""
        return [name for (name,) in self._rows("SELECT DISTINCT mailbox FROM entry ORDER BY mailbox")]

    def count(self) -> int:
        """A scan of small rows, about a millisecond for 100,000 of them."""
        count: int = self._rows("SELECT count(*) FROM entry")[0][0]
        return count

    def mails(self, mailbox: str | None = None) -> list[Entry]:
        """Newest arrival first."""
        rows = self._rows(_LIST_ALL) if mailbox is None else self._rows(_LIST_ONE, mailbox)
        lines = (self._entry(row) for row in rows)
        return [line for line in lines if line is not None]

    def _entry(self, row: tuple[Any, ...]) -> Entry | None:
        """The line for a row of the list; None when the message was deleted meanwhile."""
        message_id, mailbox, seen, arrived_at, size, *envelope, parts = row
        head = self._rows(_PART_HEAD if parts else _TAIL_HEAD, message_id)
        if not head:
            return None
        return entry(
            message_id,
            mailbox,
            _envelope(*envelope),
            head[0][0],
            arrived_at=arrived_at,
            size=size,
            seen=bool(seen),
        )

    def message(self, message_id: int) -> Message | None:
        """The message, or None."""
        for *envelope, arrived_at, peer, helo, reasons, steps, size, mailboxes in self._rows(
            _MESSAGE, message_id
        ):
            return Message(
                id=message_id,
                envelope=_envelope(*envelope),
                mailboxes=tuple(sorted(_names(mailboxes))),
                arrived_at=arrived_at,
                peer=peer,
                helo=helo,
                reasons=_names(reasons),
                steps=_steps(steps),
                size=size,
            )
        return None

    def trace(self, message_id: int) -> list[Step]:
        """Its row's story, then the rows of what came later."""
        message = self.message(message_id)
        if message is None:
            raise _no_such(message_id, self._file)
        return story(message, [Step(*row) for row in self._rows(_LATER, message_id)])

    def with_message_id(self, text: str) -> list[int]:
        """SQLite looks for the text, and each head that has it is read."""
        wanted = text.strip().strip("<>")
        if not wanted:
            return []
        heads = self._rows(_WITH_TEXT, wanted)
        return [number for number, head in heads if message_id(head) == wanted]

    def content(self, message_id: int) -> Iterator[bytes]:
        """A part at a time, each read when it is asked for."""
        for (parts,) in self._rows("SELECT parts FROM message WHERE id = ?", message_id):
            return self._pieces(message_id, parts)
        raise _no_such(message_id, self._file)

    def _pieces(self, message_id: int, parts: int) -> Iterator[bytes]:
        for number in range(parts):
            yield self._piece(message_id, _PART, message_id, number)
        yield self._piece(message_id, _TAIL, message_id)

    def _piece(self, message_id: int, query: str, *values: int) -> bytes:
        for (piece,) in self._rows(query, *values):
            return bytes(piece)
        raise StoreError(f"message {message_id} was deleted while it was being read")

    def mark_seen(self, message_id: int, mailbox: str) -> None:
        """Durable when it returns."""
        if not self._change(_SEEN, mailbox=mailbox, message=message_id, at=self._now()):
            raise StoreError(
                f"message {message_id} does not lie in the mailbox {mailbox!r}: `mailsponge mail list` shows what does"
            )

    def delete(self, message_id: int) -> None:
        """Durable when it returns."""
        if not self._change(_DELETE, message=message_id):
            raise _no_such(message_id, self._file)

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._turn, worded(self._file):
            return self._connection.execute(query, values).fetchall()

    def _change(self, statements: str, **values: object) -> int:
        """How many rows changed, in one transaction that waits for its turn among other writers."""
        with self._turn, worded(self._file), database.transaction(self._connection):
            before = self._connection.total_changes()
            self._connection.execute(statements, values)
            return self._connection.total_changes() - before

    def close(self) -> None:
        """Let go of the file."""
        with self._turn, worded(self._file):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _envelope(reverse_path: str | None, recipients: str, eight_bit: int, smtputf8: int) -> Envelope:
    return Envelope(
        reverse_path=None if reverse_path is None else _address(reverse_path),
        recipients=_addresses(recipients),
        eight_bit=bool(eight_bit),
        smtputf8=bool(smtputf8),
    )


def _no_such(message_id: int, file: Path) -> StoreError:
    return StoreError(
        f"there is no message {message_id} in {file}: `mailsponge mail list` shows what there is"
    )
