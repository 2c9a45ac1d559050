"""What a mail shows of records: the two ends of a log, each traceback once, and no more than a mail can hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mailsponge import clean
from mailsponge.sponge.digest import words
from mailsponge.sponge.digest.letter import Entry, Gap, Log
from mailsponge.sponge.model import Record, level_name

FIRST_RECORDS: Final = 3
LAST_RECORDS: Final = 7
"""How many records of a long log are shown of each end."""
FAILURES: Final = 3
"""How many of what failed a source are shown if they lie between the two ends."""

_MOST_TEXT: Final = 60_000
"""Characters of all logs in one mail. Some readers cut a mail off at 100 kB, and nobody reads that much."""
_LONGEST_FIRST_LINE: Final = 2000
_LONGEST_LINE: Final = 500
"""Characters shown of a record's first line, and of each further one."""
_MOST_LINES: Final = 40
_FEWER_LINES: Final = 16
_FEW_SECTIONS: Final = 5
"""How many further lines of a record are shown; fewer in a mail that tells of many sources."""
_WIDEST_MARKS: Final = 76
_MUCH: Final = 20_000
"""Characters of records that are shown in part: if that much is left out, the whole log is worth attaching."""
_MOST_READ: Final = 200_000
"""Characters of each end of a text that are looked at: cleaning twenty million of them took seconds, to show a few."""
_TRACEBACK: Final = "Traceback (most recent call last):"


class _Trace(NamedTuple):
    lines: tuple[str, ...]
    whose: str


class Records:
    """Shows records, and remembers over one mail what was shown and what was left out.

    Args:
        sections: how many sources the mail tells of in full.
        fail_level: the level from which on a record fails its source.
    """

    def __init__(self, sections: int, fail_level: int) -> None:
        self.fail_level = fail_level
        self._most_lines = _MOST_LINES if sections <= _FEW_SECTIONS else _FEWER_LINES
        self._room = _MOST_TEXT
        self._traces: list[_Trace] = []
        self._shown = 0
        self._hidden = 0
        self._cut = 0

    @property
    def is_much_hidden(self) -> bool:
        """Whether what is shown is the smaller part."""
        return self._hidden > self._shown or self._cut > _MUCH

    def log(
        self,
        heading: str,
        whose: str,
        parts: Iterable[Sequence[Record]],
        hidden: int,
        since: float,
        dated: bool = False,
    ) -> Log:
        """The records of one log, in parts between which something is left out.

        Args:
            heading: what stands above them.
            whose: the source whose log it is; records of others get their source's name.
            parts: the records.
            hidden: how many records are left out.
            since: the moment that the heading names; what is of another day gets its date.
            dated: whether each record gets its date.
        """
        items: list[Entry | Gap] = []
        cut = self._cut
        for part in parts:
            if items and part and not isinstance(items[-1], Gap) and hidden:
                items.append(Gap(0))
            for record in part:
                if self._room <= 0:
                    hidden += 1
                else:
                    day = words.day(record.at)
                    items.append(self._entry(record, whose, day if dated or day != words.day(since) else ""))
        self._hidden += hidden
        return Log(heading, _counted(items, hidden), not hidden and self._cut == cut)

    def _entry(self, record: Record, whose: str, day: str) -> Entry:
        first, *rest = self._cleaned(record.text).rstrip("\n").split("\n")
        name = words.name(record.source)
        detail: list[str] = []
        if _TRACEBACK in rest:
            # QueueHandler, and most layouts, put the traceback into the message.
            place = rest.index(_TRACEBACK)
            rest, detail = rest[:place], self._once(rest[place:], name)
        if record.detail:
            detail += self._once(self._cleaned(record.detail).rstrip().split("\n"), name)
        entry = Entry(
            _before(record, "" if record.source == whose else name, day),
            (self._shortened(first, _LONGEST_FIRST_LINE), *self._two_ends(rest)),
            tuple(self._two_ends(detail)),
            record.level >= self.fail_level,
        )
        self._room -= len(entry.before) + sum(map(len, entry.lines)) + sum(map(len, entry.detail))
        self._shown += 1
        return entry

    def _cleaned(self, text: str) -> str:
        """The text made harmless: of a very long one its two ends, and how much is missing between them."""
        self._cut += max(len(text) - 2 * _MOST_READ, 0)
        return words.cleaned(text, _MOST_READ)

    def _once(self, lines: list[str], whose: str) -> list[str]:
        """A traceback, unless it was shown: whole, or as the inner part of a longer one, or the other way round."""
        own = tuple(line.strip() for line in lines)
        if _TRACEBACK not in own:
            return lines
        # The marks below a line of code say nothing where they have to be wrapped.
        lines = [line for line in lines if len(line) <= _WIDEST_MARKS or line.strip(" ^~")]
        frames = own[own.index(_TRACEBACK) + 1 :]
        for trace in self._traces:
            shorter = min(len(frames), len(trace.lines))
            if shorter > 1 and frames[-shorter:] == trace.lines[-shorter:]:
                where = "" if trace.whose == whose else f", of {trace.whose}"
                return [f"(the same traceback as above{where})"]
        self._traces.append(_Trace(frames, whose))
        return lines

    def _two_ends(self, lines: list[str]) -> list[str]:
        """As many lines as a reader takes in. What went wrong is said at the end of a traceback, as often as not."""
        if len(lines) > self._most_lines:
            half = self._most_lines // 2
            between = lines[half:-half]
            self._cut += sum(map(len, between))
            lines = [*lines[:half], f"… {len(between)} lines …", *lines[-half:]]
        return [self._shortened(line, _LONGEST_LINE) for line in lines]

    def _shortened(self, line: str, most: int) -> str:
        self._cut += max(len(line) - most, 0)
        return clean.shortened(line, most)


def _counted(items: list[Entry | Gap], hidden: int) -> tuple[Entry | Gap, ...]:
    """The items with the number of what is hidden in their last gap; a gap at their end if they have none."""
    if not hidden:
        return tuple(items)
    last = max((place for place, item in enumerate(items) if isinstance(item, Gap)), default=len(items))
    items[last : last + 1] = [Gap(hidden)]
    return tuple(items)


def _before(record: Record, name: str, day: str) -> str:
    """When, whose, how bad and by whom, unless the user's own layout has said what is to be said."""
    whose = f"{name}: " if name else ""
    if record.laid_out:
        return whose
    moment = f"{day} {words.time(record.at)}" if day else words.time(record.at)
    return f"{moment} {whose}{level_name(record.level)} {words.label(record.logger)}: "
