"""The bell: who waits is called when somebody else has changed something, whatever goes wrong meanwhile."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from mailsponge.errors import StoreError
from mailsponge.store.bell import Bell

PATIENCE = 60.0


class Number:
    """What a bell looks at."""

    def __init__(self) -> None:
        self.value = 0
        self.fault: Exception | None = None
        self.looked = threading.Semaphore(0)

    def __call__(self) -> int:
        self.looked.release()
        if self.fault is not None:
            raise self.fault
        return self.value


def looked(number: Number, times: int = 2) -> None:
    """Twice, so that the first of them is over."""
    for _ in range(times):
        assert number.looked.acquire(timeout=PATIENCE)


def test_it_rings_once_for_each_change() -> None:
    number, rung = Number(), threading.Semaphore(0)
    with closing(Bell(number, rung.release, every=0.001)):
        for value in (1, 2):
            number.value = value
            assert rung.acquire(timeout=PATIENCE)
        while number.looked.acquire(blocking=False):
            pass
        looked(number)
        assert not rung.acquire(blocking=False)


def test_who_cannot_wait_has_it_look_at_once() -> None:
    number, rung = Number(), threading.Event()
    with closing(Bell(number, rung.set, every=1e6)) as bell:
        number.value = 1
        bell.look()
        assert rung.wait(PATIENCE)


@pytest.mark.parametrize("fault", [StoreError("locked"), RuntimeError("a mistake")])
def test_a_look_that_fails_is_not_the_last(fault: Exception) -> None:
    number, rung = Number(), threading.Event()
    with closing(Bell(number, rung.set, every=0.001)):
        looked(number, 1)
        number.fault = fault
        looked(number, 3)
        number.fault, number.value = None, 1
        assert rung.wait(PATIENCE)


def test_what_could_not_be_told_is_told_again() -> None:
    number, told = Number(), []
    rung = threading.Event()

    def ring() -> None:
        told.append(number.value)
        if len(told) == 1:
            raise StoreError("locked")
        rung.set()

    with closing(Bell(number, ring, every=0.001)):
        number.value = 1
        assert rung.wait(PATIENCE)
    assert told == [1, 1]


def test_it_can_be_closed_twice() -> None:
    bell = Bell(Number(), lambda: None)
    bell.close()
    bell.close()
