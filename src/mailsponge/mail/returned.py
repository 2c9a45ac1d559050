"""The message that a report is about, as the report's last part: all of it, or its header (RFC 3462 section 2).

Whatever stands in it, it is one part and stays one: nothing of it is read but where its header ends.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Iterable
from typing import Final, NamedTuple

from mailsponge.mail.notify import Action

MOST: Final = 100 * 1024
"""Bytes of a message that are returned; of a larger one only the header is."""
MOST_OF_HEADER: Final = 32 * 1024
"""Bytes of a header that are returned."""

_BREAK: Final = re.compile(rb"\r\n|\r|\n")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


class Returned(NamedTuple):
    """A part of a multipart."""

    kind: str
    """Its media type."""
    encoding: str
    """How it is encoded: 7bit, 8bit or quoted-printable."""
    body: bytes
    whole: bool
    """It is all of the message, not only the header."""


def taken(pieces: Iterable[bytes]) -> bytes:
    """The content as its sender wrote it, as far as it may be returned and one byte more."""
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > MOST + MOST_OF_HEADER:
            break
    head = bytes(content)
    # What final delivery puts on top (RFC 5321 section 4.4) the sender never wrote.
    return head.partition(b"\r\n")[2] if head[:12].lower() == b"return-path:" else head


def returned(content: bytes, ret: str | None, action: Action, *, international: bool) -> Returned:
    """The part. ``content``: what `taken` took. ``ret``: the sender's wish, FULL or HDRS (RFC 3461 section 4.3).

    Only a failure returns the message itself: what is on its way needs no copy. ``international``: the sender
    understands RFC 6532, so raw UTF-8 may stand in headers (RFC 6533 section 5).
    """
    whole = action is Action.FAILED and ret != "HDRS" and len(content) <= MOST and _is_sound(content)
    if whole:
        encoding = "7bit" if content.isascii() else "8bit"
        return Returned("message/global" if international else "message/rfc822", encoding, content, True)
    header = _header(content)
    if international:
        return Returned("message/global-headers", "8bit", header, False)
    if header.isascii():
        return Returned("text/rfc822-headers", "7bit", header, False)
    return Returned("text/rfc822-headers", "quoted-printable", b2a_qp(header, istext=True), False)


def _is_sound(content: bytes) -> bool:
    """Whether it may be sent as it is: no NUL, and no line ends but CRLF."""
    alone = content.replace(b"\r\n", b"")
    return not (b"\0" in alone or b"\r" in alone or b"\n" in alone)


def _header(content: bytes) -> bytes:
    """Its header section, harmless, in whole lines as far as it may be returned."""
    end = content.find(b"\r\n\r\n")
    header = content[: end + 2 if end >= 0 else None]
    if content.startswith(b"\r\n"):
        header = b""
    cut = header[:MOST_OF_HEADER]
    if len(cut) < len(header):
        cut = cut[: cut.rfind(b"\r\n") + 2] if b"\r\n" in cut else cut
    lines = (_CONTROL.sub(b"?", line)[:998] for line in _BREAK.split(cut) if line)
    return b"".join(line + b"\r\n" for line in lines)
