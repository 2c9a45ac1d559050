"""The counts in Prometheus' words: every metric with its name, its kind and its meaning, in one table.

Nothing is worked out before somebody asks; then the numbers are read where they are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from importlib.metadata import version
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mailsponge.queue.counts import Counts as QueueCounts
from mailsponge.server.counts import Counts
from mailsponge.store.commits import BOUNDS, Commits
from mailsponge.store.protocol import Store

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""Of what :meth:`Metrics.page` returns."""


class Kind(StrEnum):
    """What a metric does."""

    COUNTER = "counter"  # only grows, until the server starts anew
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Description(NamedTuple):
    """One metric."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()


def _by_role(name: str, about: str, *labels: str) -> Description:
    return Description(f"mailsponge_{name}", Kind.COUNTER, about, ("role", *labels))


TAKEN: Final = _by_role(
    "messages_taken_total", "Messages that are in the store, and whose senders were told so."
)
BYTES_TAKEN: Final = _by_role(
    "messages_taken_bytes_total", "Bytes of the messages that were taken, as they came."
)
REFUSED: Final = _by_role(
    "messages_refused_total",
    "Messages that were not taken. Why: size, unsound (a bare CR or LF, or a NUL), load (memory or the disk "
    "are short), store (it failed), policy (all else).",
    "why",
)
RECIPIENTS: Final = _by_role(
    "recipients_refused_total",
    "Recipients that were not taken. Why: unknown (nobody of that name), relaying (not our domain), policy (all else).",
    "why",
)
ABANDONED: Final = _by_role(
    "transactions_abandoned_total",
    "Transactions that ended without a message, because of what the log says, too: reset, hello, quit, closed, "
    "connection-lost, too-slow, deaf, pipelined, errors, stopping.",
    "because",
)
SESSIONS: Final = _by_role("sessions_total", "Connections that were let in.")
TURNED_AWAY: Final = _by_role(
    "connections_turned_away_total",
    "Connections that were not let in. Why: connections (too many in all), address (too many from one), stopping.",
    "why",
)
DISMISSED: Final = _by_role(
    "sessions_dismissed_total",
    "Sessions that the server ended, because the client was too-slow (a deadline was missed), deaf (it did not read "
    "its replies in time), pipelined (it did not wait where it must) or made too many errors, or because of stopping.",
    "because",
)
HANDSHAKES_FAILED: Final = _by_role(
    "tls_failed_total", "Connections on which TLS could not be agreed on, or failed later."
)
LOGINS: Final = _by_role("logins_total", "Clients that have logged in.")
LOGINS_FAILED: Final = _by_role(
    "logins_failed_total",
    "Tries to log in that were refused: wrong names and passwords, and too many of them.",
)
BYTES_RECEIVED: Final = _by_role(
    "received_bytes_total", "All bytes that clients sent, commands and messages."
)

OPEN: Final = Description("mailsponge_sessions_open", Kind.GAUGE, "Connections that are open now.")
BUSY: Final = Description(
    "mailsponge_busy",
    Kind.GAUGE,
    "1 while most connections are in use and the server is less patient, else 0.",
)
HELD: Final = Description(
    "mailsponge_store_held_bytes", Kind.GAUGE, "Bytes of messages in memory, on their way to the disk."
)
MAILS: Final = Description(
    "mailsponge_store_mails", Kind.GAUGE, "Mails that are kept; one in two mailboxes counts twice."
)
FREE: Final = Description(
    "mailsponge_store_free_bytes",
    Kind.GAUGE,
    "Bytes that the disk under the store has left; limits.least_free stay so.",
)
COMMIT: Final = Description(
    "mailsponge_store_commit_seconds",
    Kind.HISTOGRAM,
    "How long commits took until they were on the disk; one is shared by all messages that waited for it.",
)
COMMITTED: Final = Description(
    "mailsponge_store_committed_messages_total", Kind.COUNTER, "Messages that those commits accepted."
)
FAILED: Final = Description(
    "mailsponge_store_commits_failed_total", Kind.COUNTER, "Commits that the disk or the database refused."
)
DELIVERIES: Final = Description(
    "mailsponge_deliveries_total",
    Kind.COUNTER,
    "What attempts to deliver came to, each recipient by itself: delivered, relayed (another server has it), deferred "
    "(it is tried again), failed (its sender hears of it).",
    ("result",),
)
REPORTS: Final = Description(
    "mailsponge_reports_total",
    Kind.COUNTER,
    "Reports to senders, by what they say: failed, delayed, delivered, relayed, expanded.",
    ("action",),
)
REPORTS_DROPPED: Final = Description(
    "mailsponge_reports_dropped_total",
    Kind.COUNTER,
    "Reports that were not written, for there is no way to the sender.",
)
MISTAKES: Final = Description(
    "mailsponge_queue_mistakes_total",
    Kind.COUNTER,
    "Attempts that ended by a mistake in this program; the log has its traceback.",
)
ATTEMPTS: Final = Description(
    "mailsponge_queue_attempts", Kind.GAUGE, "Attempts to deliver that are under way."
)
SETTLING: Final = Description(
    "mailsponge_queue_settling",
    Kind.GAUGE,
    "What attempts came to that is not on the disk yet; it grows while the disk fails.",
)
HOPS_WAITING: Final = Description(
    "mailsponge_queue_hops_waiting", Kind.GAUGE, "Next hops that mail waits for until a moment that is known."
)
HOPS_DOWN: Final = Description(
    "mailsponge_queue_hops_down", Kind.GAUGE, "Next hops that nothing gets through to."
)
BUILD: Final = Description("mailsponge_build_info", Kind.GAUGE, "Always 1.", ("version",))

ALL: Final = (
    TAKEN, BYTES_TAKEN, REFUSED, RECIPIENTS, ABANDONED, SESSIONS, TURNED_AWAY, DISMISSED, HANDSHAKES_FAILED, LOGINS,
    LOGINS_FAILED, BYTES_RECEIVED, OPEN, BUSY, HELD, MAILS, FREE, COMMIT, COMMITTED, FAILED, DELIVERIES, REPORTS,
    REPORTS_DROPPED, MISTAKES, ATTEMPTS, SETTLING, HOPS_WAITING, HOPS_DOWN, BUILD,
)  # fmt: skip


class Inside(Protocol):
    """The listener, as its numbers are read."""

    @property
    def counts(self) -> Mapping[str, Counts]:
        """By role."""

    @property
    def inside(self) -> int:
        """How many sessions are open."""

    @property
    def busy(self) -> bool:
        """Whether it is under load."""


class Metrics:
    """A page of all metrics, made when it is asked for. ``free`` tells how many bytes the store's disk has left (None:
    it is another machine's), and ``queue`` what the queue does, if somebody works it off.
    """

    def __init__(
        self,
        inside: Inside,
        store: Store,
        free: Callable[[], int] | None,
        queue: Callable[[], QueueCounts] = QueueCounts,
    ) -> None:
        self._inside = inside
        self._store = store
        self._free = free
        self._queue = queue

    async def page(self) -> bytes:
        """In Prometheus' text format, with what is known of the process, too. Raises StoreError."""
        mails = await asyncio.to_thread(self._store.count)
        registry = CollectorRegistry(auto_describe=False)
        free = None if self._free is None else self._free()
        registry.register(_Reading(self._inside, self._store, mails, free, self._queue()))
        ProcessCollector(registry=registry)
        return generate_latest(registry)


class _Reading(Collector):
    """The numbers of one moment."""

    def __init__(
        self, inside: Inside, store: Store, mails: int, free: int | None, queue: QueueCounts
    ) -> None:
        self._inside = inside
        self._store = store
        self._mails = mails
        self._free = free
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Every metric, in the order of the table."""
        yield from _of_roles(self._inside.counts)
        yield _single(OPEN, self._inside.inside)
        yield _single(BUSY, int(self._inside.busy))
        yield _single(HELD, self._store.held)
        yield _single(MAILS, self._mails)
        if self._free is not None:
            yield _single(FREE, self._free)
        yield from _of_commits(self._store.commits)
        yield from _of_queue(self._queue)
        build = GaugeMetricFamily(BUILD.name, BUILD.about, labels=BUILD.labels)
        build.add_metric([version("mailsponge")], 1)
        yield build


def _of_roles(counts: Mapping[str, Counts]) -> Iterator[Metric]:
    yield _by(TAKEN, {role: count.taken for role, count in counts.items()})
    yield _by(BYTES_TAKEN, {role: count.bytes_taken for role, count in counts.items()})
    yield _labelled(REFUSED, {role: count.messages_refused for role, count in counts.items()})
    yield _labelled(RECIPIENTS, {role: count.recipients_refused for role, count in counts.items()})
    yield _labelled(ABANDONED, {role: count.abandoned for role, count in counts.items()})
    yield _by(SESSIONS, {role: count.sessions for role, count in counts.items()})
    yield _labelled(TURNED_AWAY, {role: count.turned_away for role, count in counts.items()})
    yield _labelled(DISMISSED, {role: count.dismissed for role, count in counts.items()})
    yield _by(HANDSHAKES_FAILED, {role: count.handshakes_failed for role, count in counts.items()})
    yield _by(LOGINS, {role: count.logins for role, count in counts.items()})
    yield _by(LOGINS_FAILED, {role: count.logins_failed for role, count in counts.items()})
    yield _by(BYTES_RECEIVED, {role: count.bytes_received for role, count in counts.items()})


def _single(about: Description, value: float) -> Metric:
    return GaugeMetricFamily(about.name, about.about, value=value)


def _labelled(about: Description, values: Mapping[str, Mapping[str, int]]) -> Metric:
    family = CounterMetricFamily(about.name, about.about, labels=about.labels)
    for role, by_why in values.items():
        for why, value in by_why.items():
            family.add_metric([role, why], value)
    return family


def _of_commits(commits: Commits) -> Iterator[Metric]:
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    histogram = HistogramMetricFamily(COMMIT.name, COMMIT.about)
    histogram.add_metric([], list(zip(bounds, accumulate(commits.buckets), strict=True)), commits.seconds)
    yield histogram
    yield CounterMetricFamily(COMMITTED.name, COMMITTED.about, value=commits.messages)
    yield CounterMetricFamily(FAILED.name, FAILED.about, value=commits.failed)


def _of_queue(counts: QueueCounts) -> Iterator[Metric]:
    yield _by(DELIVERIES, counts.outcomes)
    yield _by(REPORTS, counts.reports)
    yield CounterMetricFamily(REPORTS_DROPPED.name, REPORTS_DROPPED.about, value=counts.reports_dropped)
    yield CounterMetricFamily(MISTAKES.name, MISTAKES.about, value=counts.mistakes)
    yield _single(ATTEMPTS, counts.running)
    yield _single(SETTLING, counts.settling)
    yield _single(HOPS_WAITING, counts.hops_waiting)
    yield _single(HOPS_DOWN, counts.hops_down)


def _by(about: Description, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(about.name, about.about, labels=about.labels)
    for name, value in values.items():
        family.add_metric([name], value)
    return family
