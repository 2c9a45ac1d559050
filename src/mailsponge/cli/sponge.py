"""Commands of the sponge: run, status, check, outbox."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.jobs import places, with_state
from mailsponge.clock import Deadline
from mailsponge.errors import MailspongeError, UsageError
from mailsponge.sponge import report
from mailsponge.sponge.command import run as run_command
from mailsponge.sponge.handler import SpongeHandler
from mailsponge.sponge.ledger.opening import read_ledger
from mailsponge.sponge.lines import Pattern
from mailsponge.sponge.mailhost import Credentials, credentials, parse
from mailsponge.sponge.model import JOB_ITSELF, Mail, Squeeze, Status
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.report import Standing
from mailsponge.sponge.sender import user_and_host
from mailsponge.sponge.settings import Settings, addresses
from mailsponge.sponge.source import source as in_source
from mailsponge.sponge.squeeze import Squeezer

_CHECK_SECONDS = 30.0
"""A check has no program to hold up, but it has to come to an end."""

_COLOURS = {Status.OK: "green", Status.SOFT: "yellow", Status.HARD: "bold red", Status.RECOVERING: "cyan"}


@click.command()
@click.argument("job")
@click.option(
    "--to", "toaddrs", multiple=True, metavar="ADDRESS", help="Whom to mail; may be given more than once."
)
@click.option("--mailhost", metavar="HOST", help="Which mail server takes the mail: a host, or a URL.")
@click.option(
    "--patience", metavar="P", help='When failing matters: "3 runs", "2 of 5 runs", "6 hours", "now".'
)
@click.option("--source", "source_name", metavar="S", help="What the command works on, judged by itself.")
@click.option(
    "--match",
    metavar="REGEX",
    help="Takes lines apart: (?P<source>…), (?P<level>…) and (?P<message>…), or some of them.",
)
@with_state
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND…")
def run(
    job: str,
    toaddrs: tuple[str, ...],
    mailhost: str | None,
    patience: str | None,
    source_name: str | None,
    match: str | None,
    state: str | None,
    command: tuple[str, ...],
) -> None:
    """Run a command, and mail when it keeps failing.

    Its output passes through as it comes, and is kept with the run: standard output as INFO, standard error as WARNING.
    An exit status other than 0, or a signal, is a failure. mailsponge run ends with the command's own status.

    With --match a regular expression finds in each line what it is about, how bad it is, and what it says. A line that
    it does not match, or does not tell the source of, belongs to --source, or to the job.

    \b
    Examples:
      mailsponge run backup --to me@example.org -- restic backup /home
      mailsponge run sync --source nas1 --patience "2 runs" -- rsync -a nas1:/data /srv/nas1
      mailsponge run mirror --match '^(?P<level>[A-Z]+) (?P<source>\\S+): (?P<message>.*)' -- mirror-all
      MAILSPONGE_TO=me@example.org mailsponge run tidy --patience now -- ./tidy.sh
    """
    try:
        pattern = _pattern(match)
        handler = SpongeHandler(
            job, toaddrs, mailhost=mailhost, patience=patience, state=state, level=1, every="never"
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with in_source(source_name) if source_name else contextlib.nullcontext():
        status = run_command(command, handler, pattern=pattern)
    sys.exit(status)


def _pattern(match: str | None) -> Pattern | None:
    try:
        return None if match is None else Pattern(match)
    except UsageError as error:
        raise UsageError(f"--match {error}") from error


@click.command()
@click.argument("job", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_state
def status(job: str | None, as_json: bool, state: str | None) -> None:
    """Show how every source stands: good, failing, told.

    \b
    ok          nothing is wrong
    soft        failing, and patience lasts: nobody was told
    hard        failing, and a mail has told of it
    recovering  good again, but not for long enough yet

    \b
    Examples:
      mailsponge status
      mailsponge status podcasts --json
    """
    rows = [row for place in places(state, job) for row in _reading(report.standings, place)]
    if as_json:
        output.print_json([_standing_fields(row) for row in rows])
    elif rows:
        output.print_table(_standing_table(rows))
    else:
        output.note("nothing is remembered yet: no job has ended a run in this state directory")


def _standing_fields(row: Standing) -> dict[str, Any]:
    state = row.state
    return {
        "job": row.job,
        "source": row.source,
        "host": row.host,
        "state": row.word,
        "streak": state.runs_failed,
        "since": _iso(state.since),
        "last_run_at": _iso(state.last_run_at),
        "last_verdict": row.verdict,
        "told_at": _iso(row.incident.told_at),
        "silenced_until": _iso(row.silence.until) if row.silence else None,
        "acknowledged": row.incident.acknowledged is not None,
        "reason": state.reason,
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else clock.iso(at)


def _standing_table(rows: Iterable[Standing]) -> Table:
    rows = list(rows)
    hosts = ("host",) if any(row.host for row in rows) else ()
    table = output.table("job", "source", *hosts, "state", "failed", "since", "last run", "why")
    for row in rows:
        state = row.state
        name = "(the job itself)" if row.source == JOB_ITSELF else clean.line(row.source)
        table.add_row(
            Text(clean.line(row.job)),
            Text(name),
            *(Text(clean.line(row.host)) for _ in hosts),
            Text(str(state.status), style=_COLOURS[state.status]),
            Text(str(state.runs_failed or "")),
            Text(_moment(state.since)),
            Text(_moment(state.last_run_at)),
            Text(clean.line(state.reason)),
        )
    return table


def _moment(at: float | None) -> str:
    return "" if at is None else clock.local(at).strftime("%d %b %H:%M")


@click.command()
@click.argument("job", required=False)
@with_state
def check(job: str | None, state: str | None) -> None:
    """Look after what no run looks after: for cron, or a timer.

    Folds the runs of programs that died, reminds of what still fails, and hands over mails that wait. Prints a line a
    job. The exit status is 1 if something could not be done.

    \b
    Example, in a crontab:
      */15 * * * *  mailsponge check > /dev/null
    """
    troubles = 0
    for place in places(state, job):
        try:
            done = _squeezer(place).squeeze(Deadline(_CHECK_SECONDS))
        except MailspongeError as error:
            output.error(f"{place.name}: {error}")
            troubles += 1
            continue
        for warning in done.warnings:
            output.error(f"{place.name}: {warning}")
        troubles += bool(done.warnings)
        click.echo(f"{clean.line(place.name)}: {clean.line(_in_short(done))}")
    sys.exit(1 if troubles else 0)


def _in_short(done: Squeeze) -> str:
    return done.reason or "nothing to do"


@click.group(invoke_without_command=True)
@click.pass_context
def outbox(context: click.Context) -> None:
    """Mails that were decided: which wait, why, and what was sent.

    A mail waits here until a mail server has taken it; every run and every check tries again. A mail that the server
    refused for good stays here, and is tried again by "send" alone.

    \b
    Examples:
      mailsponge outbox
      mailsponge outbox show 5f0c
      mailsponge outbox send
    """
    if context.invoked_subcommand is None:
        context.invoke(outbox_list)


@outbox.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were sent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_state
def outbox_list(everything: bool = False, as_json: bool = False, state: str | None = None) -> None:
    """List the mails that wait or were refused.

    \b
    Example:
      mailsponge outbox list --all
    """
    rows = [row for row in _mails(state) if everything or row[1].status != "sent"]
    if as_json:
        output.print_json([_mail_fields(job, mail) for job, mail in rows])
    elif rows:
        output.print_table(_mail_table(rows))
    else:
        output.note("the outbox is empty: nothing waits")


def _mail_fields(job: str, mail: Mail) -> dict[str, Any]:
    return {
        "id": _short(mail),
        "job": job,
        "message_id": mail.message_id,
        "subject": mail.subject,
        "to": list(mail.toaddrs),
        "created_at": clock.iso(mail.created_at),
        "status": mail.status,
        "attempts": mail.attempts,
        "last_attempt_at": _iso(mail.last_attempt_at),
        "last_reply": mail.last_reply,
    }


def _mail_table(rows: Iterable[tuple[str, Mail]]) -> Table:
    table = output.table("id", "job", "subject", "status", "tries", "last answer")
    for job, mail in rows:
        cells = (_short(mail), job, mail.subject, mail.status, str(mail.attempts), mail.last_reply)
        table.add_row(*(Text(clean.line(cell)) for cell in cells))
    return table


def _short(mail: Mail) -> str:
    return mail.message_id.strip("<>").partition("@")[0]


@outbox.command("show")
@click.argument("mail_id", metavar="ID")
@with_state
def outbox_show(mail_id: str, state: str | None) -> None:
    """Show a mail of the outbox as it goes over the wire. The beginning of its ID is enough.

    \b
    Example:
      mailsponge outbox show 5f0c
    """
    wanted = mail_id.strip("<>")
    found = [mail for _, mail in _mails(state) if mail.message_id.strip("<>").startswith(wanted)]
    if len(found) != 1:
        count = f"{len(found)} mails begin" if found else "no mail begins"
        output.fail(f"{count} with {clean.line(mail_id)!r}: mailsponge outbox list --all shows their IDs")
    click.echo(clean.block(found[0].content.decode("utf-8", "backslashreplace")))


@outbox.command("send")
@with_state
def outbox_send(state: str | None) -> None:
    """Hand over now what waits, and try once more what was refused.

    \b
    Example:
      mailsponge outbox send
    """
    for place in places(state, None):
        # What is wrong with a ledger is said, and mended, by the check that follows.
        with contextlib.suppress(MailspongeError):
            _try_refused_again(place)
    click.get_current_context().invoke(check, job=None, state=state)


def _try_refused_again(place: JobPlace) -> None:
    ledger = read_ledger(place)
    if ledger is not None:
        with contextlib.closing(ledger), ledger.transaction():
            for mail in ledger.mails("refused"):
                ledger.put_mail(mail.waiting_again())


def _reading(read: Callable[[JobPlace], list[Any]], place: JobPlace) -> list[Any]:
    try:
        return read(place)
    except MailspongeError as error:
        output.fail(str(error))


def _mails(state: str | None) -> list[tuple[str, Mail]]:
    return [row for place in places(state, None) for row in _reading(report.mails, place)]


def _squeezer(place: JobPlace) -> Squeezer:
    user, host = user_and_host()
    toaddrs = addresses(os.environ.get("MAILSPONGE_TO", "")) or (f"{user}@{host}",)
    # As its URL, which has no password: these settings are kept.
    mailhost = parse(os.environ.get("MAILSPONGE_MAILHOST")).url
    fallback = Settings(place.name, toaddrs, mailhost=mailhost)
    return Squeezer(place, fallback, _login)


def _login(mailhost: str | None) -> Credentials | None:
    return credentials(parse(mailhost), None)
