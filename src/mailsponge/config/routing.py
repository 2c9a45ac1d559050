"""The routes that a configuration asks for. Pure: the smarthost's password is handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mailsponge.accounts import names
from mailsponge.config.hops import Hop
from mailsponge.config.settings import Config
from mailsponge.errors import ConfigError
from mailsponge.routes import Credentials, NextHop, Routes, Tls


def routes_of(config: Config, password: str | None, at: Callable[..., str]) -> Routes:
    """Which way mail goes that is for elsewhere; ``password`` is the smarthost's, ``at(*path)`` says where a setting
    stands. Raises ConfigError for what cannot be together.
    """
    hop = config.relay.smarthost
    if hop is None and config.relay.password_file is not None:
        raise ConfigError(
            f"{at('relay', 'password_file')} is set and relay.smarthost is not: name the host to log in to"
        )
    smarthost = None if hop is None else _smarthost(hop, password, at("relay", "smarthost"))
    return Routes(smarthost, _routes(config, smarthost, at))


def _smarthost(hop: Hop, password: str | None, place: str) -> NextHop:
    if not hop.user:
        return _next_hop(hop)
    if password is None:
        raise ConfigError(
            f"{place} logs in as {hop.user}, and there is no password: write it into a file and name that as "
            "relay.password_file, or set $MAILSPONGE_RELAY_PASSWORD"
        )
    if hop.tls is Tls.NEVER and not hop.is_loopback:
        raise ConfigError(
            f"{place} would send the password in the clear: take starttls=never away, so that STARTTLS is required"
        )
    return _next_hop(hop)._replace(credentials=Credentials(hop.user, password))


def _routes(config: Config, smarthost: NextHop | None, at: Callable[..., str]) -> Mapping[str, NextHop]:
    """The next hop of each domain, in both its spellings."""
    ours = {form for name in config.domains for form in _spelled(name, at, "domains")}
    named: dict[str, NextHop] = {}  # what has one name shares connections, so it has to be one and the same
    routes: dict[str, NextHop] = {}
    for domain, hop in config.routes.items():
        place, next_hop = at("routes", domain), _next_hop(hop)
        if hop.user:
            raise ConfigError(
                f"{place} has a user, and only the smarthost is logged in to: leave {hop.user}@ out"
            )
        if smarthost is not None and next_hop.name == smarthost.name:
            raise ConfigError(f"{place} leads to the smarthost, where mail goes anyway: leave it out")
        if named.setdefault(next_hop.name, next_hop) != next_hop:
            raise ConfigError(
                f"{place} has {next_hop.name} with other settings than above: write the same URL"
            )
        forms = _spelled(domain, at, "routes")
        if not ours.isdisjoint(forms):
            raise ConfigError(f"{place} is a domain whose mail stays here: leave it out, or out of [domains]")
        routes.update(dict.fromkeys(forms, next_hop))
    return routes


def _spelled(domain: str, at: Callable[..., str], table: str) -> tuple[str, ...]:
    return names.spellings(names.domain(domain, at, table))


def _next_hop(hop: Hop) -> NextHop:
    return NextHop(hop.name, hop.host, hop.port, mx=False, tls=hop.tls, lmtp=hop.scheme == "lmtp")
