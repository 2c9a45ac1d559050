"""The thread that lists what arrives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from mailsponge.errors import StoreError
from mailsponge.store.lister import Lister
from mailsponge.store.memory import MemoryStore

PATIENCE = 60.0


class Indexed(MemoryStore):
    """A store that tells when it was asked to index."""

    def __init__(self, index: Callable[[], int]) -> None:
        super().__init__()
        self._index = index
        self.asked = threading.Semaphore(0)
        self.portions: list[int] = []

    def index(self, most: int) -> int:
        """Ask what the test has to say."""
        self.portions.append(most)
        self.asked.release()
        return self._index()

    def was_asked(self, times: int) -> bool:
        return all(self.asked.acquire(timeout=PATIENCE) for _ in range(times))


def test_it_goes_on_until_it_is_closed():
    store = Indexed(lambda: 1)
    with closing(Lister(store)):
        assert store.was_asked(3)


def test_it_looks_again_where_there_was_nothing():
    store = Indexed(lambda: 0)
    with closing(Lister(store, every=0.001)):
        assert store.was_asked(3)


def test_while_very_much_arrives_it_reads_little():
    store = Indexed(lambda: 1)
    moments = iter([0.0, 1.0, 2.0, *[2.0] * 1_000_000])

    def later() -> float:
        if len(store.portions) == 1:
            store.commits.note(0.0, 100_000)
        return next(moments)

    with closing(Lister(store, every=0.001, monotonic=later)):
        assert store.was_asked(2)
    assert store.portions[1] < store.portions[0]


@pytest.mark.parametrize("fault", [StoreError("no room"), RuntimeError("bug")])
def test_a_fault_is_logged_and_the_thread_lives(fault, caplog):
    def index() -> int:
        raise fault

    store = Indexed(index)
    lister = Lister(store)
    assert store.was_asked(1)
    lister.close()
    lister.close()
    assert "in no list" in caplog.text
