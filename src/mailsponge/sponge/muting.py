"""What keeps a mail from coming because somebody wants it so: silences and acknowledgements, put into a ledger.

All of it is called inside a transaction of the ledger. Nothing here keeps anything from being recorded.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailsponge.errors import UsageError
from mailsponge.sponge import patience as grammar
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import Incident, Silence
from mailsponge.sponge.policy import acknowledge, telling, unacknowledged

EVERYTHING: Final = "*"
"""The pattern that all of a job matches."""


class Silenced(NamedTuple):
    """A silence that has begun."""

    silence: Silence
    sources: tuple[str, ...]
    """The sources known so far that it mutes."""


def length_of(text: str) -> float:
    """How long a silence lasts, in seconds. Raises UsageError."""
    seconds = grammar.duration(text)
    if seconds <= 0:
        raise UsageError("a silence takes some time")
    return seconds


def silence(ledger: Ledger, pattern: str, until: float, because: str, now: float) -> Silenced:
    """Mail nothing from now on about a source, or those that a pattern matches."""
    known = [standing.source for standing in ledger.standings()]
    # A source's own name is no pattern, whatever stands in it.
    new = Silence(glob.escape(pattern) if pattern in known else pattern, now, until, because)
    ledger.put_silences([*ledger.silences(), new])
    matched = dict.fromkeys(name for name in known if telling.silence_of(name, [new], now))
    return Silenced(new, tuple(matched))


def going_on(silences: Sequence[Silence], now: float) -> list[Silence]:
    """Those that have begun and not ended."""
    return [each for each in silences if each.since <= now < each.until]


def end_silence(ledger: Ledger, pattern: str, now: float) -> bool:
    """End what silences a source, or a pattern. Whether there was anything to end."""
    named = (pattern, glob.escape(pattern))
    silences = ledger.silences()
    ended = [each for each in going_on(silences, now) if each.pattern in named]
    if ended:
        ledger.put_silences([each._replace(until=now) if each in ended else each for each in silences])
    return bool(ended)


def acknowledge_failures(ledger: Ledger, source: str | None, because: str) -> list[str]:
    """Somebody knows of the failure of a source (None: of every failure). Returns whose, by name."""
    failing = _failing(ledger, source)
    ledger.put_incidents({name: acknowledge(incident, because) for name, incident in failing.items()})
    return sorted(failing)


def take_back(ledger: Ledger, source: str | None) -> list[str]:
    """Tell again of what was acknowledged, and fails. Returns whose that is, by name."""
    failing = _failing(ledger, source)
    ledger.put_incidents({name: unacknowledged(incident) for name, incident in failing.items()})
    return sorted(failing)


def _failing(ledger: Ledger, source: str | None) -> dict[str, Incident]:
    return {
        name: incident
        for name, incident in ledger.incidents().items()
        if source in (None, name) and (incident.failing or incident.soft or incident.recovering)
    }
