"""Which way mail for another domain goes: a route of its own, the smarthost, or straight to its mail exchangers.

Pure: the way is worked out from the configuration alone. What DNS says of it is the relay's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Tls(StrEnum):
    """What a next hop is asked for."""

    REQUIRE = "require"  # STARTTLS with a certificate that proves the name, or not at all
    TRY = "try"  # STARTTLS if it is offered, whoever the certificate names
    NEVER = "never"
    FIRST = "first"  # TLS from the first byte, with a certificate that proves the name


class Credentials(NamedTuple):
    """Who to log in as."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, ***)"


class NextHop(NamedTuple):
    """Where mail is handed on to."""

    name: str
    """What the queue calls it: ``example.net``, or ``smtp.example.net:587`` for a host that is named itself. What has
    the same name shares connections and limits."""
    host: str
    """A domain, or, without `mx`, a host or an IP address."""
    port: int = 25
    mx: bool = True
    """DNS is asked which hosts take mail for the domain (RFC 5321 section 5.1)."""
    tls: Tls = Tls.TRY
    lmtp: bool = False
    """It speaks LMTP (RFC 2033)."""
    credentials: Credentials | None = None
    """Only ever said within TLS, or to this machine itself."""


class Routes:
    """The way for each domain. Immutable once made."""

    __slots__ = ("_routes", "_smarthost")

    def __init__(self, smarthost: NextHop | None = None, routes: Mapping[str, NextHop] | None = None) -> None:
        """``routes`` has the domains that go a way of their own, as a parsed address spells them (lower case)."""
        self._smarthost = smarthost
        self._routes = dict(routes or {})

    def next_hop(self, domain: str) -> NextHop:
        """Where mail for a domain goes; ``domain`` as a parsed address has it, which may be an address literal."""
        return self._routes.get(domain) or self._smarthost or NextHop(domain, domain)
