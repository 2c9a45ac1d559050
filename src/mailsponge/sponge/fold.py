"""Fold one run's journals: read every line once, hand the records on, and add up what it showed of each source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mailsponge.sponge import journal
from mailsponge.sponge.layout import Typesetter
from mailsponge.sponge.model import ERROR, JOB_ITSELF, WARNING, Attempt, Ending, Record, Run, storable

_LATEST: Final = 250_000_000_000.0
"""Seconds since the epoch: about the end of the years that Python knows."""

_HIGHEST_LEVEL: Final = 1_000_000_000
"""No store takes a number of any size."""


class Fold:
    """The reading of one run's journals. Iterate over :meth:`records` to the end, then ask what the run was."""

    def __init__(self, paths: list[Path], number: int) -> None:
        self._paths = paths
        self._number = number
        self._count = 0
        self._first: dict[str, Any] = {}
        self._last_at = 0.0
        self._ending: Ending | None = None
        self._left: set[str] = set()
        self.attempts: dict[str, Attempt] = {}
        self.settings: dict[str, Any] | None = None
        """The job's settings as last written in the journals; None if they are in none."""

    def begin_line(self) -> dict[str, Any]:
        """The owner's first line: the run's id, host and settings. Empty if it is damaged. Raises OSError."""
        if not self._first:
            self._first = next(journal.read(self._paths[0]), {})
        return self._first

    @property
    def run_id(self) -> str:
        """The run's id; for a journal without a readable beginning one made of its name."""
        line = self.begin_line()
        return storable(str(line.get("run") or f"unknown-{self._number}"))

    def records(self) -> Iterator[Record]:
        """Yield every record, reading as it goes: a long run never sits in memory. Raises OSError."""
        self.begin_line()
        for path in self._paths:
            typesetter = Typesetter()
            for line in journal.read(path):
                record = self._take_or_keep(line, typesetter)
                if record is not None:
                    self._count += 1
                    yield record

    def _take_or_keep(self, line: dict[str, Any], typesetter: Typesetter) -> Record | None:
        try:
            return self._take(line, typesetter)
        except (AttributeError, KeyError, TypeError, ValueError):
            # Valid JSON that no journal of ours would hold: keep what it says rather than stop at it for ever.
            return _damaged(str(line), self._last_at)

    def _take(self, line: dict[str, Any], typesetter: Typesetter) -> Record | None:
        kind = line.get("k")
        at = line.get("t", self._last_at)
        if not _is_moment(at):
            raise ValueError(f"no moment: {at}")
        self._last_at = max(at, self._last_at)
        if kind is None:
            return self._record(line, at, typesetter)
        if kind == "in":
            self._attempt(storable(line["s"])).entered = True
        elif kind == "out":
            return self._block_left(line, at)
        elif kind == "cut":
            self._attempt(storable(line["s"])).broken_off = True
        elif kind == "part":
            self._block_in_part(storable(line["s"]))
        elif kind in ("begin", "settings"):
            self.settings = line.get("settings", self.settings)
        elif kind == "layout":
            typesetter.learn(line)
        elif kind == "end":
            return self._end(line, at)
        elif kind == "damaged":
            return _damaged(line["raw"], at)
        return None

    def _record(self, line: dict[str, Any], at: float, typesetter: Typesetter) -> Record:
        source, logger, detail = _text(line, "s"), _text(line, "n"), _text(line, "e")
        level = line.get("l", 0)
        if not isinstance(level, int) or abs(level) > _HIGHEST_LEVEL:
            raise ValueError(f"no level: {level}")
        record = Record(
            storable(source), at, level, logger, typesetter.text(line), detail, "x" in line or "y" in line
        )
        attempt = self._attempt(record.source)
        if level > attempt.highest:
            attempt.highest = level
        if level < attempt.lowest:
            attempt.lowest = level
        return record

    def _block_left(self, line: dict[str, Any], at: float) -> Record | None:
        """An exception that left a block is told like a record: it is what the source died of."""
        source, trace = storable(line["s"]), _text(line, "e")
        attempt = self._attempt(source)
        attempt.entered, attempt.broken_off = True, False
        self._left.add(source)
        if not trace:
            return None
        attempt.raised = True
        return Record(source, at, ERROR, "mailsponge", *_headline(trace))

    def _block_in_part(self, source: str) -> None:
        """A part of a block proves nothing, and takes nothing from what a whole one has proved."""
        attempt = self._attempt(source)
        attempt.entered = True
        if source not in self._left:
            attempt.broken_off = True

    def _end(self, line: dict[str, Any], at: float) -> Record | None:
        trace = _text(line, "e")
        self._ending = Ending(line.get("ending", Ending.FINISHED))
        if not trace:
            return None
        return Record(JOB_ITSELF, at, ERROR, "mailsponge", *_headline(trace))

    def _attempt(self, source: str) -> Attempt:
        attempt = self.attempts.get(source)
        if attempt is None:
            attempt = self.attempts[source] = Attempt()
        return attempt

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
            host=str(first.get("host", "")),
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


def _text(line: dict[str, Any], field: str) -> str:
    text = line.get(field, "")
    if not isinstance(text, str):
        raise TypeError(f"no text: {text}")
    return text


def _damaged(raw: str, at: float) -> Record:
    return Record(JOB_ITSELF, at, WARNING, "mailsponge", f"a damaged line of the journal: {raw}", "")


def _headline(traceback: str) -> tuple[str, str]:
    """The last line of a traceback, which says what happened, and the whole of it."""
    lines = traceback.strip().splitlines() or [""]
    return lines[-1], traceback
