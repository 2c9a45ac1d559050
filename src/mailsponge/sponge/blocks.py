"""The ``with source(...)`` blocks that are open when a run is cut, so that the cut makes no false word of them.

A block that a cut runs through is in both runs. In the first it is a part, which proves nothing good; it can only have
failed there. In the second it is entered anew, and its end tells what it tells of any block, with one exception: if its
source failed in the first run, or as long as nobody has looked, leaving it without an exception does not make it well.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import NamedTuple

from mailsponge.sponge.journal import Journal, block_entered, block_in_part


class _Open(NamedTuple):
    name: str
    not_looked_at: int = 0
    """How many runs that it was in have ended without anybody having looked whether it failed there."""
    has_failed: bool = False
    """Its source failed in one of them."""


class Blocks:
    """The blocks of one job that write into its process's run."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self.lock = threading.RLock()
        """Held while a block's line is written and while a run is replaced, so that the line is in the right one."""

    def entered(self, number: int, name: str) -> None:
        """Remember a block by its number."""
        self._open[number] = _Open(name)

    def is_well(self, number: int) -> bool:
        """Whether a block's end alone can show that it was well: nothing is known against it from before."""
        block = self._open.get(number)
        return block is None or not (block.not_looked_at or block.has_failed)

    def left(self, number: int) -> None:
        """Forget a block."""
        self._open.pop(number, None)

    def end_in(self, journal: Journal, at: float) -> tuple[int, ...]:
        """Write into a run that ends which blocks do not end with it; their numbers, for :meth:`looked_at`."""
        going_on = list(self._open.items())
        for number, block in going_on:
            journal.write(block_in_part(block.name, at))
            self._open[number] = block._replace(not_looked_at=block.not_looked_at + 1)
        return tuple(number for number, _ in going_on)

    def go_on_in(self, journal: Journal, at: float) -> None:
        """Enter the blocks that are open in the next run, too."""
        for block in list(self._open.values()):
            journal.write(block_entered(block.name, at))

    def looked_at(self, numbers: Collection[int], failed: Collection[str]) -> None:
        """Remember which sources failed in a run that ended with these blocks open. They may have been left since."""
        with self.lock:
            for number in numbers:
                block = self._open.get(number)
                if block is not None:
                    self._open[number] = block._replace(
                        not_looked_at=block.not_looked_at - 1,
                        has_failed=block.has_failed or block.name in failed,
                    )
