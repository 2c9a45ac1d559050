"""What a message may hold, whichever command brings it: no bare CR, no bare LF, no NUL, and not too much.

Two servers that disagree about where a line ends let a stranger put a forged message between two others. So nothing
that anybody could take for the end of a line comes out of here but CRLF. What is wrong with a message is known once,
at the same octet in whatever pieces it came; nothing comes out after that.

Every pass over the bytes is one of C speed (find, replace); no loop here runs once a line.
"""

from __future__ import annotations

from mailsponge.mail.reply import Reply
from mailsponge.smtp.replies import header_too_large, too_large, unsound

_CRLF = b"\r\n"
_BLANK_LINE = b"\r\n\r\n"
FAULTS = {0: "NUL", 10: "bare LF", 13: "bare CR"}
"""What must not stand in a message, whoever sends it."""


class Soundness:
    """Follows one message through, piece by piece."""

    __slots__ = ("_header_limit", "_header_room", "_limit", "_tail", "fault", "size")

    def __init__(self, limit: int, header_limit: int) -> None:
        """``limit``: octets that the message may have (RFC 1870 section 5); ``header_limit``: its header section."""
        self.fault: Reply | None = None
        """Why the message must be refused, once that is known."""
        self.size = 0
        """Octets that came out."""
        self._limit = limit
        self._header_limit = header_limit
        self._header_room = header_limit + len(_CRLF)  # the blank line ends no later; 0: it has come
        self._tail = _CRLF  # the last octets of the header so far, as if a CRLF came before the message

    def expect(self, octets: int) -> None:
        """So many more are announced: if those are too many, none of them is wanted."""
        if self.size + octets > self._limit:
            self.fault = self.fault or too_large(self._limit)

    def take(self, content: bytes, witness: bytes | None = None) -> bytes:
        """What may come out of the next piece, up to the first thing wrong. No piece ends between CR and LF.

        ``witness``: what is sound exactly if the content is, and quicker to look through; the content itself if None.
        """
        if self.fault is not None:
            return b""
        wrong = -1 if is_sound(content if witness is None else witness) else first_wrong(content)
        sound = content if wrong < 0 else content[:wrong]
        room = self._limit - self.size
        over = len(sound) > room
        if over:
            sound = sound[:room]
        if self._header_room:
            sound = self._in_header(sound)
        self.size += len(sound)
        if self.fault is None:
            if over:
                self.fault = too_large(self._limit)
            elif wrong >= 0:
                self.fault = unsound(FAULTS[content[wrong]], self.size)
        return sound

    def spoil(self, octet: int) -> None:
        """The message ended right behind an octet that must not stand there alone."""
        self.fault = self.fault or unsound(FAULTS[octet], self.size)

    def _in_header(self, content: bytes) -> bytes:
        """As much of the content as comes before the header section is too large, which may be all."""
        room = self._header_room
        if (
            content.find(_BLANK_LINE, 0, room) >= 0
            or _BLANK_LINE in self._tail + content[: min(room, 3)]  # between two pieces
        ):
            self._header_room = 0
        elif len(content) < room:
            self._header_room = room - len(content)
            self._tail = (self._tail + content[-3:])[-3:]
        else:
            self.fault = header_too_large(self._header_limit)
            return content[:room]
        return content


def is_sound(content: bytes) -> bool:
    """There is no bare CR, bare LF or NUL.

    Once every CRLF is blanked out, what is left of them is bare; single bytes are found much faster than pairs are
    counted.
    """
    if 13 in content or 10 in content:
        content = content.replace(_CRLF, b"  ")
    return 13 not in content and 10 not in content and 0 not in content


def first_wrong(content: bytes) -> int:
    """The index of the first of them, or -1."""
    rest = content.replace(_CRLF, b"  ")
    return min((at for at in map(rest.find, FAULTS) if at >= 0), default=-1)
