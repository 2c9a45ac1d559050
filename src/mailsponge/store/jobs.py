"""What has to be written: one small class a kind of job, and the batch that writes many of them with few
statements.

A job joins a batch (its rows are collected), the batch is written in one transaction, then each job is settled.
Rows of many messages go in by one INSERT: the writer lets go of the interpreter for every statement, and on a
busy server getting it back is what costs. Small messages need nothing else, no BEGIN, no COMMIT: the schema puts each
into its mailboxes, and one statement by itself is a transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import chain

import apsw
import msgspec

from mailsponge.errors import StoreError
from mailsponge.store.footprint import Footprint
from mailsponge.store.protocol import Acceptance, Done

Row = tuple[object, ...]

_ROWS_A_STATEMENT = 32
"""Each number of rows is a statement of its own; apsw keeps 100 of them prepared."""

_PART = "INSERT INTO part (message, number, content) VALUES (?, ?, ?)"
_DISCARD = "DELETE FROM part WHERE message = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?1)"
_DRAWN = "UPDATE drawn SET highest = ?1 WHERE highest < ?1"

_TRIES = 3

_encode = msgspec.json.Encoder().encode


class Batch:
    """The rows of several jobs, on their way into one transaction."""

    __slots__ = ("discarded", "drawn", "messages", "parts")

    def __init__(self) -> None:
        self.parts: list[Row] = []
        self.messages: list[Row] = []
        self.discarded: list[int] = []
        self.drawn: int | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written."""
        return not (self.messages or self.parts or self.discarded) and self.drawn is None

    def commit(self, connection: apsw.Connection) -> None:
        """Write the rows in one transaction; once it returns they are on the disk. Raises what apsw raises."""
        if self._is_one_statement:
            self._write(connection)
        else:
            connection.execute("BEGIN IMMEDIATE")
            self._write(connection)
            connection.execute("COMMIT")

    @property
    def _is_one_statement(self) -> bool:
        has_more = self.parts or self.discarded or self.drawn is not None
        return not has_more and len(self.messages) <= _ROWS_A_STATEMENT

    def _write(self, connection: apsw.Connection) -> None:
        for part in self.parts:
            connection.execute(_PART, part)
        for at in range(0, len(self.messages), _ROWS_A_STATEMENT):
            some = self.messages[at : at + _ROWS_A_STATEMENT]
            connection.execute(_accept(len(some), len(some[0])), tuple(chain.from_iterable(some)))
        for message_id in self.discarded:
            connection.execute(_DISCARD, (message_id,))
        if self.drawn is not None:
            connection.execute(_DRAWN, (self.drawn,))


@cache
def _accept(messages: int, columns: int) -> str:
    """The statement that accepts so many messages."""
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO message VALUES {', '.join([row] * messages)}"


class Job:
    """Something to be written. `done`, if there is one, is told the outcome through the store's `call`."""

    __slots__ = ()

    done: Done | None = None
    weight: int = 0
    """Bytes of content that it writes."""

    def join(self, batch: Batch) -> None:
        """Add what is to be written. Raises StoreError when it must not be."""

    def settle(self, fault: StoreError | None) -> Job | None:
        """Take note of the outcome, on the writer's thread; returns what has to be written because of it, later."""


def _json(value: object) -> str:
    return _encode(value).decode()


class Transfer:
    """How much of a large message's content the writer was handed, and what became of it.

    Each count is written by one thread alone and read by the other: `handed` and `parts` by the one that takes
    mail in, `settled` and `fault` by the writer.
    """

    __slots__ = ("fault", "footprint", "handed", "message_id", "parts", "settled")

    def __init__(self, message_id: int, footprint: Footprint) -> None:
        self.message_id = message_id
        self.footprint = footprint
        self.handed = 0
        self.settled = 0
        self.parts = 0
        self.fault: StoreError | None = None


class PartJob(Job):
    """A part of a large message that is still arriving."""

    __slots__ = ("_content", "_number", "_transfer", "weight")

    def __init__(self, transfer: Transfer, number: int, content: bytes) -> None:
        self._transfer = transfer
        self._number = number
        self._content = content
        self.weight = len(content)

    def join(self, batch: Batch) -> None:
        """After a part that failed, the rest of its message is not worth the disk."""
        if self._transfer.fault is not None:
            raise self._transfer.fault
        batch.parts.append((self._transfer.message_id, self._number, self._content))

    def settle(self, fault: StoreError | None) -> None:
        """Count it as gone, one way or the other."""
        self._transfer.settled += self.weight
        self._transfer.footprint.released += self.weight
        self._transfer.fault = self._transfer.fault or fault


class AcceptJob(Job):
    """The accepting of a message: its row, with the tail of its content. The schema puts it into its mailboxes."""

    __slots__ = ("_acceptance", "_size", "_tail", "_transfer", "done", "weight")

    def __init__(
        self, transfer: Transfer, size: int, tail: bytes, acceptance: Acceptance, done: Done
    ) -> None:
        self._transfer = transfer
        self._size = size
        self._tail = tail
        self._acceptance = acceptance
        self.done = done
        self.weight = len(tail)

    def join(self, batch: Batch) -> None:
        """Nothing is accepted without all of its parts."""
        if self._transfer.fault is not None:
            raise self._transfer.fault
        message_id = self._transfer.message_id
        batch.messages.append(self._row(message_id))

    def _row(self, message_id: int) -> Row:
        envelope, mailboxes, arrived_at, peer, helo, reasons, steps, *_ = self._acceptance
        reverse_path, recipients, eight_bit, smtputf8, *_ = envelope
        return (
            message_id,
            arrived_at,
            self._size,
            None if reverse_path is None else _json(reverse_path),
            _json(recipients),
            eight_bit,
            smtputf8,
            peer,
            helo,
            _json(reasons),
            _json(mailboxes),
            self._transfer.parts,
            self._tail,
            _json(steps),
        )

    def settle(self, fault: StoreError | None) -> Job | None:
        """A message that could not be accepted leaves its parts behind."""
        self._transfer.footprint.released += self.weight
        return DiscardJob(self._transfer.message_id) if fault and self._transfer.parts else None


class DiscardJob(Job):
    """The parts of a message that will not be accepted are removed."""

    __slots__ = ("_message_id", "_tries")

    def __init__(self, message_id: int) -> None:
        self._message_id = message_id
        self._tries = _TRIES

    def join(self, batch: Batch) -> None:
        """Remove all that is there; nobody can have seen it."""
        batch.discarded.append(self._message_id)

    def settle(self, fault: StoreError | None) -> Job | None:
        """Worth trying again once the store is well; in the end the next server's sweep does it."""
        self._tries -= 1
        return self if fault and self._tries else None


class DrawnJob(Job):
    """Ids were drawn up to here: none of them is to be drawn again."""

    __slots__ = ("_highest",)

    def __init__(self, highest: int) -> None:
        self._highest = highest

    def join(self, batch: Batch) -> None:
        """Keep the highest."""
        batch.drawn = self._highest


class MarkJob(Job):
    """Nothing to write: its `done` tells that everything handed over before it is settled."""

    __slots__ = ("done",)

    def __init__(self, then: Callable[[], None]) -> None:
        self.done = lambda _fault: then()
