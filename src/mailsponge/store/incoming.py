"""A message on its way into the SQLite store: small ones stay in memory until they are accepted, large ones go
ahead in parts.
"""

from __future__ import annotations

from collections.abc import Callable

from mailsponge.errors import StoreError
from mailsponge.store import refusals
from mailsponge.store.footprint import Footprint
from mailsponge.store.headings import HEAD
from mailsponge.store.jobs import AcceptJob, DiscardJob, MarkJob, PartJob, Transfer
from mailsponge.store.protocol import Acceptance, Call, Done
from mailsponge.store.writer import Writer

PART = 256 * 1024
"""Bytes of one part: what a message may hold in memory, and a reader has to. Most mail is smaller and comes in
one piece.
"""
WORTH_A_ROW = HEAD
"""Bytes of a part that is handed over early. Smaller ones cost the disk more than they free, and whoever sends byte by
byte would have a row written for each; and the head of a message is always in its first part.
"""


class SqliteIncoming:
    """See `protocol.Incoming`."""

    __slots__ = ("_call", "_chunks", "_ended", "_footprint", "_held", "_transfer", "_writer", "id")

    def __init__(self, message_id: int, writer: Writer, footprint: Footprint, call: Call) -> None:
        self.id = message_id
        self._writer = writer
        self._footprint = footprint
        self._call = call
        self._transfer = Transfer(message_id, footprint)
        self._chunks: list[bytes] = []
        self._held = 0
        self._ended = False

    @property
    def backlog(self) -> int:
        """Bytes of parts that the writer has still before it."""
        return self._transfer.handed - self._transfer.settled

    def write(self, chunk: bytes) -> None:
        """Keep it, or hand over the parts that are full."""
        if self._ended:
            raise _used_up(self.id)
        self._chunks.append(chunk)
        self._held += len(chunk)
        self._footprint.taken += len(chunk)
        if self._held > PART:
            self._hand_over()

    def spill(self) -> None:
        """Hand over even what is no full part, if it is worth a row."""
        if self._held > WORTH_A_ROW and not self._ended:
            held = b"".join(self._chunks)
            self._submit_part(held[:-1])
            self._keep_back(held[-1:])

    def _hand_over(self) -> None:
        """Something is kept back always, so that a message is never all parts and no tail."""
        held = b"".join(self._chunks)
        parts = (self._held - 1) // PART
        for at in range(0, parts * PART, PART):
            self._submit_part(held[at : at + PART])
        self._keep_back(held[parts * PART :])

    def _keep_back(self, rest: bytes) -> None:
        self._chunks = [rest]
        self._held = len(rest)

    def _submit_part(self, content: bytes) -> None:
        transfer = self._transfer
        if self._writer.submit(PartJob(transfer, transfer.parts, content)):
            transfer.handed += len(content)
        else:
            self._footprint.taken -= len(content)
        transfer.parts += 1

    def when_written(self, then: Callable[[], None]) -> None:
        """The queue keeps its order: a mark in it is reached when everything before it is settled."""
        if not self._writer.submit(MarkJob(then)):
            self._call(then)

    def accept(self, acceptance: Acceptance, done: Done) -> None:
        """Hand over what is left, and the accepting with it."""
        if self._ended:
            raise _used_up(self.id)
        self._ended = True
        tail = b"".join(self._chunks)
        self._chunks = []
        size = self._transfer.handed + len(tail)
        if not self._writer.submit(AcceptJob(self._transfer, size, tail, acceptance, done)):
            self._footprint.taken -= len(tail)
            self._call(lambda: done(refusals.closed()))

    def discard(self) -> None:
        """Parts that went ahead are removed; what is in memory is let go."""
        if self._ended:
            return
        self._ended = True
        self._chunks = []
        self._footprint.taken -= self._held
        if self._transfer.parts:
            self._writer.submit(DiscardJob(self.id))


def _used_up(message_id: int) -> StoreError:
    return StoreError(
        f"message {message_id} was accepted or discarded already: begin another with incoming()"
    )
