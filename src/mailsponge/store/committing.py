"""How a batch is written to SQLite: many rows with few statements.

Rows of many messages go in by one INSERT: the writer lets go of the interpreter for every statement, and on a
busy server getting it back is what costs. Small messages need nothing else, no BEGIN, no COMMIT: the schema puts each
into its mailboxes and what is left to be done into the queue, and one statement by itself is a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain

import apsw

from mailsponge.store import settling, tidying
from mailsponge.store.jobs import Batch
from mailsponge.store.rows import Row

_ROWS_A_STATEMENT = 32
"""Each number of rows is a statement of its own, and they are kept prepared (`database.STATEMENTS`)."""

_PART = "INSERT INTO part (message, number, content) VALUES (?, ?, ?)"
_DISCARD = "DELETE FROM part WHERE message = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?1)"
_DRAWN = "UPDATE drawn SET highest = ?1 WHERE highest < ?1"


def commit(connection: apsw.Connection, batch: Batch) -> None:
    """Write a batch in one transaction; once it returns it is on the disk. Raises what apsw raises, and StoreError."""
    if not batch.has_more and len(batch.messages) <= _ROWS_A_STATEMENT:
        _accept_all(connection, batch.messages)
    else:
        connection.execute("BEGIN IMMEDIATE")
        _write(connection, batch)
        connection.execute("COMMIT")


def _write(connection: apsw.Connection, batch: Batch) -> None:
    for part in batch.parts:
        connection.execute(_PART, part)
    _accept_all(connection, batch.messages)
    if batch.settlements or batch.reports:
        _settle(connection, batch)
    for message_id, mailbox in batch.entries:
        settling.put_into(connection, message_id, mailbox)
    for name, down in batch.hops.items():
        settling.note_hop(connection, name, down)
    for message_id in batch.discarded:
        connection.execute(_DISCARD, (message_id,))
    for some in batch.tidying:
        tidying.tidy(connection, some)
    if batch.drawn is not None:
        connection.execute(_DRAWN, (batch.drawn,))


def _settle(connection: apsw.Connection, batch: Batch) -> None:
    """Outcomes first: what could not be settled any more is not reported either."""
    settled = settling.settle(connection, batch.settlements)
    reports = [
        report
        for report in batch.reports
        if not report.about or any(number in settled for number in report.about)
    ]
    for part in chain.from_iterable(report.parts for report in reports):
        connection.execute(_PART, part)
    _accept_all(connection, [report.row for report in reports])
    settling.write_trace(connection, settling.told(batch.settlements, settled, reports))
    batch.reported = len(reports)


def _accept_all(connection: apsw.Connection, messages: Sequence[Row]) -> None:
    for at in range(0, len(messages), _ROWS_A_STATEMENT):
        some = messages[at : at + _ROWS_A_STATEMENT]
        connection.execute(_accept(len(some), len(some[0])), tuple(chain.from_iterable(some)))


@cache
def _accept(messages: int, columns: int) -> str:
    """The statement that accepts so many messages."""
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO message VALUES {', '.join([row] * messages)}"
