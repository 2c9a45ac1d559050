"""What has to be written for mail that waits: what attempts came to, with the reports about it; and the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from mailsponge.errors import StoreError
from mailsponge.store import rows
from mailsponge.store.incoming import PART
from mailsponge.store.jobs import Batch, Filed, Job, Tidying
from mailsponge.store.protocol import Done, HopDown, Report, Settlement
from mailsponge.store.rows import Row


def filed(message_id: int, report: Report) -> Filed:
    """The rows of a report: split as if it had arrived."""
    content, size = report.content, len(report.content)
    number = max(size - 1, 0) // PART
    parts: list[Row] = [(message_id, at, content[at * PART : (at + 1) * PART]) for at in range(number)]
    return Filed(
        message_id,
        report.about,
        rows.message(message_id, report.acceptance, size, number, content[number * PART :]),
        parts,
        size,
        tuple(delivery.next_hop for delivery in report.acceptance.deliveries),
    )


class SettleJob(Job):
    """What attempts came to, and the reports about it: all in one transaction."""

    __slots__ = ("_reports", "_settled", "_settlements", "done", "hops", "weight")

    def __init__(
        self,
        settlements: Sequence[Settlement],
        reports: Sequence[Filed],
        settled: Callable[[StoreError | None], None],
        done: Done,
    ) -> None:
        """``settled`` is told the outcome first, on the writer's thread."""
        self._settlements = settlements
        self._reports = reports
        self._settled = settled
        self.done = done
        self.weight = sum(report.size for report in reports)
        self.hops = [hop for report in reports for hop in report.hops]

    def join(self, batch: Batch) -> None:
        """A moment that is none would end a delivery that nobody has delivered: SQLite takes it for NULL."""
        for each in self._settlements:
            if each.next_attempt_at is not None and each.next_attempt_at != each.next_attempt_at:
                raise StoreError(
                    f"delivery {each.delivery} was to be tried again at a time that is no number"
                )
        batch.settlements += self._settlements
        batch.reports += self._reports

    def settle(self, fault: StoreError | None) -> None:
        """Tell whose claims they are."""
        self._settled(fault)


class PutJob(Job):
    """A message that was accepted goes into a mailbox."""

    __slots__ = ("_mailbox", "_message_id", "done")

    def __init__(self, message_id: int, mailbox: str, done: Done) -> None:
        self._message_id = message_id
        self._mailbox = mailbox
        self.done = done

    def join(self, batch: Batch) -> None:
        """One entry."""
        batch.entries.append((self._message_id, self._mailbox))


class HopJob(Job):
    """A next hop that nothing gets through to, or that something does again."""

    __slots__ = ("_down", "_name")

    def __init__(self, name: str, down: HopDown | None) -> None:
        self._name = name
        self._down = down

    def join(self, batch: Batch) -> None:
        """The last word on it counts."""
        batch.hops[self._name] = self._down


class TidyJob(Job):
    """Some of what is not needed any more goes; whoever asked for it waits."""

    __slots__ = ("_ended", "_fault", "_tidying")

    def __init__(self, tidying: Tidying) -> None:
        self._tidying = tidying
        self._fault: StoreError | None = None
        self._ended = threading.Event()

    def join(self, batch: Batch) -> None:
        """It says itself what it came to."""
        batch.tidying.append(self._tidying)

    def settle(self, fault: StoreError | None) -> None:
        """Let go of who waits."""
        self._fault = fault
        self._ended.set()

    def wait(self) -> None:
        """Until it is done. Raises StoreError."""
        self._ended.wait()
        if self._fault is not None:
            raise self._fault
