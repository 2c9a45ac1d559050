"""What this server has claimed and not settled: in memory alone, for it is the only server of its store.

A server that dies has claimed nothing any more; so claiming costs the disk nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence

from mailsponge.store.protocol import Settlement


class Claims:
    """Ids of deliveries, by their next hop. Threads may share it; nothing here takes longer than a moment."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._hops: dict[int, str] = {}
        self._of: dict[str, set[int]] = {}
        self._settling: set[int] = set()

    def of(self, next_hop: str) -> frozenset[int]:
        """What is claimed for a next hop."""
        with self._turn:
            return frozenset(self._of.get(next_hop, ()))

    def hops(self) -> list[str]:
        """The next hops that something is claimed for."""
        with self._turn:
            return list(self._of)

    def add(self, next_hop: str, deliveries: Collection[int]) -> None:
        """They are this server's from now on."""
        with self._turn:
            self._of.setdefault(next_hop, set()).update(deliveries)
            self._hops.update(dict.fromkeys(deliveries, next_hop))

    def let_go(self, deliveries: Iterable[int]) -> None:
        """They are nobody's, except for those whose outcome is on its way to the disk."""
        with self._turn:
            self._drop(each for each in deliveries if each not in self._settling)

    def settling(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        """Those of them that are to be settled: claimed, and their outcome not on its way to the disk already."""
        mine = []
        with self._turn:
            for each in settlements:
                if each.delivery in self._hops and each.delivery not in self._settling:
                    self._settling.add(each.delivery)
                    mine.append(each)
        return mine

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """Their outcome is on the disk: they are nobody's."""
        with self._turn:
            numbers = [each.delivery for each in settlements]
            self._settling.difference_update(numbers)
            self._drop(numbers)

    def not_settled(self, settlements: Sequence[Settlement]) -> None:
        """The disk did not take it: they are claimed as before."""
        with self._turn:
            self._settling.difference_update(each.delivery for each in settlements)

    def _drop(self, deliveries: Iterable[int]) -> None:
        for each in deliveries:
            next_hop = self._hops.pop(each, None)
            if next_hop is not None:
                of_hop = self._of[next_hop]
                of_hop.discard(each)
                if not of_hop:
                    del self._of[next_hop]
