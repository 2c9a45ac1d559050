"""Blocks that are open when a run is cut: which are known to be well, and what is written of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsponge.sponge import journal
from mailsponge.sponge.blocks import Blocks
from mailsponge.sponge.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def run(path: Path) -> Iterator[Journal]:
    made = Journal(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), lambda line: None)
    yield made
    made.close()


def lines(path: Path) -> list[str]:
    return [f"{line['k']}:{line['s']}" for line in journal.read(path)]


def test_a_block_within_one_run_is_well(run):
    blocks = Blocks()
    blocks.entered(1, "x")

    assert blocks.is_well(1)
    blocks.left(1)
    assert blocks.end_in(run, 0.0) == ()


def test_one_that_nobody_knows_is_well():
    """It was entered before there was a handler, or in the parent of a fork."""
    assert Blocks().is_well(7)


def test_those_that_are_open_are_a_part_of_the_first_run_and_entered_in_the_next(run, path):
    blocks = Blocks()
    for number, name in enumerate("xyz"):
        blocks.entered(number, name)
    blocks.left(1)

    assert blocks.end_in(run, 0.0) == (0, 2)
    blocks.go_on_in(run, 0.0)

    assert lines(path) == ["part:x", "part:z", "in:x", "in:z"]


def test_until_somebody_has_looked_it_is_not_well(run):
    blocks = Blocks()
    blocks.entered(1, "x")
    ended = blocks.end_in(run, 0.0)

    assert not blocks.is_well(1)
    blocks.looked_at(ended, {"y"})
    assert blocks.is_well(1)


def test_what_has_failed_once_is_not_well_in_any_later_run(run):
    blocks = Blocks()
    blocks.entered(1, "x")
    for failed in ({"x"}, set(), set()):
        blocks.looked_at(blocks.end_in(run, 0.0), failed)
        assert not blocks.is_well(1)


def test_each_run_has_to_be_looked_at(run):
    blocks = Blocks()
    blocks.entered(1, "x")
    first, second = blocks.end_in(run, 0.0), blocks.end_in(run, 0.0)

    blocks.looked_at(first, set())
    assert not blocks.is_well(1)
    blocks.looked_at(second, set())
    assert blocks.is_well(1)


def test_one_that_was_left_meanwhile_is_forgotten(run):
    blocks = Blocks()
    blocks.entered(1, "x")
    ended = blocks.end_in(run, 0.0)
    blocks.left(1)

    blocks.looked_at(ended, {"x"})

    assert blocks.end_in(run, 0.0) == ()
