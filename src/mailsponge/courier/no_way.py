"""For mail that no way leads to any more, since it was taken: its recipient has gone, or has moved where none goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Due, Parcel


class NoWay:
    """Always comes to the same. See `protocol.Courier`."""

    def __init__(self, outcome: Callable[[Due], Outcome]) -> None:
        self._outcome = outcome

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """Nothing is tried."""
        return [self._outcome(due) for due in parcel.dues]

    async def close(self) -> None:
        """Nothing is kept."""
