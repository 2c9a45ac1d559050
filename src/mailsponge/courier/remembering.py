"""What DNS has said, kept as long as it holds: a memory with bounds, whoever fills it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from mailsponge import clock

REMEMBERED: Final = 10_000
"""Answers that are kept; those that nobody asked for longest go first."""
LONGEST: Final = 86_400.0
"""Seconds that an answer is kept at most, whatever its TTL: a mistake in DNS is over the day after it was mended."""

Records = tuple[str, ...]
"""An answer: its records, as texts. An empty one says that there are none of that kind."""
NO_SUCH_NAME: Final[Records] = ("",)
"""The answer that there is no such name at all."""


class Memory:
    """Answers by question."""

    def __init__(self, time: clock.Clock, most: int = REMEMBERED) -> None:
        """``time``: a clock that never goes back; ``most``: how many answers are kept."""
        self._time = time
        self._most = most
        self._kept: OrderedDict[str, tuple[float, Records]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, question: str) -> Records | None:
        """The answer, if it is known and still holds."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        until, answer = kept
        if self._time() >= until:
            del self._kept[question]
            return None
        self._kept.move_to_end(question)
        return answer

    def remember(self, question: str, answer: Records, seconds: float) -> None:
        """Keep an answer for so many seconds."""
        if seconds <= 0:
            return
        self._kept[question] = self._time() + min(seconds, LONGEST), answer
        self._kept.move_to_end(question)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
