"""What the commands of the sponge share: where jobs are, which one is meant, and how a moment is shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from mailsponge import clean, clock, database_url
from mailsponge.cli import output
from mailsponge.cli.completing import complete_job, complete_source
from mailsponge.errors import LedgerUnreadable, MailspongeError, StateError, UsageError
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.digest import shell
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.opening import every_job, read_ledger
from mailsponge.sponge.places import JobPlace, job_place, state_database, state_directory

Command = TypeVar("Command", bound=Callable[..., Any])
Row = TypeVar("Row")

_HALF_A_YEAR: Final = 182 * 86400.0


def with_state(command: Command) -> Command:
    """Add ``--state``."""
    option = click.option(
        "--state",
        metavar="DIR|URL",
        callback=_without_password,
        help="Where runs are remembered: a directory, or postgresql://… [default: MAILSPONGE_STATE, sponge.toml, or "
        "~/.local/state/mailsponge; for root /var/lib/mailsponge]",
    )
    return option(command)


def with_json(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts; times in UTC.")(
        command
    )


def with_job(required: bool = True) -> Callable[[Command], Command]:
    """Add the argument JOB."""
    return click.argument("job", required=required, shell_complete=complete_job)


def with_source(command: Command) -> Command:
    """Add the argument SOURCE, which may be left out."""
    return click.argument("source", required=False, shell_complete=complete_source)(command)


def _without_password(context: click.Context, option: click.Parameter, state: str | None) -> str | None:
    """Whoever asks for the processes of this machine sees a command's arguments."""
    try:
        secret = database_url.is_database(state) and database_url.has_password(str(state))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    if secret:
        raise click.UsageError(
            "--state: a password among a command's arguments is seen by everybody on this machine; "
            "put it into ~/.pgpass, or into the file that PGPASSFILE names"
        )
    return state


class Whereabouts(NamedTuple):
    """Where runs are remembered."""

    directory: Path
    database: str
    """The URL of the database; empty if there is none."""

    @property
    def shown(self) -> str:
        """As a message may have it."""
        return database_url.shown(self.database) if self.database else str(self.directory)


def whereabouts(state: str | None) -> Whereabouts:
    """Where runs are remembered: what was asked for, else the environment's, sponge.toml's, else the XDG place."""
    given = state or defaults().state
    return Whereabouts(state_directory(given, os.environ), state_database(given, os.environ))


def places(state: str | None, job: str | None) -> list[JobPlace]:
    """The job asked for, or all of them. Ends the command if there is no such job, or no such state directory."""
    where = whereabouts(state)
    try:
        if not where.database:
            _require_directory(where.directory, asked_for=state is not None)
        jobs = every_job(where.directory, where.database)
    except StateError as error:
        output.fail(str(error))
    except OSError as error:
        output.fail(f"the state directory {where.directory} cannot be read: {error}")
    if job is None:
        return jobs
    place = job_place(where.directory, job, where.database)
    if place not in jobs and not place.directory.is_dir():
        known = ", ".join(clean.line(place.name) for place in jobs) or "none yet"
        output.fail(f"no job {clean.line(job)!r} in {where.shown}; jobs there: {known}")
    return [place]


def _require_directory(directory: Path, asked_for: bool) -> None:
    """Nothing may have run yet; but a directory that somebody names has to be there. Raises OSError."""
    try:
        mode = os.stat(directory).st_mode
    except FileNotFoundError:
        if asked_for:
            output.fail(
                f"there is no state directory {directory}: name one that runs were remembered in; "
                "without --state it is that of MAILSPONGE_STATE, sponge.toml, or the default"
            )
        return
    if not stat.S_ISDIR(mode):
        output.fail(
            f"{directory} is no directory: --state and MAILSPONGE_STATE name the one with a folder a job"
        )


def one_place(state: str | None, job: str) -> JobPlace:
    """The job asked for."""
    return places(state, job)[0]


def nothing_yet(state: str | None) -> str:
    """What to say where no job has run."""
    return f"nothing is remembered yet in {whereabouts(state).shown}: a job's first run begins it"


def each(read: Callable[[JobPlace], Row], found: Iterable[JobPlace]) -> tuple[list[Row], bool]:
    """What is read of every job, and whether all of it was: one that cannot be read is told, and hides no other."""
    rows: list[Row] = []
    whole = True
    for place in found:
        try:
            rows.append(read(place))
        except (MailspongeError, OSError) as error:
            output.error(f"{place.name}: {trouble(place, error)}")
            whole = False
    return rows, whole


def trouble(place: JobPlace, error: Exception) -> str:
    """What is wrong with a job's ledger, and what to do about it."""
    if isinstance(error, LedgerUnreadable):
        return f"{error}; {typed('check', place.name)} sets it aside and begins a new one"
    return str(error)


@contextmanager
def reading(place: JobPlace) -> Iterator[Ledger]:
    """A job's ledger, in a transaction. Ends the command if there is none yet, or if it cannot be read."""
    try:
        ledger = read_ledger(place)
        if ledger is None:
            look = typed("check", place.name)
            output.fail(f"{place.name} has not ended a run yet; {look} looks after one that died")
        with closing(ledger), ledger.transaction():
            yield ledger
    except LedgerUnreadable as error:
        output.fail(trouble(place, error))


def typed(command: str, *words: str) -> str:
    """A command to copy: its words quoted for a shell, or left out if one of them cannot be typed."""
    return shell.line(command, words) or f"mailsponge {command}"


def moment(at: float | None) -> str:
    """A moment as a table shows it, in the local zone, with the year if it is long ago; empty for none."""
    if at is None:
        return ""
    far = abs(clock.now() - at) > _HALF_A_YEAR
    return clock.local(at).strftime("%d %b %Y" if far else "%d %b %H:%M")


def iso(at: float | None) -> str | None:
    """A moment as JSON shows it."""
    return None if at is None else clock.iso(at)
