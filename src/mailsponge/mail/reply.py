"""A reply: what a server answers to a command (RFC 5321 section 4.2, enhanced codes RFC 2034 and RFC 3463)."""

from __future__ import annotations


class Reply:
    """A reply code, an enhanced status code (or none, as for 220, 354 and HELO) and lines of text.

    Immutable, and encoded once: a server says the same few things all day. Raises ValueError for a code outside 200 to
    599, and for an enhanced code of another class than the code's (RFC 2034 section 4).
    """

    __slots__ = ("code", "encoded", "enhanced", "lines")

    code: int
    enhanced: str | None
    lines: tuple[str, ...]
    encoded: bytes
    """The reply on the wire, CRLF at the end, non-ASCII and control characters escaped."""

    def __init__(self, code: int, enhanced: str | None, *lines: str) -> None:
        if not 200 <= code <= 599:
            raise ValueError(f"a reply code lies between 200 and 599; this is {code}")
        if enhanced is not None and enhanced[0] != str(code)[0]:
            raise ValueError(f"the enhanced code {enhanced} is of another class than the reply code {code}")
        self.code = code
        self.enhanced = enhanced
        self.lines = lines or ("",)
        self.encoded = self._encode()

    def _encode(self) -> bytes:
        last = len(self.lines) - 1
        status = f"{self.enhanced} " if self.enhanced else ""
        if not last:
            return f"{self.code} {status}{printable(self.lines[0])}\r\n".encode("ascii")
        return b"".join(
            f"{self.code}{' ' if i == last else '-'}{status}{printable(line)}\r\n".encode("ascii")
            for i, line in enumerate(self.lines)
        )

    @property
    def positive(self) -> bool:
        """2yz and 3yz: the command was taken."""
        return self.code < 400

    @property
    def temporary(self) -> bool:
        """4yz: the same may work later."""
        return 400 <= self.code < 500

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and self.encoded == other.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __repr__(self) -> str:
        return f"Reply({self.encoded.decode('ascii').rstrip()!r})"


def printable(text: str) -> str:
    """Text that is safe in a reply or a log line: printable ASCII; all else as a backslash escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c.isascii() and c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
