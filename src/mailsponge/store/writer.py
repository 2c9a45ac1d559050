"""The one thread that writes: whatever waits is committed together, then everyone who waited is told at once.

That is group commit: an fsync costs the same for one message as for fifty. If a batch fails it is taken back
and each of its jobs tried alone, so that one bad job never fails the others. No error ends the thread: what
failed is told, and the next batch is a new attempt.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Protocol

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store.backlog import Backlog
from mailsponge.store.commits import Commits
from mailsponge.store.jobs import Batch, Job
from mailsponge.store.protocol import Call, Done

log = logging.getLogger(__name__)

HEAVIEST_BATCH = 8_000_000
"""Bytes of content after which a batch waits for no more: keeps one commit short and SQLite's log small."""

Told = Sequence[tuple[Done, StoreError | None]]

Listener = Callable[[Collection[str]], None]
"""Hears of next hops that something is to be tried for."""


class Target(Protocol):
    """What batches are written to. Used from the writer's thread alone."""

    def batch(self) -> Batch:
        """An empty one."""

    def commit(self, batch: Batch) -> None:
        """Write it in one transaction, and be back once it is durable; raises what went wrong, whatever it is."""

    def take_back(self) -> None:
        """Whatever is left of a transaction that failed. Raises nothing."""

    def worded(self, error: Exception) -> StoreError:
        """What went wrong, for people."""

    def is_in_vain(self, fault: StoreError | None) -> bool:
        """Whether trying the next job after this one would only wait as long again, and fail as well."""


class Writer:
    """Writes jobs in the order they are submitted.

    ``call`` carries one callback a batch to where the outcomes belong. ``commits`` tells how long they take,
    ``delivered`` what lies in a mailbox by them.
    """

    def __init__(self, target: Target, *, call: Call, monotonic: clock.Clock = clock.monotonic) -> None:
        self.commits = Commits()
        self.delivered = Backlog()
        self._monotonic = monotonic
        self._target = target
        self._call = call
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._owed: list[Job] = []
        self._listener: Listener | None = None
        # A daemon: a program that ends without closing has been promised nothing that is still in the queue.
        self._thread = threading.Thread(target=self._run, name="mailsponge store writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> bool:
        """Hand over a job, without waiting; False when the writer is closed and took nothing."""
        with self._gate:
            if not self._closed:
                self._queue.put(job)
            return not self._closed

    def watch(self, listener: Listener) -> None:
        """Have ``listener`` called, as outcomes are told, with the next hops of what was written."""
        self._listener = listener

    def close(self) -> None:
        """Write all that was submitted, tell of it, and end the thread."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while jobs := self._gather():
            outcomes = self._commit(jobs)
            told = [
                (job.done, fault) for job, fault in zip(jobs, outcomes, strict=True) if job.done is not None
            ]
            self._tell(told, _hops(jobs, outcomes) if self._listener is not None else ())
            if self._owed and outcomes[-1] is None:
                self._pay()

    def _gather(self) -> list[Job]:
        """Whatever waits, at least one job; nothing once the writer is closed and the queue empty."""
        jobs: list[Job] = []
        weight = 0
        while weight < HEAVIEST_BATCH and (not jobs or self._queue.qsize()):
            job = self._queue.get()
            if job is None:
                if jobs:
                    self._queue.put(None)
                break
            jobs.append(job)
            weight += job.weight
        return jobs

    def _commit(self, jobs: list[Job]) -> list[StoreError | None]:
        """The outcome of each job, in their order."""
        fault = self._try(jobs)
        if fault is None or len(jobs) == 1 or self._target.is_in_vain(fault):
            for job in jobs:
                self._settle(job, fault)
            return [fault] * len(jobs)
        return self._commit_one_by_one(jobs)

    def _commit_one_by_one(self, jobs: list[Job]) -> list[StoreError | None]:
        outcomes: list[StoreError | None] = []
        for job in jobs:
            in_vain = outcomes and self._target.is_in_vain(outcomes[-1])
            outcomes.append(outcomes[-1] if in_vain else self._try([job]))
            self._settle(job, outcomes[-1])
        return outcomes

    def _try(self, jobs: list[Job]) -> StoreError | None:
        """One transaction; None once it is on the disk."""
        try:
            batch = self._target.batch()
            for job in jobs:
                job.join(batch)
            if batch.is_empty:
                return None
            begun = self._monotonic()
            self._target.commit(batch)
            self.commits.note(self._monotonic() - begun, batch.accepted)
            self.delivered.note(batch.delivered)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and must not end the thread
            fault = self._target.worded(error)
            self.commits.failed += 1
            self._target.take_back()
            return fault
        return None

    def _settle(self, job: Job, fault: StoreError | None) -> None:
        owed = job.settle(fault)
        if owed is not None:
            self._owed.append(owed)

    def _pay(self) -> None:
        """The store is well: write what failures before left to be done."""
        owed, self._owed = self._owed, []
        self._commit(owed)

    def _tell(self, outcomes: Told, hops: Collection[str]) -> None:
        """In one call: it costs as much as a small commit."""
        listener = self._listener if hops else None
        if not outcomes and listener is None:
            return
        try:
            self._call(partial(_tell_each, outcomes, listener, hops))
        except Exception:
            log.exception("%d outcomes could not be told: whoever waited for them is gone", len(outcomes))


def _hops(jobs: Sequence[Job], outcomes: Sequence[StoreError | None]) -> Collection[str]:
    """The next hops of what was written."""
    return {
        hop
        for job, fault in zip(jobs, outcomes, strict=True)
        if job.hops and fault is None
        for hop in job.hops
    }


def _tell_each(outcomes: Told, listener: Listener | None, hops: Collection[str]) -> None:
    """One listener that fails must not leave the others waiting."""
    for done, fault in outcomes:
        try:
            done(fault)
        except Exception:
            log.exception("a message's outcome (%s) was told to a listener that failed", fault or "written")
    if listener is not None:
        try:
            listener(hops)
        except Exception:
            log.exception("that mail waits was told to a listener that failed")
