"""How the SQLite store keeps what attempts came to: few statements for many of them, and few pages.

The row of a delivery says how it ended, so that one which succeeds at once, as most do, costs an update and nothing
else. A deferred one leaves a row of the trace, which is not part of what is written again with each try.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import apsw

from mailsponge.store import course, refusals, rows
from mailsponge.store.jobs import Filed
from mailsponge.store.protocol import HopDown, Settlement, Step
from mailsponge.store.rows import Row

Each = TypeVar("Each")

_ROWS_A_STATEMENT = 32

_COLUMNS = 9

_SETTLE = """
WITH came (id, result, status, why, reply, by, at, next_attempt_at, warned) AS (VALUES {})
UPDATE delivery SET attempts = attempts + 1, next_attempt_at = came.next_attempt_at, warned = came.warned,
    result = came.result, status = came.status, why = came.why, reply = came.reply, by = came.by, at = came.at
FROM came WHERE delivery.id = came.id AND (
    delivery.next_attempt_at IS NOT NULL
    OR delivery.result = 'withdrawn' AND came.result IN ('delivered', 'relayed')
)
RETURNING delivery.id, delivery.address
"""
_PUT = "INSERT OR IGNORE INTO entry (mailbox, message) SELECT ?, id FROM message WHERE id = ?"
_HAS = "SELECT 1 FROM entry WHERE mailbox = ? AND message = ?"
_TOLD = "INSERT INTO trace (message, at, what, why) VALUES {}"
_DOWN = "INSERT OR REPLACE INTO hop (name, until, failures, why) VALUES (?, ?, ?, ?)"
_UP = "DELETE FROM hop WHERE name = ?"


def settle(connection: apsw.Connection, settlements: Sequence[Settlement]) -> dict[int, str]:
    """Write the outcomes. Returns those that were still to be settled: the addresses, as JSON, by delivery."""
    settled: dict[int, str] = {}
    for some in _portions(settlements):
        values = tuple(chain.from_iterable(map(_row, some)))
        found: list[Any] = connection.execute(_settle(len(some)), values).fetchall()
        settled.update(found)
    return settled


def told(settlements: Sequence[Settlement], settled: dict[int, str], reports: Sequence[Filed]) -> list[Row]:
    """Rows of the trace: attempts that others follow, and reports that go out with this."""
    by_number = {each.delivery: each for each in settlements}
    steps = [
        (course.message_of(each.delivery), course.deferred(rows.address(settled[each.delivery]), each))
        for each in settlements
        if each.next_attempt_at is not None and each.delivery in settled
    ]
    for report in reports:
        about = next((number for number in report.about if number in settled), None)
        if about is not None:
            steps.append((course.message_of(about), course.reported(report.message_id, by_number[about])))
    return [_trace(message_id, step) for message_id, step in steps]


def write_trace(connection: apsw.Connection, trace: Sequence[Row]) -> None:
    """Add rows to the trace."""
    for some in _portions(trace):
        connection.execute(_TOLD.format(_values(len(some), 4)), tuple(chain.from_iterable(some)))


def put_into(connection: apsw.Connection, message_id: int, mailbox: str) -> None:
    """Put a message into a mailbox. Raises StoreError when there is none."""
    connection.execute(_PUT, (mailbox, message_id))
    if not connection.execute(_HAS, (mailbox, message_id)).fetchall():
        raise refusals.no_such(message_id, "the store")


def note_hop(connection: apsw.Connection, name: str, down: HopDown | None) -> None:
    """Remember how a next hop does."""
    if down is None:
        connection.execute(_UP, (name,))
    else:
        connection.execute(_DOWN, (name, *down))


def _portions(some: Sequence[Each]) -> Iterator[Sequence[Each]]:
    return (some[at : at + _ROWS_A_STATEMENT] for at in range(0, len(some), _ROWS_A_STATEMENT))


@cache
def _settle(number: int) -> str:
    return _SETTLE.format(_values(number, _COLUMNS))


@cache
def _values(number: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * number)


def _row(settlement: Settlement) -> Row:
    delivery, (result, status, why, reply, by, *_), at, next_attempt_at, warned = settlement
    return delivery, result.value, status, why, reply, by, at, next_attempt_at, warned


def _trace(message_id: int, step: Step) -> Row:
    return message_id, step.at, step.what, step.why
