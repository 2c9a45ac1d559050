"""Reads lists of addresses, of a header or a command line (RFC 5322 section 3.4): whom a message is for.

``email.utils`` takes a second for 8,000 addresses and fails for 500 nested comments. This goes through the text once,
counts nested comments rather than following them, and keeps no more than the addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

MOST = 10_000
"""Addresses of one message."""
LONGEST = 1_000
"""Characters of one address; no server takes as many."""

_TOKEN = re.compile(
    r'[ \t\r\n]++|"(?:[^"\\]++|\\.)*+"|\[[^\[\]\\\s]*+\]|[^\s"(),.:;<>@\[\\\]]++|[(),.:;<>@]', re.DOTALL
)
_OF_COMMENT = re.compile(r"[^()\\]++|\\.|[()]", re.DOTALL)
_JOINS = (".", "@")


class BadAddress(ValueError):
    """There is something that is no address; the message shows it."""


def addresses(text: str) -> list[str]:
    """The addresses in a list, without names and comments, as they were written. Those of groups count; an empty
    group has none. One without a domain is none the less an address. Raises BadAddress.
    """
    found: list[str] = []
    parts: list[str] = []
    in_brackets = False
    for token in _tokens(text):
        in_brackets = token == "<" or (in_brackets and token != ">")
        if token not in (",", ";") or in_brackets:
            parts.append(token)
            continue
        found += _address(parts)
        parts = []
        if len(found) > MOST:
            raise BadAddress(f"there are more than {MOST} addresses: send several messages")
    return found + _address(parts)


def _tokens(text: str) -> Iterator[str]:
    """Words, quoted words and signs; white space as one space, comments as well."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadAddress(f"{_shown(text[at : at + 40])} is no address")
        at = match.end()
        token = match[0]
        if token == "(":
            at = _after_comment(text, at)
            token = " "
        yield " " if token.isspace() else token


def _after_comment(text: str, at: int) -> int:
    depth = 1
    while depth:
        match = _OF_COMMENT.match(text, at)
        if match is None:
            raise BadAddress(f"a comment does not end: {_shown(text[-40:])}")
        at = match.end()
        depth += {"(": 1, ")": -1}.get(match[0], 0)
    return at


def _address(parts: list[str]) -> list[str]:
    """The address that stands between two commas, or none. Raises BadAddress."""
    parts = _without_group(parts)
    if "<" in parts:
        start, end = parts.index("<"), len(parts) - 1
        while end > start and parts[end] == " ":
            end -= 1
        inner = parts[start + 1 : end]
        if parts[end] != ">" or "<" in inner or ">" in inner:
            raise BadAddress(f"{_shown(''.join(parts))} has brackets that do not match")
        parts = _without_route(inner)
        if not any(part != " " for part in parts):
            raise BadAddress("<> is nobody's address")
    address = _joined(parts)
    return [address] if address else []


def _without_group(parts: list[str]) -> list[str]:
    """Take the name of a group off: ``friends: me@example.org``."""
    if ":" not in parts:
        return parts
    name = parts[: parts.index(":")]
    if "<" in name:
        return parts
    if "@" in name:
        raise BadAddress(f"{_shown(''.join(parts))} is no address: a colon has no place in one")
    return parts[len(name) + 1 :]


def _without_route(parts: list[str]) -> list[str]:
    """Take a source route off, as RFC 5321 (appendix C) has it: ``<@a,@b:me@example.org>``."""
    return parts[parts.index(":") + 1 :] if ":" in parts else parts


def _joined(parts: list[str]) -> str:
    """One address of its words. White space may stand around dots and @; two words side by side are none."""
    words = [part for part in parts if part != " "]
    for word, following in pairwise(words):
        if word not in _JOINS and following not in _JOINS:
            raise BadAddress(
                f"{_shown(' '.join(words))} is no address: write name@domain, or Name <name@domain>"
            )
    return checked("".join(words))


def checked(address: str) -> str:
    """An address that can stand in a command: one line, and not endless. Raises BadAddress."""
    if len(address) > LONGEST:
        raise BadAddress(f"{_shown(address)} is too long for an address")
    if any(not letter.isprintable() for letter in address) or "<" in address or ">" in address:
        raise BadAddress(f"{_shown(address)} has characters that no address can have")
    return address


def qualified(address: str, domain: str) -> str:
    """The address with a domain: its own, or this one."""
    return address if "@" in address.rpartition('"')[2] else f"{address}@{domain}"


def _shown(text: str) -> str:
    shown = ascii(text[:60])[1:-1]
    return f"<{shown}…>" if len(text) > 60 else f"<{shown}>"
