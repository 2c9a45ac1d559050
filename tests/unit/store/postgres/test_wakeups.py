"""Word from node to node: how many next hops fit into a notification, and what is made of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.store.postgres.wakeups import LONGEST, LOOK, heard, payloads


@given(st.sets(st.text(max_size=300).filter(lambda text: text.isprintable()), max_size=60))
def test_what_is_sent_is_heard_or_all_are_told_to_look(hops: set[str]) -> None:
    sent = payloads(hops)
    assert all(len(payload.encode()) < 8000 for payload in sent)
    told = [heard(payload) for payload in sent]
    assert None in told or {hop for some in told for hop in some or ()} == hops


def test_a_few_go_into_one() -> None:
    assert payloads({"example.net", "example.com"}) == ['["example.com","example.net"]']


def test_many_go_into_several() -> None:
    hops = {f"{number}.{'x' * 90}.example" for number in range(200)}
    assert 1 < len(payloads(hops)) <= 8


def test_more_than_anybody_would_list_are_left_to_be_looked_for() -> None:
    assert payloads({f"{number}.{'x' * 90}.example" for number in range(1000)}) == [LOOK]


def test_what_fits_into_no_notification_is_left_to_be_looked_for() -> None:
    assert payloads({"x" * LONGEST}) == [LOOK]


@pytest.mark.parametrize("payload", ["", "nonsense", "{}", "[1]", '["a", null]', "null", "[" * 5000])
def test_whatever_anybody_else_sends_is_a_reason_to_look(payload: str) -> None:
    assert heard(payload) is None
