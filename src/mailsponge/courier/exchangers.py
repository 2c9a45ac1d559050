"""Which hosts take mail for a domain, in which order: the rules of RFC 5321 section 5.1 and RFC 7505.

DNS is a :class:`~mailsponge.courier.resolving.Resolver`, and randomness is handed in. What comes out is hosts with
their addresses, or the outcome that there are none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

from mailsponge.courier.connecting import Host, in_turns
from mailsponge.courier.resolving import DnsTrouble, Mx, NoSuchName, Resolver, is_host
from mailsponge.courier.trouble import NO_DNS
from mailsponge.mail.idn import a_labels
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.routes import NextHop

MOST_EXCHANGERS: Final = 10
MOST_ADDRESSES: Final = 20
"""That many are tried for one domain: whoever has more of them has made a mistake, or wants to keep others busy."""


class Lookup(NamedTuple):
    """All that finding hosts needs."""

    resolver: Resolver
    own_names: Collection[str]
    """What this server is called, in lower case."""
    is_own: Callable[[str, int], bool]
    """Whether an address and a port are this server's (:func:`~mailsponge.courier.connecting.listens_here`)."""
    shuffled: Callable[[Sequence[Mx]], Sequence[Mx]]
    """The same in an order of chance: those that are preferred alike share the load (RFC 5321 section 5.1)."""


async def hosts(hop: NextHop, lookup: Lookup) -> tuple[Host, ...] | Outcome:
    """The hosts of a next hop, those that are preferred first; or the outcome for all mail that goes there."""
    literal = _literal(hop.host)
    if literal is not None:
        return (Host(literal, (literal,)),)
    try:
        return await (_of_domain if hop.mx else _of_host)(hop, lookup)
    except DnsTrouble as trouble:
        return _deferred(f"DNS does not know the way to {hop.host} just now: {trouble}")


def _literal(host: str) -> str | None:
    """The address, if it is one: bare, in brackets (RFC 5321 section 4.1.3), or the path of a Unix socket."""
    if host.startswith("/"):
        return host
    inner = host[1:-1].removeprefix("ipv6:") if host.startswith("[") else host
    try:
        return str(ip_address(inner))
    except ValueError:
        return None


async def _of_host(hop: NextHop, lookup: Lookup) -> tuple[Host, ...] | Outcome:
    """A host that the configuration names. What is wrong with it is mended there, so mail waits for that."""
    try:
        addresses = await lookup.resolver.named(hop.host)
    except NoSuchName:
        addresses = ()
    if not addresses:
        return _deferred(
            f"there is no host {hop.host}, which a route or relay.smarthost names; correct its name", "4.4.4"
        )
    return (Host(hop.host, in_turns(addresses)[:MOST_ADDRESSES]),)


async def _of_domain(hop: NextHop, lookup: Lookup) -> tuple[Host, ...] | Outcome:
    domain = a_labels(hop.host)
    if not domain or not is_host(domain):
        return _failed("5.1.2", f"{hop.host} can be no domain; look for a mistake in the address")
    try:
        records = await lookup.resolver.exchangers(domain)
    except NoSuchName:
        return _failed("5.1.2", f"there is no domain {domain}; look for a mistake in the address")
    if any(not record.host for record in records) and len(records) == 1:
        return _failed("5.1.10", f"{domain} takes no mail at all, and says so (a null MX, RFC 7505)")
    # Without an MX, the domain itself is the host (RFC 5321 section 5.1).
    wanted = in_order(records, lookup.shuffled) if records else [Mx(0, domain)]
    found = await asyncio.gather(*(_addresses(record.host, lookup.resolver) for record in wanted))
    return _chosen(domain, hop.port, wanted, found, lookup, implicit=not records)


def in_order(records: Sequence[Mx], shuffled: Callable[[Sequence[Mx]], Sequence[Mx]]) -> list[Mx]:
    """The exchangers that are tried, the preferred first, those preferred alike by chance; without what is no host."""
    usable = [record for record in records if is_host(record.host)]
    return sorted(shuffled(usable), key=lambda record: record.preference)[:MOST_EXCHANGERS]


async def _addresses(host: str, resolver: Resolver) -> Sequence[str] | DnsTrouble:
    try:
        return await resolver.addresses(host)
    except NoSuchName:
        return ()
    except DnsTrouble as trouble:
        return trouble


def _chosen(
    domain: str,
    port: int,
    wanted: Sequence[Mx],
    found: Sequence[Sequence[str] | DnsTrouble],
    lookup: Lookup,
    *,
    implicit: bool,
) -> tuple[Host, ...] | Outcome:
    """Those hosts that are better than this one, with their addresses."""
    least = min(
        (
            record.preference
            for record, addresses in zip(wanted, found, strict=True)
            if _is_own(record, addresses, port, lookup)
        ),
        default=None,
    )
    better = [
        (record.host, addresses)
        for record, addresses in zip(wanted, found, strict=True)
        if least is None or record.preference < least
    ]
    chosen: list[Host] = []
    room = MOST_ADDRESSES
    for host, addresses in better:
        if not isinstance(addresses, DnsTrouble) and addresses and room:
            chosen.append(Host(host, in_turns(addresses)[:room]))
            room -= len(chosen[-1].addresses)
    if chosen:
        return tuple(chosen)
    troubles = [addresses for _, addresses in better if isinstance(addresses, DnsTrouble)]
    return _none(domain, troubles, is_mine=least is not None, implicit=implicit)


def _is_own(record: Mx, addresses: Sequence[str] | DnsTrouble, port: int, lookup: Lookup) -> bool:
    if record.host in lookup.own_names:
        return True
    return not isinstance(addresses, DnsTrouble) and any(lookup.is_own(each, port) for each in addresses)


def _none(domain: str, troubles: Sequence[DnsTrouble], *, is_mine: bool, implicit: bool) -> Outcome:
    """Why no host is left."""
    if troubles:
        return _deferred(f"DNS does not know the hosts of {domain} just now: {troubles[0]}")
    if is_mine:
        return _failed(
            "5.4.6",
            f"the mail of {domain} comes to this server, which is not configured for it; "
            f"add the domain to the configuration, or correct its MX",
        )
    if implicit:
        return _failed(
            "5.1.2", f"{domain} takes no mail: it has neither an MX nor an address; look for a mistake in it"
        )
    return _failed("5.4.4", f"none of the hosts that take the mail of {domain} has an address")


def _failed(code: str, why: str) -> Outcome:
    return Outcome(Result.FAILED, code, why)


def _deferred(why: str, code: str = NO_DNS) -> Outcome:
    return Outcome(Result.DEFERRED, code, why, hop_down=True)
