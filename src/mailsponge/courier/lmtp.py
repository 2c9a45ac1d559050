"""LMTP (RFC 2033): another program, on this machine or near it, delivers, and tells what became of each recipient."""

from __future__ import annotations

from collections.abc import Sequence

from mailsponge.courier.carrier import Carrier
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.routes import NextHop, Tls
from mailsponge.store.protocol import Parcel


class LmtpCourier:
    """Hands mail over to one server. See `protocol.Courier`."""

    def __init__(self, carrier: Carrier, hop: NextHop) -> None:
        """``carrier`` is somebody else's: it is not closed here. ``hop``: see `hop_of`."""
        self._carrier = carrier
        self._hop = hop

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """All recipients of a parcel in one transaction, as far as the server takes them."""
        return await self._carrier.carry(parcel, parcel.dues, self._hop, Result.DELIVERED)

    async def close(self) -> None:
        """Nothing of its own is kept."""


def hop_of(target: str) -> NextHop:
    """The server that a user's ``deliver`` names: ``unix:/run/dovecot/lmtp`` or ``127.0.0.1:24``.

    TLS is used over TCP if it is offered, whoever the certificate names: such a server is near.
    """
    name = f"lmtp {target}"
    if target.startswith("unix:"):
        return NextHop(name, target.removeprefix("unix:"), mx=False, tls=Tls.NEVER, lmtp=True)
    host, _, port = target.rpartition(":")
    return NextHop(name, host.strip("[]"), int(port), mx=False, tls=Tls.TRY, lmtp=True)
