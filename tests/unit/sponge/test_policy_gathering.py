"""The digest: its grammar, and when it is due."""

from __future__ import annotations

import pytest

from mailsponge.errors import UsageError
from mailsponge.sponge.model import CRITICAL, ERROR, WARNING, Gathered
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.policy.gathering import Gate, due_at, is_due, parse

HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("20 records", Gate(20, 0, 0.0)),
        ("1 record", Gate(1, 0, 0.0)),
        (" 20  ERROR   records ", Gate(20, ERROR, 0.0)),
        ("5 critical records", Gate(5, CRITICAL, 0.0)),
        ("3 Warning records", Gate(3, WARNING, 0.0)),
        ("1 day", Gate(0, 0, 24 * HOUR)),
        ("30 min", Gate(0, 0, 1800.0)),
        ("2 weeks", Gate(0, 0, 14 * 24 * HOUR)),
    ],
)
def test_a_digest_is_read(text, gate):
    assert parse(text) == gate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "records",
        "0 records",
        "-1 records",
        "20 LOUD records",
        "0 days",
        "soon",
        "20 records or 1 day",
        20,
    ],
)
def test_a_wrong_one_is_refused_and_shows_what_could_be(text):
    with pytest.raises(ValueError, match=r"digest.*(20 records|levels are)"):
        Policy(digest=text)


def gathered(*parts: tuple[int, float]) -> list[Gathered]:
    return [Gathered(f"source {n}", records, oldest) for n, (records, oldest) in enumerate(parts)]


def test_records_are_counted_over_all_sources():
    gate = parse("20 records")

    assert not is_due(gate, gathered((10, 0.0), (9, 0.0)), 1e9)
    assert is_due(gate, gathered((10, 0.0), (10, 0.0)), 0.0)


def test_a_duration_is_reckoned_from_the_oldest_record():
    gate = parse("1 hour")

    assert not is_due(gate, gathered((1, 100.0), (1, 50.0)), 50 + HOUR - 1)
    assert is_due(gate, gathered((1, 100.0), (1, 50.0)), 50 + HOUR)
    assert due_at(gate, gathered((1, 100.0), (1, 50.0))) == 50 + HOUR


def test_of_nothing_there_is_no_digest():
    assert not is_due(parse("1 record"), [], 1e9)
    assert not is_due(parse("1 min"), [], 1e9)
    assert not is_due(None, gathered((1000, 0.0)), 1e9)


def test_time_alone_never_brings_a_digest_that_counts_records():
    assert due_at(parse("20 records"), gathered((19, 0.0))) == float("inf")


def test_a_policy_without_a_digest_has_no_gate():
    assert Policy().gate is None
    with pytest.raises(UsageError):
        Policy(digest="often")
