"""What was posted, and what was said about it: the one side of the account. The mailboxes are the other.

A letter is *offered* when the last byte of its end goes out, and *taken* when its 250 has been read. In between the
connection may be lost; nobody but the server knows then whether it is there. So there must be at least as many copies
as were taken and at most as many as were offered. One that was never offered whole must not be there at all.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

MARK = b"X-Soak: "
"""Begins the first line of every letter; behind it stands the token."""

_UNSOUND = bytes(range(256)).translate(None, b"\r\n\0")
_SOUND = bytes(octet if octet in _UNSOUND else 0x2E for octet in range(256))
"""Turns any octets into some that may stand in a line; dots are frequent then, at the beginning of lines, too."""
_LONGEST = 300


class Letter:
    """One letter, without what it says."""

    __slots__ = ("away", "digest", "mailboxes", "offered", "sender", "size", "taken", "token")

    def __init__(self, token: str, content: bytes, mailboxes: frozenset[str]) -> None:
        self.token = token
        self.digest = hashlib.sha256(content).digest()
        self.size = len(content)
        self.mailboxes = mailboxes
        """Where it belongs."""
        self.away: frozenset[str] = frozenset()
        """Aliases that lead to another server, where it belongs too."""
        self.sender = ""
        """Whose mailbox a report about it belongs into; empty: nobody here."""
        self.offered = 0
        self.taken = 0


class Letters:
    """Every letter of a soak."""

    def __init__(self) -> None:
        self._by_token: dict[str, Letter] = {}

    def write(
        self, rng: random.Random, size: int, mailboxes: frozenset[str], kind: str
    ) -> tuple[Letter, bytes]:
        """Make one of about ``size`` octets; returns it with its content. ``kind`` says in a report who wrote it."""
        token = f"{kind}-{len(self._by_token)}"
        content = MARK + token.encode() + b"\r\nSubject: soak\r\n\r\n" + b"".join(_lines(rng, size))
        letter = self._by_token[token] = Letter(token, content, mailboxes)
        return letter, content

    def find(self, token: str) -> Letter | None:
        return self._by_token.get(token)

    def __iter__(self) -> Iterator[Letter]:
        return iter(self._by_token.values())


def token_of(content: bytes) -> str:
    """The token of a letter; something else for what is none of ours."""
    return content.partition(b"\r\n")[0].removeprefix(MARK).decode("latin-1")


def stuffed(content: bytes) -> bytes:
    """As it goes over the wire, with its end (RFC 5321 section 4.5.2)."""
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def cut(rng: random.Random, content: bytes) -> list[bytes]:
    """The content in a few pieces, some of them empty, perhaps."""
    ends = sorted(rng.choices(range(len(content) + 1), k=rng.randrange(4)))
    return [content[start:end] for start, end in pairwise([0, *ends, len(content)])]


def bdat(chunks: Sequence[bytes], *, last: bool = True) -> bytes:
    """The chunks as they go over the wire (RFC 3030); ``last``: the letter ends with them."""
    lines = [b"BDAT %d" % len(chunk) for chunk in chunks]
    if last:
        lines[-1] += b" LAST"
    return b"".join(line + b"\r\n" + chunk for line, chunk in zip(lines, chunks, strict=True))


def _lines(rng: random.Random, size: int) -> Iterator[bytes]:
    noise = rng.randbytes(size).translate(_SOUND)
    at = 0
    while at < size:
        length = rng.randrange(_LONGEST)
        yield noise[at : at + length] + b"\r\n"
        at += length + 2
