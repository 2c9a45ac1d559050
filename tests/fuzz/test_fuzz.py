"""What the fuzzer does at length, in short: the corpus, and 50,000 inputs and some of a seed that stays the same."""

from __future__ import annotations

import pytest
from fuzz_run import CLIENT_SHARE, SIDES, batch, corpus, played

INPUTS = 50_000
PARTS = 10


@pytest.mark.parametrize("side", SIDES)
def test_every_input_that_is_kept_is_sound(side: str) -> None:
    kept = corpus(side)
    assert len(kept) >= 10
    assert [path.name for path, data in kept.items() if played(side, data)] == []


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_clients_send_the_rules_hold(part: int) -> None:
    assert batch("server", part, INPUTS // PARTS) == []


def test_whatever_servers_say_the_rules_hold() -> None:
    assert batch("client", 0, INPUTS // CLIENT_SHARE) == []


def test_a_seed_names_its_inputs() -> None:
    assert batch("server", 7, 20) == batch("server", 7, 20)
