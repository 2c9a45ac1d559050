"""What a batch is in PostgreSQL: a few statements, however many rows, sent together and answered together.

Rows go in as one array a column: a statement is the same however many there are, so the server parses it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mailsponge.store.jobs import Batch, Filed
from mailsponge.store.postgres.connection import Connection
from mailsponge.store.protocol import Settlement
from mailsponge.store.rows import Row
from mailsponge.store.settling import told

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
    b" peer, helo, reasons, mailboxes, parts, tail, steps, wishes, deliveries)"
    b" SELECT * FROM unnest(%b::bigint[], %b::double precision[], %b::bigint[], %b::text[], %b::text[],"
    b" %b::boolean[], %b::boolean[], %b::text[], %b::text[], %b::text[], %b::text[], %b::integer[], %b::bytea[],"
    b" %b::text[], %b::text[], %b::text[])"
)
_DISCARDED: Final = b"DELETE FROM mailsponge_mail.arriving WHERE message = ANY(%b::bigint[])"
_PARTS_DISCARDED: Final = (
    b"DELETE FROM mailsponge_mail.part WHERE message = ANY(%b::bigint[])"
    b" AND NOT EXISTS (SELECT 1 FROM mailsponge_mail.message WHERE id = part.message)"
)

# What waits; or was withdrawn while it was tried, and is where it should be all the same. No other node's.
_SETTLED: Final = b"""
WITH settled AS (
    UPDATE mailsponge_mail.delivery SET attempts = attempts + 1, next_attempt_at = new.next_attempt_at,
        warned = new.warned, result = new.result, status = new.status, why = new.why, reply = new.reply,
        said_by = new.said_by, at = new.at, claimed_by = NULL
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::double precision[],
        %b::double precision[], %b::boolean[])
        AS new (id, result, status, why, reply, said_by, at, next_attempt_at, warned)
    WHERE delivery.id = new.id AND claimed_by = %b::integer AND (delivery.next_attempt_at IS NOT NULL
        OR delivery.result = 'withdrawn' AND new.result IN ('delivered', 'relayed'))
    RETURNING delivery.id, delivery.address, new.next_attempt_at),
ended AS (
    INSERT INTO mailsponge_mail.ended (message) SELECT DISTINCT id >> 20 FROM settled WHERE next_attempt_at IS NULL
        ORDER BY 1 ON CONFLICT (message) DO UPDATE SET told = false, at = 0)
SELECT id, address FROM settled
"""
# Some came too late to be settled; they are nobody's all the same.
_LET_GO: Final = (
    b"UPDATE mailsponge_mail.delivery SET claimed_by = NULL"
    b" WHERE id = ANY(%b::bigint[]) AND claimed_by = %b::integer"
)
_STEPS: Final = (
    b"INSERT INTO mailsponge_mail.trace (message, at, what, why)"
    b" SELECT * FROM unnest(%b::bigint[], %b::double precision[], %b::text[], %b::text[])"
)
_PUT_INTO: Final = (
    b"SELECT mailsponge_mail.put_into(message, mailbox)"
    b" FROM unnest(%b::bigint[], %b::text[]) AS new (message, mailbox)"
)
_UP: Final = b"DELETE FROM mailsponge_mail.hop WHERE name = ANY(%b::text[])"
_DOWN: Final = (
    b"INSERT INTO mailsponge_mail.hop (name, until, failures, why)"
    b" SELECT * FROM unnest(%b::text[], %b::double precision[], %b::integer[], %b::text[]) ORDER BY 1"
    b" ON CONFLICT (name) DO UPDATE"
    b" SET until = excluded.until, failures = excluded.failures, why = excluded.why"
)


class PostgresBatch(Batch):
    """The rows of several jobs, on their way into one transaction."""

    __slots__ = ("is_sign_of_life", "let_go")

    def __init__(self) -> None:
        super().__init__()
        self.is_sign_of_life = False
        """It is to be committed even if nothing is to be written."""
        self.let_go: list[int] = []

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written, and nobody is to be told that this server lives."""
        return super().is_empty and not (self.is_sign_of_life or self.let_go)

    def write(
        self, connection: Connection, node: int, number: int, lease: float, *, with_ids: bool
    ) -> int | None:
        """Write the rows in one transaction, as so many-th batch of a node; durable once it returns. Returns the first
        of a block of ids if it was wanted. Raises what psycopg raises.
        """
        with connection.pipeline(), connection.transaction():
            connection.execute(_HEARD_OF, (node, number, lease))
            ids = connection.execute(_NEXT_IDS) if with_ids else None
            reports = self._outcomes(connection, node)
            self._messages(connection, node, reports)
            self._rest(connection, node)
        self.reported = len(reports)
        return None if ids is None else ids.fetchall()[0][0]

    def _outcomes(self, connection: Connection, node: int) -> list[Filed]:
        """Settle; returns the reports that there is still something to tell in."""
        if not self.settlements:
            return [report for report in self.reports if not report.about]
        numbers = [each.delivery for each in self.settlements]
        answer = connection.execute(_SETTLED, (*_legible(map(_settlement, self.settlements)), node))
        connection.execute(_LET_GO, (numbers, node))
        if not self.reports and all(each.next_attempt_at is None for each in self.settlements):
            return []
        settled: dict[int, str] = dict(answer.fetchall())
        reports = [
            report
            for report in self.reports
            if not report.about or any(number in settled for number in report.about)
        ]
        if trace := told(self.settlements, settled, reports):
            connection.execute(_STEPS, _legible(trace))
        return reports

    def _messages(self, connection: Connection, node: int, reports: Sequence[Filed]) -> None:
        parts = [*self.parts, *(part for report in reports for part in report.parts)]
        messages = [*self.messages, *(report.row for report in reports)]
        if parts:
            connection.execute(_PARTS, _columns(parts))
            if first := [message for message, number, _ in parts if number == 0]:
                connection.execute(_ARRIVING, (node, first))
        if messages:
            connection.execute(_MESSAGES, _columns(messages))
        if self.discarded:
            connection.execute(_DISCARDED, (self.discarded,))
            connection.execute(_PARTS_DISCARDED, (self.discarded,))

    def _rest(self, connection: Connection, node: int) -> None:
        if self.let_go:
            connection.execute(_LET_GO, (self.let_go, node))
        if self.entries:
            connection.execute(_PUT_INTO, _columns(self.entries))
        if up := [name for name, down in self.hops.items() if down is None]:
            connection.execute(_UP, (up,))
        if down := [(name, *down) for name, down in self.hops.items() if down is not None]:
            connection.execute(_DOWN, _legible(down))


def _settlement(settlement: Settlement) -> Row:
    delivery, (result, status, why, reply, by, *_), at, again, warned = settlement
    again = None if again is None else float(again)
    return delivery, result.value, status, why, reply, by, float(at), again, warned


def _columns(rows: Iterable[Sequence[object]]) -> list[Any]:
    return [list(column) for column in zip(*rows, strict=True)]


def _legible(rows: Iterable[Sequence[object]]) -> list[Any]:
    """What others have said may hold anything. A text that PostgreSQL takes has no NUL, and no lone surrogate."""
    return [
        [_text(value) if isinstance(value, str) else value for value in column] for column in _columns(rows)
    ]


def _text(value: str) -> str:
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "␀").encode("utf-8", "replace").decode()
