"""The message after BDAT: octets that are counted, so that nothing in them has to be looked for (RFC 3030 section 2).

The same may be in it as after DATA, for a message that came by one may have to go on by the other. A CR and its LF may
come in two chunks. A message whose last line has no CRLF gets one, as it would have had by DATA: that spoils no
signature (RFC 6376 section 3.4 reckons it in), and refusing it would help nobody.
"""

from __future__ import annotations

from mailsponge.mail.reply import Reply
from mailsponge.smtp.soundness import Soundness

_CR = b"\r"


class Chunks:
    """Takes one message out of chunks, in whatever pieces they come. It keeps at most one byte back, a CR."""

    __slots__ = ("_ends_line", "_held", "_soundness", "last", "left", "size")

    def __init__(self, limit: int, header_limit: int) -> None:
        """The limits are those of :class:`~mailsponge.smtp.soundness.Soundness`, in octets."""
        self._soundness = Soundness(limit, header_limit)
        self._held = b""
        self._ends_line = True  # so does a message of nothing
        self.size = 0
        """Octets of this chunk."""
        self.left = 0
        """... that have not come yet."""
        self.last = False
        """No chunk follows this one."""

    @property
    def fault(self) -> Reply | None:
        """Why the message must be refused, once that is known; from there on no content comes out."""
        return self._soundness.fault

    @property
    def held(self) -> int:
        """Octets kept back."""
        return len(self._held)

    def begin(self, size: int, last: bool) -> None:
        """A chunk of so many octets follows. One too large is known before it comes, so none of it comes out."""
        self.size = self.left = size
        self.last = last
        self._soundness.expect(size + len(self._held))

    def decode(self, data: bytes, start: int = 0) -> tuple[bytes, int]:
        """Read on in ``data`` from ``start``, no further than the chunk goes.

        Returns the content found there, which may be empty; and the index of the first byte behind it.
        """
        stop = min(len(data), start + self.left)
        self.left -= stop - start
        raw = data[start:stop]
        if self._held:
            raw = self._held + raw
        if raw.endswith(_CR):
            self._held = _CR
            raw = raw[:-1]
        else:
            self._held = b""
        return self._out(raw), stop

    def end(self) -> bytes:
        """The last chunk is complete: returns what still belongs to the message, once."""
        if self._held:
            self._held = b""
            self._soundness.spoil(_CR[0])
        return b"" if self._ends_line else self._out(b"\r\n")

    def _out(self, raw: bytes) -> bytes:
        content = self._soundness.take(raw)
        if raw:
            self._ends_line = raw.endswith(b"\n")
        return content
