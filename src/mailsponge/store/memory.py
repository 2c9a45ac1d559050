"""The store's twin in memory: the same behaviour without a disk, for tests of what stands on a store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from functools import partial

from mailsponge import clock
from mailsponge.errors import StoreError, StoreFull
from mailsponge.store import course, refusals
from mailsponge.store.commits import Commits
from mailsponge.store.memory_mailboxes import Kept
from mailsponge.store.memory_queue import MemoryClaims
from mailsponge.store.protocol import Acceptance, Call, Done, Report, Settlement, direct


class MemoryStore(MemoryClaims):
    """See `protocol.Store`. ``room`` is how many bytes of content fit in; it may be changed at any time."""

    def __init__(self, *, call: Call = direct, room: int | None = None, now: clock.Clock = clock.now) -> None:
        super().__init__(now)
        self.room = room
        self._call = call
        self._ids = itertools.count(1)
        self._listener: Callable[[Collection[str]], None] | None = None
        self.held = 0
        self.commits = Commits()

    def incoming(self) -> MemoryIncoming:
        """A message on its way in."""
        return MemoryIncoming(next(self._ids), self)

    def take(self, message_id: int, acceptance: Acceptance, content: bytes) -> StoreError | None:
        """What the disk would do: keep it all, or say why not."""
        with self._turn:
            fault = self._fault(len(content))
            if fault is None:
                self._add(message_id, acceptance, content)
            return fault

    def _fault(self, size: int) -> StoreError | None:
        """Why so many bytes more cannot be kept."""
        if self._closed:
            return refusals.closed()
        used = sum(len(kept.content or b"") for kept in self._kept.values())
        if self.room is not None and used + size > self.room:
            self.commits.failed += 1
            return StoreFull("there is no room left in memory: make some, and mail is taken again")
        return None

    def _add(self, message_id: int, acceptance: Acceptance, content: bytes) -> None:
        self._kept[message_id] = Kept(message_id, acceptance, content)
        self.commits.note(0.0, 1)
        self._tell_of({delivery.next_hop for delivery in acceptance.deliveries})

    def tell(self, callback: Callable[[], None]) -> None:
        """Carry an outcome to where it belongs."""
        self._call(callback)

    def settle(self, settlements: Sequence[Settlement], reports: Sequence[Report], done: Done) -> None:
        """All of it, or nothing."""
        with self._turn:
            fault = self._fault(sum(len(report.content) for report in reports))
            if fault is None:
                self._settle_all(settlements, reports)
        self.tell(lambda: done(fault))

    def _settle_all(self, settlements: Sequence[Settlement], reports: Sequence[Report]) -> None:
        mine = [each for each in settlements if each.delivery in self._claimed]
        settled = {each.delivery: each for each in mine if self._settle(each)}
        self.let_go([each.delivery for each in mine])
        for report in reports:
            about = [settled[number] for number in report.about if number in settled]
            if report.about and not about:
                continue
            message_id = next(self._ids)
            self._add(message_id, report.acceptance, report.content)
            if about:
                original = self._kept[course.message_of(about[0].delivery)]
                original.later.append(course.reported(message_id, about[0]))

    def put_into(self, message_id: int, mailbox: str, done: Done) -> None:
        """Kept at once."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is not None:
                kept.mailboxes.add(mailbox)
        self.tell(partial(done, None if kept is not None else refusals.no_such(message_id, "memory")))

    def watch(self, listener: Callable[[Collection[str]], None]) -> None:
        """By the store's `call`."""
        self._listener = listener

    def _wake(self, hops: Collection[str]) -> None:
        super()._wake(hops)
        self._tell_of(hops)

    def _tell_of(self, hops: Collection[str]) -> None:
        if hops and self._listener is not None:
            self.tell(partial(self._listener, hops))

    def sweep(self) -> int:
        """Nothing outlives a server in memory."""
        return 0


class MemoryIncoming:
    """See `protocol.Incoming`."""

    def __init__(self, message_id: int, store: MemoryStore) -> None:
        self.id = message_id
        self._store = store
        self._chunks: list[bytes] = []
        self._ended = False

    @property
    def backlog(self) -> int:
        """Memory is never behind."""
        return 0

    def write(self, chunk: bytes) -> None:
        """Keep it."""
        self._must_not_have_ended()
        self._chunks.append(chunk)
        self._store.held += len(chunk)

    def spill(self) -> None:
        """There is nowhere else to put it."""

    def when_written(self, then: Callable[[], None]) -> None:
        """Which is now."""
        self._store.tell(then)

    def accept(self, acceptance: Acceptance, done: Done) -> None:
        """Kept at once; told by way of the store's `call`."""
        self._must_not_have_ended()
        content = b"".join(self._chunks)
        self.discard()
        fault = self._store.take(self.id, acceptance, content)
        self._store.tell(lambda: done(fault))

    def discard(self) -> None:
        """Let go of it."""
        self._ended = True
        self._store.held -= sum(map(len, self._chunks))
        self._chunks = []

    def _must_not_have_ended(self) -> None:
        if self._ended:
            raise StoreError(
                f"message {self.id} was accepted or discarded already: begin another with incoming()"
            )
