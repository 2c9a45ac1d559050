"""What senders were told already: one recipient may be an alias that leads to thousands, and they may all fail.

A report names the recipient that the sender wrote to, so a second one of the same kind would say nothing new; and
whoever put a stranger's name on a message to an alias would have that stranger sent thousands. It is remembered of the
messages that were told of last, and not beyond the end of the server: at worst something is told twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from mailsponge.mail.notify import Action
from mailsponge.queue.verdict import Verdict

REMEMBERED: Final = 10_000
"""Recipients."""


class News:
    """Tells what is news."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._told: OrderedDict[tuple[int, int, Action], None] = OrderedDict()
        self._most = most

    def among(self, message: int, action: Action, verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
        """Those verdicts on deliveries of a message whose recipients its sender was not told of yet: now they are."""
        new = [each for each in verdicts if (message, each.due.recipient, action) not in self._told]
        for each in new:
            self._told[message, each.due.recipient, action] = None
        while len(self._told) > self._most:
            self._told.popitem(last=False)
        return new
