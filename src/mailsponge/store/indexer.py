"""Reading messages for the lists of a store, whatever it keeps them in.

Messages are read first, and what was made of them is written in short transactions, so that mail which comes in hardly
waits for it.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mailsponge.store import threads
from mailsponge.store.backlog import MOST, Backlog
from mailsponge.store.glance import Glance
from mailsponge.store.threads import Known, Names, Place

_MESSAGES_AT_ONCE: Final = 50
"""... that are written in one transaction."""
_WORDS_AT_ONCE: Final = 500_000
"""Characters of words, likewise: what takes long is to find room for each in the index."""


class Seen(NamedTuple):
    """A message that was read."""

    message: int
    mailboxes: tuple[str, ...]
    arrived_at: float
    size: int
    glance: Glance

    def head(self, box: int) -> int:
        """The number of its line in the mailbox with a number."""
        return head_of(self.message, box)


def head_of(message: int, box: int) -> int:
    """The message's id, and behind it the mailbox's."""
    return (message << 20) + box


class Indexer(ABC):
    """Threads may share it; one at a time has its turn. Every method may block, and raises StoreError."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._backlog = Backlog()
        self._is_told = False

    def follow(self, backlog: Backlog) -> None:
        """From now on, whoever accepts messages notes them there: if it is empty, there are none."""
        self._backlog = backlog
        self._is_told = True

    def index(self, most: int) -> int:
        """See `reading.Inbox`."""
        with self._turn:
            taken = self._backlog.take(most)
            if not taken and (self._backlog.must_look or not self._is_told):
                self._look()
                taken = self._backlog.take(most)
            self._index(taken)
            return len(taken)

    def read(self, mailbox: str, messages: Sequence[int]) -> None:
        """Those of them that lie in the mailbox and were not read yet. Mostly there are none, and nobody waits."""
        if unread := self._unread_of(mailbox, messages):
            with self._turn:
                self._index(unread)

    def _look(self) -> None:
        """For what was there before this process, and what it has not kept in mind."""
        self._backlog.must_look = False
        found = self._unread(MOST)
        self._backlog.note(reversed(found))
        if len(found) == MOST:
            self._backlog.must_look = True

    def _index(self, messages: Sequence[int]) -> None:
        portion: list[Seen] = []
        weight = 0
        for message in messages:
            seen = self._seen(message)
            if seen is None:
                continue
            portion.append(seen)
            weight += len(seen.glance.words)
            if len(portion) >= _MESSAGES_AT_ONCE or weight >= _WORDS_AT_ONCE:
                self._write(portion)
                portion, weight = [], 0
        if portion:
            self._write(portion)

    @abstractmethod
    def _unread(self, most: int) -> list[int]:
        """Messages that lie in a mailbox and are in no list of it, the newest first."""

    @abstractmethod
    def _unread_of(self, mailbox: str, messages: Sequence[int]) -> list[int]:
        """Which of these messages that is true of, in one mailbox."""

    @abstractmethod
    def _seen(self, message: int) -> Seen | None:
        """Read a message; None if it is gone."""

    @abstractmethod
    def _write(self, portion: Sequence[Seen]) -> None:
        """Put messages into the lists of their mailboxes, in one transaction; but for those that are in them, or have
        left a mailbox meanwhile.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the store. A second time does nothing."""


Mentions = Callable[[Sequence[int]], dict[int, tuple[bool, int]]]
"""Of some Message-IDs, those that a mailbox knows: whether a message has it, and that one's thread or the one of who
names it.
"""


def place(names: Names, mentions: Mentions, size: Callable[[int], int]) -> Place:
    """Where a message belongs in a mailbox; ``size`` says how many messages a thread has."""
    own, others = names
    found = mentions(others if own is None else (own, *others))
    nearest = next((name for name in others if name in found), None)

    def known(name: int | None) -> Known | None:
        if name is None or name not in found:
            return None
        owned, thread = found[name]
        return Known(thread, owned, size(thread))

    return threads.place(known(own), known(nearest))
