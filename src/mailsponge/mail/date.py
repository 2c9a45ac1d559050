"""A moment as a mail's header writes it."""

from __future__ import annotations

from datetime import datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date(at: datetime) -> str:
    """A moment as RFC 5322 section 3.3 writes it, whatever the locale: ``Sat, 31 Jan 2026 08:30:00 +0100``.

    ``at`` must know its zone. Raises ValueError if it does not: a time without a zone is a guess.
    """
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("a header needs a time that knows its zone; use clock.local()")
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} {'-' if minutes < 0 else '+'}{hours:02}{rest:02}"
    )
