"""What has to be written where several servers share a database: what is given back, and that this one lives."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mailsponge.errors import StoreError
from mailsponge.store.jobs import Batch, Job
from mailsponge.store.postgres.batch import PostgresBatch

Then = Callable[[StoreError | None], None]
"""Called on the writer's thread."""


class SignOfLife(Job):
    """The other servers hear that this one lives, and this one draws numbers if it has few."""

    __slots__ = ("_then",)

    def __init__(self, then: Then) -> None:
        self._then = then

    def join(self, batch: Batch) -> None:
        """Nothing is written for it but what stands in every batch."""
        _ours(batch).is_sign_of_life = True

    def settle(self, fault: StoreError | None) -> None:
        """Tell."""
        self._then(fault)


class LetGoJob(Job):
    """What was claimed and not tried is given back."""

    __slots__ = ("_dues", "_then")

    def __init__(self, dues: Collection[int], then: Then) -> None:
        self._dues = dues
        self._then = then

    def join(self, batch: Batch) -> None:
        """If it is still this node's."""
        _ours(batch).let_go += self._dues

    def settle(self, fault: StoreError | None) -> None:
        """Tell."""
        self._then(fault)


def _ours(batch: Batch) -> PostgresBatch:
    assert isinstance(batch, PostgresBatch)
    return batch
