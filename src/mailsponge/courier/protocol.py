"""What a courier is: it takes a message to recipients that go the same way, and says what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Parcel


class Courier(Protocol):
    """One way of delivering. Nothing here decides when it is tried again, or who is told: outcomes are values."""

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """Try each of the parcel's deliveries once; returns their outcomes, in the same order.

        Whatever the world does is an outcome and no exception: an exception is a mistake in the courier, and the caller
        takes it for a deferral. Has limits of its own on how long it waits. May be cancelled, when the server stops:
        then nothing is known, and all of it is tried again.
        """

    async def close(self) -> None:
        """Let go of what is kept from one delivery to the next, such as connections. A second time does nothing."""
