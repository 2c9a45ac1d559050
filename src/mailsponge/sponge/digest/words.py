"""Names, moments and numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailsponge import clean, clock
from mailsponge.sponge.model import JOB_ITSELF

_LONGEST_NAME: Final = 100
# Not strftime's: a program that sets a locale would get a mail in two languages.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def name(source: str) -> str:
    """A source's name for people."""
    return "the job itself" if source == JOB_ITSELF else label(source)


def label(text: str) -> str:
    """A name that somebody gave, on a line with other things."""
    short = clean.shortened(clean.line(text), _LONGEST_NAME)
    return short if short.strip() else f"'{short}'"


def moment(at: float) -> str:
    """``Sat 18 Jan 2025, 03:07``, in the local zone."""
    local = clock.local(at)
    date = f"{_DAYS[local.weekday()]} {local.day:02} {_MONTHS[local.month - 1]} {local.year}"
    return f"{date}, {local.hour:02}:{local.minute:02}"


def day(at: float) -> str:
    """``18 Jan``, in the local zone."""
    local = clock.local(at)
    return f"{local.day:02} {_MONTHS[local.month - 1]}"


def time(at: float) -> str:
    """``03:07:15``, in the local zone."""
    local = clock.local(at)
    return f"{local.hour:02}:{local.minute:02}:{local.second:02}"


def zone(at: float) -> str:
    """The name of the local zone at that moment: ``CET``, or ``UTC+03:00`` where it has none."""
    local = clock.local(at)
    named = clean.line(local.tzname() or "")
    if any(letter.isalpha() for letter in named):
        return named
    offset = local.isoformat()[-6:]
    return f"UTC{offset}"


def counted(number: int, what: str) -> str:
    """``1 record``, ``23 records``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def together(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def hosts(named: Sequence[str]) -> str:
    """``web1, web2 and 3 more``: where it is, without a page of names."""
    if len(named) <= 3:
        return together([label(host) for host in named])
    return f"{label(named[0])}, {label(named[1])} and {len(named) - 2} more"


def cleaned(text: str, most: int) -> str:
    """The text made harmless; of one of more than twice ``most`` characters its two ends, and how much is missing."""
    missing = len(text) - 2 * most
    if missing <= 0:
        return clean.block(text)
    return f"{clean.block(text[:most])}\n… {counted(missing, 'character')} …\n{clean.block(text[-most:])}"
