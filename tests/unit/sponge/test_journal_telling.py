"""Which lines somebody has to see when they can be kept nowhere: what was said, and not where things begin and end."""

from __future__ import annotations

import pytest

from mailsponge.sponge.journal import block_entered, block_left, line, tells_something


@pytest.mark.parametrize(
    "said",
    [
        line(t=1.0, l=40, n="program", m="gone wrong"),
        block_left("feed", 1.0, "ValueError"),
        b'"m":"a torn line"}\n',
    ],
)
def test_what_was_said_is_told(said):
    assert tells_something(said)


@pytest.mark.parametrize(
    "unsaid",
    [
        block_entered("feed", 1.0),
        block_left("feed", 1.0, None),
        line(k="layout", i=1),
        line(k="begin", run="x"),
        line(k="end", ending="finished", e=""),
    ],
)
def test_where_things_begin_and_end_is_not(unsaid):
    assert not tells_something(unsaid)
