"""A message in seven bits, for a server that takes no more (RFC 6152 section 3): text in quoted-printable, the rest in
base64 (RFC 2045 section 6).

No more of MIME is read than that takes, in linear time and to a bounded depth. What was signed is not touched.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

DEPTH: Final = 20
"""Messages and multiparts inside each other."""
PARTS: Final = 1000
"""Parts of one multipart."""

_BLANK_LINE = b"\r\n\r\n"
_FIELD = re.compile(rb"(?:^|(?<=\r\n))([!-9;-~]++)[ \t]*+:([^\r]*+(?:\r\n[ \t][^\r]*+)*+)\r\n")
_BOUNDARY = re.compile(
    rb';[ \t\r\n]*+boundary[ \t]*+=[ \t]*+(?:"([^"\r\n]{1,70})"|([^"; \t\r\n]{1,70}))', re.IGNORECASE
)
_PLAIN = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"  # RFC 1428 section 3


def seven_bit(message: bytes) -> bytes | None:
    """The same message without an octet above 127; None if it cannot be brought into that.

    That is so if its headers have such octets (RFC 6531 is what could carry them), if a part was signed or encrypted,
    and if what it says of itself makes no sense.
    """
    return _entity(message, DEPTH, outermost=True)


def _entity(entity: bytes, depth: int, *, outermost: bool = False) -> bytes | None:
    if entity.isascii():
        return entity
    header, body = _taken_apart(entity)
    if not depth or not header.isascii():
        return None
    fields = {found[1].lower(): found[2].strip() for found in _FIELD.finditer(header)}
    kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if fields.get(b"content-transfer-encoding", b"7bit").lower() not in (b"7bit", b"8bit"):
        return None
    if kind.startswith(b"multipart/"):
        return _composite(header, _multipart(kind, fields[b"content-type"], body, depth))
    if kind.startswith(b"message/"):
        return _composite(
            header, _entity(body, depth - 1, outermost=True) if kind == b"message/rfc822" else None
        )
    if outermost and b"mime-version" not in fields:
        header = _PLAIN + _without(header, b"content-type")
    if kind.startswith(b"text/") or not kind:
        return _relabelled(header, b"quoted-printable") + _quoted_printable(body)
    return _relabelled(header, b"base64") + base64.encodebytes(body).replace(b"\n", b"\r\n")


def _taken_apart(entity: bytes) -> tuple[bytes, bytes]:
    """The header's lines, and the body behind the blank line."""
    if entity.startswith(b"\r\n"):
        return b"", entity[2:]
    header, blank, body = entity.partition(_BLANK_LINE)
    return (header + b"\r\n" if blank else entity), body


def _composite(header: bytes, body: bytes | None) -> bytes | None:
    return None if body is None else _relabelled(header, b"7bit") + body


def _multipart(kind: bytes, content_type: bytes, body: bytes, depth: int) -> bytes | None:
    """Each part for itself (RFC 2046 section 5.1.1)."""
    found = _BOUNDARY.search(content_type)
    if found is None or kind in (b"multipart/signed", b"multipart/encrypted"):
        return None
    delimiter = b"\r\n--" + (found[1] or found[2])
    parts = (b"\r\n" + body).split(delimiter)
    if len(parts) > PARTS or not parts[0].isascii():
        return None
    made = [parts[0]]
    for part in parts[1:]:
        # Behind the boundary stands the rest of its line: nothing, or the dashes of the last one, and then no part.
        rest, newline, entity = part.partition(b"\r\n")
        encoded = _entity(entity, depth - 1) if not rest.startswith(b"--") else entity
        if encoded is None or not (rest + encoded).isascii():
            return None
        made.append(rest + newline + encoded)
    return delimiter.join(made)[2:]


def _quoted_printable(body: bytes) -> bytes:
    """A part may be one long line without an end: one is lent, for binascii ends its lines as the first one ends."""
    return binascii.b2a_qp(b"\r\n" + body)[2:]


def _relabelled(header: bytes, encoding: bytes) -> bytes:
    return (
        _without(header, b"content-transfer-encoding")
        + b"Content-Transfer-Encoding: "
        + encoding
        + _BLANK_LINE
    )


def _without(header: bytes, name: bytes) -> bytes:
    return _FIELD.sub(lambda found: b"" if found[1].lower() == name else found[0], header)
