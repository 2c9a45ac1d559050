"""What the commands of the sponge share: where jobs are, which one is meant, and how a moment is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.errors import MailspongeError
from mailsponge.sponge.places import JobPlace, job_place, job_places, state_directory


def with_state(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--state``."""
    option = click.option(
        "--state",
        metavar="DIR",
        help="Where runs are remembered; else MAILSPONGE_STATE, else the XDG state directory.",
    )
    return option(command)


def places(state: str | None, job: str | None) -> list[JobPlace]:
    """The job asked for, or all of them. Ends the command if there is no such job."""
    directory = state_directory(state, os.environ)
    try:
        if job is None:
            return list(job_places(directory))
        place = job_place(directory, job)
        if not place.directory.is_dir():
            known = ", ".join(place.name for place in job_places(directory)) or "none yet"
            output.fail(f"no job {clean.line(job)!r} in {directory}; jobs there: {known}")
        return [place]
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
