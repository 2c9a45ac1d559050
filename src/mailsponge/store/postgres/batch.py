"""What a batch is in PostgreSQL: a few statements, however many rows, sent together and answered together.

Rows go in as one array a column: a statement is the same however many there are, so the server parses it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailsponge.store.jobs import Batch, Job
from mailsponge.store.postgres.connection import Connection

_HEARD_OF: Final = b"SELECT mailsponge_mail.heard_of(%b::integer, %b::bigint, %b::double precision)"
_NEXT_IDS: Final = b"SELECT nextval('mailsponge_mail.message_id')"

_PARTS: Final = (
    b"INSERT INTO mailsponge_mail.part (message, number, content)"
    b" SELECT * FROM unnest(%b::bigint[], %b::integer[], %b::bytea[])"
)
_ARRIVING: Final = (
    b"INSERT INTO mailsponge_mail.arriving (message, node)"
    b" SELECT message, %b::integer FROM unnest(%b::bigint[]) AS message"
)
_MESSAGES: Final = (
    b"INSERT INTO mailsponge_mail.message (id, arrived_at, size, reverse_path, recipients, eight_bit, smtputf8,"
    b" peer, helo, reasons, mailboxes, parts, tail, steps)"
    b" SELECT * FROM unnest(%b::bigint[], %b::double precision[], %b::bigint[], %b::text[], %b::text[],"
    b" %b::boolean[], %b::boolean[], %b::text[], %b::text[], %b::text[], %b::text[], %b::integer[], %b::bytea[],"
    b" %b::text[])"
)
_DISCARDED: Final = b"DELETE FROM mailsponge_mail.arriving WHERE message = ANY(%b::bigint[])"
_PARTS_DISCARDED: Final = (
    b"DELETE FROM mailsponge_mail.part WHERE message = ANY(%b::bigint[])"
    b" AND NOT EXISTS (SELECT 1 FROM mailsponge_mail.message WHERE id = part.message)"
)


class PostgresBatch(Batch):
    """The rows of several jobs, on their way into one transaction."""

    __slots__ = ("is_sign_of_life",)

    def __init__(self) -> None:
        super().__init__()
        self.is_sign_of_life = False
        """It is to be committed even if nothing is to be written."""

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written, and nobody is to be told that this server lives."""
        return super().is_empty and not self.is_sign_of_life

    def write(
        self, connection: Connection, node: int, number: int, lease: float, *, with_ids: bool
    ) -> int | None:
        """Write the rows in one transaction, as so many-th batch of a node; durable once it returns. Returns the first
        of a block of ids if it was wanted. Raises what psycopg raises.
        """
        with connection.pipeline(), connection.transaction():
            connection.execute(_HEARD_OF, (node, number, lease))
            ids = connection.execute(_NEXT_IDS) if with_ids else None
            self._rows(connection, node)
        return None if ids is None else ids.fetchall()[0][0]

    def _rows(self, connection: Connection, node: int) -> None:
        if self.parts:
            connection.execute(_PARTS, _columns(self.parts))
            if first := [message for message, number, _ in self.parts if number == 0]:
                connection.execute(_ARRIVING, (node, first))
        if self.messages:
            connection.execute(_MESSAGES, _columns(self.messages))
        if self.discarded:
            connection.execute(_DISCARDED, (self.discarded,))
            connection.execute(_PARTS_DISCARDED, (self.discarded,))


def _columns(rows: Sequence[Sequence[object]]) -> list[Any]:
    return [list(column) for column in zip(*rows, strict=True)]


class SignOfLife(Job):
    """The other servers hear that this one lives, and this one draws numbers if it has few."""

    __slots__ = ("_then",)

    def __init__(self, then: Any) -> None:
        self._then = then

    def join(self, batch: Batch) -> None:
        """Nothing is written for it but what stands in every batch."""
        assert isinstance(batch, PostgresBatch)
        batch.is_sign_of_life = True

    def settle(self, fault: Any) -> None:
        """On the writer's thread."""
        self._then(fault)
