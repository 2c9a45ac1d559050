"""Claims: what is one server's, until it is settled or let go."""

from __future__ import annotations

import pytest

from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store.claims import Claims
from mailsponge.store.protocol import Settlement

RELAYED = Outcome(Result.RELAYED, "2.0.0", "gone")


def settlement(delivery: int) -> Settlement:
    return Settlement(delivery, RELAYED, 1.0, None)


@pytest.fixture
def claims() -> Claims:
    claims = Claims()
    claims.add("a.example", [1, 2])
    claims.add("b.example", [3])
    return claims


def test_claims_are_known_by_their_next_hop(claims: Claims) -> None:
    assert claims.of("a.example") == {1, 2}
    assert claims.of("c.example") == frozenset()
    assert sorted(claims.hops()) == ["a.example", "b.example"]


def test_what_is_let_go_is_nobodys(claims: Claims) -> None:
    claims.let_go([1, 3, 99])
    assert claims.of("a.example") == {2}
    assert claims.hops() == ["a.example"]


def test_only_what_is_claimed_is_settled(claims: Claims) -> None:
    assert claims.settling([settlement(1), settlement(99)]) == [settlement(1)]


def test_nothing_is_settled_twice_at_the_same_time(claims: Claims) -> None:
    assert claims.settling([settlement(1), settlement(1)]) == [settlement(1)]
    assert claims.settling([settlement(1)]) == []


def test_what_is_being_settled_is_claimed_until_it_is_on_the_disk(claims: Claims) -> None:
    mine = claims.settling([settlement(1)])
    claims.let_go([1])
    assert claims.of("a.example") == {1, 2}
    claims.settled(mine)
    assert claims.of("a.example") == {2}


def test_what_could_not_be_settled_is_claimed_as_before(claims: Claims) -> None:
    claims.not_settled(claims.settling([settlement(1)]))
    assert claims.of("a.example") == {1, 2}
    assert claims.settling([settlement(1)]) == [settlement(1)]
    claims.not_settled([settlement(1)])
    claims.let_go([1])
    assert claims.of("a.example") == {2}


def test_what_is_settled_may_be_claimed_anew(claims: Claims) -> None:
    claims.settled(claims.settling([settlement(3)]))
    claims.add("b.example", [3])
    assert claims.settling([settlement(3)]) == [settlement(3)]
