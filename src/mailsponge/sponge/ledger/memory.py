"""The ledger's twin in memory: for tests, and as the plainest account of what the protocol means."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mailsponge.sponge.model import Ending, Excerpt, Mail, Record, Run, SourceState


class MemoryLedger:
    """A ledger that is gone with its process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[Run, dict[str, int], str]] = {}
        self._records: dict[str, list[Record]] = {}
        self._states: dict[str, SourceState] = {}
        self._settings: dict[str, Any] | None = None
        self._mails: dict[str, Mail] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and at the end keep or undo."""
        with self._lock:
            before = {name: copy.copy(value) for name, value in vars(self).items() if name != "_lock"}
            before["_records"] = {run: list(records) for run, records in self._records.items()}
            try:
                yield
            except BaseException:
                vars(self).update(before)
                raise

    def close(self) -> None:
        """Keep everything: who holds the object holds the ledger."""

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before."""
        return run_id in self._runs

    def newest_number(self) -> int:
        """The highest number of a folded run that is no stray, or 0."""
        numbers = (run.number for run, _, _ in self._runs.values() if run.ending is not Ending.STRAY)
        return max(numbers, default=0)

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run."""
        self._records.setdefault(run_id, []).extend(records)

    def add_run(self, run: Run, verdicts: Mapping[str, int], note: str) -> None:
        """Keep a run and its verdicts."""
        self._runs[run.id] = (run, dict(verdicts), note)

    def runs(self, most: int) -> list[tuple[Run, dict[str, int], str]]:
        """The last runs, newest first."""
        return sorted(self._runs.values(), key=lambda row: row[0].number, reverse=True)[:most]

    def records(self, run_id: str, source: str, level: int) -> list[Record]:
        """One source's records of one run."""
        found = self._records.get(run_id, [])
        return sorted((r for r in found if r.source == source and r.level >= level), key=lambda r: r.at)

    def excerpt(self, run_id: str, source: str, first: int, last: int) -> Excerpt:
        """The two ends of one source's log in one run."""
        found = self.records(run_id, source, -sys.maxsize)
        if len(found) <= first + last:
            return Excerpt(found, [], 0)
        return Excerpt(found[:first], found[len(found) - last :], len(found) - first - last)

    def states(self) -> dict[str, SourceState]:
        """Every source's state."""
        return dict(self._states)

    def put_states(self, states: Mapping[str, SourceState]) -> None:
        """Keep the states that changed."""
        self._states.update(states)

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

    def prune(self, records_before: float, runs_before: float) -> None:
        """Forget what is too old."""
        for run_id, (run, _, _) in list(self._runs.items()):
            if run.began_at < records_before:
                self._records.pop(run_id, None)
            if run.began_at < runs_before:
                del self._runs[run_id]
        for mail in list(self._mails.values()):
            if mail.status == "sent" and mail.created_at < runs_before:
                del self._mails[mail.message_id]
