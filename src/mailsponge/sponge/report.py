"""How a job's sources stand, read from its ledger: for ``mailsponge status`` and whoever else asks. Changes nothing."""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import OK, Mail, SourceState
from mailsponge.sponge.places import JobPlace


class Standing(NamedTuple):
    """One source of one job."""

    job: str
    source: str
    state: SourceState

    @property
    def verdict(self) -> str | None:
        """``failed``, ``ok``, or None if there never was one."""
        if self.state.last_verdict is None:
            return None
        return "ok" if self.state.last_verdict == OK else "failed"


def standings(place: JobPlace) -> list[Standing]:
    """Every source of a job, by name, the job itself first; none before its first run has ended. Raises StateError."""
    if not place.ledger.exists():
        return []
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        job = _job_name(ledger, place)
        return [Standing(job, source, state) for source, state in sorted(ledger.states().items())]


def mails(place: JobPlace) -> list[tuple[str, Mail]]:
    """Every mail of a job's outbox with the job's name, oldest first. Raises StateError."""
    if not place.ledger.exists():
        return []
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        job = _job_name(ledger, place)
        return [(job, mail) for mail in ledger.mails()]


def _job_name(ledger: SqliteLedger, place: JobPlace) -> str:
    settings = ledger.settings()
    return str(settings["job"]) if settings else place.name
