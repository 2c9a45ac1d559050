"""What would have been mailed: a history, recorded or written by hand, decided upon anew under some policy.

It is decided by :mod:`.deliberation`, as a live run is, on a ledger in memory, run by run in the order in which they
ended. Time alone brings something only when somebody looks: as each run is folded; and, if the policy expects
runs (so that somebody runs ``mailsponge check``), at each moment in between at which something becomes due.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, NamedTuple

from mailsponge import clock
from mailsponge.errors import UsageError
from mailsponge.sponge.deliberation import Deliberation
from mailsponge.sponge.ledger import Folded, Ledger
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import (
    CRITICAL,
    ERROR,
    INFO,
    JOB_ITSELF,
    LEVELS,
    Attempt,
    Ending,
    Flip,
    Kind,
    Record,
    Run,
    Silence,
)
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.policy.deciding import flips_in_order
from mailsponge.sponge.policy.telling import silence_of
from mailsponge.sponge.settings import Settings

SHAPE: Final = (
    'each line is JSON such as {"run": "1", "at": "2026-01-01T00:00:00Z", "source": "x", "verdict": "failed"}, '
    'the verdict "failed", "ok" or "died"; "level", "records", "host" and "ended_at" may be there'
)


LETTERS: Final = {
    Kind.NEW: "N",
    Kind.MISSED: "M",
    Kind.FLAPPING: "F",
    Kind.STILL: "S",
    Kind.RECOVERED: "R",
    Kind.STEADY: "T",
    Kind.GONE: "G",
}
"""What stands for each kind in a picture; of several in one place the first."""


class Episode(NamedTuple):
    """One run of a history: what it was, what it showed, and what was logged in it."""

    run: Run
    attempts: dict[str, Attempt]
    records: Callable[[], Iterable[Record]] = tuple


class WouldBeMailed(NamedTuple):
    """A mail that would have been sent."""

    at: float
    flips: list[Flip]
    digest: int
    """How many records its digest would have held; 0 without one."""


def replay(
    policy: Policy,
    history: Sequence[Episode],
    shared: bool = False,
    silences: Sequence[Silence] = (),
    until: float | None = None,
    ledger: Ledger | None = None,
) -> Iterator[WouldBeMailed]:
    """Decide on a history, and yield what would have been mailed, in order.

    Args:
        policy: the rules to go by.
        history: the runs, in any order; each is decided upon at its ``folded_at``, or at its end if there is none.
        shared: whether hosts share the ledger: then streaks are kept a host.
        silences: what muted what, and when.
        until: when the history ends; None: with its last run.
        ledger: an empty one to decide on, for who wants to look into it afterwards; None: one of its own.
    """
    ledger = ledger or MemoryLedger(shared)
    with ledger.transaction():
        ledger.put_silences(silences)
        watch = _Watch(ledger, Deliberation(ledger), policy, silences, history)
        now = float("-inf")
        for moment, episodes in groupby(sorted(history, key=_decided_at), key=_decided_at):
            yield from watch.meanwhile(now, moment)
            now = moment
            yield from watch.folded(list(episodes), now)
        if until is not None:
            yield from watch.meanwhile(now, until)


def _decided_at(episode: Episode) -> float:
    return episode.run.folded_at or episode.run.ended_at


class _Watch(NamedTuple):
    """Whoever looks: each run as it is folded, and a check in between, if the policy expects runs."""

    ledger: Ledger
    deliberation: Deliberation
    policy: Policy
    silences: Sequence[Silence]
    history: Sequence[Episode]

    def folded(self, episodes: Sequence[Episode], now: float) -> Iterator[WouldBeMailed]:
        """Runs that are folded at one moment are told of in one mail."""
        flips: list[Flip] = []
        for episode in episodes:
            self.ledger.add_records(episode.run.id, episode.records() if self.policy.gate else ())
            found, _ = self.deliberation.run_folded(self.policy, episode.run, episode.attempts, now)
            flips += found
        # Whoever folds a run of its own is alive, and so misses none.
        yield from self._look(now, flips, any_alive=True)
        if self.policy.expected is not None:
            yield from self._look(now, [], self._any_alive(now))

    def meanwhile(self, since: float, until: float) -> Iterator[WouldBeMailed]:
        """Look whenever something becomes due between two runs, as a check that runs all the time would."""
        while self.policy.expected is not None:
            due = self.deliberation.next_due(self.policy, since)
            if due >= until:
                return
            yield from self._look(due, [], self._any_alive(due))
            since = due

    def _any_alive(self, now: float) -> bool:
        return any(e.run.began_at <= now < e.run.ended_at for e in self.history)

    def _look(self, now: float, flips: list[Flip], any_alive: bool) -> Iterator[WouldBeMailed]:
        ticked = self.deliberation.time_passed(self.policy, now, "", any_alive)
        flips = flips_in_order([*flips, *ticked.flips])
        records = self._gathered(now) if ticked.digest else 0
        if flips or records:
            self.deliberation.mailed(flips, f"<{now}@replay>")
            yield WouldBeMailed(now, flips, records)

    def _gathered(self, now: float) -> int:
        """How many records a digest holds, which are gathered then: those apart that are silenced."""
        records = self.ledger.gathered_records()
        count = sum(1 for record in records if not silence_of(record.source, self.silences, now))
        self.ledger.all_gathered()
        return count


class Replayed(NamedTuple):
    """What came of a history."""

    mails: list[WouldBeMailed]
    runs: list[Folded]
    """Newest first, with the verdicts that were given under the policy."""


def replayed(
    policy: Policy,
    history: Sequence[Episode],
    shared: bool = False,
    silences: Sequence[Silence] = (),
    until: float | None = None,
) -> Replayed:
    """Decide on a history as :func:`replay` does, and keep what came of each run, too."""
    ledger: Ledger = MemoryLedger(shared)
    mails = list(replay(policy, history, shared, silences, until, ledger))
    with ledger.transaction():
        return Replayed(mails, ledger.runs(len(history)))


def rules_kept(ledger: Ledger, job: str) -> dict[str, Any]:
    """The rules a job goes by, as the arguments of a policy; inside a transaction. Raises UsageError."""
    kept = Settings.from_json(ledger.settings() or {"job": job, "toaddrs": ["nobody"]})
    return {name: getattr(kept, name) for name in Policy.__dataclass_fields__}


def recorded(ledger: Ledger) -> list[Episode]:
    """The history that a ledger has kept. Read it inside a transaction, which has to last as long as the episodes."""

    def logged(run_id: str) -> Callable[[], Iterable[Record]]:
        return lambda: ledger.records(run_id, None, 0)

    return [Episode(run, attempts, logged(run.id)) for run, attempts in ledger.history()]


# A history written by hand


@dataclass
class _Draft:
    """A run whose lines are being read."""

    began_at: float
    ended_at: float
    host: str
    ending: Ending = Ending.FINISHED
    attempts: dict[str, Attempt] = field(default_factory=dict)
    logged: list[tuple[str, int, int]] = field(default_factory=list)
    """Source, level, and how many records."""


def written(lines: Iterable[str]) -> tuple[list[Episode], bool]:
    """Read a history of one JSON object a line, and whether it tells of several hosts.

    What a run does not name is NOT SEEN; the job itself is named by every run. Raises UsageError that tells the line.
    """
    drafts: dict[tuple[str, str], _Draft] = {}
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                _read_line(text, drafts)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
                what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else error
                raise UsageError(f"line {number}: {what}; {SHAPE}") from error
    begun = sorted(drafts.items(), key=lambda item: item[1].began_at)
    episodes = [_episode(run, number, draft) for number, ((_, run), draft) in enumerate(begun, 1)]
    return episodes, any(draft.host for draft in drafts.values())


def _read_line(text: str, drafts: dict[tuple[str, str], _Draft]) -> None:
    fields: dict[str, Any] = json.loads(text)
    at = clock.from_iso(fields["at"])
    host, source = str(fields.get("host") or ""), str(fields["source"])
    draft = drafts.setdefault((host, str(fields["run"])), _Draft(at, at, host))
    draft.began_at = min(draft.began_at, at)
    ended_at = clock.from_iso(fields["ended_at"]) if fields.get("ended_at") else at
    draft.ended_at = max(draft.ended_at, ended_at)
    attempt = draft.attempts.setdefault(source, Attempt(entered=True, lowest=INFO))
    level = _take_verdict(fields, source, attempt, draft)
    records = fields.get("records")
    records = (1 if level else 0) if records is None else records
    if not isinstance(records, int) or records < 0:
        raise ValueError(f"records {records!r} is no count")
    draft.logged.append((source, level or INFO, records))


def _take_verdict(fields: dict[str, Any], source: str, attempt: Attempt, draft: _Draft) -> int:
    """The level that the line says the source failed at; 0 if it did not."""
    verdict = fields["verdict"]
    if verdict == "failed":
        # Without a level it failed as by an exception: whatever level it is that counts.
        level = _level(fields.get("level") or ERROR)
        attempt.highest = max(attempt.highest, level)
        attempt.raised = attempt.raised or fields.get("level") is None
        return level
    if verdict == "died":
        draft.ending = Ending.DIED
        attempt.broken_off = True
    elif verdict != "ok":
        raise ValueError(f"the verdict {verdict!r} is none")
    return 0


def _level(given: object) -> int:
    level = LEVELS.get(given.upper()) if isinstance(given, str) else given
    if not isinstance(level, int) or not 0 < level <= 2 * CRITICAL:
        raise ValueError(f"the level {given!r} is none: {', '.join(LEVELS)}")
    return level


def _episode(run_id: str, number: int, draft: _Draft) -> Episode:
    records = sum(count for _, _, count in draft.logged)
    run = Run(
        f"{draft.host}/{run_id}", number, draft.host, draft.began_at, draft.ended_at, draft.ending, records
    )
    # Every run names the job itself, by being one.
    attempts = {source: attempt for source, attempt in draft.attempts.items() if _shows(source, attempt)}

    def logged() -> Iterator[Record]:
        for source, level, count in draft.logged:
            for _ in range(count):
                yield Record(source, draft.began_at, level, "", "", "")

    return Episode(run, attempts, logged)


def _shows(source: str, attempt: Attempt) -> bool:
    return source != JOB_ITSELF or attempt.highest > 0
