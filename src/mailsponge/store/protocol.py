"""What a store is, whatever it keeps its messages in.

Four faces: `Mailboxes` is what a person (or the command line, from another process) does with mail that has
arrived, `Inbox` (in `reading.py`) what they do with a whole mailbox, `Queue` the same for mail that waits to go on;
`Store` adds what the server does that takes mail in and sends it on.

What takes mail in never blocks: `incoming`, and `write`, `accept`, `discard` of what it returns. Everything
else may wait for a disk, so an event loop leaves it to a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome
from mailsponge.store.commits import Commits
from mailsponge.store.reading import Inbox

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


class Delivery(NamedTuple):
    """What is left to be done for a recipient when a message is accepted; several, where an alias leads to several."""

    recipient: int
    """Which of the envelope's recipients it is for, from 0."""
    address: Address
    """Where it goes: what the recipient's address leads to."""
    user: str
    """Who lives here and gets it, in whatever way their mail is delivered when it is tried; empty: it goes out."""
    next_hop: str
    """What it shares with others that go the same way: ``example.net``, ``smtp.example.net:587``, ``maildir me``."""


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
    deliveries: tuple[Delivery, ...] = ()
    """What is left to be done. With them the message waits in the queue, until each has come to an end."""


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


class Due(NamedTuple):
    """A delivery whose time has come."""

    id: int
    recipient: int
    address: Address
    user: str
    next_hop: str
    attempts: int
    """How often it has been tried before."""
    warned: bool
    """The sender was told of the delay."""


class Parcel(NamedTuple):
    """A message on its way out, and those of its deliveries that are tried together."""

    message: int
    envelope: Envelope
    arrived_at: float
    size: int
    dues: tuple[Due, ...]
    """They have the same `next_hop`."""
    content: Callable[[], Iterator[bytes]]
    """The content from its beginning, in pieces of at most 256 kB, as often as it is asked for. It begins with the
    ``Return-Path`` that was put on top. Reading may wait for a disk, so an event loop leaves it to a thread, unless
    `in_memory`. Raises StoreError."""
    in_memory: bool = False
    """The content is there already: reading it waits for nothing."""


class Settlement(NamedTuple):
    """What an attempt came to, to be kept."""

    delivery: int
    """A `Due`'s id."""
    outcome: Outcome
    at: float
    """Seconds since the epoch."""
    next_attempt_at: float | None
    """When it is tried again; None: that was the end of it."""
    warned: bool = False
    """The sender is told of the delay by this, or was before."""


class Report(NamedTuple):
    """A message of the post office's own: a report about another."""

    acceptance: Acceptance
    content: bytes
    about: tuple[int, ...] = ()
    """The deliveries whose settlements it tells of. If none of them was still to be settled (somebody has withdrawn
    the message meanwhile, or another server settled it), there is nothing to tell, and it is dropped. Empty: it is
    accepted in any case."""


class Waiting(NamedTuple):
    """A delivery in the queue, as a person looks at it."""

    address: Address
    original: Address
    """The envelope's recipient that it is for."""
    next_hop: str
    attempts: int
    next_attempt_at: float
    """Seconds since the epoch."""
    last_reply: str
    """What the last attempt came to; empty before the first."""
    held: bool


class Queued(NamedTuple):
    """A message in the queue, as a person looks at it."""

    id: int
    reverse_path: Address | None
    size: int
    arrived_at: float
    recipients: tuple[Waiting, ...]


class HopDown(NamedTuple):
    """A next hop that nothing gets through to."""

    until: float
    """Seconds since the epoch: when it is tried again."""
    failures: int
    """How often in a row."""
    why: str


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


MOST_DELIVERIES = 1 << 20
"""Deliveries that one message may have, less one: far more than its recipients lead to."""

KEPT_WITHDRAWN = 7 * 86_400.0
"""Seconds for which what was taken out of the queue can be released."""

CLAIM_RENEWED = 60.0
"""Seconds between renewals of claims; one that was not renewed five times runs out."""

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
        """Remove a message from every mailbox, for good. Its id is never used again. One that waits in the queue stays
        there, and its content with it. StoreError when there is none, or it only waits in the queue.
        """

    def close(self) -> None:
        """Let go of the store; a second time does nothing."""


class Queue(Protocol):
    """Looking at what waits, and putting it right. Every method may block, and raises StoreError when the store cannot.

    Ids are those of messages. What changes something returns how many deliveries it changed, and raises StoreError when
    the message is not in the queue. What a person does here stands in the message's trace.
    """

    def queued(self) -> Iterator[Queued]:
        """What waits, in the order in which it came, read as it is asked for: there may be a great many."""

    def in_queue(self, message_id: int) -> Queued | None:
        """One message that waits, or None."""

    def hold(self, message_id: int) -> int:
        """Do not try it before it is released."""

    def release(self, message_id: int) -> int:
        """Try what was held, or taken out of the queue not longer than a week ago, at once."""

    def retry(self, message_id: int) -> int:
        """Try at once what waits, its next hop too if that is taken to be down. What is held stays held."""

    def retry_all(self) -> int:
        """The same for all that waits."""

    def withdraw(self, message_id: int) -> int:
        """Take it out of the queue, without a word to its sender. It can be released for a week."""

    def hops_down(self) -> Mapping[str, HopDown]:
        """The next hops that nothing gets through to."""


class Beside(Mailboxes, Inbox, Queue, Protocol):
    """What other processes do beside a server, or without one."""


class Store(Beside, Protocol):
    """The whole store, as a server that takes mail in and sends it on holds it.

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

    def tidy(self, before: float) -> int:
        """Remove the content of messages that have gone where they should and lie in no mailbox, and all that is known
        of those that came to their end before a moment (seconds since the epoch); how many messages changed. To be
        called now and then: some work at a time, so call again while it returns more than 0. May block.
        """

    def put_into(self, message_id: int, mailbox: str, done: Done) -> None:
        """Put a message into a mailbox here, once: one that lies there already stays as it is. Never blocks; ``done``
        is told, through the store's `call`, how it went.
        """

    def watch(self, listener: Callable[[Collection[str]], None]) -> None:
        """Have ``listener`` called, through the store's `call`, with the next hops that something is to be tried for
        now: a message was accepted, by this server or another one on the same store, or somebody released what waits.
        """

    def next_hops(self) -> Mapping[str, float]:
        """The next hops that something waits for that is neither held nor claimed, each with when the first of it is
        due (seconds since the epoch). May block.
        """

    def claim(self, next_hop: str, most: int, now: float) -> Sequence[Parcel]:
        """What is due for a next hop by ``now``, the longest due first, at most so many deliveries; those of one
        message come together. What is claimed is nobody else's until it is settled or let go; and if this server dies,
        until the next one starts, or the claim runs out. May block.
        """

    def keep_claims(self) -> None:
        """Renew what is claimed and not settled. To be called every `CLAIM_RENEWED` seconds. May block."""

    def let_go(self, dues: Collection[int]) -> None:
        """Give back what was claimed and not tried; it stays due. Never blocks."""

    def settle(self, settlements: Sequence[Settlement], reports: Sequence[Report], done: Done) -> None:
        """Keep what attempts came to and, in the same transaction, accept reports about them, each under an id drawn
        here. A settlement of what is not this server's to settle any more changes nothing. Never blocks; ``done`` is
        told, through the store's `call`, how it went. After a failure all is claimed as before.
        """

    def hop_is_down(self, next_hop: str, down: HopDown | None) -> None:
        """Remember that nothing gets through to a next hop, or (None) that it does again. Never blocks."""
