"""The message as it comes in on standard input, made fit to be sent: lines that end in CRLF, and nothing else that
could be taken for the end of one.

Programs write what they like. What a server has to refuse (RFC 5321 section 2.3.8) would be a mail of cron's that is
lost for a progress bar. So a bare CR ends a line as a bare LF does, but not in the header, where that would let what
stands in a subject begin a header of its own: there it is a space. A NUL is dropped.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # as typing has it, which takes a while to load
if TYPE_CHECKING:
    from typing import BinaryIO

MOST = 100_000_000
"""Bytes of a message; a program that writes without end shall not fill the memory."""

_PIECE = 1 << 20
_FIELD = re.compile(rb"[!-9;-~]++[ \t]*+:")


class TooLarge(Exception):
    """There is more of it than may be sent."""


def read(source: BinaryIO, *, dot_ends: bool, most: int = MOST) -> bytes:
    """All of a message, up to its end or to a line with a lone dot. Raises TooLarge, and OSError."""
    read_some = source.readline if dot_ends else source.read
    content = bytearray()
    while piece := read_some(_PIECE):
        if dot_ends and piece in (b".\n", b".\r\n", b".") and (not content or content.endswith(b"\n")):
            break
        content += piece
        if len(content) > most:
            raise TooLarge(f"the message has more than {most} bytes; send it in parts")
    return bytes(content)


def divided(raw: bytes) -> tuple[bytes, bytes]:
    """The header section and the body of a message, without the empty line between them, each line ending in CRLF.

    A message without a header begins with its body: a header is at least one line ``Name: value``. The line ``From …``
    that separates messages in a file is none of either.
    """
    raw = raw.replace(b"\0", b"")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    header, body = _divided(raw)
    header = header.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    return _with_crlf(header), _with_crlf(body.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))


def _divided(raw: bytes) -> tuple[bytes, bytes]:
    at = 0
    while at < len(raw):
        end = raw.find(b"\n", at) + 1 or len(raw)
        line = raw[at:end].rstrip(b"\r\n")
        if not line:
            return raw[:at], raw[end:]
        is_continued = at > 0 and line.startswith((b" ", b"\t"))
        if not is_continued and not _FIELD.match(line):
            break  # the empty line is missing: what comes is no header in any case
        at = end
    return raw[:at], raw[at:]


def _with_crlf(text: bytes) -> bytes:
    """Lines that end in LF, the last one perhaps in nothing, end in CRLF."""
    if text and not text.endswith(b"\n"):
        text += b"\n"
    return text.replace(b"\n", b"\r\n")
