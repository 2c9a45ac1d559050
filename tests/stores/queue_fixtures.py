"""What tests of a queue share: a clock in the test's hands, deliveries, and the outcomes of attempts."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from store_fixtures import PATIENCE, SMALL, Outcome, acceptance, hand_over

from mailsponge.errors import StoreError
from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome as Came
from mailsponge.mail.outcome import Result
from mailsponge.store.protocol import Acceptance, Delivery, Due, Parcel, Report, Settlement, Store

ARRIVED = 1000.0
"""When messages arrive, if nothing else is said; it is the present, too, when a test begins."""

HOP = "example.net"

RELAYED = Came(
    Result.RELAYED, "2.0.0", "mx.example.net has it", "250 2.0.0 Ok: queued as 7", "mx.example.net"
)
DELIVERED = Came(Result.DELIVERED, "2.0.0", "into the Maildir of me")
DEFERRED = Came(Result.DEFERRED, "4.2.0", "mx.example.net is busy", "450 4.2.0 Busy", "mx.example.net")
FAILED = Came(
    Result.FAILED, "5.1.1", "there is nobody of that name", "550 5.1.1 No such user", "mx.example.net"
)


class Present:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = ARRIVED

    def __call__(self) -> float:
        return self.at


class Told:
    """A listener that keeps what it hears, and can be waited for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hops: list[str] = []

    def __call__(self, hops: Collection[str]) -> None:
        with self._changed:
            self._hops += hops
            self._changed.notify_all()

    @property
    def hops(self) -> set[str]:
        """Of all that it heard."""
        with self._changed:
            return set(self._hops)

    def wait_for(self, hop: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: hop in self._hops, PATIENCE), f"nobody was told of {hop}"

    def forget(self) -> None:
        with self._changed:
            self._hops.clear()


def to(*recipients: str, hop: str = "", user: str = "") -> list[Delivery]:
    """What is left to be done for each recipient: it goes out by its domain, or to a user."""
    addresses = map(parse, recipients)
    return [Delivery(place, address, user, hop or address.domain) for place, address in enumerate(addresses)]


def wanted(deliveries: Sequence[Delivery], *mailboxes: str, arrived_at: float = ARRIVED) -> Acceptance:
    """The acceptance of a message with these deliveries, which are for a recipient each."""
    recipients = tuple(delivery.address for delivery in deliveries)
    here = tuple(Address(mailbox, "example.org") for mailbox in mailboxes)
    return acceptance(*mailboxes, arrived_at=arrived_at)._replace(
        envelope=Envelope(Address("sender", "example.net"), recipients + here),
        reasons=tuple(f"<{address}> goes out" for address in recipients + here),
        deliveries=tuple(deliveries),
    )


def send(store: Store, *recipients: str, content: bytes = SMALL, arrived_at: float = ARRIVED) -> int:
    """Accept a message that goes out, and wait until it is durable; its id."""
    return queue(store, wanted(to(*(recipients or ("you@example.net",))), arrived_at=arrived_at), content)


def queue(store: Store, accepted: Acceptance, content: bytes = SMALL) -> int:
    incoming, outcome = hand_over(store, content, accepted)
    if fault := outcome.wait():
        raise fault
    return incoming.id


def claim(store: Store, hop: str = HOP, most: int = 1000, now: float = ARRIVED) -> list[Parcel]:
    return list(store.claim(hop, most, now))


def dues(parcels: Sequence[Parcel]) -> list[Due]:
    return [due for parcel in parcels for due in parcel.dues]


def settle(
    store: Store,
    parcels: Sequence[Parcel],
    outcome: Came = RELAYED,
    *reports: Report,
    at: float = ARRIVED + 1,
    again: float | None = None,
) -> StoreError | None:
    """All that was claimed came to the same; the fault, if it could not be kept."""
    told = Outcome()
    store.settle([Settlement(due.id, outcome, at, again) for due in dues(parcels)], reports, told)
    return told.wait()


def try_all(
    store: Store,
    outcome: Came = RELAYED,
    hop: str = HOP,
    now: float = ARRIVED,
    again: float | None = None,
) -> int:
    """Claim and settle all that is due for a next hop; how many deliveries those were."""
    parcels = claim(store, hop, now=now)
    assert settle(store, parcels, outcome, at=now, again=again) is None
    return len(dues(parcels))


def report_of(
    parcels: Sequence[Parcel],
    *mailboxes: str,
    to_: Sequence[Delivery] = (),
    content: bytes = b"Subject: failed\r\n\r\n",
) -> Report:
    """A report about what was claimed, to mailboxes here or to where the deliveries lead."""
    accepted = wanted(to_, *mailboxes)
    accepted = accepted._replace(envelope=accepted.envelope._replace(reverse_path=None))
    return Report(accepted, content, tuple(due.id for due in dues(parcels)))
