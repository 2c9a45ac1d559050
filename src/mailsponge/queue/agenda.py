"""When something is due for each next hop, the earliest first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class Agenda:
    """One moment a name, the earliest of those it was given. Takes some hundred bytes for each name."""

    __slots__ = ("_heap", "_moments")

    def __init__(self) -> None:
        self._moments: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._moments)

    def __contains__(self, name: object) -> bool:
        return name in self._moments

    def put(self, name: str, at: float) -> None:
        """Something is due for a name at a moment (seconds since the epoch)."""
        before = self._moments.get(name)
        if before is None or at < before:
            self._moments[name] = at
            heappush(self._heap, (at, name))
            if len(self._heap) > 2 * len(self._moments) + 16:
                self._heap = [(moment, each) for each, moment in self._moments.items()]
                heapify(self._heap)

    def drop(self, name: str) -> None:
        """Nothing is due for it that would be known."""
        self._moments.pop(name, None)

    def first(self) -> float | None:
        """The earliest moment of all."""
        while self._heap:
            at, name = self._heap[0]
            if self._moments.get(name) == at:
                return at
            heappop(self._heap)
        return None

    def take(self, now: float, most: int) -> list[str]:
        """The names that something is due for by ``now``, the longest due first, at most so many, and forget them."""
        taken: list[str] = []
        while len(taken) < most and (at := self.first()) is not None and at <= now:
            name = heappop(self._heap)[1]
            del self._moments[name]
            taken.append(name)
        return taken
