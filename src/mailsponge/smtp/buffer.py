"""What has come from the client and is not read yet: lines are taken from its front, or content is.

Every byte is copied a bounded number of times, however it comes and however it is taken: one command out of a large
pipelined buffer moves an index, nothing else. Of a line that never ends no more than the limit is kept.
"""

from __future__ import annotations

from mailsponge.mail.reply import Reply
from mailsponge.smtp.replies import BARE_NEWLINE, LINE_TOO_LONG

_CR = 13


class ReceiveBuffer:
    """Bytes in the order they came. ``data[at:]`` is what is unread, and after it whatever came since.

    ``data`` is empty once everything has been read: so nothing is kept for longer than it is needed.
    """

    __slots__ = ("_more", "_skipping", "at", "data", "limit", "refused")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Octets of a line, with its CRLF."""
        self.data = b""
        self.at = 0
        self._more: list[bytes] = []
        self._skipping = False  # inside a line that was too long, looking for its end
        self.refused = b""
        """What the line began with that was refused last: its first four octets."""

    @property
    def held(self) -> int:
        """Octets kept, those included that have been read and share a piece with others that have not."""
        return len(self.data) + sum(map(len, self._more))

    def feed(self, data: bytes) -> None:
        """Put bytes at the end."""
        if self.data:
            self._more.append(data)
        else:
            self.data = data

    def line(self) -> bytes | Reply | None:
        """Take one line off the front, without its CRLF.

        A :class:`Reply` stands for a line that must not be carried out, and says why: it ended in a bare LF, or it was
        longer than the limit. None means that the end of the line has not come yet.
        """
        data = self.data
        start = self.at
        end = data.find(b"\n", start)
        if end < 0:
            return self._wait()
        after = end + 1
        if after < len(data):
            self.at = after
        else:
            self.read_to(after)
        if self._skipping:
            self._skipping = False
            return LINE_TOO_LONG
        if end - start >= self.limit:
            self.refused = data[start : start + 4]
            return LINE_TOO_LONG
        if end == start or data[end - 1] != _CR:
            self.refused = data[start : start + 4]
            return BARE_NEWLINE
        return data[start : end - 1]

    def read_to(self, at: int) -> None:
        """Everything before ``data[at]`` has been read."""
        if at < len(self.data):
            self.at = at
            return
        self.at = 0
        self.data = b""
        if self._more:
            self.data = b"".join(self._more)
            self._more.clear()

    def clear(self) -> None:
        """Drop what is unread."""
        self.data = b""
        self.at = 0
        self._more.clear()

    def _wait(self) -> bytes | Reply | None:
        """No line ends in ``data``: look further, or keep as little of it as can be."""
        if self._more:
            self.data = self.data[self.at :] + b"".join(self._more)
            self.at = 0
            self._more.clear()
            return self.line()
        if self._skipping:
            self.clear()
        elif len(self.data) - self.at >= self.limit:
            self.refused = self.data[self.at : self.at + 4]
            self._skipping = True
            self.clear()
        elif self.at:
            self.data = self.data[self.at :]
            self.at = 0
        return None
