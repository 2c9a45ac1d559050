"""Fold one run's journals: read every line once, hand the records on, and add up what it showed of each source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from mailsponge.sponge import journal
from mailsponge.sponge.layout import Typesetter
from mailsponge.sponge.mask import Mask
from mailsponge.sponge.model import ERROR, JOB_ITSELF, WARNING, Attempt, Ending, Record, Run, storable

_LATEST: Final = 250_000_000_000.0
"""Seconds since the epoch: about the end of the years that Python knows."""

_ESCAPED_ASCII: Final = re.compile(r"\\u00([2-7][0-9a-fA-F])")

_FRAMES: Final = "Traceback (most recent call last):"

_HIGHEST_LEVEL: Final = 1_000_000_000
"""No store takes a number of any size."""


class Fold:
    """The reading of one run's journals. Iterate over :meth:`records` to the end, then ask what the run was.

    Args:
        paths: the journals, the owner's first.
        number: the run's.
        mask: what masks the secrets in all that is kept of the run. The journals themselves stay as they are.
        host: whose journals they are, where other hosts have runs of the same number and a journal does not tell.
    """

    def __init__(self, paths: list[Path], number: int, mask: Mask | None = None, host: str = "") -> None:
        self._paths = paths
        self._number = number
        self._host = host
        self._count = 0
        self._first: dict[str, Any] = {}
        self._last_at = 0.0
        self._mask = mask or Mask()
        self._names: dict[str, str] = {}
        self._seen: dict[tuple[str, int], tuple[str, int]] = {}
        self._ending: Ending | None = None
        self._left: set[str] = set()
        self.attempts: dict[str, Attempt] = {}
        self.settings: dict[str, Any] | None = None
        """The job's settings as last written in the journals; None if they are in none."""

    def begin_line(self) -> dict[str, Any]:
        """The owner's first line: the run's id, host and settings. Empty if it is damaged. Raises OSError."""
        if not self._first:
            self._first = journal.first_line(self._paths[0])
        return self._first

    @property
    def run_id(self) -> str:
        """The run's id; for a journal without a readable beginning one made of its name."""
        line = self.begin_line()
        unknown = (
            "-".join(("unknown", self._host, str(self._number))) if self._host else f"unknown-{self._number}"
        )
        return storable(str(line.get("run") or unknown))

    def records(self) -> Iterator[Record]:
        """Yield every record, its secrets masked, as it is read: a long run never sits in memory. Raises OSError."""
        self.begin_line()
        return chain.from_iterable(self._blocks())

    def _blocks(self) -> Iterator[list[Record]]:
        for path in self._paths:
            typesetter = Typesetter(self._mask.is_harmless)
            for lines in journal.read_blocks(path):
                records, searched, detailed = self._taken(lines, typesetter)
                self._mask_texts(records, searched, detailed)
                self._count += len(records)
                yield records

    def _taken(
        self, lines: list[journal.Line], typesetter: Typesetter
    ) -> tuple[list[Record], list[str], list[int]]:
        """What is to be kept of some lines, not masked yet; where to look for secrets in each; and which has a detail.

        Most lines are records: for those no call is made in vain.
        """
        records: list[Record] = []
        searched: list[str] = []
        detailed: list[int] = []
        names, seen, quick, new = self._names, self._seen, typesetter.quick, tuple.__new__
        for line in lines:
            try:
                if isinstance(line, list):
                    at, level, name, text, source, layout = line
                    detail, is_laid_out = "", False
                else:
                    get = line.get
                    if get("k") is not None:
                        if record := self._take(line, typesetter):
                            records.append(record)
                            searched.append(record.text)
                        continue
                    at, level, name, source, layout = (
                        get("t", self._last_at),
                        get("l", 0),
                        get("n", ""),
                        get("s", ""),
                        0,
                    )
                    detail = _text(line, "e") if "e" in line else ""
                    is_laid_out = "y" in line or "x" in line
                    text = typesetter.text(line) if is_laid_out else get("m", "")
                if not 0 <= at <= _LATEST:
                    at = self._last_at
                if at > self._last_at:
                    self._last_at = at
                if type(text) is not str:
                    text = str(text)
                logger = names.get(name) or self._name(name)
                source, level = seen.get((source, level)) or self._see(source, level)
                said = text
                if layout:
                    is_laid_out, setter = True, quick.get(layout)
                    if setter is not None:
                        text = setter(at, level, logger, text, source)
                    else:
                        said = text = typesetter.text(_as_dict(at, level, name, text, source, layout))
            except (AttributeError, KeyError, TypeError, ValueError):
                # Valid JSON that no journal of ours would hold: keep what it says rather than stop at it for ever.
                records.append(damaged := _damaged(str(line), self._last_at))
                searched.append(damaged.text)
            else:
                if detail:
                    detailed.append(len(records))
                # As Record(…) does, without the function of Python in between.
                records.append(new(Record, (source, at, level, logger, text, detail, is_laid_out)))
                searched.append(said)
        return records, searched, detailed

    def _mask_texts(self, records: list[Record], searched: list[str], detailed: list[int]) -> None:
        suspects = self._mask.suspects([*searched, *(records[index].detail for index in detailed)])
        for index in {n if n < len(records) else detailed[n - len(records)] for n in suspects}:
            record = records[index]
            text, detail = self._mask.text(record.text), self._mask.text(record.detail)
            records[index] = record._replace(text=text, detail=detail)

    def _take(self, line: dict[str, Any], typesetter: Typesetter) -> Record | None:
        """A line that is no record."""
        kind, at = line["k"], self._moment(line)
        if kind == "in":
            self._attempt(line["s"])[1].entered = True
        elif kind == "out":
            return self._block_left(line, at)
        elif kind == "cut":
            self._attempt(line["s"])[1].broken_off = True
        elif kind == "part":
            self._block_in_part(line["s"])
        elif kind in ("begin", "settings"):
            self.settings = line.get("settings", self.settings)
        elif kind == "layout":
            typesetter.learn(line)
        elif kind == "end":
            return self._end(line, at)
        elif kind == "damaged":
            # JSON in pieces: an escape in it could stand between a secret and its mask.
            return _damaged(_ESCAPED_ASCII.sub(lambda found: chr(int(found[1], 16)), line["raw"]), at)
        return None

    def _moment(self, line: dict[str, Any]) -> float:
        at = line.get("t", self._last_at)
        if not isinstance(at, (float, int)) or not 0 <= at <= _LATEST:
            raise ValueError(f"no moment: {at}")
        if at > self._last_at:
            self._last_at = at
        return at

    def _block_left(self, line: dict[str, Any], at: float) -> Record | None:
        """An exception that left a block is told like a record: it is what the source died of."""
        trace = self._mask.text(_text(line, "e"))
        source, attempt = self._attempt(line["s"])
        attempt.entered, attempt.broken_off = True, False
        self._left.add(source)
        if not trace:
            return None
        attempt.raised = True
        return Record(source, at, ERROR, "mailsponge", *_headline(trace))

    def _block_in_part(self, name: str) -> None:
        """A part of a block proves nothing, and takes nothing from what a whole one has proved."""
        source, attempt = self._attempt(name)
        attempt.entered = True
        if source not in self._left:
            attempt.broken_off = True

    def _end(self, line: dict[str, Any], at: float) -> Record | None:
        trace = self._mask.text(_text(line, "e"))
        self._ending = Ending(line.get("ending", Ending.FINISHED))
        if not trace:
            return None
        return Record(JOB_ITSELF, at, ERROR, "mailsponge", *_headline(trace))

    def _see(self, source: str, level: int) -> tuple[str, int]:
        """A source logs at a level for the first time. Gives back both, as they are kept."""
        if not isinstance(level, int) or abs(level) > _HIGHEST_LEVEL:
            raise ValueError(f"no level: {level}")
        name, attempt = self._attempt(source)
        attempt.highest = max(attempt.highest, level)
        attempt.lowest = min(attempt.lowest, level)
        known = self._seen[source, level] = name, level
        return known

    def _attempt(self, source: str) -> tuple[str, Attempt]:
        """A source's name as it is kept, and what the run shows of it. Sources that differ in secrets alone are one."""
        name = self._names.get(source) or self._name(source)
        return name, self.attempts.setdefault(name, Attempt())

    def _name(self, name: str) -> str:
        """A source's or a logger's name as it is kept."""
        known = self._names[name] = self._mask.text(storable(name))
        return known

    def run(self) -> Run:
        """What the run was; right once :meth:`records` is exhausted."""
        first = self.begin_line()
        gone = Ending.STRAY if first.get("k") == "joined" else Ending.DIED
        # A journal of which no line can be read is as old as its file: from 1970 it would be forgotten at once.
        began_at = (
            first["t"] if _is_moment(first.get("t")) else self._last_at or self._paths[0].stat().st_mtime
        )
        return Run(
            id=self.run_id,
            number=self._number,
            host=storable(str(first.get("host") or self._host)),
            began_at=began_at,
            ended_at=max(self._last_at, began_at),
            ending=self._ending or gone,
            records=self._count,
        )


def failed_sources(paths: list[Path], fail_level: int) -> set[str]:
    """The sources that failed in a run, whatever its policy will make of that. Raises OSError."""
    fold = Fold(paths, 0)
    for _ in fold.records():
        pass
    return {
        name for name, attempt in fold.attempts.items() if attempt.raised or attempt.highest >= fail_level
    }


def _is_moment(at: object) -> bool:
    return isinstance(at, int | float) and 0 <= at <= _LATEST


def _as_dict(*record: Any) -> dict[str, Any]:
    """A record as one of which there is more to tell."""
    return dict(zip("tlnmsy", record, strict=True))


def _text(line: dict[str, Any], field: str) -> str:
    text = line.get(field, "")
    if not isinstance(text, str):
        raise TypeError(f"no text: {text}")
    return text


def _damaged(raw: str, at: float) -> Record:
    return Record(JOB_ITSELF, at, WARNING, "mailsponge", f"a damaged line of the journal: {raw}", "")


def _headline(traceback: str) -> tuple[str, str]:
    """The line of a traceback that says what happened, and the whole of it.

    It is the first one behind the frames, which are indented; a message of several lines goes on after it, and so do
    notes. Where there are no frames, as in a group of exceptions, it is the last one.
    """
    lines = traceback.strip().splitlines() or [""]
    begins = max((n for n, line in enumerate(lines) if line.startswith(_FRAMES)), default=len(lines))
    said = (line for line in lines[begins + 1 :] if line and not line.startswith(" "))
    return next(said, lines[-1]), traceback
