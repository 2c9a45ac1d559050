"""How many connections are open, in all and from each address, and whether one more may come in."""

from __future__ import annotations

import socket
from collections import Counter

from mailsponge.mail.reply import Reply
from mailsponge.server.rules import Rules

TOO_MANY = Reply(421, "4.3.2", "Too many connections; please come again in a minute")
TOO_MANY_OF_YOURS = Reply(
    421, "4.7.0", "Too many connections from your address; close some, or come again later"
)


class Doors:
    """Counts who is inside."""

    __slots__ = ("_all", "_inside")

    def __init__(self) -> None:
        self._all = 0
        self._inside: Counter[str | bytes] = Counter()

    def enter(self, peer: str, rules: Rules) -> Reply | None:
        """Let one connection from the IP address ``peer`` in, to be told of with :meth:`leave`; or say why not."""
        neighbourhood = _neighbourhood(peer)
        if self._all >= rules.connections:
            return TOO_MANY
        if self._inside[neighbourhood] >= rules.connections_per_address:
            return TOO_MANY_OF_YOURS
        self._all += 1
        self._inside[neighbourhood] += 1
        return None

    def leave(self, peer: str) -> None:
        """A connection that had come in is gone."""
        neighbourhood = _neighbourhood(peer)
        self._all -= 1
        self._inside[neighbourhood] -= 1
        if not self._inside[neighbourhood]:
            del self._inside[neighbourhood]


def _neighbourhood(peer: str) -> str | bytes:
    """The address, or for IPv6 its /64 network: one customer has 2**64 addresses there."""
    if ":" not in peer:
        return peer
    return socket.inet_pton(socket.AF_INET6, peer.partition("%")[0])[:8]
