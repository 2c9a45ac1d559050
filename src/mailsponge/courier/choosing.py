"""Which courier takes a delivery: for someone who lives here, the one by which their mail goes now; else the relay."""

from __future__ import annotations

from typing import Final, NamedTuple

from mailsponge.accounts import Absent, Accounts, Deliver, Kind
from mailsponge.courier.carrier import Carrier
from mailsponge.courier.faults import deferred
from mailsponge.courier.forward import Forward
from mailsponge.courier.lmtp import LmtpCourier, hop_of
from mailsponge.courier.no_way import NoWay
from mailsponge.courier.protocol import Courier
from mailsponge.courier.ways import LOCAL, nobody
from mailsponge.mail.address import Address, parse
from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Due

_BY_HAND: Final = "`mailsponge mail show --raw` shows it, and `mailsponge-sendmail` sends it to them"


class Hands(NamedTuple):
    """What couriers are made of. They outlive a change of the configuration."""

    relay: Courier
    """Takes mail elsewhere."""
    mailbox: Courier
    local: Courier
    """Takes mail to those who have it delivered on this machine."""
    carrier: Carrier
    """Talks to other servers: for LMTP."""


class Couriers:
    """The couriers for one configuration: `courier_for` is what the runner asks.

    The same object takes what goes together. None of them has to be closed but those in `Hands`.
    """

    def __init__(self, accounts: Accounts, hands: Hands) -> None:
        self._accounts = accounts
        self._hands = hands
        self._made: dict[Deliver, Courier] = {}
        self._nobody = NoWay(lambda due: nobody(due.user))
        self._moved_in = NoWay(_moved_in)

    def courier_for(self, due: Due) -> Courier:
        """Whose affair a delivery is, as of now."""
        if not due.user:
            return self._moved_in if self._accounts.is_ours(due.address.domain) else self._hands.relay
        deliver = self._accounts.deliver(due.user, due.address.domain)
        if deliver is None:
            return self._nobody
        if deliver.kind is Kind.MAILBOX:
            return self._hands.mailbox
        if deliver.kind in LOCAL:
            return self._hands.local
        if deliver not in self._made:
            self._made[deliver] = self._make(deliver)
        return self._made[deliver]

    def _make(self, deliver: Deliver) -> Courier:
        """One for each way that somebody's mail goes."""
        if deliver.kind is Kind.LMTP:
            return LmtpCourier(self._hands.carrier, hop_of(deliver.target))
        target = _address(deliver.target)
        if target is None or self._accounts.find(target) is not Absent.NOT_OUR_DOMAIN:
            return NoWay(lambda due: _forwarded_here(due, deliver.target))
        return Forward(self._hands.relay, target)


def _address(target: str) -> Address | None:
    """Where mail is forwarded to; None: to a name that lives here."""
    return parse(target, smtputf8=True) if "@" in target else None


def _moved_in(due: Due) -> Outcome:
    """Sent out, it would come back here."""
    return deferred(
        f"the mail of {due.address.domain} stays here, since after this mail was taken: {_BY_HAND}", "4.3.5"
    )


def _forwarded_here(due: Due, target: str) -> Outcome:
    """Mail that comes now goes there at once; what was taken before does not know the way."""
    return deferred(
        f"{due.user} forwards to {target}, who lives here, since after this mail was taken: {_BY_HAND}",
        "4.3.5",
    )
