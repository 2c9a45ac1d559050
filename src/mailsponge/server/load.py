"""What the server as a whole can bear, and what it does near that: hurry, refuse for now, and recover by itself.

    many connections  ──>  who is silent is waited for less     busy()
    memory, the disk  ──>  no message begins: 452               shortage()
    a slow sender     ──>  no longer waited for: 421            Pace

Each is a decision about figures that are handed in. That nobody is waited for without end keeps connections free for
others; that no message begins which could not be kept leaves room to finish those under way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mailsponge.mail.reply import Reply

BUSY_FROM: Final = 0.8
"""Share of the connections in use above which the server is under load."""
BUSY_UNTIL: Final = 0.7
"""... and below which it is no longer; in between it stays as it is, lest a single client make it change all day."""
ASK_DISK_EVERY: Final = 1.0
"""Seconds for which an answer about the disk is good enough."""

NO_MEMORY: Final = Reply(
    452, "4.3.1", "Too much mail is coming in at this moment; please send the message again in a minute"
)
NO_DISK: Final = Reply(452, "4.3.1", "The disk here is nearly full; please send the message again later")
TOO_SLOW: Final = Reply(
    421, "4.4.2", "The message came too slowly and was dropped; please send it again over a faster connection"
)


def busy(inside: int, most: int, before: bool) -> bool:
    """Whether the server is under load with so many connections of ``most``; ``before``: whether it was."""
    return inside > most * (BUSY_UNTIL if before else BUSY_FROM)


def shortage(held: int, memory: int, free: int, least_free: int, size: int) -> Reply | None:
    """Why no message may begin now, if none may.

    ``held`` of ``memory`` bytes are taken up by messages under way, ``free`` bytes of the disk are left, and ``size``
    is what the message will weigh, 0 if the client does not say (RFC 1870 section 6.1).
    """
    if held >= memory:
        return NO_MEMORY
    return NO_DISK if free - size < least_free else None


class Disk:
    """How many bytes are free, asked seldom: a look at the disk costs more than the rest of the decision."""

    __slots__ = ("_ask", "_asked_at", "_free")

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask = ask
        self._asked_at = float("-inf")
        self._free = 0

    def free(self, now: float) -> int:
        """Bytes, as of a second ago at the earliest; ``now`` in seconds by any clock that never goes back."""
        if now - self._asked_at >= ASK_DISK_EVERY:
            self._asked_at = now
            self._free = self._ask()
        return self._free


class Pace:
    """How fast one message comes: at the end of each window it is asked whether enough has come in it.

    A window is as long as a client may be silent. So a pause is as good as a drip, and neither is cut off early.
    """

    __slots__ = ("_from", "_seconds", "due")

    def __init__(self, now: float, seconds: float, size: int) -> None:
        """A window of so many ``seconds`` begins, with ``size`` bytes of the message there already."""
        self._from = size
        self._seconds = seconds
        self.due = now + seconds
        """When the window ends, by the clock that ``now`` is of."""

    def is_kept(self, size: int, rate: float) -> bool:
        """Whether at least ``rate`` bytes a second came in the window, now that it is over."""
        return size - self._from >= rate * self._seconds
