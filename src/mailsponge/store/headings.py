"""What the beginning of a message says about it: From, To, Subject and Date, for a list of mails.

Anybody may have written these bytes. So only so much of them is read, nothing they hold raises, and the text
that comes out is valid Unicode without line ends (other control characters are the business of whoever shows
it).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header
from email.utils import parsedate_to_datetime
from typing import NamedTuple

HEAD = 64 * 1024
"""Bytes of content that are looked at: as large as header sections get before servers refuse them."""

LONGEST = 2000
"""Bytes of one header that are read; the rest gives way to an ellipsis. RFC 2047 decoding grows with the square
of this.
"""

_LONGEST_DATE = 100

_FIELD = re.compile(
    rb"^(from|to|subject|date)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE
)

_MESSAGE_ID = re.compile(
    rb"^message-id[ \t]*:(?:[ \t]|\r?\n[ \t])*<?([^<>\s]{1,1000})", re.IGNORECASE | re.MULTILINE
)

_EMPTY_LINE = re.compile(rb"^\r?\n", re.MULTILINE)

_BREAKS = re.compile(r"[\r\n]+")

_PYTHONS_OWN = frozenset(("unicode-escape", "raw-unicode-escape"))
"""No charsets of mail: they are Python's source code, and it warns of what is none."""

_NONSENSE = (
    MessageError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
)
"""What the standard library raises at hostile headers, and the codecs a header may name."""


class Headings(NamedTuple):
    """Headers for people; empty, or None, where they are missing."""

    sender: str
    to: str
    subject: str
    date: float | None
    """Seconds since the epoch."""


def headings(head: bytes) -> Headings:
    """Read the first of each header in the beginning of a message. Never raises."""
    found: dict[bytes, bytes] = {}
    for field in _FIELD.finditer(section(head)):
        found.setdefault(field[1].lower(), field[2])
    return Headings(
        sender=text(found.get(b"from", b"")),
        to=text(found.get(b"to", b"")),
        subject=text(found.get(b"subject", b"")),
        date=date(found.get(b"date", b"")),
    )


def message_id(head: bytes) -> str:
    """What the Message-ID header holds, without its brackets; empty when there is none. Never raises."""
    found = _MESSAGE_ID.search(section(head))
    return found[1].decode("utf-8", "replace") if found else ""


def section(head: bytes) -> bytes:
    """The header section: up to the empty line, which may be the first."""
    empty = _EMPTY_LINE.search(head, 0, HEAD)
    return head[: empty.start() if empty else HEAD]


def text(raw: bytes) -> str:
    """A header's body as text: unfolded, encoded words (RFC 2047) decoded, UTF-8 (RFC 6532) understood."""
    shortened = raw[:LONGEST].decode("utf-8", "replace")
    unfolded = _BREAKS.sub("", shortened).strip()
    decoded = "".join(_decoded(unfolded)) if "=?" in unfolded else unfolded
    whole = _BREAKS.sub(" ", decoded).encode("utf-8", "replace").decode("utf-8")
    return f"{whole}…" if len(raw) > LONGEST else whole


def _decoded(words: str) -> Iterator[str]:
    """The text of encoded words; as they stand where they make no sense."""
    try:
        pieces = decode_header(words)
    except _NONSENSE:
        yield words
        return
    for piece, charset in pieces:
        yield piece if isinstance(piece, str) else _in_charset(piece, charset)


def _in_charset(piece: bytes, charset: str | None) -> str:
    if charset is None:  # text between encoded words, which decode_header returns as raw-unicode-escape
        return piece.decode("raw-unicode-escape", "replace")
    return in_charset(piece, charset)


def in_charset(raw: bytes, charset: str) -> str:
    """Text in a charset that a stranger names; as UTF-8 if there is none of that name. Never raises."""
    try:
        if codecs.lookup(charset).name in _PYTHONS_OWN:
            return raw.decode("utf-8", "replace")
        return raw.decode(charset, "replace")
    except _NONSENSE:
        return raw.decode("utf-8", "replace")


def date(raw: bytes) -> float | None:
    """The moment a Date header names (RFC 5322 section 3.3), if it is one that can be shown."""
    try:
        moment = parsedate_to_datetime(raw[:_LONGEST_DATE].decode("ascii").strip())
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        datetime.fromtimestamp(at, UTC)
    except _NONSENSE:
        return None
    return at
