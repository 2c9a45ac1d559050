"""For those who have gone since their mail was taken."""

from __future__ import annotations

from collections.abc import Sequence

from mailsponge.courier.ways import nobody
from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Parcel


class Nobody:
    """See `protocol.Courier`."""

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """The sender hears that there is no such user."""
        return [nobody(due.user) for due in parcel.dues]

    async def close(self) -> None:
        """Nothing is kept."""
