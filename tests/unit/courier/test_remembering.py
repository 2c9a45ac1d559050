"""Rules of what is kept of DNS: as long as it holds, and no more than there is room for."""

from __future__ import annotations

import pytest

from mailsponge.courier.remembering import LONGEST, NO_SUCH_NAME, Memory


@pytest.fixture
def clock():
    class Clock:
        now = 100.0

        def __call__(self) -> float:
            return self.now

    return Clock()


def test_an_answer_is_known_as_long_as_it_holds(clock):
    memory = Memory(clock)
    memory.remember("A a.example", ("192.0.2.1",), 60)

    clock.now += 59
    assert memory.recall("A a.example") == ("192.0.2.1",)
    clock.now += 1
    assert memory.recall("A a.example") is None
    assert len(memory) == 0


def test_that_there_is_nothing_is_an_answer_too(clock):
    memory = Memory(clock)
    memory.remember("MX a.example", (), 60)
    memory.remember("MX b.example", NO_SUCH_NAME, 60)

    assert memory.recall("MX a.example") == ()
    assert memory.recall("MX b.example") is NO_SUCH_NAME
    assert memory.recall("MX c.example") is None


def test_nothing_is_kept_for_longer_than_a_day(clock):
    memory = Memory(clock)
    memory.remember("A a.example", ("192.0.2.1",), 2**31)

    clock.now += LONGEST
    assert memory.recall("A a.example") is None


def test_what_holds_for_no_time_is_not_kept(clock):
    memory = Memory(clock)
    memory.remember("A a.example", ("192.0.2.1",), 0)

    assert len(memory) == 0


def test_what_nobody_asked_for_longest_goes_first(clock):
    memory = Memory(clock, most=2)
    memory.remember("A a.example", ("192.0.2.1",), 60)
    memory.remember("A b.example", ("192.0.2.2",), 60)
    memory.recall("A a.example")
    memory.remember("A c.example", ("192.0.2.3",), 60)

    assert memory.recall("A b.example") is None
    assert memory.recall("A a.example") == ("192.0.2.1",)
    assert len(memory) == 2
