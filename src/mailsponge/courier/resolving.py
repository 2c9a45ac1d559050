"""What DNS says, and what it may say: nothing, that there is nothing, or that it does not know just now.

dnspython asks; what is kept of an answer, and how long, is for :mod:`mailsponge.courier.remembering`.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import Final, NamedTuple, Protocol

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.nameserver import Do53Nameserver
from dns.rdtypes.ANY.MX import MX

from mailsponge import clean, clock
from mailsponge.courier.remembering import LONGEST, NO_SUCH_NAME, Memory, Records

LIFETIME: Final = 20.0
"""Seconds for one question in all, asked of every name server that is known, several times if need be."""
NAMED_AT_ONCE: Final = 16
"""Hosts that somebody here has named and that the system is asked for at a time."""
LARGEST_PACKET: Final = 1232
"""Octets of an answer over UDP: what gets through everywhere in one piece. A larger one is asked for over TCP."""
RECORDS: Final = 100
"""Records of one answer that are looked at; an honest domain has a tenth of that."""

_HERE = (("127.0.0.1", 53), ("::1", 53))
"""Where the C library asks without ``/etc/resolv.conf``."""
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))

_IS_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?").fullmatch


class Mx(NamedTuple):
    """One MX record (RFC 5321 section 5.1)."""

    preference: int
    host: str
    """In lower case, without the last dot; empty: the domain takes no mail (RFC 7505)."""


class NoSuchName(Exception):
    """DNS knows that there is no such name (NXDOMAIN)."""


class DnsTrouble(Exception):
    """DNS does not know just now. The message says why, in words."""


class Resolver(Protocol):
    """Where names are looked up. Each method raises NoSuchName and DnsTrouble."""

    async def exchangers(self, domain: str) -> Sequence[Mx]:
        """The MX records of a domain, in ASCII; none if it has none."""

    async def addresses(self, host: str) -> Sequence[str]:
        """The IP addresses that DNS has for a host, of both families; none if it has none."""

    async def named(self, host: str) -> Sequence[str]:
        """The IP addresses of a host that somebody here has named: looked up as any program on this machine does it,
        ``/etc/hosts`` included.
        """


class Dns:
    """A :class:`Resolver` that asks the name servers of this machine, or others, and remembers what they say."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        lifetime: float = LIFETIME,
        time: clock.Clock = clock.monotonic,
    ) -> None:
        """``servers``: IP addresses and ports of name servers; none: those of ``/etc/resolv.conf``, or this machine's.

        Raises ValueError for a server that is no IP address.
        """
        self._resolver = _resolver(servers)
        self._resolver.lifetime = lifetime
        self._resolver.use_edns(0, 0, LARGEST_PACKET)
        self._memory = Memory(time)
        # The system may take half a minute, and the loop's own threads are what messages are read in.
        self._threads = ThreadPoolExecutor(NAMED_AT_ONCE, "host names")

    async def exchangers(self, domain: str) -> Sequence[Mx]:
        """See :class:`Resolver`."""
        answer = await self._look_up(domain, dns.rdatatype.MX)
        return [Mx(int(preference), host) for preference, _, host in (each.partition(" ") for each in answer)]

    async def addresses(self, host: str) -> Sequence[str]:
        """See :class:`Resolver`. If one of the families is known, trouble with the other one is none."""
        answers = await asyncio.gather(
            self._look_up(host, dns.rdatatype.AAAA),
            self._look_up(host, dns.rdatatype.A),
            return_exceptions=True,
        )
        found: list[str] = []
        trouble: BaseException | None = None
        for answer in answers:
            if isinstance(answer, BaseException):
                trouble = answer
            else:
                found += answer
        if trouble is not None and not found:
            raise trouble
        return found

    async def named(self, host: str) -> Sequence[str]:
        """See :class:`Resolver`."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
            )
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                raise NoSuchName(host) from error
            raise DnsTrouble(clean.line(error.strerror or str(error))) from error
        except UnicodeError as error:
            raise NoSuchName(host) from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    async def _look_up(self, name: str, kind: dns.rdatatype.RdataType) -> Records:
        """The records, as texts."""
        key = f"{kind} {name}"
        known = self._memory.recall(key)
        if known is None:
            known, seconds = await self._ask(name, kind)
            self._memory.remember(key, known, seconds)
        if known is NO_SUCH_NAME:
            raise NoSuchName(name)
        return known

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> tuple[Records, float]:
        """The records, and for how many seconds they hold. Raises DnsTrouble."""
        try:
            absolute = dns.name.from_text(name)
            answer = await self._resolver.resolve(absolute, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            return NO_SUCH_NAME, _seconds(error.response(absolute))  # type: ignore[no-untyped-call]
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape):
            return NO_SUCH_NAME, LONGEST
        except (dns.exception.DNSException, OSError) as error:
            raise DnsTrouble(_words(error)) from error
        texts = sorted(map(_text, answer.rrset or ()), key=_preference)
        return tuple(texts[:RECORDS]), _seconds(answer.response)


def _resolver(servers: Sequence[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    if not servers:
        try:
            return dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            servers = _HERE
    made = dns.asyncresolver.Resolver(configure=False)
    made.nameservers = [Do53Nameserver(str(ip_address(address)), port) for address, port in servers]
    return made


def _text(record: dns.rdata.Rdata) -> str:
    """``10 mx.example.net``, or an address."""
    if isinstance(record, MX):
        return f"{record.preference} {record.exchange.to_text(omit_final_dot=True).lower().rstrip('.')}"
    return record.to_text()


def _preference(text: str) -> int:
    """By it MX records are sorted; addresses keep their order."""
    preference, space, _ = text.partition(" ")
    return int(preference) if space else 0


def _seconds(response: dns.message.Message) -> float:
    """How long it holds; also that there is nothing (RFC 2308)."""
    assert isinstance(response, dns.message.QueryMessage)
    return response.resolve_chaining().minimum_ttl


def is_host(name: str) -> bool:
    """Whether it can be a host's name at all. What DNS may hold is any octets."""
    return _IS_HOST(name) is not None and ".." not in name


def _words(error: Exception) -> str:
    """Why DNS does not know, without the packets."""
    if isinstance(error, dns.resolver.NoNameservers):
        return "no name server gives an answer"
    if isinstance(error, dns.exception.Timeout):
        return "no name server answers in time"
    return clean.shortened(clean.line(str(error)), 200)
