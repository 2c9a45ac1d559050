"""The ledger's twin in memory: for tests and replays, and as the plainest account of what the protocol means."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

from mailsponge.sponge.ledger.protocol import Folded, Standing
from mailsponge.sponge.model import (
    Attempt,
    Ending,
    Excerpt,
    Gathered,
    Incident,
    Mail,
    Record,
    Run,
    Silence,
    SourceState,
    Status,
)

_QUIET = Incident()


def _is_well(standing: Standing) -> bool:
    return standing.state.status is Status.OK and not standing.state.flapping


class MemoryLedger:
    """A ledger that is gone with its process.

    Args:
        shared: whether it stands for one that hosts share.
    """

    def __init__(self, shared: bool = False) -> None:
        self.shared = shared
        self._lock = threading.Lock()
        self._outbox_lock = threading.Lock()
        self._runs: dict[str, tuple[Folded, dict[str, Attempt]]] = {}
        self._records: dict[str, list[Record]] = {}
        self._gathered: set[str] = set()
        """The runs of which nothing is to be gathered any more."""
        self._states: dict[tuple[str, str], SourceState] = {}
        self._incidents: dict[str, Incident] = {}
        self._silences: list[Silence] = []
        self._memos: dict[str, Any] = {}
        self._settings: dict[str, Any] | None = None
        self._mails: dict[str, Mail] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and at the end keep or undo."""
        with self._lock:
            before = {name: copy.copy(value) for name, value in vars(self).items() if "lock" not in name}
            before["_records"] = {run: list(records) for run, records in self._records.items()}
            try:
                yield
            except BaseException:
                vars(self).update(before)
                raise

    @contextmanager
    def outbox_lock(self) -> Iterator[bool]:
        """Hold the right to hand over what the outbox holds."""
        mine = self._outbox_lock.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._outbox_lock.release()

    def close(self) -> None:
        """Keep everything: who holds the object holds the ledger."""

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before."""
        return run_id in self._runs

    def newest_number(self, host: str = "") -> int:
        """The highest number of a folded run of a host that is no stray, or 0."""
        runs = (folded.run for folded, _ in self._runs.values())
        return max(
            (r.number for r in runs if r.ending is not Ending.STRAY and host in ("", r.host)), default=0
        )

    def last_began_at(self) -> float | None:
        """When the run with the highest number began."""
        runs = [folded.run for folded, _ in self._runs.values() if folded.run.ending is not Ending.STRAY]
        return max(runs, key=lambda run: run.number).began_at if runs else None

    def beginnings(self, most: int) -> list[float]:
        """When the last runs began, newest first."""
        runs = (folded.run for folded in self._newest_first(by_clock=self.shared))
        return [run.began_at for run in runs if run.ending is not Ending.STRAY][:most]

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run."""
        self._records.setdefault(run_id, []).extend(records)

    def add_run(
        self, run: Run, verdicts: Mapping[str, int], note: str, attempts: Mapping[str, Attempt] | None = None
    ) -> None:
        """Keep a run, what it showed and what it proved."""
        self._runs[run.id] = Folded(run, dict(verdicts), note), dict(attempts or {})

    def runs(self, most: int) -> list[Folded]:
        """The last runs, newest first."""
        return self._newest_first(by_clock=self.shared)[:most]

    def _newest_first(self, by_clock: bool) -> list[Folded]:
        """Every run; numbers tell nothing between hosts."""

        def place(folded: Folded) -> tuple[float, float]:
            run = folded.run
            return (run.began_at, run.number) if by_clock else (run.number, run.began_at)

        return sorted((folded for folded, _ in reversed(self._runs.values())), key=place, reverse=True)

    def history(self, most: int | None = None) -> Iterator[tuple[Run, dict[str, Attempt]]]:
        """Every run with what it showed, or the newest of them, in the order in which they were folded."""
        named = list(accumulate(len(attempts) for _, attempts in reversed(self._runs.values())))
        count = len(named) if most is None else sum(so_far <= most for so_far in named)
        newest = list(self._runs.values())[len(named) - count :]
        yield from [(folded.run, dict(attempts)) for folded, attempts in newest]

    def recent(self, source: str, most: int, host: str = "") -> list[int | None]:
        """What the last runs proved of a source, oldest first."""
        by_clock = self.shared and not host
        runs = [folded for folded in self._newest_first(by_clock) if host in ("", folded.run.host)]
        return [folded.verdicts.get(source) for folded in reversed(runs[:most])]

    def recents(self, sources: Collection[str], most: int, host: str = "") -> dict[str, list[int | None]]:
        """What the last runs proved of some sources, oldest first."""
        return {source: self.recent(source, most, host) for source in sources}

    def records(self, run_id: str, source: str | None, level: int) -> list[Record]:
        """One source's records of one run."""
        found = self._records.get(run_id, [])
        wanted = (r for r in found if source in (None, r.source) and r.level >= level)
        return sorted(wanted, key=lambda record: record.at)

    def excerpt(self, run_id: str, source: str | None, first: int, last: int, level: int = 0) -> Excerpt:
        """The two ends of one source's log in one run."""
        found = self.records(run_id, source, level)
        if len(found) <= first + last:
            return Excerpt(found, [], 0)
        return Excerpt(found[:first], found[len(found) - last :], len(found) - first - last)

    def states(self, host: str = "") -> dict[str, SourceState]:
        """Every source's state on a host."""
        return {source: state for (source, on), state in self._states.items() if on == host}

    def standings(self) -> list[Standing]:
        """Every source's state on every host."""
        return [Standing(source, host, state) for (source, host), state in sorted(self._states.items())]

    def troubled(self) -> tuple[list[Standing], int]:
        """The standings of what is not simply well, and how many others there are."""
        found = [standing for standing in self.standings() if not _is_well(standing)]
        return found, len(self._states) - len(found)

    def well(self, first: int, most: int | None) -> list[Standing]:
        """Some of those others."""
        found = [standing for standing in self.standings() if _is_well(standing)]
        return found[first:] if most is None else found[first : first + most]

    def put_states(self, states: Mapping[str, SourceState], host: str = "") -> None:
        """Keep the states that changed."""
        self._states |= {(source, host): state for source, state in states.items()}

    def incidents(self) -> dict[str, Incident]:
        """Every source's incident."""
        return dict(self._incidents)

    def put_incidents(self, incidents: Mapping[str, Incident]) -> None:
        """Keep the incidents that changed."""
        for source, incident in incidents.items():
            if incident == _QUIET:
                self._incidents.pop(source, None)
            else:
                self._incidents[source] = incident

    def forget(self, sources: Iterable[str], host: str | None = None) -> None:
        """Remove the states of some sources, and their incidents if it is for every host."""
        gone = set(sources)
        self._states = {
            (source, on): state
            for (source, on), state in self._states.items()
            if source not in gone or host not in (None, on)
        }
        if host is None:
            self._incidents = {name: kept for name, kept in self._incidents.items() if name not in gone}

    def silences(self) -> list[Silence]:
        """The silences there are and were."""
        return list(self._silences)

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Keep these silences instead of those there were."""
        self._silences = sorted(silences, key=lambda silence: silence.since)

    def memo(self, name: str) -> Any:
        """A small thing remembered under a name."""
        return self._memos.get(name)

    def put_memo(self, name: str, value: Any) -> None:
        """Remember a small thing."""
        self._memos[name] = value

    def gathered(self, level: int) -> list[Gathered]:
        """What was logged of each source since everything was gathered last."""
        moments: dict[str, list[float]] = defaultdict(list)
        for record in self.gathered_records():
            if record.level >= level:
                moments[record.source].append(record.at)
        return [Gathered(source, len(at), min(at)) for source, at in sorted(moments.items())]

    def gathered_records(self) -> Iterator[Record]:
        """All that was logged since then."""
        for run_id in self._runs:
            if run_id not in self._gathered:
                yield from sorted(self._records.get(run_id, []), key=lambda record: record.at)

    def all_gathered(self) -> None:
        """What was logged so far needs not be gathered any more."""
        self._gathered = set(self._runs)

    def settings(self) -> dict[str, Any] | None:
        """The job's settings as last kept."""
        return copy.deepcopy(self._settings)

    def put_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep the job's settings."""
        self._settings = copy.deepcopy(dict(settings))

    def add_mail(self, mail: Mail) -> None:
        """Put a mail into the outbox."""
        self._mails[mail.message_id] = mail

    def put_mail(self, mail: Mail) -> None:
        """Keep what became of a mail."""
        if mail.message_id in self._mails:
            self._mails[mail.message_id] = mail

    def mails(self, status: str | None = None) -> list[Mail]:
        """The mails of the outbox, oldest first."""
        mails = sorted(self._mails.values(), key=lambda mail: mail.created_at)
        return [mail for mail in mails if status in (None, mail.status)]

    def prune(self, records_before: float, runs_before: float, most_records: int) -> None:
        """Forget what is too old, or too much."""
        total = 0
        for run_id, (folded, _) in reversed(list(self._runs.items())):
            total += len(self._records.get(run_id, []))
            at = max(folded.run.began_at, folded.run.folded_at)
            is_newest = total == len(self._records.get(run_id, []))
            is_old = at < records_before or (total > most_records and not is_newest)
            if is_old and run_id in self._gathered:
                self._records.pop(run_id, None)
            if at < runs_before and run_id not in self._records:
                del self._runs[run_id]
        self._silences = [silence for silence in self._silences if silence.until >= runs_before]
        for mail in list(self._mails.values()):
            if mail.status == "sent" and mail.created_at < runs_before:
                del self._mails[mail.message_id]
