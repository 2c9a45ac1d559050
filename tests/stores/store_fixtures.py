"""What tests of a store share: an acceptance, a way to wait for an outcome, and messages to keep."""

from __future__ import annotations

import threading

from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance, Incoming, Store

PATIENCE = 60.0
"""Seconds after which something that was waited for counts as never happening."""

SMALL = b"From: a@example.net\r\nSubject: hello\r\n\r\nHello.\r\n"
LARGE = SMALL + b"x" * 1_000_000
"""Larger than a store keeps in memory: it goes to the disk in parts."""


def acceptance(*mailboxes: str, arrived_at: float = 1000.0) -> Acceptance:
    """An ordinary acceptance, into these mailboxes."""
    return Acceptance(
        envelope=Envelope(
            Address("sender", "example.net"),
            tuple(Address(mailbox, "example.org") for mailbox in mailboxes),
        ),
        mailboxes=mailboxes,
        arrived_at=arrived_at,
        peer="192.0.2.1",
        helo="client.example.net",
        reasons=tuple(f"{mailbox} lives here" for mailbox in mailboxes),
    )


class Outcome:
    """A `done` that can be waited for."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self.times = 0
        self.fault: StoreError | None = None

    def __call__(self, fault: StoreError | None) -> None:
        self.fault = fault
        self.times += 1
        self._told.set()

    @property
    def told(self) -> bool:
        return self._told.is_set()

    def wait(self) -> StoreError | None:
        """The fault, or None when the message is durable."""
        assert self._told.wait(PATIENCE), "nobody was told how the accepting went"
        return self.fault


def hand_over(store: Store, content: bytes, accepted: Acceptance) -> tuple[Incoming, Outcome]:
    """Write and accept, without waiting."""
    incoming, outcome = store.incoming(), Outcome()
    incoming.write(content)
    incoming.accept(accepted, outcome)
    return incoming, outcome


def keep(store: Store, content: bytes = SMALL, *mailboxes: str, arrived_at: float = 1000.0) -> int:
    """Accept a message and wait until it is durable; its id. Raises what the store says against it."""
    accepted = acceptance(*(mailboxes or ("me",)), arrived_at=arrived_at)
    incoming, outcome = hand_over(store, content, accepted)
    if fault := outcome.wait():
        raise fault
    return incoming.id


def whole(store: Store, message_id: int) -> bytes:
    """A message's content in one piece."""
    return b"".join(store.content(message_id))
