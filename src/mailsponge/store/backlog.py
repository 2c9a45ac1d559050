"""Messages that no list shows yet, as far as this process knows: so that looking for them all is a rare thing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

MOST: Final = 10_000
"""Messages that are remembered. If there are more, they are looked for in the store again."""


class Backlog:
    """Written by whoever accepts messages, read by whoever indexes them: each from a thread of its own."""

    __slots__ = ("_ids", "must_look")

    def __init__(self) -> None:
        self._ids: deque[int] = deque()
        self.must_look = True
        """There may be more than are remembered here."""

    def note(self, messages: Iterable[int]) -> None:
        """They lie in a mailbox now."""
        if len(self._ids) < MOST:
            self._ids.extend(messages)
        else:
            self.must_look = True

    def take(self, most: int) -> list[int]:
        """At most so many, the last to be noted first."""
        taken: list[int] = []
        while self._ids and len(taken) < most:
            taken.append(self._ids.pop())
        return taken
