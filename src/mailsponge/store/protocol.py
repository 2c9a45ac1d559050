"""What a store is, whatever it keeps its messages in.

Two faces: `Mailboxes` is what a person (or the command line, from another process) does with mail that has
arrived; `Store` adds what the one server does that takes mail in.

What takes mail in never blocks: `incoming`, and `write`, `accept`, `discard` of what it returns. Everything
else may wait for a disk, so an event loop leaves it to a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from mailsponge.errors import StoreError
from mailsponge.mail.envelope import Envelope
from mailsponge.store.commits import Commits

Done = Callable[[StoreError | None], None]
"""Told once how an accepting ended: None, it is durable; else why it is not."""

Call = Callable[[Callable[[], None]], object]
"""Carries a callback to the thread where it belongs (asyncio: ``loop.call_soon_threadsafe``)."""


def direct(callback: Callable[[], None]) -> None:
    """Call back at once, on whichever thread this is."""
    callback()


class Step(NamedTuple):
    """Something that happened to a message."""

    at: float
    """Seconds since the epoch."""
    what: str
    """One word (`story.py`); there may be more of them."""
    why: str
    """For people, strangers' words in it: not free of control characters."""


class Acceptance(NamedTuple):
    """What is kept about the accepting of a message, beside its content."""

    envelope: Envelope
    mailboxes: tuple[str, ...]
    """The mailboxes here that the message is delivered into by being accepted; each once."""
    arrived_at: float
    """Seconds since the epoch."""
    peer: str
    """Where the bytes came from, as the listener names it."""
    helo: str
    """What the peer called itself."""
    reasons: tuple[str, ...]
    """Why each recipient was admitted, in the order of the envelope's recipients."""
    steps: tuple[Step, ...] = ()
    """What else happened until it was accepted, in order."""


class Message(NamedTuple):
    """A message that was accepted: everything but its content."""

    id: int
    envelope: Envelope
    mailboxes: tuple[str, ...]
    """The mailboxes it lies in."""
    arrived_at: float
    peer: str
    helo: str
    reasons: tuple[str, ...]
    steps: tuple[Step, ...]
    """What else happened until it was accepted."""
    size: int
    """Bytes of content, as written."""


class Entry(NamedTuple):
    """A line of a mailbox's list: a message in one mailbox.

    `sender`, `to`, `subject` and `date` are what the message's own headers claim, decoded; where they are
    missing, the envelope speaks for sender and to. All text is what strangers wrote: free of lone surrogates,
    but not of control characters.
    """

    id: int
    mailbox: str
    sender: str
    to: str
    subject: str
    arrived_at: float
    date: float | None
    """Seconds since the epoch by the Date header; None without one that makes sense."""
    size: int
    seen: bool


SEARCHED = 100_000
"""Messages in which a Message-ID is looked for: seconds of work."""


class Incoming(Protocol):
    """A message on its way in. Nobody sees it before it is accepted; used from one thread."""

    id: int

    @property
    def backlog(self) -> int:
        """Bytes handed to the disk and not yet on it: whoever reads from the network pauses above a limit of
        theirs.
        """

    def write(self, chunk: bytes) -> None:
        """Add to the content. Never blocks. A failing disk is told by `accept`."""

    def spill(self) -> None:
        """Memory is short: let go of what is held of the message, to the disk, where that frees enough to be worth it.
        Never blocks; `when_written` tells when it is gone.
        """

    def when_written(self, then: Callable[[], None]) -> None:
        """Call ``then`` (through the store's `call`) once the backlog of this moment is gone, written or failed."""

    def accept(self, acceptance: Acceptance, done: Done) -> None:
        """Make the message visible and durable in one transaction; ``done`` is told, through the store's
        `call`, how it went.

        After `accept` or `discard` the message can be neither written to nor accepted again (StoreError).
        """

    def discard(self) -> None:
        """Forget the message. Without effect on one that was accepted or discarded, so a closing session may
        always call it.
        """


class Mailboxes(Protocol):
    """Reading and tidying what has arrived. Every method may block, and raises StoreError when the store cannot."""

    def mailboxes(self) -> list[str]:
        """Names of the mailboxes that hold mail, in order of the alphabet."""

    def count(self) -> int:
        """How many lines `mails` would have."""

    def mails(self, mailbox: str | None = None) -> list[Entry]:
        """What lies in one mailbox, or in all, newest arrival first."""

    def message(self, message_id: int) -> Message | None:
        """The message, or None when there is none with this id."""

    def trace(self, message_id: int) -> list[Step]:
        """What happened to the message, in order, and why. StoreError when there is no such message."""

    def with_message_id(self, text: str) -> list[int]:
        """The messages whose Message-ID header (RFC 5322 section 3.6.4) is this, newest first, brackets or not.

        Nobody indexes what strangers write, so this reads the heads of the newest `SEARCHED` messages.
        """

    def content(self, message_id: int) -> Iterator[bytes]:
        """The content exactly as it was written, in pieces of at most 256 kB. StoreError when there is no such
        message.
        """

    def mark_seen(self, message_id: int, mailbox: str) -> None:
        """Remember that somebody has read it. StoreError when it does not lie in this mailbox."""

    def delete(self, message_id: int) -> None:
        """Remove a message from every mailbox, for good. Its id is never used again. StoreError when there is
        none.
        """

    def close(self) -> None:
        """Let go of the store; a second time does nothing."""


class Store(Mailboxes, Protocol):
    """The whole store, as the one server that takes mail in holds it.

    `close` first writes everything that was handed over, and tells every `done`.
    """

    def incoming(self) -> Incoming:
        """Begin a message: draws its id, which no other message ever has. Never blocks."""

    @property
    def commits(self) -> Commits:
        """How many there were, how long they took, and how many messages they accepted."""

    @property
    def held(self) -> int:
        """Bytes of messages in memory: written to an `Incoming`, and neither on the disk nor discarded yet."""

    def sweep(self) -> int:
        """Remove what earlier servers left of messages they never accepted; how many those were. To be called
        at start.
        """
