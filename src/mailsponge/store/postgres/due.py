"""What is due in the shared store: found, claimed for one server alone, and read with all that a courier needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from mailsponge.store import rows
from mailsponge.store.claims import Claims
from mailsponge.store.course import message_of
from mailsponge.store.postgres.reading import Reading
from mailsponge.store.protocol import Due, Parcel

SMALL: Final = 64 * 1024
"""Bytes of content that come with a claim; more is read when it is asked for."""

_CLAIM: Final = """
WITH due AS MATERIALIZED (
    SELECT id FROM mailsponge_mail.delivery
    WHERE next_hop = %(hop)b AND NOT held AND next_attempt_at <= %(now)b AND claimed_by IS NULL
    ORDER BY next_attempt_at, id LIMIT %(most)b FOR UPDATE SKIP LOCKED)
UPDATE mailsponge_mail.delivery SET claimed_by = %(node)b FROM due
WHERE delivery.id = due.id AND EXISTS (SELECT 1 FROM mailsponge_mail.node WHERE id = %(node)b AND NOT dead)
RETURNING next_attempt_at, delivery.id, recipient, address, resident, attempts, warned
"""
_PARCELS: Final = f"""
SELECT id, reverse_path, recipients, eight_bit, smtputf8, wishes, arrived_at, size,
    CASE WHEN parts = 0 AND size <= {SMALL} THEN tail END
FROM mailsponge_mail.message WHERE id = ANY(%(messages)b)
"""
_STRAYS: Final = """
UPDATE mailsponge_mail.delivery SET claimed_by = NULL
WHERE next_attempt_at IS NOT NULL AND claimed_by = %(node)b AND id <> ALL(%(mine)b)
"""
# From one next hop to the next by the index: a great many messages may wait for each.
_NEXT_HOPS: Final = """
WITH RECURSIVE hop (name) AS (
    (SELECT min(next_hop) FROM mailsponge_mail.delivery WHERE next_attempt_at IS NOT NULL)
    UNION ALL
    SELECT (SELECT min(next_hop) FROM mailsponge_mail.delivery
            WHERE next_attempt_at IS NOT NULL AND next_hop > hop.name)
    FROM hop WHERE hop.name IS NOT NULL)
SELECT name, at FROM hop CROSS JOIN LATERAL (
    SELECT next_attempt_at AS at FROM mailsponge_mail.delivery
    WHERE next_hop = hop.name AND NOT held AND next_attempt_at IS NOT NULL AND claimed_by IS NULL
    ORDER BY next_attempt_at LIMIT 1) AS first
WHERE name IS NOT NULL
"""


class Contents(Protocol):
    """Gives a message's content."""

    def __call__(self, message_id: int) -> Iterator[bytes]:
        """In pieces. Raises StoreError."""


class DueMail:
    """Finds and claims what is due. Threads may share it; everything may block, and raises StoreError."""

    def __init__(self, reading: Reading, claims: Claims, content: Contents) -> None:
        self._reading = reading
        self._claims = claims
        self._content = content
        self._turn = threading.Lock()
        self.has_strays = False
        """The database may take something for this server's that it does not try; it is freed before the next claim."""

    def next_hops(self) -> Mapping[str, float]:
        """See `protocol.Store`."""
        return dict(self._reading.rows(_NEXT_HOPS))

    def claim(self, node: int, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        """See `protocol.Store`."""
        with self._turn:
            self._free_strays(node)
            # Whether it is claimed nobody knows until all of it is here.
            self.has_strays = True
            found = self._reading.once(_CLAIM, hop=next_hop, now=float(now), most=most, node=node)
            dues = [_due(next_hop, row) for row in sorted(found)]
            parcels = self._parcels(dues)
            self._claims.add(next_hop, [due.id for due in dues])
            self.has_strays = False
            return parcels

    def _free_strays(self, node: int) -> None:
        if self.has_strays:
            mine = [number for hop in self._claims.hops() for number in self._claims.of(hop)]
            self._reading.change(_STRAYS, node=node, mine=mine)
            self.has_strays = False

    def _parcels(self, dues: Sequence[Due]) -> list[Parcel]:
        of_message: dict[int, list[Due]] = {}
        for due in dues:
            of_message.setdefault(message_of(due.id), []).append(due)
        if not of_message:
            return []
        messages = {row[0]: row for row in self._reading.rows(_PARCELS, messages=list(of_message))}
        return [
            self._parcel(messages[message_id], tuple(dues))
            for message_id, dues in of_message.items()
            if message_id in messages
        ]

    def _parcel(self, row: Sequence[Any], dues: tuple[Due, ...]) -> Parcel:
        message_id, *envelope, arrived_at, size, content = row
        return Parcel(
            message=message_id,
            envelope=rows.envelope(*envelope),
            arrived_at=arrived_at,
            size=size,
            dues=dues,
            content=partial(self._content, message_id) if content is None else partial(_whole, content),
            in_memory=content is not None,
        )


def _due(next_hop: str, row: Sequence[Any]) -> Due:
    _, number, recipient, address, resident, attempts, warned = row
    return Due(
        id=number,
        recipient=recipient,
        address=rows.address(address),
        user=resident,
        next_hop=next_hop,
        attempts=attempts,
        warned=warned,
    )


def _whole(content: bytes) -> Iterator[bytes]:
    return iter((content,) if content else ())
