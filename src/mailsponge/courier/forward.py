"""forward: the message goes on to another address, by relay, with a line on top that says whose mail it was.

By that line the runner knows it when it comes back: then it has gone round once, and goes no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mailsponge.courier.letter import delivered_to, letter
from mailsponge.courier.protocol import Courier
from mailsponge.mail.address import Address
from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Due, Parcel


class Forward:
    """Forwards everything to one address elsewhere. See `protocol.Courier`."""

    def __init__(self, relay: Courier, target: Address) -> None:
        """``relay`` is somebody else's: it is not closed here."""
        self._relay = relay
        self._target = target

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """One after the other, for each has another line on top; they are nearly always one."""
        return [await self._forward(parcel, due) for due in parcel.dues]

    async def close(self) -> None:
        """Nothing is kept."""

    async def _forward(self, parcel: Parcel, due: Due) -> Outcome:
        address = str(due.address)
        onward = parcel._replace(
            dues=(due._replace(address=self._target, user=""),),
            content=partial(letter, parcel, address),
            size=parcel.size + len(delivered_to(address)),
        )
        [outcome] = await self._relay.deliver(onward)
        return outcome._replace(why=f"forwarded to {self._target}: {outcome.why}")
