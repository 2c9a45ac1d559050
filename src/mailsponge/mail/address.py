"""A mail address: who a message is from or for (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

What is kept is what the address *means*: quotes around a local part are taken off, the domain is in lower case. So two
texts that name the same mailbox give equal addresses, and ``str`` writes the wire form again, quoting only where it
must. Nothing in a local part has a hidden meaning: ``%`` and ``!`` are letters like any other, and a source route
(``@a,@b:x@y``) is no address.

Every pattern here uses possessive quantifiers: they never step back, so time grows with the length of the text alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from unicodedata import category, normalize

from mailsponge.errors import AddressError
from mailsponge.mail.reply import printable

LOCAL_LIMIT = 255
"""Octets. RFC 5321 section 4.5.3.1.1 promises 64; the bounce addresses of mailing lists are longer in real life."""
DOMAIN_LIMIT = 255
LABEL_LIMIT = 63
"""Octets of a domain and of one label (RFC 1035 section 2.3.4)."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++"
_LABEL = r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+"
ORDINARY = rf"({_ATOM}(?:\.{_ATOM})*+)@({_LABEL}(?:\.{_LABEL})*+)"
"""A pattern for the addresses that nearly all are, with their two parts as groups. What it matches is an address, and
needs no other check, as long as it has no more than ``ORDINARY_LENGTH`` letters."""
ORDINARY_LENGTH = LABEL_LIMIT
_ORDINARY = re.compile(ORDINARY).fullmatch
_DOT_ATOM = re.compile(r"[^\x00- \"(),.:;<>@\[\\\]\x7f]++(?:\.[^\x00- \"(),.:;<>@\[\\\]\x7f]++)*+").fullmatch
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]++|\\[ -~])*+)"@').match
_UNQUOTE = re.compile(r"\\(.)").sub
_QUOTE = re.compile(r'(["\\])').sub

_JOINERS = "\u200c\u200d"  # invisible, and part of the spelling of Persian and several Indian languages


class Address(NamedTuple):
    """One address, taken apart. Make one from text with :func:`parse`."""

    local: str
    """What stands before the ``@``, without quotes; its case is kept (RFC 5321 section 2.4)."""
    domain: str
    """What stands after it, in lower case: a domain, or ``[192.0.2.1]``, or ``[ipv6:2001:db8::1]``. Empty only for the
    bare ``postmaster`` that every server must know (RFC 5321 section 4.5.1)."""

    def __str__(self) -> str:
        """The address as it goes over the wire; ``parse`` reads it back as this same value."""
        return _wire_form(self)


@lru_cache(maxsize=1000)
def _wire_form(address: Address) -> str:
    """One message asks for it four times, and most mail is for the same few people."""
    if not address.domain:
        return address.local
    local = address.local if _DOT_ATOM(address.local) else '"' + _QUOTE(r"\\\1", address.local) + '"'
    return f"{local}@{address.domain.replace('[ipv6:', '[IPv6:', 1)}"


def parse(text: str, *, smtputf8: bool = False) -> Address:
    """Read an address as it stands between ``<`` and ``>``, without them.

    ``smtputf8`` allows letters beyond ASCII (RFC 6531). Raises AddressError, whose message says what to write instead.
    Takes time in proportion to the length of ``text``, whatever stands in it.
    """
    ordinary = _ORDINARY(text)
    if ordinary is not None and len(text) <= ORDINARY_LENGTH:
        local, domain = ordinary.groups()
        return Address(local, domain.lower())
    if text.lower() == "postmaster":
        return Address("postmaster", "")
    if not (text.isascii() or smtputf8):
        raise AddressError(f"{_shown(text)} has letters beyond ASCII, and SMTPUTF8 was not asked for")
    local, domain = _split(text)
    return Address(_checked_local(text, local), _checked_domain(text, domain))


def _split(text: str) -> tuple[str, str]:
    """The local part without quotes, and the domain as written."""
    if text.startswith('"'):
        quoted = _QUOTED(text)
        if quoted is None:
            raise AddressError(
                f'{_shown(text)} has a quoted part that does not end in "@: write "name"@domain'
            )
        return _UNQUOTE(r"\1", quoted[1]), text[quoted.end() :]
    if text.startswith("@"):
        raise AddressError(f"{_shown(text)} has a source route; write only the last address, name@domain")
    local, at, domain = text.partition("@")
    if not at:
        raise AddressError(f"{_shown(text)} has no @: write name@domain")
    if not _DOT_ATOM(local):
        raise AddressError(f'{_shown(text)} has a local part that must stand in quotes, "like this"@domain')
    return local, domain


def _checked_local(text: str, local: str) -> str:
    if not local:
        raise AddressError(f"{_shown(text)} has nothing before the @")
    if len(local) > LOCAL_LIMIT or len(_octets(text, local)) > LOCAL_LIMIT:
        raise AddressError(f"{_shown(text)} has more than {LOCAL_LIMIT} octets before the @")
    if not local.isascii() and not all(letter.isprintable() or letter in _JOINERS for letter in local):
        raise AddressError(f"{_shown(text)} has invisible characters before the @")
    return local


def _checked_domain(text: str, domain: str) -> str:
    if domain.startswith("["):
        return _literal(text, domain)
    # The first length keeps `normalize` cheap, which sorts long runs of accents slowly.
    if len(domain) > DOMAIN_LIMIT or len(_octets(text, domain)) > DOMAIN_LIMIT:
        raise AddressError(f"{_shown(text)} has a domain of more than {DOMAIN_LIMIT} octets")
    domain = domain.lower() if domain.isascii() else normalize("NFC", domain.lower())
    for label in domain.split("."):
        if not _is_label(label):
            raise AddressError(
                f"{_shown(text)} needs a domain after the @, such as example.org or [192.0.2.1]"
            )
    return domain


def _is_label(label: str) -> bool:
    """Letters, digits and inner hyphens (RFC 5321 section 4.1.2); letters of any script in a U-label (RFC 5890)."""
    if not 0 < len(label.encode()) <= LABEL_LIMIT or label[0] == "-" or label[-1] == "-":
        return False
    letters = label.replace("-", "")
    if letters.isascii():
        return letters.isalnum()
    return letters[0].isalnum() and all(
        letter.isalnum() or letter in _JOINERS or category(letter)[0] == "M" for letter in letters
    )


def _literal(text: str, domain: str) -> str:
    """An address literal (RFC 5321 section 4.1.3), in its one shortest spelling."""
    inner = domain[1:-1] if domain.endswith("]") else ""
    try:
        if inner[:5].lower() == "ipv6:" and "%" not in inner:
            return f"[ipv6:{IPv6Address(inner[5:])}]"
        return f"[{IPv4Address(inner)}]"
    except ValueError:
        raise AddressError(
            f"{_shown(text)} has an address literal that is none: write [192.0.2.1] or [IPv6:2001:db8::1]"
        ) from None


def _octets(text: str, part: str) -> bytes:
    try:
        return part.encode()
    except UnicodeEncodeError:
        raise AddressError(f"{_shown(text)} has characters that no text can have") from None


def _shown(text: str) -> str:
    """The text, safe to print and short enough for a line of a reply."""
    shown = printable(text[:60])
    return f"<{text}>" if shown == text else f"<{shown[:60]}...>"
