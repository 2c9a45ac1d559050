"""What the runner knows of one next hop while there is something to do for it, or to remember of it."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.queue.pace import Pace
from mailsponge.store.protocol import Parcel


class Load(NamedTuple):
    """What is tried together: a claimed parcel, or as much of it as goes the same way."""

    parcel: Parcel
    loop: str = ""
    """Why it would go in circles, if it would."""


class Lane:
    """One next hop. Nothing of a message is held here before it is claimed, and little is claimed ahead."""

    __slots__ = (
        "answered_at",
        "claiming",
        "due",
        "failing",
        "live",
        "loads",
        "more",
        "name",
        "pace",
        "running",
        "told_at",
        "waits",
    )

    def __init__(self, name: str, pace: Pace) -> None:
        self.name = name
        self.pace = pace
        self.loads: list[Load] = []
        """What is claimed and not begun. Short; and a deque, empty, would be ten times as large."""
        self.running = 0
        """Places it has of those that are shared (`share.py`)."""
        self.live = False
        """Its last word was an answer."""
        self.failing = False
        """It was in trouble last."""
        self.waits = False
        """It is in a line for a place."""
        self.due = False
        """Something may be due that is not claimed."""
        self.more = False
        """Something may be due later that nobody has looked for."""
        self.claiming = False
        self.answered_at = 0.0
        """Seconds since the epoch."""
        self.told_at = 0.0
        """When the store was told that it is down."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for it, or claimed, or known to be due."""
        return not (self.running or self.loads or self.due or self.claiming)

    @property
    def down(self) -> bool:
        """Whether nothing gets through to it."""
        return self.pace.down_until is not None
