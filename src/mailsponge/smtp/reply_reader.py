"""What a server said, a reply at a time (RFC 5321 section 4.2).

Only CRLF ends a line, as RFC 5321 section 2.3.8 has it. A server often repeats what it was sent; if a bare LF ended a
line here, a stranger whose text it repeats could answer in its place. What is no reply, or more than the limits allow,
is :class:`Malformed`, and ends the reading: nobody can say where the next reply begins.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from mailsponge import clean
from mailsponge.mail.reply import Reply

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL).fullmatch
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)").match


_ORDINARY = 100
"""Octets of a line that is likely to come again."""


class ReplyLimits(NamedTuple):
    """How much a server may say at a time. Each must be at least 1."""

    line: int = 4096
    """Octets of a line with its CRLF. RFC 5321 section 4.5.3.1.5 promises 512; some servers write more."""
    lines: int = 100
    """Lines of one reply. The longest that honest servers send is the list of what they offer: about thirty."""
    octets: int = 65_536
    """Octets of one reply in all: what is kept in memory of a server that never comes to the point."""


class Malformed(NamedTuple):
    """What came is no reply. Nothing after it can be understood."""

    why: str
    """A sentence without a full stop; it holds nothing of what came."""


class ReplyReader:
    """Bytes in, replies out, in whatever pieces they come. It keeps one unfinished reply, within the limits."""

    __slots__ = ("_broken", "_buffer", "_code", "_limits", "_octets", "_searched", "_texts")

    def __init__(self, limits: ReplyLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0  # that much of the buffer holds no LF
        self._broken: Malformed | None = None
        self._code = b""
        self._texts: list[bytes] = []
        self._octets = 0

    @property
    def pending(self) -> bool:
        """Something has come that is not read yet, if only the beginning of a reply."""
        return bool(self._buffer or self._texts)

    def feed(self, data: bytes) -> None:
        """Put bytes at the end."""
        self._buffer += data

    def clear(self) -> None:
        """Forget what is not read yet."""
        self._buffer.clear()
        self._searched = 0
        self._begin()

    def next_reply(self) -> Reply | Malformed | None:
        """The next reply, or None as long as it is not complete."""
        while self._broken is None:
            line = self._line()
            if line is None:
                return None
            reply = line if isinstance(line, Malformed) else self._add(line)
            if isinstance(reply, Malformed):
                self._broken = reply
                self.clear()
            elif reply is not None:
                return reply
        return self._broken

    def _line(self) -> bytes | Malformed | None:
        """Take one line off the front, without its CRLF."""
        buffer = self._buffer
        end = buffer.find(b"\n", self._searched)
        if (end if end >= 0 else len(buffer)) >= self._limits.line:
            return Malformed(f"a line of its reply is longer than {self._limits.line} octets")
        if end < 0:
            self._searched = len(buffer)
            return None
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        self._searched = 0
        if not line.endswith(b"\r\n"):
            return Malformed("a line of its reply ends in a bare LF")
        return line[:-2]

    def _add(self, line: bytes) -> Reply | Malformed | None:
        """One more line; the reply if it was the last."""
        taken_apart = _LINE(line)
        if taken_apart is None:
            return Malformed("a line of its reply does not begin with a reply code")
        code, mark, text = taken_apart.groups(b"")
        if self._texts and code != self._code:
            return Malformed("the lines of its reply have different reply codes")
        self._code = code
        self._texts.append(text)
        self._octets += len(line) + 2
        if len(self._texts) > self._limits.lines or self._octets > self._limits.octets:
            return Malformed(
                f"its reply has more than {self._limits.lines} lines or {self._limits.octets} octets"
            )
        if mark == b"-":
            return None
        texts = self._texts
        self._begin()
        if len(texts) == 1 and len(line) <= _ORDINARY:
            return _ordinary_reply(line)
        return _reply(int(code), texts)

    def _begin(self) -> None:
        """What comes next is the first line of a reply."""
        self._texts = []
        self._octets = 0


@lru_cache(maxsize=256)
def _ordinary_reply(line: bytes) -> Reply:
    """A server says the same few things all day."""
    return _reply(int(line[:3]), [line[4:]])


def _reply(code: int, texts: list[bytes]) -> Reply:
    """The reply that these lines make, with nothing in its text that could drive a terminal or forge a log line.

    An enhanced code that is of another class than the reply code counts as text (RFC 2034 section 4).
    """
    lines = [clean.line(text.decode("utf-8", "backslashreplace")) for text in texts]
    found = _ENHANCED(lines[0])
    if found is None or found[1][0] != str(code)[0]:
        return Reply(code, None, *lines)
    enhanced = found[1]
    return Reply(code, enhanced, *(_without(line, enhanced) for line in lines))


def _without(line: str, enhanced: str) -> str:
    """The line without the enhanced code in front. RFC 2034 section 4 has it in each line, some servers in one."""
    found = _ENHANCED(line)
    return line[found.end() :] if found and found[1] == enhanced else line
