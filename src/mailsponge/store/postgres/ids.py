"""The numbers of messages: drawn from the database in blocks, so that a message can begin without waiting for it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from mailsponge.errors import StoreError

BLOCK: Final = 1000
"""Numbers in a block, as the sequence in the database has it. What is left of one when a server ends is never used."""


class Ids:
    """Blocks that are this server's alone. Threads may share them."""

    __slots__ = ("_blocks", "_left", "_turn")

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._blocks: deque[int] = deque()
        self._left = iter(range(0))

    @property
    def is_low(self) -> bool:
        """The block in use is the last: it is time for another."""
        return not self._blocks

    def add(self, first: int) -> None:
        """One more block, which begins with this number."""
        self._blocks.append(first)

    def draw(self) -> int:
        """The next number. Never waits; raises StoreError when all are used up and the database gives no more."""
        with self._turn:
            number = next(self._left, None)
            return self._first_of_the_next() if number is None else number

    def _first_of_the_next(self) -> int:
        if self.is_low:
            raise StoreError(
                "the database gives no numbers for messages now: it may be away, look at the log"
            )
        first = self._blocks.popleft()
        self._left = iter(range(first + 1, first + BLOCK))
        return first
