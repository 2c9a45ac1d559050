"""Numbers of messages, drawn in blocks."""

from __future__ import annotations

from itertools import islice

import pytest

from mailsponge.errors import StoreError
from mailsponge.store.postgres.ids import BLOCK, Ids


def drawn(ids: Ids, many: int) -> list[int]:
    return [ids.draw() for _ in islice(iter(int, 1), many)]


def test_a_block_is_drawn_from_its_first_to_its_last() -> None:
    ids = Ids()
    ids.add(5001)
    assert drawn(ids, BLOCK) == list(range(5001, 5001 + BLOCK))


def test_one_block_follows_the_other() -> None:
    ids = Ids()
    ids.add(1)
    ids.add(9001)
    assert drawn(ids, BLOCK + 1)[-2:] == [BLOCK, 9001]


def test_it_is_low_when_the_last_block_is_in_use() -> None:
    ids = Ids()
    assert ids.is_low
    ids.add(1)
    assert not ids.is_low
    ids.draw()
    assert ids.is_low


def test_when_all_are_used_up_it_says_so() -> None:
    ids = Ids()
    ids.add(1)
    drawn(ids, BLOCK)
    with pytest.raises(StoreError, match="no numbers for messages"):
        ids.draw()
    ids.add(2001)
    assert ids.draw() == 2001
