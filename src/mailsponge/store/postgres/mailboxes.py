"""Reading and tidying the mailboxes of the shared store, from any machine, whether servers run or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import refusals, rows
from mailsponge.store.headings import HEAD, message_id
from mailsponge.store.listing import entry
from mailsponge.store.postgres.connection import Connection, Database
from mailsponge.store.postgres.reading import Reading
from mailsponge.store.postgres.removing import DELETE, HOW_IT_LIES, IDS, ids
from mailsponge.store.postgres.schema import require_up_to_date
from mailsponge.store.protocol import SEARCHED, Entry, HopDown, Message, Step
from mailsponge.store.story import story

HEADED = f"""
CASE WHEN parts <= 0 THEN substring(tail FROM 1 FOR {HEAD}) ELSE coalesce(
    (SELECT substring(content FROM 1 FOR {HEAD}) FROM mailsponge_mail.part WHERE message = message.id AND number = 0),
    '') END
"""
_LINES = f"""
SELECT message.id, entry.mailbox, entry.seen, arrived_at, size,
    reverse_path, recipients, eight_bit, smtputf8, wishes, {HEADED}
FROM mailsponge_mail.entry JOIN mailsponge_mail.message ON message.id = entry.message WHERE folder <> 'Trash'
"""
_NEWEST_FIRST = "ORDER BY arrived_at DESC, message.id DESC, entry.mailbox"
_COUNT = "SELECT count(*) FROM mailsponge_mail.entry WHERE folder <> 'Trash'"
_LIST_ALL = f"{_LINES} {_NEWEST_FIRST}"
_LIST_ONE = f"{_LINES} AND entry.mailbox = %(mailbox)b {_NEWEST_FIRST}"

# From one name to the next by the index: there may be millions of messages behind each.
_MAILBOXES = """
WITH RECURSIVE name (mailbox) AS (
    (SELECT min(mailbox) FROM mailsponge_mail.entry)
    UNION ALL
    SELECT (SELECT min(entry.mailbox) FROM mailsponge_mail.entry WHERE entry.mailbox > name.mailbox)
    FROM name WHERE name.mailbox IS NOT NULL)
SELECT mailbox FROM name WHERE mailbox IS NOT NULL ORDER BY mailbox
"""

_MESSAGE = """
SELECT reverse_path, recipients, eight_bit, smtputf8, wishes, arrived_at, peer, helo, reasons, steps, size,
    (SELECT coalesce(json_agg(mailbox), '[]')::text FROM mailsponge_mail.entry WHERE message = id)
FROM mailsponge_mail.message WHERE id = %(message)b
"""
COURSE = """
recipient, address, resident, next_hop, attempts, next_attempt_at, held, result, status, why, reply, said_by, at
"""
"""The columns that `rows.course` takes."""
_COURSES = f"SELECT {COURSE} FROM mailsponge_mail.delivery WHERE {IDS} ORDER BY id"
_DOWN = f"""
SELECT name, until, failures, why FROM mailsponge_mail.hop
WHERE name IN (SELECT next_hop FROM mailsponge_mail.delivery WHERE {IDS} AND next_attempt_at IS NOT NULL)
"""

_SEEN = """
WITH seen AS (
    UPDATE mailsponge_mail.entry SET seen = true
    WHERE mailbox = %(mailbox)b AND message = %(message)b AND NOT seen RETURNING message, mailbox)
INSERT INTO mailsponge_mail.trace (message, at, what, why)
    SELECT message, %(at)b, 'opened', 'in the mailbox ' || mailbox FROM seen
"""
_LIES_IN = "SELECT 1 FROM mailsponge_mail.entry WHERE mailbox = %(mailbox)b AND message = %(message)b"
_LATER = "SELECT at, what, why FROM mailsponge_mail.trace WHERE message = %(message)b ORDER BY id"

_OUT_OF_MAILBOXES = """
WITH gone AS (DELETE FROM mailsponge_mail.entry WHERE message = %(message)b RETURNING mailbox)
INSERT INTO mailsponge_mail.trace (message, at, what, why)
    SELECT %(message)b, %(at)b, 'deleted', 'from the mailbox ' || mailbox FROM gone ORDER BY mailbox
"""
_PARTS = "SELECT parts FROM mailsponge_mail.message WHERE id = %(message)b"
_PART = "SELECT content FROM mailsponge_mail.part WHERE message = %(message)b AND number = %(number)b"
_TAIL = "SELECT tail FROM mailsponge_mail.message WHERE id = %(message)b"

_MOST_FOUND = 1000
"""Heads that are read in search of a Message-ID; a text that is in more of them is none."""
_WITH_TEXT = f"""
SELECT id, head FROM (
    SELECT id, {HEADED} AS head FROM mailsponge_mail.message ORDER BY id DESC LIMIT {SEARCHED}) AS newest
WHERE position(%(text)b IN head) > 0 ORDER BY id DESC LIMIT {_MOST_FOUND}
"""


class PostgresMailboxes:
    """See `protocol.Mailboxes`. Any number may be open, beside any number of servers; threads may share one.

    Raises StoreError when there is no store in the database at ``url`` that this program can read; it never makes one.
    """

    def __init__(self, url: str, *, now: clock.Clock = clock.now) -> None:
        self._begin(Database(url), now, require_up_to_date)

    def _begin(
        self, database: Database, now: clock.Clock, check: Callable[[Connection, str], None] | None
    ) -> None:
        self._now = now
        self._database = database
        self._reading = Reading(database)
        if check is not None:
            try:
                with self._reading.transaction() as connection:
                    check(connection, database.shown)
            except BaseException:
                self._reading.close()
                raise

    def mailboxes(self) -> list[str]:
        """Names of the mailboxes that hold mail."""
        return [name for (name,) in self._reading.rows(_MAILBOXES)]

    def count(self) -> int:
        """A scan."""
        count: int = self._reading.rows(_COUNT)[0][0]
        return count

    def mails(self, mailbox: str | None = None) -> list[Entry]:
        """Newest arrival first."""
        query = _LIST_ALL if mailbox is None else _LIST_ONE
        return [_entry(row) for row in self._reading.stream(query, mailbox=mailbox)]

    def message(self, message_id: int) -> Message | None:
        """The message, or None."""
        for *envelope, arrived_at, peer, helo, reasons, steps, size, mailboxes in self._reading.rows(
            _MESSAGE, message=message_id
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
            raise refusals.no_such(message_id, self._database.shown)
        later = [Step(*row) for row in self._reading.rows(_LATER, message=message_id)]
        courses = [rows.course(row) for row in self._reading.rows(_COURSES, **ids(message_id))]
        down = {name: HopDown(*down) for name, *down in self._reading.rows(_DOWN, **ids(message_id))}
        return story(message, later, courses, down)

    def with_message_id(self, text: str) -> list[int]:
        """PostgreSQL looks for the text, and each head that has it is read."""
        wanted = text.strip().strip("<>")
        if not wanted:
            return []
        heads = self._reading.rows(_WITH_TEXT, text=wanted.encode())
        return [number for number, head in heads if message_id(head) == wanted]

    def content(self, message_id: int) -> Iterator[bytes]:
        """A part at a time, each read when it is asked for."""
        for (parts,) in self._reading.rows(_PARTS, message=message_id):
            if parts == rows.CONTENT_REMOVED:
                raise refusals.removed(message_id)
            return self._pieces(message_id, parts)
        raise refusals.no_such(message_id, self._database.shown)

    def _pieces(self, message_id: int, parts: int) -> Iterator[bytes]:
        for number in range(parts):
            yield self._piece(message_id, _PART, number=number)
        yield self._piece(message_id, _TAIL)

    def _piece(self, message_id: int, query: str, **values: int) -> bytes:
        for (piece,) in self._reading.rows(query, message=message_id, **values):
            return bytes(piece)
        raise StoreError(f"message {message_id} was deleted while it was being read")

    def mark_seen(self, message_id: int, mailbox: str) -> None:
        """Durable when it returns."""
        if self._reading.change(_SEEN, mailbox=mailbox, message=message_id, at=self._now()):
            return
        if not self._reading.rows(_LIES_IN, mailbox=mailbox, message=message_id):
            raise StoreError(
                f"message {message_id} does not lie in the mailbox {mailbox!r}: `mailsponge mail list` shows what does"
            )

    def delete(self, message_id: int) -> None:
        """Durable when it returns."""
        values = {"message": message_id, "at": self._now(), **ids(message_id)}
        with self._reading.transaction() as connection:
            found = connection.execute(HOW_IT_LIES.encode(), values).fetchall()
            if not found:
                raise refusals.no_such(message_id, self._database.shown)
            ((waits, lies_in_a_mailbox),) = found
            if waits and not lies_in_a_mailbox:
                raise refusals.only_waits(message_id)
            for statement in (_OUT_OF_MAILBOXES,) if waits else DELETE:
                connection.execute(statement.encode(), values)

    def close(self) -> None:
        """End the session."""
        self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _entry(row: tuple[Any, ...]) -> Entry:
    number, mailbox, seen, arrived_at, size, *envelope, head = row
    return entry(
        number, mailbox, rows.envelope(*envelope), bytes(head), arrived_at=arrived_at, size=size, seen=seen
    )
