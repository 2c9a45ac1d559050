"""What is due in the SQLite store: found, claimed, and read with all that a courier needs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mailsponge.errors import StoreError
from mailsponge.store import rows
from mailsponge.store.claims import Claims
from mailsponge.store.connection import Reading
from mailsponge.store.content import pieces
from mailsponge.store.course import message_of
from mailsponge.store.faults import is_damaged
from mailsponge.store.protocol import Due, Parcel

log = logging.getLogger(__name__)

IN_MEMORY = 64 * 1024
"""Bytes of content that come with a claim; a larger message is read when it is sent."""

_FREE = "next_hop = ? AND held = 0 AND next_attempt_at IS NOT NULL"
_DUE = f"SELECT id FROM delivery WHERE {_FREE} AND next_attempt_at <= ? ORDER BY next_attempt_at, id LIMIT ?"
_FIRST = f"SELECT id, next_attempt_at FROM delivery WHERE {_FREE} ORDER BY next_attempt_at LIMIT ?"
_HOPS = """
SELECT next_hop, min(next_attempt_at) FROM delivery
WHERE next_attempt_at IS NOT NULL AND held = 0 GROUP BY next_hop
"""
_RELEASED = """
SELECT DISTINCT next_hop FROM delivery
WHERE next_attempt_at <= ? AND held = 0 AND next_hop NOT IN (SELECT name FROM hop)
"""
_DELIVERIES = """
SELECT id, recipient, address, user, next_hop, attempts, warned FROM delivery
WHERE id IN (SELECT value FROM json_each(?)) AND next_attempt_at IS NOT NULL AND NOT held
"""
_MESSAGES = f"""
SELECT id, arrived_at, size, parts, reverse_path, recipients, eight_bit, smtputf8, wishes,
    iif(parts = 0 AND size <= {IN_MEMORY}, tail, NULL)
FROM message WHERE id IN (SELECT value FROM json_each(?))
"""


class DueMail:
    """Finds and claims what is due. Threads may share it."""

    def __init__(self, reading: Reading, claims: Claims) -> None:
        self._reading = reading
        self._claims = claims
        self._turn = threading.Lock()

    def next_hops(self) -> dict[str, float]:
        """See `protocol.Store`. One look at the index of what waits, and one more for each next hop with claims."""
        hops: dict[str, float] = self._reading.pairs(_HOPS)
        for hop in self._claims.hops():
            claimed = self._claims.of(hop)
            first = self._reading.rows(_FIRST, hop, len(claimed) + 1)
            free = next((at for number, at in first if number not in claimed), None)
            if free is None:
                hops.pop(hop, None)
            else:
                hops[hop] = free
        return hops

    def released(self, now: float) -> list[str]:
        """The next hops that somebody may have released something for: those with something due that are not down. A
        great many may be down while one message is released.
        """
        return [hop for (hop,) in self._reading.rows(_RELEASED, now)]

    def claim(self, next_hop: str, most: int, now: float) -> list[Parcel]:
        """See `protocol.Store`."""
        with self._turn:
            # Before it is looked what is due: what is settled meanwhile would seem to be free, and be as it was before.
            taken = self._claims.of(next_hop)
            due = self._reading.rows(_DUE, next_hop, now, most + len(taken))
            numbers = [number for (number,) in due if number not in taken][:most]
            if not numbers:
                return []
            self._claims.add(next_hop, numbers)
        try:
            return self._read(numbers)
        except BaseException:
            self._claims.let_go(numbers)
            raise

    def _read(self, numbers: Sequence[int]) -> list[Parcel]:
        """The parcels with these deliveries, in their order."""
        dues: dict[int, list[Due]] = {}
        found = {row[0]: row for row in self._reading.rows(_DELIVERIES, rows.json(numbers))}
        for number in numbers:
            if number in found:
                dues.setdefault(message_of(number), []).append(_due(*found[number]))
        self._claims.let_go(number for number in numbers if number not in found)
        messages = self._messages(list(dues))
        return [self._parcel(dues[number], *messages[number]) for number in dues if number in messages]

    def _messages(self, numbers: Collection[int]) -> Mapping[int, tuple[Any, ...]]:
        """Their rows. One that the disk has damaged must not keep the others."""
        try:
            return {row[0]: row for row in self._reading.rows(_MESSAGES, rows.json(numbers))}
        except StoreError as error:
            if not is_damaged(error):
                raise
            return dict(self._those_that_can_be_read(numbers))

    def _those_that_can_be_read(self, numbers: Collection[int]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number in numbers:
            try:
                for row in self._reading.rows(_MESSAGES, rows.json([number])):
                    yield number, row
            except StoreError as error:
                if not is_damaged(error):
                    raise
                # It stays claimed, so that it is not in the way of others again and again.
                log.error(
                    "message %d waits and cannot be read; left alone until the next start: %s", number, error
                )

    def _parcel(
        self,
        dues: Sequence[Due],
        message_id: int,
        arrived_at: float,
        size: int,
        parts: int,
        *more: Any,
    ) -> Parcel:
        *envelope, content = more
        return Parcel(
            message=message_id,
            envelope=rows.envelope(*envelope),
            arrived_at=arrived_at,
            size=size,
            dues=tuple(dues),
            content=partial(pieces, self._reading, message_id, parts)
            if content is None
            else partial(iter, (content,)),
            in_memory=content is not None,
        )


def _due(
    number: int, recipient: int, address: str, user: str, next_hop: str, attempts: int, warned: int
) -> Due:
    return Due(number, recipient, rows.address(address), user, next_hop, attempts, bool(warned))
