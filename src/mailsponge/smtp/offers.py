"""What a server offers: its answer to EHLO or LHLO, taken apart (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from mailsponge.mail.reply import Reply

_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*+)(?:[ =](.*))?").fullmatch
_MOST_DIGITS = 20  # as in RFC 1870 section 5; also keeps int() cheap


class Offers:
    """The extensions that a server named, and what it said of each. Immutable.

    A line that cannot be understood offers nothing. A number that is none says nothing.
    """

    __slots__ = ("_limits", "keywords")

    keywords: Mapping[str, str]
    """What was offered, in upper case, and the parameters as they were written."""

    def __init__(self, keywords: Mapping[str, str]) -> None:
        self.keywords = MappingProxyType(dict(keywords))
        self._limits = dict(pair.split("=", 1) for pair in self._words("LIMITS") if "=" in pair)

    def __contains__(self, keyword: str) -> bool:
        """Whether the extension is offered; ``keyword`` in upper case."""
        return keyword in self.keywords

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Offers) and self.keywords == other.keywords

    def __hash__(self) -> int:
        return hash(frozenset(self.keywords.items()))

    def __repr__(self) -> str:
        return f"Offers({dict(self.keywords)!r})"

    @property
    def size(self) -> int | None:
        """The most octets that a message may have (RFC 1870); None if the server names no limit."""
        return _number(self.keywords.get("SIZE")) or None

    @property
    def auth(self) -> frozenset[str]:
        """The mechanisms for AUTH (RFC 4954 section 3), in upper case; none if it is not offered."""
        return frozenset(self._words("AUTH"))

    @property
    def mail_max(self) -> int | None:
        """How many transactions a session may have (MAILMAX, RFC 9422); None if the server does not say."""
        return _number(self._limits.get("MAILMAX")) or None

    @property
    def rcpt_max(self) -> int | None:
        """How many recipients a transaction may have (RCPTMAX, RFC 9422)."""
        return _number(self._limits.get("RCPTMAX")) or None

    @property
    def rcpt_domain_max(self) -> int | None:
        """To how many different domains the recipients of a transaction may belong (RCPTDOMAINMAX, RFC 9422)."""
        return _number(self._limits.get("RCPTDOMAINMAX")) or None

    def without(self, keyword: str) -> Offers:
        """All of it but this one."""
        return Offers({key: value for key, value in self.keywords.items() if key != keyword})

    def _words(self, keyword: str) -> list[str]:
        return self.keywords.get(keyword, "").upper().split()


NOTHING = Offers({})
"""What a server offers that was greeted with HELO, or not yet."""


def offered(reply: Reply) -> Offers:
    """Read the answer to EHLO or LHLO. Of a keyword that is offered twice, both parameters count."""
    keywords: dict[str, str] = {}
    for line in reply.lines[1:]:
        found = _KEYWORD(line.strip(" "))
        if found is not None:
            keyword = found[1].upper()
            # "AUTH=LOGIN" beside "AUTH LOGIN" is how servers spoke to the clients of the nineties; some still do.
            keywords[keyword] = f"{keywords.get(keyword, '')} {found[2] or ''}".strip(" ")
    return Offers(keywords)


def _number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return None
    return int(text)
