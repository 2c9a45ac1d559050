"""Mail for elsewhere: to the hosts of its domain, or by the way that the configuration names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsponge.courier.carrier import Carrier
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.routes import NextHop, Routes
from mailsponge.store.protocol import Parcel


class RelayCourier:
    """A :class:`~mailsponge.courier.protocol.Courier` that hands on what it gets."""

    def __init__(self, carrier: Carrier, routes: Callable[[], Routes]) -> None:
        """``routes``: those in force; they are looked up anew for each parcel."""
        self._carrier = carrier
        self._routes = routes

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """Try each delivery of the parcel. They had one way when they were accepted, and may have several by now."""
        routes = self._routes()
        ways: dict[NextHop, list[int]] = {}
        for at, due in enumerate(parcel.dues):
            ways.setdefault(routes.next_hop(due.address.domain), []).append(at)
        if len(ways) == 1:
            (hop,) = ways
            return await self._carrier.carry(parcel, parcel.dues, hop, Result.RELAYED)
        outcomes: dict[int, Outcome] = {}
        for hop, places in ways.items():
            dues = [parcel.dues[at] for at in places]
            found = await self._carrier.carry(parcel, dues, hop, Result.RELAYED)
            outcomes.update(zip(places, found, strict=True))
        return [outcomes[at] for at in range(len(parcel.dues))]

    async def close(self) -> None:
        """Say goodbye to the hosts whose connections wait."""
        await self._carrier.close()
