"""The board: how every source of every job stands, as values to be shown. Pure: filtering, sorting and paging as well.

Rows are small and many; what is only needed of the few that are shown (cells, silences) is asked for afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, overload

from mailsponge.sponge.model import Incident, Silence, Status
from mailsponge.sponge.policy import telling

WORST_FIRST: Final = ("hard", "flapping", "recovering", "soft", "ok")
"""The words for where a source stands."""

_RANK: Final = {word: rank for rank, word in enumerate(WORST_FIRST)}
_EVER: Final = float("inf")
_QUIET: Final = Incident()


class Row(NamedTuple):
    """One source of one job, on one host."""

    job: str
    """The job as its place is called: what links and forms name it by."""
    source: str
    """Empty: the job itself."""
    host: str
    """Empty on a ledger that hosts do not share."""
    word: str
    """One of :data:`WORST_FIRST`."""
    streak: int
    """Failed runs in a row."""
    since: float | None
    last_run_at: float | None
    last_verdict: str | None
    """``failed``, ``ok``, or None."""
    reason: str
    failed_run: str | None
    told_at: float | None
    mail: str | None
    """What became of the mail that told of it: sent, waiting or refused."""
    is_acknowledged: bool
    acknowledged_because: str
    state: int
    """Which of the state directories the job is in."""


class Due(NamedTuple):
    """When the next run of a job should begin."""

    at: float
    late_at: float
    """From then on it is missed."""
    by_habit: bool
    """Nobody said so: it is what the last runs have in common."""

    def is_late(self, now: float) -> bool:
        """Whether a run is missed. What is only a habit is never late."""
        return not self.by_habit and now >= self.late_at


class Job(NamedTuple):
    """One job."""

    name: str
    state: int
    counts: Mapping[str, int] = {}
    """How many sources stand how."""
    last_run_at: float | None = None
    due: Due | None = None
    waiting: int = 0
    """Mails that wait to be handed over."""
    last_reply: str = ""
    """Why they wait, or were refused: what the server said last."""
    refused: int = 0
    unfolded: int = 0
    """Runs that are over and wait to be folded."""
    going_on: bool = False
    trouble: str = ""
    """Why it cannot be read, if it cannot."""
    silences: tuple[Silence, ...] = ()
    """What there is and was of them."""

    @property
    def worst(self) -> str:
        """The word of the source that stands worst; empty if there is none yet."""
        return next((word for word in WORST_FIRST if self.counts.get(word)), "")


class Well(NamedTuple):
    """The sources of one job that are well: many, and seldom asked for."""

    number: int
    first: Sequence[Row]
    """The first of them by name, already read."""
    read: Callable[[int, int], Sequence[Row]]
    """Reads those from one place to another, by name."""

    def part(self, begin: int, end: int) -> Sequence[Row]:
        """Some of them, by their places."""
        at_hand = end <= len(self.first) or len(self.first) >= self.number
        return self.first[begin:end] if at_hand else self.read(begin, end)


class Rows(Sequence[Row]):
    """Rows, the worst first: those in trouble, then job by job those that are well, which are read when asked for."""

    def __init__(self, troubled: Iterable[Row], well: Sequence[Well]) -> None:
        self.troubled = sorted(troubled, key=worst_first)
        self._well = well
        self._length = len(self.troubled) + sum(part.number for part in well)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        return iter(self[:])

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        """One row, or those of a slice that goes forward."""
        if isinstance(place, int):
            return self[place : place + 1][0]
        begin, end, _ = place.indices(self._length)
        found = self.troubled[begin:end]
        passed = len(self.troubled)
        for part in self._well:
            if begin < passed + part.number and end > passed:
                found += part.part(max(begin - passed, 0), min(end - passed, part.number))
            passed += part.number
        return found


def rows_of(rows: Iterable[Row]) -> Rows:
    """Rows that were all read already; those of each job by name."""
    everything = list(rows)
    well = [row for row in everything if row.word == Status.OK]
    return Rows(
        (row for row in everything if row.word != Status.OK),
        [Well(len(well), well, lambda begin, end: well[begin:end])],
    )


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """The jobs, the worst first."""
    return sorted(jobs, key=_worst_job)


def worst_first(row: Row) -> tuple[Any, ...]:
    """Where a row stands: what is told and nobody knows of before what somebody knows of; then the longest streak."""
    since = _EVER if row.since is None else row.since
    return _RANK[row.word], row.is_acknowledged, -row.streak, since, row.job, row.source, row.host


def _worst_job(job: Job) -> tuple[Any, ...]:
    has_trouble = bool(job.trouble or job.refused or job.waiting)
    return (
        not has_trouble,
        _RANK.get(job.worst, len(_RANK)),
        -job.counts.get(job.worst, 0),
        job.name,
        job.state,
    )


class Board(NamedTuple):
    """All of it."""

    jobs: Sequence[Job] = ()
    """The worst first."""
    rows: Rows = Rows((), ())

    @property
    def counts(self) -> Counter[str]:
        """How many sources stand how."""
        total: Counter[str] = Counter()
        for job in self.jobs:
            total.update(job.counts)
        return total


class Wanted(NamedTuple):
    """What of the board somebody wants to see."""

    words: str = ""
    """Parts of the source's or the job's name."""
    standing: str = ""
    """One of :data:`WORST_FIRST`, ``failing`` for all but ok, ``muted`` for what is silenced or acknowledged."""
    job: str = ""
    state: int = 0
    """With a job: which state directory it is in."""
    order: str = "worst"
    """One of :data:`ORDERS`."""
    is_reversed: bool = False


ORDERS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "worst": worst_first,
    "source": lambda row: (row.source.casefold(), row.job, row.host),
    "job": lambda row: (row.job.casefold(), row.source.casefold(), row.host),
    "streak": lambda row: (-row.streak, *worst_first(row)),
    "since": lambda row: (_EVER if row.since is None else row.since, *worst_first(row)),
    "run": lambda row: (-(row.last_run_at or 0.0), *worst_first(row)),
}
"""What rows can be sorted by, and how."""


def chosen(board: Board, wanted: Wanted, now: float) -> Sequence[Row]:
    """The rows wanted, in the order wanted."""
    is_troubled = wanted.standing == "failing" or wanted.standing in WORST_FIRST[:-1]
    rows: Iterable[Row] = board.rows.troubled if is_troubled else board.rows
    if wanted.job:
        rows = [row for row in rows if row.job == wanted.job and row.state == wanted.state]
    if wanted.words:
        words = wanted.words.casefold().split()
        rows = [
            row
            for row in rows
            if all(word in f"{row.source} {row.job} {row.host}".casefold() for word in words)
        ]
    if wanted.standing:
        rows = _standing(board, rows, wanted.standing, now)
    if wanted.order == "worst" and not wanted.is_reversed:
        return rows if isinstance(rows, Sequence) else list(rows)
    return sorted(rows, key=ORDERS[wanted.order], reverse=wanted.is_reversed)


def _standing(board: Board, rows: Iterable[Row], standing: str, now: float) -> list[Row]:
    if standing == "failing":
        return [row for row in rows if row.word != Status.OK]
    if standing == "muted":
        silences = {(job.state, job.name): job.silences for job in board.jobs}
        return [
            row
            for row in rows
            if row.is_acknowledged or silence_of(row, silences.get((row.state, row.job), ()), now)
        ]
    return [row for row in rows if row.word == standing]


def silence_of(row: Row, silences: Sequence[Silence], now: float) -> Silence | None:
    """What silences a row now, if anything does."""
    return telling.silence_of(row.source, silences, now) if silences else None


class Page(NamedTuple):
    """Some of the rows."""

    rows: Sequence[Row]
    number: int
    """From 1 on."""
    pages: int
    total: int


def page_of(rows: Sequence[Row], number: int, most: int) -> Page:
    """One page of rows; the nearest there is, if there is none of that number."""
    pages = max((len(rows) + most - 1) // most, 1)
    number = min(max(number, 1), pages)
    return Page(rows[(number - 1) * most : number * most], number, pages, len(rows))


_ENOUGH: Final = 4
"""Runs that make a habit."""


def due(expected: float | None, began: Sequence[float]) -> Due | None:
    """When the next run should begin, from when the last ones did (newest first); None if nothing tells.

    ``expected``: seconds from one beginning to the next, as the job's settings have it; else it is what lay between the
    last runs, if that was about the same each time.
    """
    if not began:
        return None
    if expected is not None:
        return Due(began[0] + expected, began[0] + telling.LATE * expected, by_habit=False)
    between = sorted(later - earlier for later, earlier in pairwise(began))
    if len(between) < _ENOUGH:
        return None
    usual = between[len(between) // 2]
    steady = sum(0.75 * usual <= each <= 1.25 * usual for each in between)
    if usual <= 0 or steady < 0.75 * len(between):
        return None
    return Due(began[0] + usual, began[0] + telling.LATE * usual, by_habit=True)


LONGEST_WORDS: Final = 200
"""Characters."""
STANDINGS: Final = ("failing", *WORST_FIRST, "muted")
"""What rows can be chosen by."""


def wanted_of(asked: Mapping[str, str]) -> Wanted:
    """What an address asks for; what cannot be is passed over."""
    order, standing = asked.get("sort", ""), asked.get("show", "")
    return Wanted(
        words=asked.get("words", "")[:LONGEST_WORDS].strip(),
        standing=standing if standing in STANDINGS else "",
        order=order if order in ORDERS else "worst",
        is_reversed=asked.get("turned") == "1",
    )


def number_of(text: str, otherwise: int) -> int:
    """A small number out of an address."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else otherwise


def question(wanted: Wanted, page: int = 1) -> dict[str, str]:
    """The reverse of :func:`wanted_of`: as an address has it, without what need not be said."""
    said = {
        "words": wanted.words,
        "show": wanted.standing,
        "sort": "" if wanted.order == "worst" else wanted.order,
        "turned": "1" if wanted.is_reversed else "",
        "page": "" if page == 1 else str(page),
    }
    return {name: value for name, value in said.items() if value}
