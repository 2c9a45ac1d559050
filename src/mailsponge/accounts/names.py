"""How names are compared, and which can be.

Upper and lower case are the same: RFC 5321 (section 2.4) lets each host decide, and nobody wants Me and me to be two
people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from unicodedata import normalize

from mailsponge.errors import AddressError, ConfigError
from mailsponge.mail.address import Address, parse

Where = Callable[..., str]
"""Says where a setting stands, given the parts of its key: ``where("aliases", "team")``."""

LISTED: Final = 20
"""Names of a long list that are told."""


def dotted(*path: str) -> str:
    """The key of a setting, where nobody knows its file."""
    return ".".join(path)


def folded(name: str) -> str:
    """The name as it is compared."""
    return name.lower() if name.isascii() else normalize("NFC", name).lower()


def checked(text: str, place: str) -> str:
    """A user's or an alias's name: what may stand before the @. Raises ConfigError."""
    try:
        return parse(f"{text}@localhost", smtputf8=True).local
    except ValueError:
        raise ConfigError(f"{place} cannot be a name: it is what stands before the @ of an address") from None


def domain(name: str, where: Where, *table: str) -> str:
    """The domain in the spelling that a parsed address has. Raises ConfigError."""
    try:
        return parse(f"me@{name}", smtputf8=True).domain
    except ValueError:
        raise ConfigError(f"{where(*table, name)} is no domain: write one such as example.org") from None


def spellings(domain: str) -> tuple[str, ...]:
    """The domain; and the other one, if it has letters beyond ASCII, which may be written as they are or in the form
    that begins with ``xn--`` (RFC 5891).
    """
    try:
        other = domain.encode().decode("idna") if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return (domain,)
    return (domain,) if other == domain else (domain, other)


def target(text: str, place: str) -> Address:
    """An address, or a name that lives here, with no domain then. Raises ConfigError."""
    if "@" not in text:
        return Address(text, "")
    try:
        return parse(text, smtputf8=True)
    except AddressError as error:
        raise ConfigError(f"{place} leads to no address: {error}") from None


def listed(things: Sequence[object]) -> str:
    """``a``, ``a and b``, ``a, b and c``; of many, the first and how many more."""
    shown = [str(thing) for thing in things[:LISTED]]
    more = len(things) - len(shown)
    last = f"{more} more" if more else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last
