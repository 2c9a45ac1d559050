"""What somebody may change from the dashboard: silences and acknowledgements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from mailsponge.errors import UsageError
from mailsponge.sponge import digest, muting
from mailsponge.sponge import patience as grammar
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.opening import read_ledger
from mailsponge.sponge.places import JobPlace
from mailsponge.web.dashboard.watching import SECONDS

LONGEST_REASON = 500
LONGEST_PATTERN = 1000
"""Characters."""


@contextmanager
def _inside(place: JobPlace) -> Iterator[Ledger]:
    """The job's ledger in a transaction. Unlike a command, a page begins none, and sets aside none that is damaged."""
    ledger = read_ledger(place, lambda: SECONDS)
    if ledger is None:
        raise UsageError(f"{place.name} has not ended a run yet: there is nothing to change")
    with closing(ledger), ledger.transaction():
        yield ledger


def silence(place: JobPlace, pattern: str, duration: str, because: str, now: float) -> str:
    """Mail nothing for a while about what matches. Says what was done. Raises UsageError, StateError."""
    pattern, because = _checked(pattern, because)
    seconds = muting.length_of(duration)
    with _inside(place) as ledger:
        begun = muting.silence(ledger, pattern, now + seconds, because, now)
    known = "" if begun.sources or pattern == muting.EVERYTHING else "; no source is called that yet"
    return f"{shown(pattern)} is silent for {grammar.length(seconds)}{known}"


def end_silence(place: JobPlace, pattern: str, now: float) -> str:
    """Tell again of what was silenced. Says what was done. Raises UsageError, StateError."""
    with _inside(place) as ledger:
        if not muting.end_silence(ledger, pattern, now):
            raise UsageError(f"no silence of {shown(pattern)} is going on: it has ended already")
    return f"{shown(pattern)} is told of again"


def acknowledge(place: JobPlace, source: str | None, because: str) -> str:
    """Somebody knows of a failure (source None: of all). Says what was done. Raises UsageError, StateError."""
    _, because = _checked("*", because)
    with _inside(place) as ledger:
        names = muting.acknowledge_failures(ledger, source, because)
    return f"{_of_all(names, source)} acknowledged"


def take_back(place: JobPlace, source: str | None) -> str:
    """Tell again of what was acknowledged. Says what was done. Raises UsageError, StateError."""
    with _inside(place) as ledger:
        names = muting.take_back(ledger, source)
    return f"{_of_all(names, source)} told of again"


def _checked(pattern: str, because: str) -> tuple[str, str]:
    """What somebody has filled in, without what stands around it."""
    because = " ".join(because.split())
    if len(because) > LONGEST_REASON:
        raise UsageError(
            f"the reason has {len(because)} characters: {LONGEST_REASON} are kept; say it in fewer"
        )
    if len(pattern) > LONGEST_PATTERN:
        raise UsageError(
            f"the pattern has {len(pattern)} characters: {LONGEST_PATTERN} are kept; use a * in it"
        )
    return pattern, because


def _of_all(names: list[str], source: str | None) -> str:
    if not names:
        what = "nothing of it fails" if source is None else f"{digest.name(source)} does not fail"
        raise UsageError(f"there is nothing to acknowledge, or to take back: {what}")
    if len(names) == 1:
        return f"{digest.name(names[0])} is"
    return f"{len(names)} failures are"


def shown(pattern: str) -> str:
    """What a pattern names, for a person."""
    return "the whole job" if pattern == muting.EVERYTHING else digest.name(pattern)
