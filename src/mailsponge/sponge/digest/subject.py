"""What a person sees first: ``podcasts: Søndag på P1 has failed 3 runs in a row``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mailsponge import clean
from mailsponge.sponge.digest import words
from mailsponge.sponge.model import JOB_ITSELF, Flip, Kind

_LONGEST: Final = 160
_WISHED: Final = 100
"""Characters; what is longer says numbers in place of names, as long as it can."""
_LONGEST_NAMES: Final = 60
_MOST_NAMES: Final = 3

_ONCE: Final = "has failed"
"""What the policy says of a source that has failed in one run."""

_SEVERAL: Final = {
    Kind.NEW: "keep failing",
    Kind.STILL: "still fail",
    Kind.RECOVERED: "work again",
    Kind.FLAPPING: "are flapping",
    Kind.STEADY: "are steady again",
    Kind.GONE: "are gone",
    Kind.MISSED: "have not run",
}
_ONE: Final = {
    Kind.NEW: "keeps failing",
    Kind.STILL: "still fails",
    Kind.RECOVERED: "works again",
    Kind.FLAPPING: "is flapping",
    Kind.STEADY: "is steady again",
    Kind.GONE: "is gone",
    Kind.MISSED: "has not run",
}


def subject(begins: str, flips: Sequence[Flip], gathered: str = "") -> str:
    """The subject of a mail.

    Args:
        begins: the job's name, or what its user put in its place.
        flips: what the mail tells of.
        gathered: what its digest holds, in words; empty if there is none.
    """
    groups = [(kind, [flip for flip in flips if flip.kind is kind]) for kind in Kind]
    groups = [(kind, group) for kind, group in groups if group]
    candidates = [f"{begins}: {said}" for said in _ways(groups, gathered)]
    fits = next((line for line in candidates if len(line) <= _WISHED), candidates[-1])
    return clean.shortened(clean.line(fits), _LONGEST)


def _ways(groups: Sequence[tuple[Kind, Sequence[Flip]]], gathered: str) -> Iterator[str]:
    """Ways to say it, the most telling first."""
    alone = len(groups) == 1
    for most_names, in_full in ((_MOST_NAMES, True), (1, True), (1, False), (1 if alone else 0, alone)):
        told = [_said(*group, most_names, in_full, bare=bool(at)) for at, group in enumerate(groups)]
        if gathered:
            told.append(f"and a digest of {gathered}" if told else gathered)
        yield ", ".join(told)


def _said(kind: Kind, flips: Sequence[Flip], most_names: int, in_full: bool, bare: bool) -> str:
    several, one = _SEVERAL[kind], _ONE[kind]
    if kind is Kind.NEW and any(flip.said == _ONCE for flip in flips):
        several, one = "have failed", _ONCE
    if len(flips) == 1:
        if not most_names:
            return f"{_counted(flips, bare)} {one}"
        return f"{words.name(flips[0].source)} {clean.line(flips[0].said) if in_full else one}"
    named = words.together([words.name(flip.source) for flip in flips[: _MOST_NAMES + 1]])
    if len(flips) <= most_names and len(named) <= _LONGEST_NAMES:
        return f"{named} {several}"
    return f"{_counted(flips, bare)} {several}"


def _counted(flips: Sequence[Flip], bare: bool) -> str:
    """``2 sources``, ``the job itself and 2 sources``: the job is no source. Bare: ``2``, after such words."""
    sources = sum(flip.source != JOB_ITSELF for flip in flips)
    job = [words.name(JOB_ITSELF)] if sources < len(flips) else []
    number = str(sources) if bare and not job else words.counted(sources, "source")
    return words.together(job + ([number] if sources else []))
