"""What the commands of the sponge share: where jobs are, which one is meant, and how a moment is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.errors import MailspongeError, StateError, UsageError
from mailsponge.sponge import database
from mailsponge.sponge.ledger.opening import every_job
from mailsponge.sponge.places import JobPlace, job_place, state_database, state_directory


def with_state(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--state``."""
    option = click.option(
        "--state",
        metavar="DIR|URL",
        callback=_without_password,
        help="Where runs are remembered, a directory or postgresql://…; else MAILSPONGE_STATE, else the XDG directory.",
    )
    return option(command)


def _without_password(context: click.Context, option: click.Parameter, state: str | None) -> str | None:
    """Whoever asks for the processes of this machine sees a command's arguments."""
    try:
        secret = database.is_database(state) and database.has_password(str(state))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    if secret:
        raise click.UsageError(
            "--state: a password among a command's arguments is seen by everybody on this machine; "
            "put it into ~/.pgpass, or into the file that PGPASSFILE names"
        )
    return state


def places(state: str | None, job: str | None) -> list[JobPlace]:
    """The job asked for, or all of them. Ends the command if there is no such job."""
    directory, url = state_directory(state, os.environ), state_database(state, os.environ)
    try:
        jobs = every_job(directory, url)
        if job is None:
            return jobs
        place = job_place(directory, job, url)
        if place not in jobs and not place.directory.is_dir():
            known = ", ".join(place.name for place in jobs) or "none yet"
            where = database.shown(url) if url else directory
            output.fail(f"no job {clean.line(job)!r} in {where}; jobs there: {known}")
        return [place]
    except StateError as error:
        output.fail(str(error))
    except OSError as error:
        output.fail(f"the state directory {directory} cannot be read: {error}")


def one_place(state: str | None, job: str) -> JobPlace:
    """The job asked for."""
    return places(state, job)[0]


def reading(read: Callable[[JobPlace], list[Any]], place: JobPlace) -> list[Any]:
    """What is read of a job; trouble with it ends the command."""
    try:
        return read(place)
    except MailspongeError as error:
        output.fail(str(error))


def moment(at: float | None) -> str:
    """A moment as a table shows it, in the local zone; empty for none."""
    return "" if at is None else clock.local(at).strftime("%d %b %H:%M")


def iso(at: float | None) -> str | None:
    """A moment as JSON shows it."""
    return None if at is None else clock.iso(at)
