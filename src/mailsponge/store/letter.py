"""A message as a person reads it: its text, and the names of what is attached.

Anybody may have written these bytes. Nothing in them raises, what makes no sense is shown as it stands, and making it
harmless for a terminal is the business of whoever prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from typing import NamedTuple

from mailsponge.store.headings import in_charset
from mailsponge.store.plain_text import without_tags

_NONSENSE = (MessageError, LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError)
"""What the standard library raises at hostile messages, and the codecs that one may name."""

_DEEPEST = 20
"""Parts within parts that are looked into."""

_MOST_PARTS = 2000
"""Parts that a message is taken apart into, at most: each of them costs."""
_DEEPEST_BOUNDARIES = 30
"""Multiparts that a message may hold: at each line, all that have not ended are asked whether it is their boundary."""
_LONGEST_HEADER = 8000
"""Characters of a header that are read: the standard library's time grows with the square of it."""


class _Short(Compat32):
    """Messages as they are, but for headers that nobody would write."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


class Attachment(NamedTuple):
    """A part that is not the text."""

    name: str
    kind: str
    """What it says it is: ``application/pdf``."""
    size: int
    """Bytes, decoded."""


class Letter(NamedTuple):
    """What there is to read."""

    text: str
    attachments: list[Attachment]


def letter(content: bytes) -> Letter:
    """Take a message apart."""
    try:
        parts = list(_leaves(_parsed(content), _DEEPEST))
        body = _body(parts)
        text = "" if body is None else _text(body)
        return Letter(text, [_attachment(part) for part in parts if part is not body])
    except _NONSENSE:
        return Letter(content.decode("utf-8", "replace"), [])


def _parsed(content: bytes) -> Message:
    """A message of more parts than anybody sends is not taken apart."""
    boundaries = content.count(b"\n--")
    too_much = boundaries > _MOST_PARTS or (boundaries and _multiparts(content) > _DEEPEST_BOUNDARIES)
    return BytesParser(policy=_Short()).parsebytes(content, headersonly=bool(too_much))


def _multiparts(content: bytes) -> int:
    return content.lower().count(b"multipart/")


def _leaves(message: Message, depth: int) -> Iterator[Message]:
    """The parts that hold something themselves; of alternatives, the first that is plain text, else the first. What a
    report is about comes after its words, whole: nobody wrote that to whoever reads the report.
    """
    held = message.get_payload() if message.is_multipart() else None
    parts = [part for part in held if isinstance(part, Message)] if isinstance(held, list) else []
    if not parts or depth == 0:
        yield message
        return
    if message.get_content_subtype() == "alternative":
        plain = [part for part in parts if part.get_content_type() == "text/plain"]
        parts = [*plain, *parts][:1]
    if message.get_content_subtype() == "report":
        yield from _leaves(parts[0], depth - 1)
        yield from parts[1:]
        return
    for part in parts:
        yield from _leaves(part, depth - 1)


def _body(parts: list[Message]) -> Message | None:
    """The part that is read: the first text that is no attachment."""
    texts = [
        part
        for part in parts
        if part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment"
    ]
    return texts[0] if texts else None


def _text(part: Message) -> str:
    decoded = _decoded(_payload(part), part)
    return without_tags(decoded) if part.get_content_subtype() == "html" else decoded


def _payload(part: Message) -> bytes:
    """The part's bytes, without its transfer encoding."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(payload: bytes, part: Message) -> str:
    try:
        charset = part.get_content_charset("utf-8")
    except _NONSENSE:
        charset = "utf-8"
    return in_charset(payload, charset)


def _attachment(part: Message) -> Attachment:
    try:
        name = part.get_filename("")
    except _NONSENSE:
        name = ""
    return Attachment(name or "without a name", part.get_content_type(), _size(part))


def _size(part: Message) -> int:
    held = part.get_payload()
    if isinstance(held, list):
        return sum(len(each.as_bytes()) for each in held if isinstance(each, Message))
    return len(_payload(part))
