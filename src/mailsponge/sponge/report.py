"""How a job's sources stand, read from its ledger: for ``mailsponge status`` and whoever else asks. Changes nothing."""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from mailsponge import clock
from mailsponge.clock import Clock
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.opening import read_ledger
from mailsponge.sponge.model import OK, Incident, Mail, Silence, SourceState
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.policy import telling

_QUIET = Incident()


class Standing(NamedTuple):
    """One source of one job, on one host."""

    job: str
    source: str
    host: str
    """Empty on a ledger that hosts do not share."""
    state: SourceState
    incident: Incident
    silence: Silence | None
    """What mutes it, if anything does."""

    @property
    def verdict(self) -> str | None:
        """``failed``, ``ok``, or None if there never was one."""
        if self.state.last_verdict is None:
            return None
        return "ok" if self.state.last_verdict == OK else "failed"

    @property
    def word(self) -> str:
        """Where it stands, in a word: ok, soft, hard, recovering or flapping."""
        return "flapping" if self.state.flapping else str(self.state.status)


def standings(place: JobPlace, now: Clock = clock.now) -> list[Standing]:
    """Every source of a job, by name, the job itself first; none before its first run has ended. Raises StateError."""
    ledger = read_ledger(place)
    if ledger is None:
        return []
    with closing(ledger), ledger.transaction():
        job, incidents, silences = _job_name(ledger, place), ledger.incidents(), ledger.silences()
        moment = now()
        return [
            Standing(
                job,
                source,
                host,
                state,
                incidents.get(source, _QUIET),
                telling.silence_of(source, silences, moment),
            )
            for source, host, state in ledger.standings()
        ]


def mails(place: JobPlace) -> list[tuple[str, Mail]]:
    """Every mail of a job's outbox with the job's name, oldest first. Raises StateError."""
    ledger = read_ledger(place)
    if ledger is None:
        return []
    with closing(ledger), ledger.transaction():
        job = _job_name(ledger, place)
        return [(job, mail) for mail in ledger.mails()]


def _job_name(ledger: Ledger, place: JobPlace) -> str:
    settings = ledger.settings()
    return str(settings["job"]) if settings else place.name
