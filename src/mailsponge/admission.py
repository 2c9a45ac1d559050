"""Who may send what to whom, and why not: the whole policy on one page.

Mail is taken for those who live here, from anyone, and goes where they want it. Mail for elsewhere is taken from who
has logged in and from programs on this machine, which the kernel vouches for, and from nobody else: it is refused while
the sender still listens, so that nobody becomes a relay and no bounce has to be invented later. Nobody is trusted for
the address they connect from.

Who has logged in may send from the addresses whose mail comes to them, and from no other: what you can be answered at
is yours to write from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from mailsponge.accounts import IN_A_MAILBOX, Absent, Accounts, Found, Kind, Onward
from mailsponge.accounts.names import listed
from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.routes import Routes
from mailsponge.store.protocol import Delivery

NAMES_TOLD: Final = 8
"""Names of their own that somebody is told who wrote from another's; a line of a reply has 512 octets."""
MANY: Final = 20
"""Deliveries that are worth being kept once."""


class Admitted(NamedTuple):
    """The recipient is taken."""

    mailboxes: tuple[str, ...]
    """Where a message to it goes by being accepted."""
    reason: str
    """For the log and for what is kept with the message."""
    deliveries: tuple[Delivery, ...] = ()
    """What is left to be done then, as for the first recipient of a message."""


class Allowed(NamedTuple):
    """The sender may write from that address."""

    reason: str
    """For the log and for what is kept with the message."""


class Refused(NamedTuple):
    """The recipient, or the sender, is not taken."""

    reply: Reply
    reason: str
    """For the log; the reply says the same to the sender."""


def recipient(accounts: Accounts, routes: Routes, address: Address) -> Admitted | Refused:
    """Decide about one forward-path of a message from anybody: it is taken for those who live here alone.

    ``%`` and ``!`` in a local part mean nothing: they are looked up like any name.
    """
    decide = _here if accounts.changing else _remembered
    return decide(accounts, routes, address)


def recipient_anywhere(accounts: Accounts, routes: Routes, address: Address) -> Admitted | Refused:
    """Decide about one forward-path of a message from somebody who belongs here: it may be for elsewhere, too."""
    if accounts.is_ours(address.domain):
        return recipient(accounts, routes, address)
    if address.domain == "localhost" or address.domain.endswith(".localhost"):  # RFC 6761 section 6.3
        return Refused(
            _only_this_machine(address), f"<{address}> is on this machine, and at no domain of ours"
        )
    next_hop = routes.next_hop(address.domain).name
    return Admitted(
        (), f"<{address}> is elsewhere; next hop: {next_hop}", (Delivery(0, address, "", next_hop),)
    )


def way_back(accounts: Accounts, routes: Routes, address: Address) -> Admitted | None:
    """Where a report to a reverse-path goes; None: nowhere, for nobody of that name lives here."""
    decision = recipient_anywhere(accounts, routes, address)
    return None if isinstance(decision, Refused) else decision


def _here(accounts: Accounts, routes: Routes, address: Address) -> Admitted | Refused:
    found = accounts.find(address)
    match found:
        case Absent.NOT_OUR_DOMAIN:
            return Refused(_relaying_denied(address), f"<{address}> relaying denied: {found.value}")
        case Absent.NO_SUCH_USER:
            return Refused(_no_such_user(address), f"<{address}> unknown: {found.value}")
        case _:
            return _admitted(accounts, routes, address, found)


_remembered = lru_cache(maxsize=1000)(_here)
"""The same accounts decide the same, so decisions are remembered: most mail is for the same few people."""


def _admitted(accounts: Accounts, routes: Routes, address: Address, found: Found) -> Admitted:
    reason = f"<{address}> {found.how}"
    if not found.onward:
        return Admitted(found.mailboxes, reason)
    deliveries = tuple(
        Delivery(0, onward.address, onward.user, _next_hop(accounts, routes, onward))
        for onward in found.onward
    )
    hops = listed(list(dict.fromkeys(delivery.next_hop for delivery in deliveries)))
    shared = _shared(deliveries) if len(deliveries) > MANY else deliveries
    return Admitted(found.mailboxes, f"{reason}; next hop: {hops}", shared)


@lru_cache(maxsize=16)
def _shared(deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """The same deliveries as one value: an alias has a thousand spellings, with all that may stand behind its plus, and
    each of them is remembered.
    """
    return deliveries


def _next_hop(accounts: Accounts, routes: Routes, onward: Onward) -> str:
    if not onward.user:
        return routes.next_hop(onward.address.domain).name
    way = accounts.deliver(onward.user, onward.address.domain) or IN_A_MAILBOX
    return next_hop_of(way.kind, onward.user)


def next_hop_of(kind: Kind, user: str) -> str:
    """What the queue calls the way to somebody who lives here: ``maildir me``."""
    return f"{kind} {user}"


def at_home(accounts: Accounts, hosts: Sequence[str], address: Address) -> Address:
    """An address that a program on this machine names, as it is known here: ``root@box`` is root at our first domain.

    cron and its like write to names alone, and the command that sends for them adds a name of this machine: one of
    ``hosts``, or localhost. Nobody else could be meant, and a reply, or a report, has to find its way back.
    """
    is_here = address.domain in hosts or address.domain == "localhost"
    return accounts.at_home(address) if is_here else address


def local_sender(
    accounts: Accounts, hosts: Sequence[str], user: str, reverse_path: Address | None
) -> Allowed | Refused:
    """Decide about the sender that a program on this machine names; ``user`` is who runs it, by the kernel's word.

    It is theirs if their name stands before the @, alone or with a plus and more, and behind it a domain of ours or
    one of ``hosts``, the names of this machine. ``<>``, of reports that nobody shall answer, pretends to be nobody.
    """
    if reverse_path is None:
        return Allowed(f"<> is anybody's; local user {user}")
    ours = reverse_path.domain in hosts or accounts.is_ours(reverse_path.domain)
    if ours and reverse_path.local.partition("+")[0].lower() == user.lower():
        return Allowed(f"<{reverse_path}> is local user {user}'s")
    return Refused(
        _not_theirs(reverse_path, user, hosts[0]), f"<{reverse_path}> is not the address of local user {user}"
    )


def _not_theirs(address: Address, user: str, host: str) -> Reply:
    return Reply(
        550,
        "5.7.1",
        f"<{address}>: that is not your address, for you are {user} here; send as {user}@{host}, "
        "or have local.trusted name you",
    )


def sender(accounts: Accounts, user: str, reverse_path: Address | None) -> Allowed | Refused:
    """Decide about the reverse-path of somebody who has logged in as ``user``, a name as the configuration has it.

    An address is theirs if its mail comes to them, alone or among others: their name at any domain of ours, with or
    without a plus, an alias that leads to them, and all that their catch-all catches. The null reverse-path is
    everybody's: mail programs send receipts with it (RFC 8098 section 3).
    """
    if reverse_path is None:
        return Allowed(f"<> is anybody's; logged in as {user}")
    found = accounts.find(reverse_path)
    if not isinstance(found, Absent) and user in found.people:
        return Allowed(f"<{reverse_path}> {found.how}; logged in as {user}")
    return Refused(_not_yours(accounts, user, reverse_path), f"<{reverse_path}> is no address of {user}")


def _not_yours(accounts: Accounts, user: str, address: Address) -> Reply:
    names = accounts.names_of(user)
    listed = ", ".join(names[:NAMES_TOLD])
    more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
    return Reply(
        553,
        "5.7.1",
        f"<{address}>: not yours to send from",
        f"Logged in as {user}, write from one of these at {accounts.domains[0]} or another domain here:",
        f"{listed}{more}",
    )


def _relaying_denied(address: Address) -> Reply:
    return Reply(
        550, "5.7.1", f"<{address}>: relaying denied; this server takes mail for its own domains only"
    )


def _only_this_machine(address: Address) -> Reply:
    return Reply(
        550,
        "5.1.2",
        f"<{address}>: localhost is this machine, and none of the domains here; write to one of those, "
        'or add [domains."localhost"]',
    )


def _no_such_user(address: Address) -> Reply:
    return Reply(550, "5.1.1", f"<{address}>: nobody of that name lives here; check the part before the @")
