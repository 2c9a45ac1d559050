"""Rules of guessing passwords: how often, how fast, and who pays for it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.auth.guesses import FORGOTTEN_IN, LONGEST_WAIT, Guesses, TooMany, Wait, decide

LIMIT = 20
PEER = "192.0.2.1"


def guess(guesses: Guesses, times: int = 1, peer: str = PEER, now: float = 0.0) -> Wait | TooMany:
    """Guess wrong so often, and ask for one more try."""
    for _ in range(times):
        if isinstance(guesses.begin(peer, now, LIMIT), Wait):
            guesses.failed(peer, now)
    decision = guesses.begin(peer, now, LIMIT)
    guesses.ended(peer)
    return decision


def test_a_quarter_is_free_then_each_waits_longer_then_no_more():
    decisions = [guess(Guesses(), times) for times in range(21)]

    assert decisions[:5] == [Wait(0.0)] * 5
    assert decisions[5:10] == [Wait(1.0), Wait(2.0), Wait(4.0), Wait(8.0), Wait(LONGEST_WAIT)]
    assert decisions[10:20] == [Wait(LONGEST_WAIT)] * 10
    assert isinstance(decisions[20], TooMany)


def test_who_is_told_to_come_later_may_come_then():
    guesses = Guesses()
    decision = guess(guesses, 20)
    assert isinstance(decision, TooMany)

    assert isinstance(guess(guesses, 0, now=decision.seconds), Wait)


def test_at_the_limit_one_try_in_three_minutes_is_left():
    guesses = Guesses()
    guess(guesses, 20)
    allowed = [second for second in range(1, 3601) if isinstance(guess_once(guesses, float(second)), Wait)]

    assert all(179 <= later - at <= 181 for at, later in itertools.pairwise(allowed))


def guess_once(guesses: Guesses, now: float) -> Wait | TooMany:
    decision = guesses.begin(PEER, now, LIMIT)
    if isinstance(decision, Wait):
        guesses.failed(PEER, now)
    return decision


def test_all_is_forgotten_within_an_hour():
    guesses = Guesses()
    guess(guesses, 20)

    assert guess(guesses, 0, now=FORGOTTEN_IN) == Wait(0.0)
    assert len(guesses) == 0


def test_a_refused_try_costs_nothing_more():
    guesses = Guesses()
    guess(guesses, 20)
    first = guesses.begin(PEER, 0.0, LIMIT)
    for _ in range(1000):
        guesses.begin(PEER, 0.0, LIMIT)

    assert guesses.begin(PEER, 0.0, LIMIT) == first


def test_another_address_pays_for_nothing():
    guesses = Guesses()
    guess(guesses, 20)

    assert guess(guesses, 0, peer="192.0.2.2") == Wait(0.0)


def test_an_ipv6_network_is_one_address():
    guesses = Guesses()
    guess(guesses, 20, peer="2001:db8::1")

    assert isinstance(guess(guesses, 0, peer="2001:db8::2"), TooMany)
    assert guess(guesses, 0, peer="2001:db8:0:1::1") == Wait(0.0)


def test_a_login_that_succeeds_takes_nothing_back():
    guesses = Guesses()
    guess(guesses, 7)
    for _ in range(100):
        guesses.begin(PEER, 0.0, LIMIT)
        guesses.ended(PEER)

    assert guess(guesses, 0) == Wait(4.0)


def test_many_who_log_in_at_the_same_time_do_not_wait():
    guesses = Guesses()
    decisions = [guesses.begin(PEER, 0.0, LIMIT) for _ in range(100)]

    assert decisions == [Wait(0.0)] * 100


def test_many_guesses_at_the_same_time_count_as_many():
    guesses = Guesses()
    guess(guesses, 5)
    decisions = [guesses.begin(PEER, 0.0, LIMIT) for _ in range(100)]

    assert sum(isinstance(decision, Wait) for decision in decisions) == 15


def test_who_succeeds_is_not_remembered():
    guesses = Guesses()
    guesses.begin(PEER, 0.0, LIMIT)
    guesses.ended(PEER)

    assert len(guesses) == 0


def test_the_address_not_heard_of_for_longest_is_forgotten_first():
    guesses = Guesses(addresses=2)
    guess(guesses, 20, "192.0.2.1")
    guess(guesses, 20, "192.0.2.2")
    guess(guesses, 0, "192.0.2.1")
    guess(guesses, 1, "192.0.2.3")

    assert len(guesses) == 2
    assert isinstance(guess(guesses, 0, "192.0.2.1"), TooMany)


def test_a_try_whose_address_was_forgotten_meanwhile_still_counts():
    guesses = Guesses(addresses=1)
    guesses.begin("192.0.2.1", 1e6, LIMIT)
    guesses.begin("192.0.2.2", 1e6, LIMIT)
    for _ in range(20):
        guesses.failed("192.0.2.1", 1e6)

    assert isinstance(guesses.begin("192.0.2.1", 1e6, LIMIT), TooMany)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_smallest_limits_hold(limit):
    assert decide(0.0, 0, limit) == Wait(0.0)
    assert isinstance(decide(float(limit), 0, limit), TooMany)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "failed", "ended"]),
        st.sampled_from([PEER, "192.0.2.2", "192.0.2.3", "2001:db8::1", ""]),
        st.floats(0, 600),
    ),
    max_size=200,
)


@given(STEPS, st.integers(1, 30))
def test_whatever_happens_the_bounds_hold(steps, limit):
    guesses = Guesses(addresses=3)
    now = 0.0
    for what, peer, passed in steps:
        now += passed
        if what == "begin":
            decision = guesses.begin(peer, now, limit)
            assert decision.seconds >= 0
            assert isinstance(decision, TooMany) or decision.seconds <= LONGEST_WAIT
        elif what == "failed":
            guesses.failed(peer, now)
        else:
            guesses.ended(peer)
        assert len(guesses) <= 3


@given(st.lists(st.floats(0, 900), max_size=300), st.integers(1, 40))
def test_one_address_gets_no_more_failures_than_the_limit_and_what_is_forgotten(pauses, limit):
    guesses = Guesses()
    now, failures = 0.0, 0
    for pause in pauses:
        now += pause
        if isinstance(guesses.begin(PEER, now, limit), Wait):
            guesses.failed(PEER, now)
            failures += 1

    assert failures <= limit + now * limit / FORGOTTEN_IN + 1
