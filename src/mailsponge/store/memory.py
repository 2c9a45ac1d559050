"""The store's twin in memory: the same behaviour without a disk, for tests of what stands on a store."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mailsponge import clock
from mailsponge.errors import StoreError, StoreFull
from mailsponge.store import headings
from mailsponge.store.commits import Commits
from mailsponge.store.headings import HEAD
from mailsponge.store.incoming import PART
from mailsponge.store.listing import entry
from mailsponge.store.protocol import Acceptance, Call, Done, Entry, Message, Step, direct
from mailsponge.store.story import story


class _Kept(NamedTuple):
    acceptance: Acceptance
    content: bytes
    seen: set[str]
    later: list[Step]


class MemoryStore:
    """See `protocol.Store`. ``room`` is how many bytes of content fit in; it may be changed at any time."""

    def __init__(self, *, call: Call = direct, room: int | None = None, now: clock.Clock = clock.now) -> None:
        self.room = room
        self._now = now
        self._call = call
        self._turn = threading.RLock()
        self._ids = itertools.count(1)
        self._kept: dict[int, _Kept] = {}
        self._closed = False
        self.held = 0
        self.commits = Commits()

    def incoming(self) -> MemoryIncoming:
        """A message on its way in."""
        return MemoryIncoming(next(self._ids), self)

    def take(self, message_id: int, acceptance: Acceptance, content: bytes) -> StoreError | None:
        """What the disk would do: keep it all, or say why not."""
        with self._turn:
            if self._closed:
                return StoreError("the store is closed: the server is stopping, and takes no more mail")
            used = sum(len(kept.content) for kept in self._kept.values())
            if self.room is not None and used + len(content) > self.room:
                self.commits.failed += 1
                return StoreFull("there is no room left in memory: make some, and mail is taken again")
            self._kept[message_id] = _Kept(acceptance, content, set(), [])
            self.commits.note(0.0, 1)
            return None

    def put_into(self, message_id: int, mailbox: str, done: Done) -> None:
        """Kept at once; told by way of the store's `call`."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is not None and mailbox not in kept.acceptance.mailboxes:
                more = kept.acceptance._replace(mailboxes=(*kept.acceptance.mailboxes, mailbox))
                self._kept[message_id] = kept._replace(acceptance=more)
        fault = _no_such(message_id) if kept is None else None
        self.tell(lambda: done(fault))

    def tell(self, callback: Callable[[], None]) -> None:
        """Carry an outcome to where it belongs."""
        self._call(callback)

    def sweep(self) -> int:
        """Nothing outlives a server in memory."""
        return 0

    def mailboxes(self) -> list[str]:
        """Names of the mailboxes that hold mail."""
        with self._turn:
            return sorted({mailbox for kept in self._kept.values() for mailbox in kept.acceptance.mailboxes})

    def count(self) -> int:
        """How many lines `mails` would have."""
        with self._turn:
            return sum(len(kept.acceptance.mailboxes) for kept in self._kept.values())

    def mails(self, mailbox: str | None = None) -> list[Entry]:
        """Newest arrival first."""
        with self._turn:
            lines = [
                _line(message_id, name, kept)
                for message_id, kept in self._kept.items()
                for name in kept.acceptance.mailboxes
                if mailbox in (None, name)
            ]
        return sorted(lines, key=lambda line: (-line.arrived_at, -line.id, line.mailbox))

    def message(self, message_id: int) -> Message | None:
        """The message, or None."""
        with self._turn:
            kept = self._kept.get(message_id)
        if kept is None:
            return None
        accepted = kept.acceptance
        mailboxes = tuple(sorted(accepted.mailboxes))
        return Message(
            id=message_id, size=len(kept.content), **accepted._replace(mailboxes=mailboxes)._asdict()
        )

    def trace(self, message_id: int) -> list[Step]:
        """What happened to it."""
        message = self.message(message_id)
        if message is None:
            raise _no_such(message_id)
        return story(message, self._kept[message_id].later)

    def with_message_id(self, text: str) -> list[int]:
        """Every head is read."""
        wanted = text.strip().strip("<>")
        with self._turn:
            heads = [(number, kept.content[:HEAD]) for number, kept in reversed(self._kept.items())]
        return [number for number, head in heads if wanted and headings.message_id(head) == wanted]

    def content(self, message_id: int) -> Iterator[bytes]:
        """In pieces, as a disk would give it."""
        with self._turn:
            kept = self._kept.get(message_id)
        if kept is None:
            raise _no_such(message_id)
        return (kept.content[at : at + PART] for at in range(0, len(kept.content), PART))

    def mark_seen(self, message_id: int, mailbox: str) -> None:
        """Remember that somebody has read it."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is None or mailbox not in kept.acceptance.mailboxes:
                raise StoreError(f"message {message_id} does not lie in the mailbox {mailbox!r}")
            if mailbox not in kept.seen:
                kept.seen.add(mailbox)
                kept.later.append(Step(self._now(), "opened", f"in the mailbox {mailbox}"))

    def delete(self, message_id: int) -> None:
        """Remove it from every mailbox."""
        with self._turn:
            if self._kept.pop(message_id, None) is None:
                raise _no_such(message_id)

    def close(self) -> None:
        """Take no more."""
        with self._turn:
            self._closed = True


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


def _line(message_id: int, mailbox: str, kept: _Kept) -> Entry:
    accepted = kept.acceptance
    return entry(
        message_id,
        mailbox,
        accepted.envelope,
        kept.content[:HEAD],
        arrived_at=accepted.arrived_at,
        size=len(kept.content),
        seen=mailbox in kept.seen,
    )


def _no_such(message_id: int) -> StoreError:
    return StoreError(f"there is no message {message_id} in memory")
