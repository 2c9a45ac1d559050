"""Mail that waits, put straight into a store's queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from mailsponge.errors import StoreError
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store.protocol import Acceptance, Delivery, Done, Settlement, Store

PATIENCE = 30.0
BUSY = Outcome(
    Result.DEFERRED,
    "4.2.0",
    "mx.example.net is busy",
    "450 4.2.0 This mailbox is being moved. Please try again later",
    "mx.example.net",
)


def put_in_queue(
    store: Store,
    recipients: Sequence[str] = ("you@example.net",),
    *,
    sender: str | None = "me@example.org",
    at: float = 1_800_000_000.0,
    subject: str = "hello",
) -> int:
    """Accept a message for recipients elsewhere; returns its id."""
    addresses = tuple(map(parse, recipients))
    incoming = store.incoming()
    incoming.write(f"Return-Path: <me@example.org>\r\nSubject: {subject}\r\n\r\nHello.\r\n".encode())
    _wait(
        lambda done: incoming.accept(
            Acceptance(
                envelope=Envelope(None if sender is None else parse(sender), addresses),
                mailboxes=(),
                arrived_at=at,
                peer="127.0.0.1",
                helo="client.example.org",
                reasons=tuple(f"{address} is elsewhere, and me has logged in" for address in addresses),
                deliveries=tuple(
                    Delivery(number, address, "", address.domain) for number, address in enumerate(addresses)
                ),
            ),
            done,
        )
    )
    return incoming.id


def defer(store: Store, next_hop: str, at: float, until: float, outcome: Outcome = BUSY) -> None:
    """Let what is due for a next hop be tried, in vain."""
    dues = [due.id for parcel in store.claim(next_hop, 1000, at) for due in parcel.dues]
    _wait(lambda done: store.settle([Settlement(due, outcome, at, until) for due in dues], (), done))


def _wait(begin: Callable[[Done], object]) -> None:
    """Begin something that is told of when it is durable, and wait for that."""
    told = threading.Event()
    problems: list[StoreError] = []

    def done(error: StoreError | None) -> None:
        if error is not None:
            problems.append(error)
        told.set()

    begin(done)
    assert told.wait(PATIENCE)
    assert not problems, problems
