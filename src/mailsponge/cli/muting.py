"""Commands that change what is told: silence, ack, forget."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.completing import complete_source
from mailsponge.cli.jobs import moment, one_place, typed, with_job, with_source, with_state
from mailsponge.errors import UsageError
from mailsponge.sponge import digest, folder, muting
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.opening import forget_job, open_ledger
from mailsponge.sponge.lock import locked
from mailsponge.sponge.muting import EVERYTHING
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.policy import without

_LOCK_SECONDS = 10.0


@contextmanager
def _changing(place: JobPlace) -> Iterator[Ledger]:
    """The job's ledger, in a transaction that ends with the block."""
    ledger, trouble = open_ledger(place)
    if trouble:
        output.error(trouble)
    with closing(ledger), ledger.transaction():
        yield ledger


@click.command()
@with_job()
@click.argument(
    "source", required=False, default=EVERYTHING, metavar="[SOURCE]", shell_complete=complete_source
)
@click.option("--for", "duration", metavar="D", help='How long: "30 min", "2 hours", "1 day", "2 weeks".')
@click.option("--because", default="", metavar="TEXT", help="Why; shown by status.")
@click.option("--end", is_flag=True, help="End the silence now.")
@with_state
def silence(job: str, source: str, duration: str | None, because: str, end: bool, state: str | None) -> None:
    """Mail nothing for a while about a source, or about all of a job.

    SOURCE may be a pattern, as for file names: "nas*". All is recorded as ever. What is still true when the silence
    ends is told then, and so is a recovery whose failure was told before. Without --for, list the job's silences.

    \b
    Examples:
      mailsponge silence podcasts "Søndag på P1" --for "2 days" --because "moving to a new host"
      mailsponge silence backup --for "3 hours"
      mailsponge silence backup --end
      mailsponge silence backup
    """
    place = one_place(state, job)
    now = clock.now()
    if end:
        with _changing(place) as ledger:
            if not muting.end_silence(ledger, source, now):
                output.fail(f"no silence of {_shown(source)} is going on: {typed('silence', job)} lists them")
        click.echo(f"{clean.line(job)}: {_shown(source)} is told of again")
        return
    if duration is None:
        _list_silences(place, now)
        return
    until = now + _seconds(duration)
    with _changing(place) as ledger:
        begun = muting.silence(ledger, source, until, because, now)
    click.echo(f"{clean.line(job)}: {_shown(source)} is silent until {moment(until)}")
    if source != EVERYTHING and not begun.sources:
        output.note(f"no source of {job} is called that yet; {typed('status', job)} shows their names")


def _seconds(text: str) -> float:
    try:
        return muting.length_of(text)
    except UsageError as error:
        raise click.UsageError(f"--for: {error}") from error


def _list_silences(place: JobPlace, now: float) -> None:
    with _changing(place) as ledger:
        going_on = muting.going_on(ledger.silences(), now)
    if not going_on:
        output.note("nothing is silenced")
        return
    table = output.table("what", "until", "because", prose=True)
    for entry in going_on:
        table.add_row(_shown(entry.pattern), moment(entry.until), clean.line(entry.because))
    output.print_table(table)


def _shown(pattern: str) -> str:
    return "the whole job" if pattern == EVERYTHING else digest.name(pattern)


@click.command()
@with_job()
@with_source
@click.option("--because", default="", metavar="TEXT", help="Why; shown by status and on the dashboard.")
@click.option("--undo", is_flag=True, help="Take the acknowledgement back.")
@with_state
def ack(job: str, source: str | None, because: str, undo: bool, state: str | None) -> None:
    """Acknowledge a failure: somebody knows, so no more mails about it.

    That lasts until the source recovers, which is told if the failure was, or until it fails at a higher level than so
    far. Without SOURCE, every failure of the job is acknowledged; the job itself is called "".

    \b
    Examples:
      mailsponge ack podcasts "Søndag på P1"
      mailsponge ack podcasts --because "the new disk comes on Monday"
      mailsponge ack podcasts --undo
    """
    place = one_place(state, job)
    with _changing(place) as ledger:
        failing = (
            muting.take_back(ledger, source) if undo else muting.acknowledge_failures(ledger, source, because)
        )
    if not failing:
        output.fail(f"nothing to acknowledge: {_name(source)}; {typed('status', job)} shows what fails")
    for name in failing:
        click.echo(f"{clean.line(job)}: {digest.name(name)} is {'told of again' if undo else 'acknowledged'}")


def _name(source: str | None) -> str:
    return "nothing of it fails" if source is None else f"{digest.name(source)} does not fail"


@click.command()
@with_job()
@with_source
@click.option("--host", metavar="H", help="Forget only what is known of it on this host.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_state
def forget(job: str, source: str | None, host: str | None, yes: bool, state: str | None) -> None:
    """Forget a source that is no more, a host that is no more, or a whole job.

    A source is forgotten with its state: nothing is told of it any more, and should it come back, it is new. What was
    logged stays in the history. Where hosts share a ledger, --host forgets a host, or a source on it: it keeps no
    failure open any more. A whole job is not deleted but renamed, so that it can be brought back.

    \b
    Examples:
      mailsponge forget podcasts "A show that has ended"
      mailsponge forget backup --host old-nas
      mailsponge forget old-job
    """
    place = one_place(state, job)
    if host is not None:
        _forget_host(place, job, source, host)
        return
    if source is None:
        _forget_job(place, job, yes)
        return
    with _changing(place) as ledger:
        if source not in {standing.source for standing in ledger.standings()}:
            output.fail(
                f"{job} knows no source {clean.line(source)!r}: {typed('status', job)} shows their names"
            )
        ledger.forget([source])
    click.echo(f"{clean.line(job)}: {digest.name(source)} is forgotten")


def _forget_host(place: JobPlace, job: str, source: str | None, host: str) -> None:
    with _changing(place) as ledger:
        known = [standing for standing in ledger.standings() if standing.host]
        names = [s.source for s in known if s.host == host and source in (None, s.source)]
        if not names:
            hosts = ", ".join(sorted({clean.line(standing.host) for standing in known})) or "none"
            output.fail(f"{job} knows nothing of the host {clean.line(host)!r}; hosts there: {hosts}")
        incidents = ledger.incidents()
        ledger.put_incidents({name: without(incidents[name], host) for name in names if name in incidents})
        ledger.forget(names, host)
    what = "all of it" if source is None else digest.name(source)
    click.echo(f"{clean.line(job)}: {what} on {clean.line(host)} is forgotten")


def _forget_job(place: JobPlace, job: str, yes: bool) -> None:
    if not yes and sys.stdin.isatty():
        click.confirm(f"Forget the job {clean.line(job)}, its history and the mails that wait?", abort=True)
    folder.make_directories(place)
    with locked(place.lock, lambda: _LOCK_SECONDS) as mine:
        if not mine:
            output.fail(f"{job} is being squeezed right now: try again")
        name = f".forgotten-{int(clock.now())}-{place.directory.name}"[:240]
        if folder.any_alive(place):
            output.fail(f"a run of {job} is going on: end it first, or what it logs would be forgotten, too")
        aside = place.directory.with_name(name)
        forget_job(place, name)
        os.rename(place.directory, aside)
    if place.database:
        click.echo(f"{clean.line(job)} is forgotten; the database keeps it as {name}")
        return
    click.echo(f"{clean.line(job)} is forgotten. To bring it back: mv {aside} {place.directory}")
