"""Everything that was logged since the last digest, source by source, the worst first, read as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailsponge import clean
from mailsponge.sponge.digest import words
from mailsponge.sponge.digest.letter import Fact, Log, Section
from mailsponge.sponge.digest.records import FAILURES, FIRST_RECORDS, LAST_RECORDS, Records
from mailsponge.sponge.model import ERROR, WARNING, Gathered, Record
from mailsponge.sponge.news import News

MOST_SHOWN: Final = 200
"""Records that a digest shows altogether; of more, the two ends of each source's."""
MOST_SOURCES: Final = 40
_MOST_KEPT: Final = 50_000
"""Characters of a text that are kept until it is shown."""
_ANY_LEVEL: Final = -(10**9)


class Counts(NamedTuple):
    """How much was gathered."""

    parts: list[Gathered]
    """Of each source, the worst first."""
    errors: dict[str, int]
    """{source: records of that level or above}"""
    warnings: int

    @property
    def records(self) -> int:
        """All of them."""
        return sum(part.records for part in self.parts)

    def __str__(self) -> str:
        troubles = [(sum(self.errors.values()), "error"), (self.warnings, "warning")]
        said = ", ".join(words.counted(number, what) for number, what in troubles if number)
        return words.counted(self.records, "record") + (f" ({said})" if said else "")


def counts(news: News) -> Counts | None:
    """How much was gathered; None if no digest is due."""
    parts = news.counted(_ANY_LEVEL)
    if not parts:
        return None
    errors = {part.source: part.records for part in news.counted(ERROR)}
    warned = sum(part.records for part in news.counted(WARNING))
    parts.sort(key=lambda part: (-errors.get(part.source, 0), part.source))
    return Counts(parts, errors, warned - sum(errors.values()))


def section(asked: str | None, news: News, records: Records, found: Counts) -> Section:
    """All of it, if that is not too much; else the two ends of each source's, and what failed in between."""
    told, others = found.parts[:MOST_SOURCES], found.parts[MOST_SOURCES:]
    logs = _logs(told, news, records, found)
    if others:
        hidden = sum(part.records for part in others)
        logs.append(records.log(f"Of {words.counted(len(others), 'other source')}:", "", (), hidden, 0.0))
    oldest = min(part.oldest for part in found.parts)
    facts = [Fact("since", f"{words.moment(oldest)} {words.zone(oldest)}")]
    if asked:
        why = f'digest="{clean.line(asked)}": all that was logged since the last one'
        facts.append(Fact("why this mail:", why))
    of = f"of {words.counted(len(found.parts), 'source')}"
    return Section("DIGEST", str(found), of, tuple(facts), logs=tuple(logs))


def _logs(told: Sequence[Gathered], news: News, records: Records, found: Counts) -> list[Log]:
    first, last = (found.records, 0) if found.records <= MOST_SHOWN else (FIRST_RECORDS, LAST_RECORDS)
    ends = {part.source: _Ends(first, last) for part in told}
    for record in news.gathered():
        if record.source in ends:
            ends[record.source].take(record)
    logs = []
    for part in told:
        parts, hidden = ends[part.source].shown()
        errors = found.errors.get(part.source, 0)
        troubles = f", {words.counted(errors, 'error')}" if errors else ""
        heading = f"{words.name(part.source)}: {words.counted(part.records, 'record')}{troubles}"
        logs.append(records.log(heading, part.source, parts, hidden, 0.0, dated=True))
    return logs


class _Ends:
    """The first and the last records of one source, and the last errors that lie between them."""

    def __init__(self, first: int, last: int) -> None:
        self._most = first
        self._first: list[Record] = []
        self._last: deque[Record] = deque(maxlen=last)
        self._errors: deque[Record] = deque(maxlen=FAILURES)
        self._seen = 0

    def take(self, record: Record) -> None:
        self._seen += 1
        if self._seen <= self._most:
            self._first.append(_kept(record))
            return
        if len(self._last) == self._last.maxlen and self._last and self._last[0].level >= ERROR:
            self._errors.append(self._last[0])
        self._last.append(_kept(record))

    def shown(self) -> tuple[tuple[list[Record], ...], int]:
        """The parts to be shown, and how many records lie between them."""
        parts = (self._first, list(self._errors), list(self._last))
        return parts, self._seen - sum(map(len, parts))


def _kept(record: Record) -> Record:
    """The record, a text that is far longer than what is shown of it cut."""
    if len(record.text) <= _MOST_KEPT and len(record.detail) <= _MOST_KEPT:
        return record
    return record._replace(text=_cut(record.text), detail=_cut(record.detail))


def _cut(text: str) -> str:
    half = _MOST_KEPT // 2
    return text if len(text) <= _MOST_KEPT else f"{text[:half]}\n…\n{text[-half:]}"
