"""A replayed history as a picture: a row a source, a mark where it failed, a letter where a mail would have told it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from typing import Final

from mailsponge import clean, clock
from mailsponge.sponge import digest
from mailsponge.sponge.model import OK
from mailsponge.sponge.replay import LETTERS, Replayed

MOST_ROWS: Final = 25
"""Sources shown: those with most mails, then those that failed most."""
_BINS: Final = 180
_BIN: Final = 4
"""Units; and how many of them one stretch of time has."""
_NAMES: Final = 180
_ROW: Final = 22
_TOP: Final = 20
_LONGEST_NAME: Final = 26


def timeline(came: Replayed, since: float, until: float) -> str:
    """The picture as SVG; an empty text if nothing failed and nothing would have been told."""
    span = max(until - since, 1.0)

    def place(at: float) -> int:
        return min(max(int((at - since) / span * _BINS), 0), _BINS - 1)

    failed: dict[str, set[int]] = defaultdict(set)
    for folded in came.runs:
        for source, verdict in folded.verdicts.items():
            if verdict != OK:
                failed[source].add(place(folded.run.began_at))
    told: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for mail in came.mails:
        for flip in mail.flips:
            told[flip.source].append((place(mail.at), LETTERS[flip.kind], _said(mail.at, flip.kind.value)))
    sources = sorted({*failed, *told}, key=lambda name: (-len(told[name]), -len(failed[name]), name))
    if not sources:
        return ""
    rows = "".join(
        _row(name, _TOP + number * _ROW, failed[name], told[name])
        for number, name in enumerate(sorted(sources[:MOST_ROWS]))
    )
    height = _TOP + min(len(sources), MOST_ROWS) * _ROW + 2
    width = _NAMES + _BINS * _BIN
    label = f"when sources failed, and when a mail would have told of it: {len(came.mails)} mails"
    return (
        f'<svg class="replayed" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{_months(since, until, height)}{rows}</svg>"
    )


def left_out(came: Replayed) -> int:
    """How many sources failed or were told of that the picture has no room for."""
    failed = {name for folded in came.runs for name, verdict in folded.verdicts.items() if verdict != OK}
    told = {flip.source for mail in came.mails for flip in mail.flips}
    return max(len(failed | told) - MOST_ROWS, 0)


def _said(at: float, kind: str) -> str:
    return f"{kind}, {clock.local(at).strftime('%a %d %b %Y %H:%M')}"


def _row(source: str, top: int, failed: set[int], told: Sequence[tuple[int, str, str]]) -> str:
    name = clean.line(digest.name(source))
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    middle = top + _ROW // 2
    marks = "".join(
        f"M{_NAMES + begin * _BIN} {middle}H{_NAMES + end * _BIN - 1}" for begin, end in _stretches(failed)
    )
    drawn = f'<path class="base" d="M{_NAMES} {middle}H{_NAMES + _BINS * _BIN}"/>'
    drawn += f'<path class="failed" d="{marks}"/>' if marks else ""
    letters: dict[int, tuple[str, list[str]]] = {}
    for bin_, letter, said in told:
        letters.setdefault(bin_, (letter, []))[1].append(said)
    for bin_, (letter, all_said) in letters.items():
        x = _NAMES + bin_ * _BIN + _BIN // 2
        drawn += (
            f'<g class="told {letter}"><title>{escape("; ".join(all_said[:8]))}</title>'
            f'<circle cx="{x}" cy="{middle}" r="8"/><text x="{x}" y="{middle + 4}">{letter}</text></g>'
        )
    label = f'<text class="name" x="0" y="{middle + 4}">{escape(short)}</text>'
    return f"<g><title>{escape(name)}</title>{label}{drawn}</g>"


def _stretches(bins: set[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers as stretches: where each begins, and where it is over."""
    found: list[tuple[int, int]] = []
    for bin_ in sorted(bins):
        if found and found[-1][1] == bin_:
            found[-1] = found[-1][0], bin_ + 1
        else:
            found.append((bin_, bin_ + 1))
    return found


_LABELS: Final = 7
_DAY: Final = 86_400.0


def _months(since: float, until: float, height: int) -> str:
    """Some moments along the top, with a line down from each."""
    span = max(until - since, 1.0)
    form = "%d %b" if span > 2 * _DAY else "%d %b %H:%M"
    drawn = ""
    for number in range(_LABELS):
        x = _NAMES + round(_BINS * _BIN * number / _LABELS)
        said = clock.local(since + span * number / _LABELS).strftime(form)
        drawn += f'<path class="grid" d="M{x} {_TOP - 4}V{height}"/><text class="when" x="{x + 3}" y="12">{said}</text>'
    return drawn
