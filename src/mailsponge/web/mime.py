"""A message taken apart into its parts (RFC 2046), as places in its bytes: nothing is copied, nor decoded, before it
is asked for.

Anybody may have written these bytes. The standard library's parser looks at every line once for each part around it,
and calls itself for each; this one looks for boundaries alone, `DEEPEST` times at most, and stops at `MOST_PARTS`.
Nothing in a message raises.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from email.message import Message
from typing import Final, NamedTuple

from mailsponge.store.headings import LONGEST, in_charset, text

DEEPEST: Final = 20
"""Parts within parts that are looked into."""
MOST_PARTS: Final = 500
"""Parts that are looked at, those that only hold others among them."""

_NONSENSE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError)
"""What the standard library raises at hostile parameters."""

_FIELD = re.compile(
    rb"^(content-(?:type|disposition|transfer-encoding|id))[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE | re.MULTILINE,
)
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_BREAKS = re.compile(r"[\r\n]+")
_AFTER_BOUNDARY = re.compile(rb"(--)?+[ \t]*+\r?(?:\n|\Z)")


class Part(NamedTuple):
    """A part that holds something itself."""

    number: int
    """Its place among all parts, from 1: its name in an address of the web."""
    kind: str
    """What it says it is, in lower case: ``text/plain``."""
    charset: str
    """What it says its text is written in; empty: it does not say."""
    name: str
    """What it says its file is called, decoded, not made harmless; empty: it does not say."""
    is_attached: bool
    """It says that it is not to be shown with the text."""
    content_id: str
    """What an HTML text calls it by (RFC 2392), without its brackets; empty: nothing."""
    encoding: str
    """Its transfer encoding, in lower case."""
    start: int
    end: int
    """Where its body lies in the message."""


class Taken(NamedTuple):
    """A message, taken apart."""

    parts: tuple[Part, ...]
    plain: Part | None
    """The text that is read: the first that is not attached."""
    html: Part | None
    """The same, as HTML."""
    is_whole: bool
    """No part was left out."""

    @property
    def attachments(self) -> list[Part]:
        """All but the text."""
        return [part for part in self.parts if part is not self.plain and part is not self.html]

    def part(self, number: int) -> Part | None:
        """The part of that number, if there is one."""
        return next((part for part in self.parts if part.number == number), None)


def taken_apart(content: bytes) -> Taken:
    """Find the parts of a message. Takes time in proportion to its length."""
    walk = _Walk(content)
    parts = tuple(walk.parts(0, len(content), DEEPEST))
    return Taken(parts, _shown(parts, "text/plain"), _shown(parts, "text/html"), walk.left > 0)


def _shown(parts: tuple[Part, ...], kind: str) -> Part | None:
    return next((part for part in parts if part.kind == kind and not part.is_attached), None)


class _Walk:
    """One way through a message."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.left = MOST_PARTS

    def parts(self, start: int, end: int, depth: int, otherwise: str = "text/plain") -> Iterator[Part]:
        """The parts within a part; ``otherwise`` is what one is that does not say (RFC 2046 section 5.1.5)."""
        if self.left == 0:
            return
        self.left -= 1
        number = MOST_PARTS - self.left
        body = _body(self._content, start, end)
        header = _header(self._content, start, body)
        kind = _kind(header, otherwise)
        boundary = _parameter(header, "boundary").encode("utf-8", "replace").rstrip()
        if not kind.startswith("multipart/") or not boundary or depth == 0:
            yield _part(number, kind, header, body, end)
            return
        inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        for first, last in _between(self._content, body, end, b"\n--" + boundary):
            yield from self.parts(first, last, depth - 1, inner)


def _body(content: bytes, start: int, end: int) -> int:
    """Where the body of a part begins: after the first empty line, which may be the first of all."""
    if content.startswith((b"\n", b"\r\n"), start, end):
        return content.index(b"\n", start) + 1
    empty = _EMPTY_LINE.search(content, start, end)
    return empty.end() if empty else end


def _between(content: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts lie between boundaries; the last one ends where the part around it does, if no boundary does."""
    first = None
    at = content.find(boundary, max(start - 1, 0), end)
    while at >= 0:
        after = _AFTER_BOUNDARY.match(content, at + len(boundary), end)
        if after is not None:
            if first is not None:
                yield first, max(at - (content[at - 1 : at] == b"\r"), first)
            if after[1]:
                return
            first = after.end()
        at = content.find(boundary, at + len(boundary) - 1 if after is None else after.end() - 1, end)
    if first is not None:
        yield first, end


def _header(content: bytes, start: int, body: int) -> Message:
    """The fields that say what a part is."""
    header = Message()
    for field in _FIELD.finditer(content, start, body):
        name = field[1].decode("ascii")
        if name not in header:
            header[name] = _BREAKS.sub("", field[2][:LONGEST].decode("utf-8", "replace")).strip()
    return header


def _kind(header: Message, otherwise: str) -> str:
    return header.get_content_type() if "content-type" in header else otherwise


def _part(number: int, kind: str, header: Message, body: int, end: int) -> Part:
    return Part(
        number=number,
        kind=kind,
        charset=_parameter(header, "charset"),
        name=_name(header),
        is_attached=str(header.get("content-disposition", "")).lower().startswith("attachment"),
        content_id=str(header.get("content-id", "")).strip("<> \t"),
        encoding=str(header.get("content-transfer-encoding", "")).strip().lower(),
        start=body,
        end=end,
    )


def _parameter(header: Message, name: str) -> str:
    try:
        value = header.get_param(name, "")
        return str(value[2] if isinstance(value, tuple) else value)
    except _NONSENSE:
        return ""


def _name(header: Message) -> str:
    """A file's name. Encoded words have no place in a parameter (RFC 2047 section 5), and yet stand there often."""
    try:
        return text(header.get_filename("").encode("utf-8", "replace"))
    except _NONSENSE:
        return ""


def data(content: bytes, part: Part) -> bytes:
    """What a part holds, without its transfer encoding; what is spoilt in it is left out, or stays as it stands."""
    raw = content[part.start : part.end]
    if part.encoding == "base64":
        return _from_base64(raw)
    return binascii.a2b_qp(raw) if part.encoding == "quoted-printable" else raw


def _from_base64(raw: bytes) -> bytes:
    try:
        return binascii.a2b_base64(raw)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", raw)
        whole = letters[: len(letters) // 4 * 4]
        return binascii.a2b_base64(whole)


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]++")


def words(content: bytes, part: Part, most: int) -> str:
    """The text of a part: so many bytes of it at most. Whatever its charset, it is valid Unicode."""
    read = in_charset(data(content, part)[:most], part.charset or "utf-8")
    return read.encode("utf-8", "replace").decode("utf-8")
