"""Lists that are shown a page at a time: the same for every store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from math import inf
from typing import Final

from mailsponge.store.reading import MOST_ROWS, Cursor, Page, Row

HIGHEST_ID: Final = (1 << 43) - 1
"""A message's id is followed by 20 bits in a number of 63: those of a delivery, or of a mailbox."""

_AT_A_TIME: Final = 500
"""Messages that are changed in one transaction."""


def page_of(most: int, rows: Callable[[int], list[Row]]) -> Page:
    """A page of at most so many rows. ``rows`` gives as many as it is asked for: one more tells that others follow."""
    most = min(max(most, 1), MOST_ROWS)
    found = rows(most + 1)
    shown = tuple(found[:most])
    return Page(shown, Cursor(shown[-1].arrived_at, shown[-1].id) if len(found) > most else None)


def begins_after(before: Cursor | None) -> Cursor:
    """A place before which everything comes that is to be shown. A cursor that makes no sense is the end of all."""
    if before is None:
        return Cursor(inf, HIGHEST_ID)
    return Cursor(float(before.arrived_at), min(max(before.id, 0), HIGHEST_ID))


def portions(ids: Collection[int]) -> Iterator[list[int]]:
    """Each id that a message may have, once, some at a time."""
    possible = sorted({number for number in ids if 0 < number <= HIGHEST_ID})
    for at in range(0, len(possible), _AT_A_TIME):
        yield possible[at : at + _AT_A_TIME]
