"""A deadline that moves often and is missed seldom: one timer, looked at again only when it rings."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable


class Deadline:
    """Calls ``missed`` once the loop's clock has reached the moment set last.

    Moving it later costs two assignments: the timer rings at the old moment, finds that there is time left, and is set
    anew. After ``missed`` was called, :meth:`set` makes it go again.
    """

    __slots__ = ("_due", "_loop", "_missed", "_rings", "_timer")

    def __init__(self, loop: AbstractEventLoop, due: float, missed: Callable[[], None]) -> None:
        self._loop = loop
        self._missed = missed
        self._arm(due)

    def set(self, due: float) -> None:
        """Move it to another moment, later or earlier."""
        self._due = due
        if due < self._rings:
            self._timer.cancel()
            self._arm(due)

    def cancel(self) -> None:
        """Never call ``missed`` any more, and let go of it."""
        self._timer.cancel()
        self._missed = _nobody

    def _arm(self, due: float) -> None:
        self._due = self._rings = due
        self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        if self._loop.time() < self._due:
            self._arm(self._due)
        else:
            self._rings = float("inf")
            self._missed()


def _nobody() -> None:
    """Whom a cancelled deadline calls."""
