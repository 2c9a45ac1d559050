"""Now good, now bad: a source that changes its verdict all the time is told as flapping, once, instead of each time.

Icinga 2's measure (lib/icinga/checkable-flapping.cpp): of the last 20 verdicts, those that differed from the one before
count, the newest 1.5 times as much as the oldest. The changes are the bits of a number, the newest the lowest.
"""

from __future__ import annotations

from typing import Final

SLOTS: Final = 20
BEGINS_ABOVE: Final = 30.0
ENDS_AT: Final = 25.0
"""Percent. Apart, so that flapping itself does not flap."""

_ALL: Final = (1 << SLOTS) - 1
_WEIGHTS: Final = [80 + 2 * slot for slot in range(SLOTS)]
"""Hundredths: slot 0, the oldest, weighs 0.8, and slot 19, the newest, 1.18. Whole numbers, so that 25 % is 25 %."""


def pushed(changes: int, changed: bool) -> int:
    """The changes with one more verdict behind them."""
    return (changes << 1 | changed) & _ALL


def percent(changes: int) -> float:
    """How much a source flaps, 0 to 99."""
    weight = sum(weight for slot, weight in enumerate(_WEIGHTS) if changes >> (SLOTS - 1 - slot) & 1)
    return weight / SLOTS


def flaps(changes: int, did: bool) -> bool:
    """Whether a source flaps now that it did, or did not, so far."""
    # Most sources never change.
    return changes != 0 and percent(changes) > (ENDS_AT if did else BEGINS_ABOVE)
