"""How many connections are open, in all and from each address, and whether one more may come in."""

from __future__ import annotations

from collections import Counter

from mailsponge.mail.reply import Reply
from mailsponge.neighbourhood import neighbourhood
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
        counted_as = neighbourhood(peer)
        if self._all >= rules.connections:
            return TOO_MANY
        if self._inside[counted_as] >= rules.connections_per_address:
            return TOO_MANY_OF_YOURS
        self._all += 1
        self._inside[counted_as] += 1
        return None

    def leave(self, peer: str) -> None:
        """A connection that had come in is gone."""
        counted_as = neighbourhood(peer)
        self._all -= 1
        self._inside[counted_as] -= 1
        if not self._inside[counted_as]:
            del self._inside[counted_as]
