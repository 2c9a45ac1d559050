"""A message on its way out: stuffed with dots for DATA, or cut into chunks for BDAT (RFC 5321 section 4.5.2, RFC 3030).

The counterpart of :mod:`mailsponge.smtp.data`, under the same rules: nothing here lets a bare CR, a bare LF or a NUL
out, for two servers that disagree about the end of a message let a stranger put a forged one between them. And a
message ends in CRLF whichever way it goes, so that it is the same message to whoever gets it.

Every pass over the bytes is one of C speed (find, replace); no loop here runs once a line.
"""

from __future__ import annotations

from typing import Protocol

from mailsponge.errors import ContentError
from mailsponge.smtp.soundness import FAULTS, first_wrong, is_sound

_CRLF = b"\r\n"
_CRLF_DOT = b"\r\n."


class Encoder(Protocol):
    """Content in, in whatever pieces it comes; what goes over the wire out."""

    def encode(self, data: bytes) -> bytes:
        """The next piece. Raises ContentError."""

    def finish(self, data: bytes = b"") -> bytes:
        """The last piece, and the end. Raises ContentError."""


class Stuffer:
    """The message after DATA. It keeps at most one byte back: a CR whose LF may follow."""

    __slots__ = ("_checked", "_tail")

    def __init__(self) -> None:
        self._checked = _Checked()
        # As if the CRLF before the message were its own: so a dot at its very beginning needs no case of its own.
        self._tail = _CRLF

    def encode(self, data: bytes) -> bytes:
        """The next piece, its lines that begin with a dot given another one. Raises ContentError."""
        return self._stuffed(self._checked.take(data))

    def finish(self, data: bytes = b"") -> bytes:
        """The last piece, CRLF if the message does not end in one, and the dot. Raises ContentError."""
        return self._stuffed(self._checked.finish(data)) + b".\r\n"

    def _stuffed(self, content: bytes) -> bytes:
        if not content:
            return content
        seam = content.startswith(b".") and self._tail == _CRLF
        self._tail = content[-2:] if len(content) > 1 else (self._tail + content)[-2:]
        if _CRLF_DOT in content:
            content = content.replace(_CRLF_DOT, b"\r\n..")
        return b"." + content if seam else content


class Chunker:
    """The message in BDAT chunks: each piece is one. It keeps at most one byte back: a CR whose LF may follow."""

    __slots__ = ("_checked",)

    def __init__(self) -> None:
        self._checked = _Checked()

    def encode(self, data: bytes) -> bytes:
        """The next piece as a chunk, which may be nothing at all. Raises ContentError."""
        content = self._checked.take(data)
        return b"BDAT %d\r\n" % len(content) + content if content else b""

    def finish(self, data: bytes = b"") -> bytes:
        """The last piece, with CRLF if the message does not end in one, as the last chunk. Raises ContentError."""
        content = self._checked.finish(data)
        return b"BDAT %d LAST\r\n" % len(content) + content


class _Checked:
    """Lets content through that may be sent."""

    __slots__ = ("_held", "_out", "_whole")

    def __init__(self) -> None:
        self._held = b""
        self._out = 0  # octets
        self._whole = True  # what is out ends at the end of a line

    def take(self, data: bytes) -> bytes:
        """The piece, but for a CR at its very end, whose LF may be the next piece."""
        if self._held:
            data = self._held + data
            self._held = b""
        if data.endswith(b"\r"):
            self._held = b"\r"
            data = data[:-1]
        if data:
            self._check(data)
            self._out += len(data)
            self._whole = data.endswith(_CRLF)
        return data

    def finish(self, data: bytes) -> bytes:
        """The last piece. A line that was left open is closed."""
        data = self.take(data)
        if self._held:
            raise self._error(13, self._out)
        return data if self._whole else data + _CRLF

    def _check(self, data: bytes) -> None:
        if not is_sound(data):
            at = first_wrong(data)
            raise self._error(data[at], self._out + at)

    def _error(self, octet: int, at: int) -> ContentError:
        return ContentError(
            f"the message holds a {FAULTS[octet]} at octet {at} and cannot be sent as it is; "
            "end each line with CRLF, and encode what is no text"
        )
