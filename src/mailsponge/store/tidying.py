"""What the SQLite store needs no more: content of messages that have gone where they should, and stories that are old.

A little at a time, in a transaction of the writer's, so that mail which comes in never waits for long. `ended` says
where to look; what it says may have changed since (somebody released the message, or put it into a mailbox), so it is
looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import apsw

from mailsponge.store import removing, rows
from mailsponge.store.course import WITHDRAWN
from mailsponge.store.headings import HEAD, message_id
from mailsponge.store.jobs import Tidying
from mailsponge.store.protocol import KEPT_WITHDRAWN, MOST_DELIVERIES

MOST = 100
"""Messages at a time."""
MOST_PARTS = 16
"""Parts at a time: 4 MB."""

_OF = f"BETWEEN message.id * {MOST_DELIVERIES} AND message.id * {MOST_DELIVERIES} + {MOST_DELIVERIES - 1}"

_ENDED = f"""
SELECT ended.stage, ended.at, ended.message, parts,
    parts < 0 OR parts IS NULL
        OR EXISTS (SELECT 1 FROM delivery WHERE id {_OF}
            AND (next_attempt_at IS NOT NULL OR result = '{WITHDRAWN}' AND delivery.at > :since))
        OR EXISTS (SELECT 1 FROM entry WHERE message = message.id AND mailbox IN (
            SELECT value FROM json_each(mailboxes) UNION SELECT user FROM delivery WHERE id {_OF})),
    coalesce(
        (SELECT substr(content, 1, {HEAD}) FROM part WHERE parts > 0 AND message = message.id AND number = 0),
        substr(tail, 1, {HEAD}), x'')
FROM ended LEFT JOIN message ON message.id = ended.message
WHERE stage = :stage AND ended.at <= :until ORDER BY ended.at LIMIT :most
"""
_FORGET = """
DELETE FROM ended WHERE (stage, at, message) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?))
"""
_PARTS = """
DELETE FROM part WHERE (message, number) IN (
    SELECT message, number FROM part WHERE message IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?)
"""
_LEFT = "SELECT DISTINCT message FROM part WHERE message IN (SELECT value FROM json_each(?))"
_REMOVE = f"""
UPDATE message SET parts = {rows.CONTENT_REMOVED}, tail = CAST(value ->> 1 AS BLOB), deliveries = NULL
FROM json_each(?) WHERE message.id = value ->> 0
"""
_REMEMBER = f"""
INSERT OR IGNORE INTO ended (stage, at, message)
    SELECT 'told', (SELECT max(at) FROM delivery WHERE id {_OF}), message.id
    FROM json_each(?) JOIN message ON message.id = value
"""
_TOLD = "SELECT stage, at, message FROM ended WHERE stage = 'told' AND at < ? ORDER BY at LIMIT ?"
_STORIES = (
    f"""
DELETE FROM delivery WHERE id IN (
    SELECT delivery.id FROM json_each(?) CROSS JOIN message ON message.id = value
    CROSS JOIN delivery ON delivery.id {_OF})
""",
    "DELETE FROM trace WHERE message IN (SELECT value FROM json_each(?))",
    "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))",
)
_UP_AGAIN = "DELETE FROM hop WHERE until < ?"

Ended = tuple[str, float, int]


def tidy(connection: apsw.Connection, some: Tidying) -> None:
    """Do what there is to do, up to the limits, and note how much that was."""
    since = some.now - KEPT_WITHDRAWN
    for stage, until in ("sent", inf), ("withdrawn", since):
        chosen = {"stage": stage, "until": until, "since": since, "most": MOST}
        found = connection.execute(_ENDED, chosen).fetchall()
        some.looked_at += len(found)
        some.changed += _remove_contents(connection, found)
    emptied = removing.empty_trash(connection, some.now, MOST)
    some.looked_at += emptied
    some.changed += emptied
    old: list[Any] = connection.execute(_TOLD, (some.before, MOST)).fetchall()
    if old:
        for statement in _STORIES:
            connection.execute(statement, (rows.json([number for _, _, number in old]),))
        connection.execute(_FORGET, (rows.json(old),))
        some.looked_at += len(old)
        some.changed += len(old)
    if not some.looked_at:
        connection.execute(_UP_AGAIN, (some.before,))


def _remove_contents(connection: apsw.Connection, found: Sequence[tuple[Any, ...]]) -> int:
    """Of messages that nobody needs; how many changed."""
    over: list[Ended] = []
    heads: dict[int, bytes] = {}
    for stage, at, number, _, needed, head in found:
        over.append((stage, at, number))
        if not needed:
            heads[number] = head
    left = _remove_parts(
        connection, [number for _, _, number, parts, *_ in found if number in heads and parts > 0]
    )
    gone = {number: head for number, head in heads.items() if number not in left}
    if gone:
        kept = [(number, _all_that_is_kept(head)) for number, head in gone.items()]
        connection.execute(_REMOVE, (rows.json(kept),))
        connection.execute(_REMEMBER, (rows.json(list(gone)),))
    if over:
        connection.execute(_FORGET, (rows.json([each for each in over if each[2] not in left]),))
    return len(heads)


def _remove_parts(connection: apsw.Connection, numbers: Sequence[int]) -> set[int]:
    """Some of the parts of these messages; the messages of which there are more."""
    if not numbers:
        return set()
    these = rows.json(numbers)
    connection.execute(_PARTS, (these, MOST_PARTS))
    return {number for (number,) in connection.execute(_LEFT, (these,))}


def _all_that_is_kept(head: bytes) -> str:
    """The message can still be found by its Message-ID, and its story be told."""
    found = message_id(head)
    return f"Message-ID: <{found}>\r\n" if found else ""
