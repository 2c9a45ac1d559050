"""How a job stands, read from its ledger: for ``mailsponge status`` and whoever else asks. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from mailsponge import clock
from mailsponge.clock import Clock
from mailsponge.sponge import folder, lock
from mailsponge.sponge.ledger import Folded, Ledger
from mailsponge.sponge.ledger.opening import read_ledger
from mailsponge.sponge.model import OK, Incident, Mail, Silence, SourceState
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.policy import telling

RECENT: Final = 20
"""Runs that a standing looks back on."""

_MOST_RUNS: Final = 2000
"""Runs that are looked through for that, where many hosts share a ledger."""

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
    recent: tuple[int | None, ...] = ()
    """What the last runs proved of it, oldest first; None where it was not seen."""
    mail: str | None = None
    """What became of the mail that told of it: sent, waiting or refused; None if none did."""

    @property
    def verdict(self) -> str | None:
        """``failed``, ``ok``, or None if there never was one."""
        return word_of(self.state.last_verdict)

    @property
    def word(self) -> str:
        """Where it stands, in a word: ok, soft, hard, recovering or flapping."""
        return "flapping" if self.state.flapping else str(self.state.status)


class Report(NamedTuple):
    """One job."""

    job: str
    standings: tuple[Standing, ...] = ()
    """Every source, by name, the job itself first; none before its first run has been folded."""
    waiting: tuple[Mail, ...] = ()
    """Mails that wait to be handed over, oldest first."""
    refused: tuple[Mail, ...] = ()
    """Mails that a server refused for good, and of which no later mail has told."""
    unfolded: int = 0
    """Runs that are over and wait to be folded."""
    going_on: bool = False
    """Whether a run is going on."""


def word_of(verdict: int | None) -> str | None:
    """A verdict in a word: ``failed`` or ``ok``."""
    return None if verdict is None else "ok" if verdict == OK else "failed"


def report(place: JobPlace, now: Clock = clock.now) -> Report:
    """How a job stands. Raises StateError, and OSError."""
    found = Report(place.name, unfolded=unfolded(place), going_on=folder.any_alive(place))
    ledger = read_ledger(place)
    if ledger is None:
        return found
    with closing(ledger), ledger.transaction():
        job = _job_name(ledger, place)
        waiting, refused = ledger.mails("waiting"), ledger.mails("refused")
        became = {mail.message_id: "refused" for mail in (*refused, *ledger.mails("mentioned"))}
        became |= {mail.message_id: "waiting" for mail in waiting}
        standings = _standings(ledger, job, became, now())
    return found._replace(job=job, standings=tuple(standings), waiting=tuple(waiting), refused=tuple(refused))


def _standings(ledger: Ledger, job: str, became: Mapping[str, str], now: float) -> list[Standing]:
    found, incidents, silences = ledger.standings(), ledger.incidents(), ledger.silences()
    hosts = len({host for _, host, _ in found})
    runs = _of_each_host(ledger.runs(min(RECENT * max(hosts, 1), _MOST_RUNS)), ledger.shared)
    standings = []
    for source, host, state in found:
        incident = incidents.get(source, _QUIET)
        silence = telling.silence_of(source, silences, now)
        recent = tuple(folded.verdicts.get(source) for folded in reversed(runs.get(host, [])))
        mail = None if incident.told_at is None else became.get(incident.thread or "", "sent")
        standings.append(Standing(job, source, host, state, incident, silence, recent, mail))
    return standings


def _of_each_host(runs: Sequence[Folded], shared: bool) -> dict[str, list[Folded]]:
    """The last runs of each host, newest first; of all under no name, where hosts do not share the ledger."""
    found: dict[str, list[Folded]] = {}
    for folded in runs:
        of_host = found.setdefault(folded.run.host if shared else "", [])
        if len(of_host) < RECENT:
            of_host.append(folded)
    return found


def unfolded(place: JobPlace) -> int:
    """Runs that are over, and that nobody is about to fold."""
    try:
        is_squeezed = not lock.is_free(place.lock)
    except FileNotFoundError:
        is_squeezed = False
    return 0 if is_squeezed else len(folder.waiting(place))


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
