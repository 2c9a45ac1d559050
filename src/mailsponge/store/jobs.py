"""What has to be written: one small class a kind of job, and the batch that many of them share.

A job joins a batch (its rows are collected), the batch is written in one transaction, then each job is settled. How a
batch is written is the affair of what it is written to (`committing.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import NamedTuple

from mailsponge.errors import StoreError
from mailsponge.store import rows
from mailsponge.store.footprint import Footprint
from mailsponge.store.protocol import MOST_DELIVERIES, Acceptance, Done, HopDown, Settlement
from mailsponge.store.rows import Row

_TRIES = 3


class Filed(NamedTuple):
    """A report, as the rows that it becomes if what it is about was still to be settled."""

    message_id: int
    about: tuple[int, ...]
    """Deliveries; none: it is accepted in any case."""
    row: Row
    parts: list[Row]
    size: int
    hops: tuple[str, ...]
    """The next hops of its own deliveries."""


class Tidying:
    """What is to be tidied, and what became of it."""

    __slots__ = ("before", "changed", "looked_at", "now")

    def __init__(self, before: float, now: float) -> None:
        """Stories from ``before`` that moment go."""
        self.before = before
        self.now = now
        self.looked_at = 0
        """Messages that there was something to decide about."""
        self.changed = 0


class Batch:
    """The rows of several jobs, on their way into one transaction."""

    __slots__ = (
        "discarded",
        "drawn",
        "entries",
        "hops",
        "messages",
        "parts",
        "reported",
        "reports",
        "settlements",
        "tidying",
    )

    def __init__(self) -> None:
        self.parts: list[Row] = []
        self.messages: list[Row] = []
        self.discarded: list[int] = []
        self.drawn: int | None = None
        self.settlements: list[Settlement] = []
        self.reports: list[Filed] = []
        self.reported = 0
        """How many of them were accepted, once it is written."""
        self.entries: list[tuple[int, str]] = []
        """Messages, and the mailboxes they are put into."""
        self.hops: dict[str, HopDown | None] = {}
        self.tidying: list[Tidying] = []

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written."""
        return not (self.messages or self.has_more)

    @property
    def has_more(self) -> bool:
        """Something is to be written beside messages that come whole."""
        return bool(
            self.parts
            or self.settlements
            or self.discarded
            or self.reports
            or self.entries
            or self.hops
            or self.tidying
            or self.drawn is not None
        )

    @property
    def delivered(self) -> Iterator[int]:
        """Messages that may lie in a mailbox by it, once it is written."""
        return chain(
            (row[0] for row in self.messages if row[rows.MAILBOXES] != rows.NONE),
            (report.message_id for report in self.reports),
            (message for message, _ in self.entries),
        )

    @property
    def accepted(self) -> int:
        """Messages that are accepted by it, once it is written."""
        return len(self.messages) + self.reported


class Job:
    """Something to be written. `done`, if there is one, is told the outcome through the store's `call`."""

    __slots__ = ()

    done: Done | None = None
    weight: int = 0
    """Bytes of content that it writes."""
    hops: Collection[str] = ()
    """Next hops that something is to be tried for, once it is written."""

    def join(self, batch: Batch) -> None:
        """Add what is to be written. Raises StoreError when it must not be."""

    def settle(self, fault: StoreError | None) -> Job | None:
        """Take note of the outcome, on the writer's thread; returns what has to be written because of it, later."""


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
    """The accepting of a message: its row, with the tail of its content. The schema puts it into its mailboxes, and
    what is left to be done into the queue.
    """

    __slots__ = ("_acceptance", "_size", "_tail", "_transfer", "done", "hops", "weight")

    def __init__(
        self, transfer: Transfer, size: int, tail: bytes, acceptance: Acceptance, done: Done
    ) -> None:
        self._transfer = transfer
        self._size = size
        self._tail = tail
        self._acceptance = acceptance
        self.done = done
        self.weight = len(tail)
        deliveries = acceptance.deliveries
        self.hops = [delivery.next_hop for delivery in deliveries] if deliveries else ()

    def join(self, batch: Batch) -> None:
        """Nothing is accepted without all of its parts."""
        if self._transfer.fault is not None:
            raise self._transfer.fault
        if len(self.hops) >= MOST_DELIVERIES:
            raise StoreError(
                f"a message may have fewer than {MOST_DELIVERIES:,} deliveries: send it in portions"
            )
        message_id, parts = self._transfer.message_id, self._transfer.parts
        batch.messages.append(rows.message(message_id, self._acceptance, self._size, parts, self._tail))

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
