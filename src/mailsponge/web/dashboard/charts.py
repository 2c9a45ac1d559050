"""Pictures of runs as inline SVG: made on the server, coloured by the style sheet, readable without colours.

What stands in a picture is numbers and words of ours alone; a label that names somebody else's thing is escaped.
A cell that failed is tall, one that is well is low, and one where nothing was seen is a dot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import Final

from mailsponge.sponge.model import OK

_PITCH: Final = 8
"""Units from one cell to the next; the style sheet draws 6 of them and leaves 2 (stroke-dasharray)."""
_HEIGHT: Final = 16
_GAP: Final = 2
_LINES: Final = {"ok": 12, "failed": 8, "unknown": 12}
"""Where the middle of each kind of cell is; how thick it is, the style sheet says."""


def _kind(verdict: int | None) -> str:
    return "unknown" if verdict is None else "ok" if verdict == OK else "failed"


def summary(verdicts: Sequence[int | None]) -> str:
    """The row of cells in words: ``last 20 runs: 3 failed, 16 ok, 1 not seen; failed in the last 2``."""
    if not verdicts:
        return "no runs yet"
    kinds = [_kind(verdict) for verdict in verdicts]
    words = (("failed", "failed"), ("ok", "ok"), ("unknown", "not seen"))
    counts = ", ".join(f"{kinds.count(kind)} {word}" for kind, word in words if kind in kinds)
    runs = "last run" if len(kinds) == 1 else f"last {len(kinds)} runs"
    failing = _ending_in(kinds, "failed")
    ending = f"; failed in the last {failing}" if 0 < failing < len(kinds) else ""
    return f"{runs}: {counts}{ending}"


def _ending_in(kinds: Sequence[str], kind: str) -> int:
    """How many of that kind stand at the end."""
    for count, each in enumerate(reversed(kinds)):
        if each != kind:
            return count
    return len(kinds)


def cells(verdicts: Sequence[int | None]) -> str:
    """What the last runs proved, oldest first, as a row of cells; an empty text if there is none.

    Neighbours of one kind are one dashed line, so that thousands of rows weigh little.
    """
    if not verdicts:
        return ""
    paths: dict[str, list[str]] = {}
    place = 0
    for kind, neighbours in groupby(map(_kind, verdicts)):
        count = len(list(neighbours))
        begin, end = place * _PITCH, (place + count) * _PITCH - _GAP
        paths.setdefault(kind, []).append(f"M{begin} {_LINES[kind]}H{end}")
        place += count
    drawn = "".join(f'<path class="{kind}" d="{"".join(parts)}"/>' for kind, parts in sorted(paths.items()))
    return _picture("runs", place * _PITCH - _GAP, _HEIGHT, summary(verdicts), drawn)


def streaks(verdicts: Iterable[int | None]) -> list[int]:
    """How many runs in a row had failed after each run; where it was not seen, nothing changes."""
    lengths: list[int] = []
    length = 0
    for verdict in verdicts:
        length = length if verdict is None else 0 if verdict == OK else length + 1
        lengths.append(length)
    return lengths


def streak_summary(verdicts: Sequence[int | None]) -> str:
    """The line in words: ``failed runs in a row: 6 at the most, 2 now``."""
    lengths = streaks(verdicts)
    return f"failed runs in a row: {max(lengths, default=0)} at the most, {lengths[-1] if lengths else 0} now"


_SPARK_HEIGHT: Final = 40


def sparkline(verdicts: Sequence[int | None]) -> str:
    """How the streak grew and ended, oldest first, as a line with its longest named; empty if nothing failed."""
    lengths = streaks(verdicts)
    longest = max(lengths, default=0)
    if longest == 0:
        return ""
    room = _SPARK_HEIGHT - 4
    points = [
        (n * _PITCH + _PITCH // 2, 2 + room - room * length / longest) for n, length in enumerate(lengths)
    ]
    line = " ".join(f"{x},{y:g}" for x, y in ((x, round(y, 1)) for x, y in points))
    label = streak_summary(verdicts)
    drawn = f'<polyline class="streak" points="{line}"/>'
    return _picture("spark", len(lengths) * _PITCH, _SPARK_HEIGHT, label, drawn)


def _picture(kind: str, width: float, height: float, label: str, drawn: str) -> str:
    said = escape(label)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" height="{height:g}" role="img" '
        f'aria-label="{said}"><title>{said}</title>{drawn}</svg>'
    )
