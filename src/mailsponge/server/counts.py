"""What happened at one kind of entrance since the server started, in plain numbers: counting costs next to nothing, and
they are put into words (:mod:`mailsponge.server.metrics`) when somebody asks.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from mailsponge.mail.reply import Reply

_WHY: Final = {
    "5.1.1": "unknown",
    "5.7.1": "relaying",
    "5.3.4": "size",
    "5.6.0": "unsound",
    "4.3.1": "load",
    "4.3.0": "store",
}


def why(reply: Reply) -> str:
    """The class that a refusal belongs to, by its enhanced status code (RFC 3463)."""
    return _WHY.get(reply.enhanced or "", "policy")


def _none_of(*names: str) -> Counter[str]:
    """Zeros: a rate can be told of what happens for the first time only if it was there before."""
    return Counter(dict.fromkeys(names, 0))


class Counts:
    """Numbers that only grow, of one role of the listener."""

    __slots__ = (
        "abandoned",
        "bytes_received",
        "bytes_taken",
        "dismissed",
        "handshakes_failed",
        "logins",
        "logins_failed",
        "messages_refused",
        "recipients_refused",
        "sessions",
        "taken",
        "turned_away",
    )

    def __init__(self) -> None:
        self.sessions = 0
        """Connections that were let in."""
        self.bytes_received = 0
        """All that clients sent."""
        self.taken = 0
        """Messages."""
        self.bytes_taken = 0
        """Bytes of those, as they came."""
        self.messages_refused = _none_of("size", "unsound", "load", "store", "policy")
        """By :func:`why`."""
        self.recipients_refused = _none_of("unknown", "relaying", "policy")
        """By :func:`why`."""
        self.abandoned: Counter[str] = Counter()
        """Transactions without a message, by what the log says they ended because of."""
        self.dismissed = _none_of("too-slow", "deaf", "pipelined", "errors", "stopping")
        """Sessions that the server ended, by why."""
        self.turned_away = _none_of("connections", "address", "stopping")
        """Connections that were not let in, by why."""
        self.handshakes_failed = 0
        """Of TLS."""
        self.logins = 0
        self.logins_failed = 0
