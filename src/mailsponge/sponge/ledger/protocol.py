"""The ledger: one job's memory. Every store keeps to this protocol, and one suite runs against all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from mailsponge.sponge.model import Excerpt, Mail, Record, Run, SourceState


class Ledger(Protocol):
    """One job's runs, verdicts, records, states and outbox.

    All methods but :meth:`close` are called inside ``with ledger.transaction():``; what happens in there becomes true
    at its end, durably and all at once, or, if an exception leaves it, not at all. Two processes never are inside at
    the same time. Raises StateError where the store cannot be read or written.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """Begin, and at the end commit or undo."""

    def close(self) -> None:
        """Let go of the store."""

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before: folding it again must change nothing."""

    def newest_number(self) -> int:
        """The highest number of a run that was folded; 0 if there is none.

        Strays apart: they draw theirs late, and a run that began before must not be late for that.
        """

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run, reading them as they come."""

    def add_run(self, run: Run, verdicts: Mapping[str, int], note: str) -> None:
        """Keep the run itself, what it proved of each source, and what is to be said of it as a whole."""

    def runs(self, most: int) -> list[tuple[Run, dict[str, int], str]]:
        """The last runs, newest first."""

    def records(self, run_id: str, source: str, level: int) -> list[Record]:
        """The records of one source in one run at a level or above, in the order of their times."""

    def excerpt(self, run_id: str, source: str, first: int, last: int) -> Excerpt:
        """The first and the last records of one source in one run; all of them if there are no more than that."""

    def states(self) -> dict[str, SourceState]:
        """Every source's state."""

    def put_states(self, states: Mapping[str, SourceState]) -> None:
        """Keep the states that changed."""

    def settings(self) -> dict[str, Any] | None:
        """The job's settings as last kept; None if there are none yet."""

    def put_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep the job's settings, which hold no secrets."""

    def add_mail(self, mail: Mail) -> None:
        """Put a mail into the outbox."""

    def put_mail(self, mail: Mail) -> None:
        """Keep what became of a mail; the Message-ID says which."""

    def mails(self, status: str | None = None) -> list[Mail]:
        """The mails of the outbox, oldest first; all of them, or those with one status."""

    def prune(self, records_before: float, runs_before: float) -> None:
        """Forget the records of runs that began before one moment, and the runs and sent mails of before another."""
