"""What the queue needs of an event loop's clock, so that a test can turn it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Cancellable(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Let it not come."""


Later = Callable[[float, Callable[[], None]], Cancellable]
"""Has something called after so many seconds: ``loop.call_later``."""
