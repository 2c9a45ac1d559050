"""The message after DATA: where it ends, and what it says (RFC 5321 sections 4.1.1.4 and 4.5.2).

Only CRLF.CRLF ends a message, never anything that looks much like it. A message that is not sound, or is too large
(:mod:`mailsponge.smtp.soundness`), is read on to that true end and then refused; nothing in it can pass for a command.

Every pass over the bytes is one of C speed (find, replace); no loop here runs once a line.
"""

from __future__ import annotations

from mailsponge.mail.reply import Reply
from mailsponge.smtp.soundness import Soundness

_CRLF = b"\r\n"
_CRLF_DOT = b"\r\n."
_END = b"\r\n.\r\n"
_MAYBE_END = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")


class Decoder:
    """Takes one message out of a stream of bytes, in whatever pieces they come.

    It keeps at most four bytes back: those that may turn out to be the beginning of the end.
    """

    __slots__ = ("_begun", "_held", "_soundness", "ended")

    def __init__(self, limit: int, header_limit: int = 100_000) -> None:
        """Limits in octets, of the message without stuffed dots (RFC 1870 section 5) and of its header section."""
        self.ended = False
        """The end has been read."""
        # As if the CRLF before the message were its own: so a dot at its very beginning needs no case of its own.
        self._held = _CRLF
        self._begun = False
        self._soundness = Soundness(limit, header_limit)

    @property
    def fault(self) -> Reply | None:
        """Why the message must be refused, once that is known; from there on no content comes out."""
        return self._soundness.fault

    @property
    def held(self) -> int:
        """Octets kept back."""
        return len(self._held)

    def decode(self, data: bytes, start: int = 0) -> tuple[bytes, int]:
        """Read on in ``data`` from ``start``. Not to be called once ``ended``.

        Returns the content found there, dots unstuffed, which may be empty; and the index of the first byte that does
        not belong to the message, which is ``len(data)`` as long as the end has not come.
        """
        held = self._held
        stop, stuffed = _find_end(held, data, start)
        if stop >= 0:
            self.ended = True
            raw = (held + data[start:stop])[:-3]  # the CRLF before the dot belongs to the last line
        else:
            stop = len(data)
            raw = held + data[start:] if held or start else data
            kept = _beginning_of_end(raw)
            self._held = raw[len(raw) - kept :]
            raw = raw[: len(raw) - kept]
        return (b"" if self._soundness.fault else self._content(raw, stuffed)), stop

    def _content(self, raw: bytes, stuffed: bool) -> bytes:
        """What ``raw`` says, up to the first thing wrong in it."""
        content = witness = raw
        if stuffed:
            # One search serves two ends: the CRLFs it found need not be looked through for bare ones.
            # The space keeps a bare CR from meeting a bare LF.
            parts = raw.split(_CRLF_DOT)
            content, witness = _CRLF.join(parts), b" ".join(parts)
        if content and not self._begun:
            self._begun = True
            content = content[len(_CRLF) :]
        return self._soundness.take(content, witness)


def _find_end(held: bytes, data: bytes, start: int) -> tuple[int, bool]:
    """Where the message ends in ``data``: the index just behind CRLF.CRLF, or -1; and whether any line before that may
    begin with a dot. ``held`` is what came right before ``data[start:]``.

    Most messages have no such line, so one search for CRLF. answers both questions for them.
    """
    stuffed = False
    if held and (len(held) > 2 or data[start] in b"\n."):
        seam = held + data[start : start + 4]
        if seam.startswith(_END):
            return start + len(_END) - len(held), False
        stuffed = _CRLF_DOT in seam
    dot = data.find(_CRLF_DOT, start)
    if dot < 0:
        return -1, stuffed
    at = data.find(_END, dot)
    return (at + len(_END) if at >= 0 else -1), stuffed or at != dot


def _beginning_of_end(raw: bytes) -> int:
    """How many bytes at the end of ``raw`` may be the beginning of CRLF.CRLF."""
    if raw.endswith(_MAYBE_END):
        return next(len(tail) for tail in _MAYBE_END if raw.endswith(tail))
    return 0
