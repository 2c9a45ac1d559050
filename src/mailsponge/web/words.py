"""Times, sizes and numbers as people read them, for templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mailsponge import clean, clock

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def moment(at: float) -> str:
    """``2026-01-31 07:30`` in this machine's zone."""
    return clock.local(at).strftime("%Y-%m-%d %H:%M")


def brief(at: float, now: float) -> str:
    """As short as it may be: ``07:30`` today, ``31 Jan`` this year, else ``2025-01-31``."""
    then, today = clock.local(at), clock.local(now)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    if then.year == today.year:
        return f"{then.day} {then.strftime('%b')}"
    return then.strftime("%Y-%m-%d")


def span(seconds: float) -> str:
    """A length of time, to two places: ``3 days 4 h``, ``12 min``."""
    seconds = int(max(seconds, 0))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = seconds // _DAY, seconds % _DAY // _HOUR
    whole = f"{days} day{'s' if days > 1 else ''}"
    return f"{whole} {hours} h" if hours and days < 10 else whole


def distance(at: float, now: float) -> str:
    """``in 5 min``, ``3 h ago``, ``now``."""
    if abs(at - now) < 1:
        return "now"
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def size(octets: int) -> str:
    """``812 B``, ``4.1 kB``, ``12 MB``."""
    amount = float(octets)
    for unit in ("B", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def counted(number: int, what: str) -> str:
    """``1 recipient``, ``1,200 recipients``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def name(written: str) -> str:
    """Who it is, of what a From header says: ``Ann`` of ``Ann <ann@example.org>``. A name that looks like an address is
    not taken for one: then all of it is shown.
    """
    shown = clean.line(written)
    said, bracket, _ = shown.rpartition("<")
    said = said.strip().strip('"').strip()
    return said if bracket and said and "@" not in said else shown


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "moment": moment,
    "brief": brief,
    "distance": distance,
    "span": span,
    "size": size,
    "counted": counted,
    "iso": clock.iso,
    "line": clean.line,
    "name": name,
}
