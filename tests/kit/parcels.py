"""Parcels for tests of couriers, and a courier that takes anything."""

from __future__ import annotations

from collections.abc import Sequence

from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store.protocol import Due, Parcel

CONTENT = b"Return-Path: <you@example.net>\r\nReceived: from there\r\nSubject: hello\r\n\r\nHello.\r\n"
RELAYED = Outcome(Result.RELAYED, "2.0.0", "taken by mx.example.com")


def due(address: str = "me@example.org", user: str = "me", number: int = 1, attempts: int = 0) -> Due:
    return Due(number, 0, parse(address), user, f"somewhere {user}", attempts, False)


def parcel(
    *dues: Due, message: int = 17, content: bytes = CONTENT, arrived_at: float = 1700000000.25
) -> Parcel:
    """A message with these deliveries, or with one for me."""
    dues = dues or (due(),)
    envelope = Envelope(Address("you", "example.net"), tuple(each.address for each in dues))
    return Parcel(message, envelope, arrived_at, len(content), dues, lambda: iter((content,)))


class Taker:
    """A courier that takes everything, and keeps it."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.sizes: list[int] = []

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """Into memory."""
        content = b"".join(parcel.content())
        self.taken += [(str(due.address), content) for due in parcel.dues]
        self.sizes.append(parcel.size)
        return [RELAYED] * len(parcel.dues)

    async def close(self) -> None:
        """Nothing to let go of."""
