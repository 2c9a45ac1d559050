"""A history as a picture: a row a source, a cell for each stretch of time, marked where something would be mailed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from rich.text import Text

from mailsponge import clock
from mailsponge.sponge.ledger import Folded
from mailsponge.sponge.model import OK, Kind
from mailsponge.sponge.replay import LETTERS, WouldBeMailed

_COLOURS: Final = {
    Kind.NEW: "bold red",
    Kind.MISSED: "bold magenta",
    Kind.FLAPPING: "bold yellow",
    Kind.STILL: "red",
    Kind.RECOVERED: "bold green",
    Kind.STEADY: "green",
    Kind.GONE: "bold",
}

MARKS: Final = {kind: (letter, _COLOURS[kind]) for kind, letter in LETTERS.items()}
"""What is shown where it would be told, and how; of several in one cell the first."""

DIGEST: Final = ("D", "bold blue")
BAD: Final = ("x", "red")
GOOD: Final = ("·", "green")
NOTHING: Final = (" ", "")

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


class Scale(NamedTuple):
    """How time is cut into cells."""

    name: str
    seconds: float
    cell: Callable[[float], int]
    """The number of the cell that a moment is in."""
    label: str
    """How the beginning of a longer stretch is written, as strftime has it."""


def _of_hours(hours: int) -> Callable[[float], int]:
    return lambda at: int(at // (hours * _HOUR))


def _of_days(days: int) -> Callable[[float], int]:
    return lambda at: clock.local(at).toordinal() // days


SCALES: Final = (
    Scale("hour", _HOUR, _of_hours(1), "%d %b"),
    Scale("6 hours", 6 * _HOUR, _of_hours(6), "%d %b"),
    Scale("day", _DAY, _of_days(1), "%b"),
    Scale("week", 7 * _DAY, _of_days(7), "%b"),
    Scale("4 weeks", 28 * _DAY, _of_days(28), "%Y"),
)
"""From the finest to the coarsest."""


class Timeline(NamedTuple):
    """A picture of a history."""

    scale: Scale
    heading: Text
    rows: dict[str, Text]
    """A row for each source that something is told of, or that failed; the job itself first."""


def timeline(runs: Sequence[Folded], mails: Sequence[WouldBeMailed], room: int) -> Timeline | None:
    """Draw it within so many columns; None if there is nothing to draw."""
    moments = [folded.run.began_at for folded in runs] + [mail.at for mail in mails]
    if not moments:
        return None
    begin, end = min(moments), max(moments)
    # As fine as there is room for, and no finer than the runs are: cells in which nothing can be say nothing.
    between = (end - begin) / max(len(runs) - 1, 1)
    fitting = (each for each in SCALES if _cells(each, begin, end) <= room and each.seconds >= between * 0.8)
    scale = next(fitting, SCALES[-1])
    first, count = scale.cell(begin), _cells(scale, begin, end)
    signs: dict[str, dict[int, tuple[str, str]]] = {}
    for source, at, sign in (*_of_runs(runs), *_of_mails(mails)):
        row = signs.setdefault(source, {})
        cell = scale.cell(at) - first
        row[cell] = min(row.get(cell, NOTHING), sign, key=_RANK.index)
    shown = {source: row for source, row in signs.items() if set(row.values()) - {GOOD}}
    rows = {source: _drawn(shown[source], count) for source in sorted(shown)}
    return Timeline(scale, _heading(scale, begin, end, count), rows)


_RANK: Final = [*MARKS.values(), DIGEST, BAD, GOOD, NOTHING]


def _cells(scale: Scale, begin: float, end: float) -> int:
    return scale.cell(end) - scale.cell(begin) + 1


def _of_runs(runs: Iterable[Folded]) -> Iterable[tuple[str, float, tuple[str, str]]]:
    for folded in runs:
        for source, verdict in folded.verdicts.items():
            yield source, folded.run.began_at, GOOD if verdict == OK else BAD


def _of_mails(mails: Iterable[WouldBeMailed]) -> Iterable[tuple[str, float, tuple[str, str]]]:
    for mail in mails:
        for flip in mail.flips:
            yield flip.source, mail.at, MARKS[flip.kind]
        if mail.digest:
            yield "", mail.at, DIGEST


def _drawn(row: dict[int, tuple[str, str]], count: int) -> Text:
    drawn = Text()
    for cell in range(count):
        drawn.append(*row.get(cell, NOTHING))
    drawn.rstrip()
    return drawn


def _heading(scale: Scale, begin: float, end: float, count: int) -> Text:
    """Where days, months or years begin, as far as there is room to say so."""
    said: dict[int, str] = {}
    at = begin
    while at <= end:
        said.setdefault(scale.cell(at) - scale.cell(begin), clock.local(at).strftime(scale.label))
        at += _HOUR if scale in SCALES[:2] else _DAY / 2
    line, before = "", ""
    for cell in range(count):
        label = said.get(cell, before)
        if label != before and (not line or len(line) < cell):
            line = line.ljust(cell) + label
        before = label
    return Text(line, "dim")


def legend(shown: Iterable[Text]) -> Text:
    """What the signs mean that are there."""
    letters = {letter for row in shown for letter in row.plain}
    words = {kind: kind.value for kind in MARKS}
    line = Text()
    for (sign, style), word in (
        *((MARKS[kind], words[kind]) for kind in Kind),
        (DIGEST, "digest"),
        (BAD, "failed, not mailed"),
        (GOOD, "ok"),
    ):
        if sign in letters:
            line.append(sign, style)
            line.append(f" {word}   ", "dim")
    line.rstrip()
    return line
