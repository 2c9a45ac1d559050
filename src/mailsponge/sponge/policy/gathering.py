"""The digest: when so much was logged since the last one that all of it is mailed, told or not.

digest = N ["DEBUG" … "CRITICAL"] "records"      that many, of that level or above
       | N ("min" | "hour" | "day" | "week")     so long after the oldest was logged
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailsponge.errors import UsageError
from mailsponge.sponge import patience
from mailsponge.sponge.model import LEVELS, Gathered

GRAMMAR: Final = (
    'a digest is "20 records", "20 ERROR records" (of that level or above) '
    'or "1 day" (min, hour, day or week)'
)

_RECORDS: Final = re.compile(r"([0-9]{1,9})(?: ([a-z]+))? records?")


class Gate(NamedTuple):
    """What has to be there for a digest: so many records, or one that is so old."""

    records: int
    """How many; 0 if age counts instead."""
    level: int
    """The level from which on a record counts."""
    age: float
    """Seconds from the oldest record; 0 if the number counts instead."""


def parse(text: str) -> Gate:
    """Read a digest. Raises UsageError (a ValueError) that shows the grammar."""
    if not isinstance(text, str):
        raise UsageError(f"digest {text!r} is not a text: {GRAMMAR}")
    words = " ".join(text.lower().split())
    if match := _RECORDS.fullmatch(words):
        return _counting(int(match[1]), match[2], text)
    try:
        age = patience.duration(words)
    except UsageError:
        raise UsageError(f"digest {text!r} is not understood: {GRAMMAR}") from None
    if age <= 0:
        raise UsageError(f"digest {text!r}: it would be due before anything was logged; {GRAMMAR}")
    return Gate(0, 0, age)


def _counting(records: int, level: str | None, text: str) -> Gate:
    if records < 1:
        raise UsageError(f"digest {text!r}: it would be due before anything was logged; {GRAMMAR}")
    if level is not None and level.upper() not in LEVELS:
        raise UsageError(f"digest {text!r}: the levels are {', '.join(LEVELS)}")
    return Gate(records, LEVELS[level.upper()] if level else 0, 0.0)


def is_due(gate: Gate | None, gathered: Sequence[Gathered], now: float) -> bool:
    """Whether it is time for a digest of what was gathered."""
    if gate is None or not gathered:
        return False
    if gate.records:
        return sum(part.records for part in gathered) >= gate.records
    return now >= due_at(gate, gathered)


def due_at(gate: Gate, gathered: Sequence[Gathered]) -> float:
    """When time alone makes a digest due; never (infinity) if records are counted, or there is none."""
    if gate.records or not gathered:
        return float("inf")
    return min(part.oldest for part in gathered) + gate.age
