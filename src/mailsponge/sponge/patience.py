"""Patience: when a streak of failures matters. The grammar, and what a sentence of it says of a streak.

patience = term { "or" term }                 the lowest rung: any of them
term     = limit { "and" limit }              "and" binds first: all of them
limit    = N "runs"                           so many failed runs in a row
         | N "of" M "runs"                    so many failed among the last M verdicts
         | N ("min" | "hour" | "day" | "week")    failing for so long, over two failed runs at least
         | "now"                              at the end of the run that failed
         | "never"
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailsponge.errors import UsageError

GRAMMAR: Final = (
    'a patience is "3 runs", "3 of 5 runs", "2 hours" (min, hour, day or week), "now" or "never", '
    'joined by "and" (which binds first) and "or"'
)

LONGEST_WINDOW: Final = 100
"""The most verdicts that "N of M runs" may look back on: they are kept for every source."""

_UNITS: Final = {"min": 60.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
_RUNS: Final = re.compile(r"([0-9]{1,6}) (?:of ([0-9]{1,6}) )?runs?")
_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(min|minute|hour|day|week)s?")


class Streak(NamedTuple):
    """What a patience looks at: the failures of one source at a level or above."""

    runs: int
    """Failed runs since the last OK."""
    window: Sequence[bool]
    """Whether each of the last verdicts was such a failure, oldest first."""
    lasting: float
    """Seconds between the beginnings of the first and the last failed run."""


class Runs(NamedTuple):
    """So many failed runs in a row."""

    needed: int

    def over(self, streak: Streak) -> bool:
        """Whether patience is over."""
        return streak.runs >= self.needed

    def __str__(self) -> str:
        return "now" if self.needed == 1 else f"{self.needed} runs"


class OfRuns(NamedTuple):
    """So many failed among the last verdicts; those that there are not yet count as OK."""

    needed: int
    among: int

    def over(self, streak: Streak) -> bool:
        """Whether patience is over."""
        return streak.runs > 0 and sum(streak.window[-self.among :]) >= self.needed

    def __str__(self) -> str:
        return f"{self.needed} of {self.among} runs"


class Lasting(NamedTuple):
    """Failing for so many seconds, seen by two runs at least."""

    seconds: float

    def over(self, streak: Streak) -> bool:
        """Whether patience is over."""
        return streak.runs >= 2 and streak.lasting >= self.seconds

    def __str__(self) -> str:
        return length(self.seconds)


class Never(NamedTuple):
    """Patience that does not end."""

    def over(self, streak: Streak) -> bool:
        """Never."""
        return False

    def __str__(self) -> str:
        return "never"


class All(NamedTuple):
    """Limits joined by "and"."""

    limits: tuple[Limit, ...]

    def over(self, streak: Streak) -> bool:
        """Whether patience is over by every one."""
        return all(limit.over(streak) for limit in self.limits)

    def __str__(self) -> str:
        return " and ".join(map(str, self.limits))


class AnyOf(NamedTuple):
    """Terms joined by "or"."""

    limits: tuple[Limit, ...]

    def over(self, streak: Streak) -> bool:
        """Whether patience is over by one at least."""
        return any(limit.over(streak) for limit in self.limits)

    def __str__(self) -> str:
        return " or ".join(map(str, self.limits))


Limit = Runs | OfRuns | Lasting | Never | All | AnyOf


def parse(text: str) -> Limit:
    """Read a patience. Raises UsageError (a ValueError) that shows the grammar."""
    if not isinstance(text, str):
        raise UsageError(f"patience {text!r} is not a text: {GRAMMAR}")
    words = " ".join(text.lower().split())
    terms = [_parse_term(term, text) for term in words.split(" or ")]
    return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))


def _parse_term(words: str, whole: str) -> Limit:
    limits = [_parse_limit(limit, whole) for limit in words.split(" and ")]
    return limits[0] if len(limits) == 1 else All(tuple(limits))


def _parse_limit(words: str, whole: str) -> Limit:
    if words == "now":
        return Runs(1)
    if words == "never":
        return Never()
    if match := _RUNS.fullmatch(words):
        return _runs(int(match[1]), match[2], whole)
    if match := _DURATION.fullmatch(words):
        seconds = float(match[1]) * _UNITS[match[2]]
        if seconds <= 0:
            raise UsageError(f"patience {whole!r}: {words!r} would be over before anything failed; {GRAMMAR}")
        return Lasting(seconds)
    raise UsageError(f"patience {whole!r}: {words!r} is not understood; {GRAMMAR}")


def _runs(count: int, among: str | None, whole: str) -> Limit:
    if count < 1:
        raise UsageError(f"patience {whole!r}: 0 runs would be over before anything failed; {GRAMMAR}")
    if among is None:
        return Runs(count)
    if not count <= int(among) <= LONGEST_WINDOW:
        raise UsageError(
            f"patience {whole!r}: in N of M runs, N is at most M and M at most {LONGEST_WINDOW}; {GRAMMAR}"
        )
    return OfRuns(count, int(among))


def duration(text: str) -> float:
    """Read a duration such as ``"1 hour"`` or ``"30 min"``, in seconds. Raises UsageError."""
    match = _DURATION.fullmatch(" ".join(str(text).lower().split()))
    if not match:
        raise UsageError(f'{text!r} is no duration: say "30 min", "1 hour", "2 days" or "1 week"')
    return float(match[1]) * _UNITS[match[2]]


def ended_by(limit: Limit, streak: Streak) -> Limit | None:
    """The limit that is over; of several joined by "or" the first that is. None while patience lasts."""
    if isinstance(limit, AnyOf):
        return next((part for part in limit.limits if part.over(streak)), None)
    return limit if limit.over(streak) else None


def never_ends(limit: Limit) -> bool:
    """Whether no streak can end it."""
    if isinstance(limit, All):
        return any(map(never_ends, limit.limits))
    if isinstance(limit, AnyOf):
        return all(map(never_ends, limit.limits))
    return isinstance(limit, Never)


def longest_window(limit: Limit) -> int:
    """How many verdicts a patience looks back on at the most."""
    if isinstance(limit, OfRuns):
        return limit.among
    if isinstance(limit, All | AnyOf):
        return max(map(longest_window, limit.limits))
    return 0


def length(seconds: float) -> str:
    """A length of time for people, in its largest fitting unit: ``3 days``, ``1 hour``, ``40 seconds``."""
    for name, unit in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= unit:
            return _counted(round(seconds / unit, 1), name)
    return _counted(round(max(seconds, 0)), "second")


def _counted(number: float, name: str) -> str:
    whole = int(number) if number == int(number) else number
    return f"{whole} {name}{'' if whole == 1 else 's'}"
