"""Messages in memory, and the mailboxes they lie in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store import course, headings, refusals
from mailsponge.store.course import Course
from mailsponge.store.headings import HEAD
from mailsponge.store.incoming import PART
from mailsponge.store.listing import entry
from mailsponge.store.protocol import Acceptance, Entry, HopDown, Message, Step
from mailsponge.store.story import story


class Discarded(NamedTuple):
    """That something lies in the Trash."""

    at: float
    """Seconds since the epoch: since then."""
    folder: str
    """Where it was before."""


class Kept:
    """A message, and all that is known of it."""

    __slots__ = (
        "acceptance",
        "content",
        "courses",
        "discarded",
        "folders",
        "head",
        "later",
        "mailboxes",
        "seen",
        "size",
        "starred",
        "warned",
    )

    def __init__(self, message_id: int, acceptance: Acceptance, content: bytes) -> None:
        self.acceptance = acceptance
        self.content: bytes | None = content
        """None once it was removed."""
        self.head = content[:HEAD]
        self.size = len(content)
        self.mailboxes = set(acceptance.mailboxes)
        self.seen: set[str] = set()
        self.starred: set[str] = set()
        self.folders: dict[str, str] = {}
        """By mailbox, where it is not the Inbox."""
        self.discarded: dict[str, Discarded] = {}
        """By mailbox, where it lies in the Trash."""
        self.later: list[Step] = []
        self.courses = {
            course.number(message_id, place): Course(
                delivery, 0, acceptance.arrived_at, held=False, last=None, at=acceptance.arrived_at
            )
            for place, delivery in enumerate(acceptance.deliveries)
        }
        self.warned: set[int] = set()
        """Deliveries whose delay the sender was told of."""

    @property
    def waits(self) -> bool:
        """It is in the queue."""
        return any(each.next_attempt_at is not None for each in self.courses.values())


class MemoryMailboxes:
    """See `protocol.Mailboxes`."""

    def __init__(self, now: clock.Clock = clock.now) -> None:
        self._now = now
        self._turn = threading.RLock()
        self._kept: dict[int, Kept] = {}
        self._down: dict[str, HopDown] = {}
        self._closed = False

    def mailboxes(self) -> list[str]:
        """Names of the mailboxes that hold mail."""
        with self._turn:
            return sorted({mailbox for kept in self._kept.values() for mailbox in kept.mailboxes})

    def count(self) -> int:
        """How many lines `mails` would have."""
        with self._turn:
            return sum(len(kept.mailboxes - kept.discarded.keys()) for kept in self._kept.values())

    def mails(self, mailbox: str | None = None) -> list[Entry]:
        """Newest arrival first."""
        with self._turn:
            lines = [
                _line(message_id, name, kept)
                for message_id, kept in self._kept.items()
                for name in kept.mailboxes
                if mailbox in (None, name) and name not in kept.discarded
            ]
        return sorted(lines, key=lambda line: (-line.arrived_at, -line.id, line.mailbox))

    def message(self, message_id: int) -> Message | None:
        """The message, or None."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is None:
                return None
            accepted = kept.acceptance
            return Message(
                id=message_id,
                envelope=accepted.envelope,
                mailboxes=tuple(sorted(kept.mailboxes)),
                arrived_at=accepted.arrived_at,
                peer=accepted.peer,
                helo=accepted.helo,
                reasons=accepted.reasons,
                steps=accepted.steps,
                size=kept.size,
            )

    def trace(self, message_id: int) -> list[Step]:
        """What happened to it."""
        with self._turn:
            message = self.message(message_id)
            if message is None:
                raise refusals.no_such(message_id, "memory")
            kept = self._kept[message_id]
            return story(message, kept.later, list(kept.courses.values()), self._down)

    def with_message_id(self, text: str) -> list[int]:
        """Every head is read."""
        wanted = text.strip().strip("<>")
        with self._turn:
            heads = [(number, kept.head) for number, kept in reversed(self._kept.items())]
        return [number for number, head in heads if wanted and headings.message_id(head) == wanted]

    def content(self, message_id: int) -> Iterator[bytes]:
        """In pieces, as a disk would give it."""
        with self._turn:
            kept = self._kept.get(message_id)
        if kept is None:
            raise refusals.no_such(message_id, "memory")
        content = kept.content
        if content is None:
            raise refusals.removed(message_id)
        return (content[at : at + PART] for at in range(0, len(content), PART))

    def mark_seen(self, message_id: int, mailbox: str) -> None:
        """Remember that somebody has read it."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is None or mailbox not in kept.mailboxes:
                raise StoreError(f"message {message_id} does not lie in the mailbox {mailbox!r}")
            if mailbox not in kept.seen:
                kept.seen.add(mailbox)
                kept.later.append(Step(self._now(), "opened", f"in the mailbox {mailbox}"))

    def delete(self, message_id: int) -> None:
        """Remove it from every mailbox."""
        with self._turn:
            kept = self._kept.get(message_id)
            if kept is None:
                raise refusals.no_such(message_id, "memory")
            if not kept.waits:
                del self._kept[message_id]
                return
            if not kept.mailboxes:
                raise refusals.only_waits(message_id)
            steps = [
                Step(self._now(), "deleted", f"from the mailbox {name}") for name in sorted(kept.mailboxes)
            ]
            kept.later += steps
            kept.mailboxes.clear()

    def close(self) -> None:
        """Take no more."""
        with self._turn:
            self._closed = True


def _line(message_id: int, mailbox: str, kept: Kept) -> Entry:
    accepted = kept.acceptance
    return entry(
        message_id,
        mailbox,
        accepted.envelope,
        kept.head,
        arrived_at=accepted.arrived_at,
        size=kept.size,
        seen=mailbox in kept.seen,
    )
