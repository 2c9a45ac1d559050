"""The ledger: one job's memory. Every store keeps to this protocol, and one suite runs against all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from mailsponge.sponge.model import (
    Attempt,
    Excerpt,
    Gathered,
    Incident,
    Mail,
    Record,
    Run,
    Silence,
    SourceState,
)


class Folded(NamedTuple):
    """A run as the ledger has it."""

    run: Run
    verdicts: dict[str, int]
    note: str


class Standing(NamedTuple):
    """How one source stands on one host."""

    source: str
    host: str
    """Empty on a ledger that hosts do not share."""
    state: SourceState


class Ledger(Protocol):
    """One job's runs, verdicts, records, states, incidents and outbox.

    All methods but :meth:`close` and :meth:`outbox_lock` are called inside ``with ledger.transaction():``; what happens
    in there becomes true at its end, durably and all at once, or, if an exception leaves it, not at all. Two processes
    never are inside at the same time. Raises StateError where the store cannot be read or written.
    """

    shared: bool
    """Whether hosts share it: then a source's state is kept a host, its incident once for all."""

    def transaction(self) -> AbstractContextManager[None]:
        """Begin, and at the end commit or undo."""

    def outbox_lock(self) -> AbstractContextManager[bool]:
        """Hold the right to hand over what the outbox holds; yields whether it was to be had at once."""

    def close(self) -> None:
        """Let go of the store."""

    # Runs and what was logged in them

    def has_run(self, run_id: str) -> bool:
        """Whether the run was folded before: folding it again must change nothing."""

    def newest_number(self, host: str = "") -> int:
        """The highest number of a run of a host (empty: of any) that was folded; 0 if there is none.

        Strays apart: they draw theirs late, and a run that began before must not be late for that.
        """

    def last_began_at(self) -> float | None:
        """When the run with the highest number began, whatever clocks say; None before the first. Strays apart."""

    def beginnings(self, most: int) -> list[float]:
        """When the last runs began, in the order of :meth:`runs`. Strays apart."""

    def add_records(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep the records of a run, reading them as they come."""

    def add_run(
        self, run: Run, verdicts: Mapping[str, int], note: str, attempts: Mapping[str, Attempt] | None = None
    ) -> None:
        """Keep the run itself, what it showed and proved of each source, and what is to be said of it as a whole."""

    def runs(self, most: int) -> list[Folded]:
        """The last runs, newest first: by their numbers, or, of several hosts, by their clocks."""

    def history(self, most: int | None = None) -> Iterator[tuple[Run, dict[str, Attempt]]]:
        """Every run with what it showed, in the order in which they were folded.

        With ``most``, only the newest: as many as together named no more sources than that.
        """

    def recent(self, source: str, most: int, host: str = "") -> list[int | None]:
        """What the last runs of a host (empty: of any) proved of a source, oldest first; None where it was not seen."""

    def recents(self, sources: Collection[str], most: int, host: str = "") -> dict[str, list[int | None]]:
        """What :meth:`recent` tells, of several sources at once."""

    def records(self, run_id: str, source: str | None, level: int) -> list[Record]:
        """The records of one source (None: of all) in one run at a level or above, in the order of their times."""

    def excerpt(self, run_id: str, source: str | None, first: int, last: int, level: int = 0) -> Excerpt:
        """The first and the last records of one source in one run; all of them if there are no more than that.

        Source None: of all sources. Only those at a level or above.
        """

    # What the policy remembers

    def states(self, host: str = "") -> dict[str, SourceState]:
        """Every source's state on a host."""

    def standings(self) -> list[Standing]:
        """Every source's state on every host, by source and host."""

    def troubled(self) -> tuple[list[Standing], int]:
        """The standings of what is not simply well, in the order of :meth:`standings`; and how many others there are.

        Nearly all are well, as a rule: whoever shows thousands begins with this.
        """

    def well(self, first: int, most: int | None) -> list[Standing]:
        """Some of those others in the same order: at most so many (None: all), after so many that are passed over."""

    def put_states(self, states: Mapping[str, SourceState], host: str = "") -> None:
        """Keep the states that changed."""

    def incidents(self) -> dict[str, Incident]:
        """Every source's incident, those apart of which there is nothing to tell."""

    def put_incidents(self, incidents: Mapping[str, Incident]) -> None:
        """Keep the incidents that changed; one like ``Incident()`` is removed."""

    def forget(self, sources: Iterable[str], host: str | None = None) -> None:
        """Remove the states of some sources on a host; None: on every host, and their incidents."""

    def silences(self) -> list[Silence]:
        """The silences there are and were, in the order in which they began."""

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Keep these silences instead of those there were."""

    def memo(self, name: str) -> Any:
        """A small thing remembered under a name; None if there is none."""

    def put_memo(self, name: str, value: Any) -> None:
        """Remember a small thing that JSON can hold."""

    # The digest

    def gathered(self, level: int) -> list[Gathered]:
        """What was logged of each source at a level or above since :meth:`all_gathered` was last called."""

    def gathered_records(self) -> Iterator[Record]:
        """All that was logged since then, run by run and in the order of their times."""

    def all_gathered(self) -> None:
        """What was logged so far needs not be gathered any more: it was mailed, or nobody wants a digest."""

    # Settings, mails, and how long all that is kept

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

    def prune(self, records_before: float, runs_before: float, most_records: int) -> None:
        """Forget the records of runs that began before one moment, and the runs and sent mails of before another.

        The oldest runs' records go too, as far as there are more than ``most_records``. What is still to be gathered
        for a digest stays.
        """
