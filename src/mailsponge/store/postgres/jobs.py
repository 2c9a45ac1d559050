"""What has to be written beside messages: how attempts went, what is given back, and that this server lives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mailsponge.errors import StoreError
from mailsponge.store.jobs import Batch, Job
from mailsponge.store.postgres.batch import PostgresBatch, Told
from mailsponge.store.protocol import Done, HopDown
from mailsponge.store.rows import Row

Then = Callable[[StoreError | None], None]
"""Called on the writer's thread."""


class SignOfLife(Job):
    """The other servers hear that this one lives, and this one draws numbers if it has few."""

    __slots__ = ("_then",)

    def __init__(self, then: Then) -> None:
        self._then = then

    def join(self, batch: Batch) -> None:
        """Nothing is written for it but what stands in every batch."""
        _ours(batch).is_sign_of_life = True

    def settle(self, fault: StoreError | None) -> None:
        """Tell."""
        self._then(fault)


class SettleJob(Job):
    """What attempts came to, and the reports about them."""

    __slots__ = ("_reports", "_rows", "_then", "done", "weight")

    def __init__(self, rows: Sequence[Row], reports: Sequence[Told], done: Done, then: Then) -> None:
        self._rows = rows
        self._reports = reports
        self._then = then
        self.done = done
        self.weight = sum(int(str(report.message[2])) for report in reports)

    def join(self, batch: Batch) -> None:
        """All of it, or nothing."""
        ours = _ours(batch)
        ours.settled += self._rows
        ours.reports += self._reports

    def settle(self, fault: StoreError | None) -> None:
        """After a failure all is claimed as before."""
        self._then(fault)


class LetGoJob(Job):
    """What was claimed and not tried is given back."""

    __slots__ = ("_dues", "_then")

    def __init__(self, dues: Collection[int], then: Then) -> None:
        self._dues = dues
        self._then = then

    def join(self, batch: Batch) -> None:
        """If it is still this node's."""
        _ours(batch).let_go += self._dues

    def settle(self, fault: StoreError | None) -> None:
        """Tell."""
        self._then(fault)


class HopJob(Job):
    """Nothing gets through to a next hop, or it does again."""

    __slots__ = ("_down", "_name")

    def __init__(self, name: str, down: HopDown | None) -> None:
        self._name = name
        self._down = down

    def join(self, batch: Batch) -> None:
        """The last word counts."""
        _ours(batch).hops[self._name] = self._down


class PutJob(Job):
    """A message goes into a mailbox here."""

    __slots__ = ("_mailbox", "_message_id", "done")

    def __init__(self, message_id: int, mailbox: str, done: Done) -> None:
        self._message_id = message_id
        self._mailbox = mailbox
        self.done = done

    def join(self, batch: Batch) -> None:
        """Whether there is such a message is found out by writing it."""
        _ours(batch).entries.append((self._message_id, self._mailbox))


def _ours(batch: Batch) -> PostgresBatch:
    assert isinstance(batch, PostgresBatch)
    return batch
