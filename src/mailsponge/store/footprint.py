"""How many bytes of messages are in memory: handed to a store, and not on its disk yet."""

from __future__ import annotations


class Footprint:
    """Two counts, each written by one thread alone and read by both, so that none has to wait for the other."""

    __slots__ = ("released", "taken")

    def __init__(self) -> None:
        self.taken = 0
        """Written by the thread that takes mail in: bytes that came, without those it has let go of itself."""
        self.released = 0
        """Written by the writer: bytes that are on the disk, or could not be put there."""

    @property
    def held(self) -> int:
        """Bytes in memory now."""
        return self.taken - self.released
