"""``mailsponge mail``: read what the post office keeps, whether it runs or not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from mailsponge import clean, clock
from mailsponge import config as configuration
from mailsponge.cli import output
from mailsponge.cli.options import where_mail_is
from mailsponge.cli.stores import opened
from mailsponge.config import Machine
from mailsponge.data_place import DataPlace
from mailsponge.errors import UsageError
from mailsponge.store.headings import headings
from mailsponge.store.letter import Attachment, letter
from mailsponge.store.protocol import Entry, Mailboxes, Message


class MailId(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic from click 8.5 on
    """The number of a mail."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, or say what it is."""
        text = str(value)
        if text.isascii() and text.isdecimal() and 0 < int(text) < 2**63:
            return int(text)
        return self.fail(
            f"{clean.line(text)!r} is no mail's ID, "
            "which is the number that `mailsponge mail list` shows first, such as 17",
            param,
            ctx,
        )


@click.group()
def mail() -> None:
    """Read the mail that the post office keeps, whether it runs or not.

    \b
    Examples:
      mailsponge mail list                the newest first
      mailsponge mail show 17             one mail, readable
      mailsponge mail show 17 --raw       the same, byte for byte as it is kept
    """


@mail.command("list")
@where_mail_is
@click.option("--user", metavar="U", help="Only what lies in this user's mailbox. [default: everyone's]")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, for scripts; times in UTC.")
def list_(data: DataPlace | None, config: Path | None, user: str | None, as_json: bool) -> None:
    """List mail, the newest first. A mail that nobody has opened is marked "new".

    \b
    Examples:
      mailsponge mail list
      mailsponge mail list --user me
      mailsponge mail list --json | jq '.[] | select(.seen | not) | .subject'
    """
    with opened(data, config) as mailboxes:
        entries = mailboxes.mails(None if user is None else _of_user(user, mailboxes, data, config))
    if as_json:
        output.print_json([_for_scripts(entry) for entry in entries])
    elif entries:
        _print_list(entries)
    else:
        output.note("No mail.")


@mail.command()
@where_mail_is
@click.argument("number", metavar="ID", type=MailId())
@click.option(
    "--user", metavar="U", help="Mark it as read in this user's mailbox only. [default: wherever it lies]"
)
@click.option("--raw", is_flag=True, help="The exact bytes, headers and all, and nothing else.")
def show(data: DataPlace | None, config: Path | None, number: int, user: str | None, raw: bool) -> None:
    """Show one mail, and mark it as read.

    What it is, who it came from and why it was taken stands first; then its text; then the names of its attachments.
    Control characters in it are shown, never carried out.

    \b
    Examples:
      mailsponge mail show 17
      mailsponge mail show 17 --raw > letter.eml
      mailsponge mail show 17 --raw | munpack        save its attachments
    """
    with opened(data, config) as mailboxes:
        message = mailboxes.message(number)
        if message is None:
            raise UsageError(f"there is no mail {number}; `mailsponge mail list` shows those there are")
        content = b"".join(mailboxes.content(number))
        for mailbox in [_as_kept(user, mailboxes)] if user else message.mailboxes:
            mailboxes.mark_seen(number, mailbox)
    if raw:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        _print_letter(message, content)


def _of_user(user: str, mailboxes: Mailboxes, data: DataPlace | None, config: Path | None) -> str:
    """The mailbox of somebody who lives here, or for whom mail lies here. Raises UsageError, ConfigError.

    Who lives in a data directory that is given without its configuration is not known: then anybody may.
    """
    if data is not None and config is None:
        return _as_kept(user, mailboxes)
    users = configuration.load(config, Machine.here()).config.users
    known = sorted({*mailboxes.mailboxes(), *users})
    for name in known:
        if name.lower() == user.lower():
            return name
    raise UsageError(
        f"nobody here is called {user!r}, and no mail lies here for one; there are: {', '.join(known)}"
    )


def _as_kept(user: str, mailboxes: Mailboxes) -> str:
    """The mailbox of that name, whatever its case: me and Me are the same user."""
    return next((name for name in mailboxes.mailboxes() if name.lower() == user.lower()), user)


def _for_scripts(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "mailbox": entry.mailbox,
        "from": entry.sender,
        "to": entry.to,
        "subject": entry.subject,
        "date": None if entry.date is None else clock.iso(entry.date),
        "arrived_at": clock.iso(entry.arrived_at),
        "size": entry.size,
        "seen": entry.seen,
    }


def _print_list(entries: list[Entry]) -> None:
    table = output.table("id", "arrived", "mailbox", "from", "subject", "")
    for entry in entries:
        table.add_row(
            str(entry.id),
            _moment(entry.arrived_at),
            *(Text(clean.line(text)) for text in (entry.mailbox, entry.sender, entry.subject)),
            "" if entry.seen else "new",
            style="" if entry.seen else "bold",
        )
    output.print_table(table)


def _print_letter(message: Message, content: bytes) -> None:
    said = headings(content)
    for name, value in (
        ("From", said.sender),
        ("To", said.to),
        ("Subject", said.subject),
        ("Date", "" if said.date is None else _moment(said.date)),
        ("Arrived", f"{_moment(message.arrived_at)} from {message.peer}, which called itself {message.helo}"),
        ("Envelope", f"from <{message.envelope.reverse_path or ''}>"),
        *(("Taken for", reason) for reason in message.reasons),
    ):
        if value or name == "Subject":
            click.echo(f"{name}: {clean.line(value)}")
    read = letter(content)
    click.echo(f"\n{clean.block(read.text).rstrip()}")
    if read.attachments:
        click.echo(f"\nAttached ({len(read.attachments)}; --raw has them):")
        click.echo("".join(map(_attached, read.attachments)), nl=False)


def _attached(attachment: Attachment) -> str:
    return f"  {clean.line(attachment.name)}  {clean.line(attachment.kind)}  {attachment.size} bytes\n"


def _moment(at: float) -> str:
    return clock.local(at).strftime("%Y-%m-%d %H:%M")
