"""``mailsponge outbox``: mails that were decided on, and what became of them."""

from __future__ import annotations

import email.header
import sys
from collections.abc import Sequence
from email import message_from_bytes
from email.errors import MessageError
from email.policy import compat32
from typing import Any, Final, NamedTuple

import click
from rich.text import Text

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.completing import complete_mail
from mailsponge.cli.jobs import each, iso, moment, places, typed, with_json, with_state
from mailsponge.cli.squeezers import SECONDS, Servers, squeezer
from mailsponge.clock import Deadline
from mailsponge.errors import MailspongeError
from mailsponge.sponge import report
from mailsponge.sponge.model import Mail
from mailsponge.sponge.outbox import Drained
from mailsponge.sponge.places import JobPlace
from mailsponge.store.letter import letter

_COLOURS: Final = {"waiting": "yellow", "refused": "bold red", "mentioned": "red", "sent": "green"}


class Kept(NamedTuple):
    """A mail of some job's outbox."""

    place: JobPlace
    job: str
    mail: Mail


def _with_all(command: Any) -> Any:
    return click.option("--all", "everything", is_flag=True, help="Also those that were sent.")(command)


@click.group(invoke_without_command=True)
@_with_all
@with_json
@with_state
@click.pass_context
def outbox(context: click.Context, everything: bool, as_json: bool, state: str | None) -> None:
    """Mails that were decided: which wait, why, and what was sent. Alone it is "outbox list".

    \b
    waiting    still to be handed over; every run and every check of its job tries again
    sent       a mail server has taken it
    refused    the server said never; kept, and tried again by "send" alone
    mentioned  refused too, and a later mail has told you so

    \b
    Examples:
      mailsponge outbox
      mailsponge outbox --all --json
      mailsponge outbox show 5f0c
      mailsponge outbox send
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, everything=everything, as_json=as_json, state=state)
        return
    if (everything or as_json) and context.invoked_subcommand != "list":
        raise click.UsageError("--all and --json are for the list: mailsponge outbox list --all --json")
    # What stands before the subcommand is meant for it.
    given = {"everything": everything, "as_json": as_json, "state": state}
    context.default_map = {
        context.invoked_subcommand: {name: value for name, value in given.items() if value}
    }


@outbox.command("list")
@_with_all
@with_json
@with_state
def list_(everything: bool, as_json: bool, state: str | None) -> None:
    """List the mails that wait or were refused, each with the last answer of its mail server.

    \b
    Examples:
      mailsponge outbox list
      mailsponge outbox list --all
    """
    kept, whole = _kept(state)
    rows = [row for row in kept if everything or row.mail.status != "sent"]
    if as_json:
        output.print_json([_fields(row) for row in rows])
    elif rows:
        _print(rows)
    elif whole:
        output.note("the outbox is empty: nothing waits")
    sys.exit(0 if whole else 1)


def _kept(state: str | None) -> tuple[list[Kept], bool]:
    """Every mail of every job, and whether all of them could be read."""

    def read(place: JobPlace) -> list[Kept]:
        return [Kept(place, job, mail) for job, mail in report.mails(place)]

    found, whole = each(read, places(state, None))
    return [row for rows in found for row in rows], whole


def _fields(row: Kept) -> dict[str, Any]:
    mail = row.mail
    return {
        "id": mail.id,
        "job": row.job,
        "message_id": mail.message_id,
        "subject": mail.subject,
        "to": list(mail.toaddrs),
        "created_at": clock.iso(mail.created_at),
        "status": mail.status,
        "attempts": mail.attempts,
        "last_attempt_at": iso(mail.last_attempt_at),
        "last_reply": mail.last_reply,
    }


def _print(rows: Sequence[Kept]) -> None:
    table = output.table("id", "decided", "job", "subject", "status", "tries", "last answer", prose=True)
    for _, job, mail in rows:
        table.add_row(
            clean.line(mail.id),
            moment(mail.created_at),
            *(Text(clean.line(cell)) for cell in (job, mail.subject)),
            Text(mail.status, _COLOURS.get(mail.status, "")),
            str(mail.attempts),
            Text(clean.line(mail.last_reply)),
        )
    output.print_table(table)


@outbox.command("show")
@click.argument("mail_id", metavar="ID", shell_complete=complete_mail)
@click.option("--raw", is_flag=True, help="The exact bytes as they go over the wire, and nothing else.")
@with_state
def show(mail_id: str, raw: bool, state: str | None) -> None:
    """Show a mail of the outbox: what became of it, its headers, its text. The beginning of its ID is enough.

    \b
    Examples:
      mailsponge outbox show 5f0c
      mailsponge outbox show 5f0c --raw > mail.eml
    """
    kept, _ = _kept(state)
    row = _the_one(kept, mail_id)
    if raw:
        sys.stdout.buffer.write(row.mail.content)
        sys.stdout.buffer.flush()
    else:
        _print_mail(row)


def _the_one(kept: Sequence[Kept], mail_id: str) -> Kept:
    """The mail whose ID begins like that. Ends the command if there is none, or more than one."""
    wanted = mail_id.strip("<>")
    rows = [row for row in kept if row.mail.message_id.strip("<>").startswith(wanted)]
    found = [row for row in rows if row.mail.id == wanted] or rows
    if len(found) != 1:
        count = f"{len(found)} mails begin" if found else "no mail begins"
        output.fail(f"{count} with {clean.line(mail_id)!r}: mailsponge outbox list --all shows their IDs")
    return found[0]


def _print_mail(row: Kept) -> None:
    mail = row.mail
    tries = output.counted(mail.attempts, "try" if mail.attempts == 1 else "trie")
    answer = clean.line(mail.last_reply) or "not tried yet"
    message = message_from_bytes(mail.content, policy=compat32)
    click.echo(f"Status: {mail.status}; {tries}{_last_try(mail)}: {answer}")
    click.echo(f"Job: {clean.line(row.job)}")
    click.echo(f"Decided: {clock.local(mail.created_at).strftime('%a %d %b %Y, %H:%M')}")
    click.echo(f"Envelope: from <{clean.line(mail.fromaddr)}> to {clean.line(', '.join(mail.toaddrs))}")
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        if message[name] is not None:
            click.echo(f"{name}: {clean.line(_decoded(str(message[name])))}")
    read = letter(mail.content)
    click.echo(f"\n{clean.block(read.text).rstrip()}")
    if read.attachments:
        click.echo(f"\nAttached ({len(read.attachments)}; --raw has them):")
        for attachment in read.attachments:
            name, kind = clean.line(attachment.name), clean.line(attachment.kind)
            click.echo(f"  {name}  {kind}  {attachment.size} bytes")


def _last_try(mail: Mail) -> str:
    return "" if mail.last_attempt_at is None else f", the last {moment(mail.last_attempt_at)}"


def _decoded(header: str) -> str:
    try:
        return str(email.header.make_header(email.header.decode_header(header)))
    except (MessageError, LookupError, ValueError):
        return header


@outbox.command("send")
@click.argument("mail_ids", metavar="[ID]…", nargs=-1, shell_complete=complete_mail)
@with_state
def send(mail_ids: tuple[str, ...], state: str | None) -> None:
    """Hand over now what waits, and try once more what was refused; with IDs, those mails and no others.

    Nothing else is done: no run is folded, and nothing is decided. What was handed over is a line on standard output;
    what still waits, or was refused, one on standard error, and the exit status is 1 then.

    \b
    Examples:
      mailsponge outbox send
      mailsponge outbox send 5f0c
    """
    kept, whole = _kept(state)
    wanted = [_the_one(kept, mail_id) for mail_id in mail_ids]
    for row in wanted:
        if row.mail.status == "sent":
            output.fail(f"{row.mail.id} was handed over already: {clean.line(row.mail.last_reply)}")
    if not mail_ids:
        wanted = [row for row in kept if row.mail.status in ("waiting", "refused")]
        if not wanted and whole:
            output.note("the outbox is empty: nothing waits")
    servers = Servers()
    for place in dict.fromkeys(row.place for row in wanted):
        of_job = [row.mail for row in wanted if row.place == place]
        whole = _sent(place, of_job, servers) and whole
    sys.exit(0 if whole else 1)


def _sent(place: JobPlace, mails: Sequence[Mail], servers: Servers) -> bool:
    """Hand over mails of one job, and say of each what became of it; whether all of them went."""
    try:
        ids = {mail.message_id for mail in mails}
        drained = squeezer(place, servers).send(Deadline(SECONDS), ids)
    except (MailspongeError, OSError) as error:
        output.error(f"{place.name}: {error}")
        return False
    for mail in drained.sent:
        click.echo(f"{clean.line(mail.id)}: {clean.line(mail.subject)}: {clean.line(mail.last_reply)}")
    for mail in drained.refused:
        output.error(f"{mail.id}: refused for good: {mail.last_reply}; {typed('outbox show', mail.id)}")
    for mail in drained.put_off:
        output.error(f"{mail.id}: still waits: {mail.last_reply}")
    _tell_of_others(place, drained)
    return not (drained.waiting or drained.refused or drained.trouble)


def _tell_of_others(place: JobPlace, drained: Drained) -> None:
    """What is to be said of mails that were not even tried."""
    others = drained.waiting - len(drained.put_off)
    if others:
        why = "for the same server" if drained.put_off else drained.trouble
        wait = "waits" if others == 1 else "wait"
        output.error(f"{place.name}: {output.counted(others, 'more mail')} {wait}: {why}")
    elif drained.trouble and not drained.put_off:
        output.error(f"{place.name}: {drained.trouble}")
