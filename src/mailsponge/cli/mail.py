"""``mailsponge mail``: read what the post office keeps, whether it runs or not."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailsponge import clean
from mailsponge.cli import output
from mailsponge.cli.finding import delete, restore, search
from mailsponge.cli.mails import MailId, as_kept, for_scripts, moment, of_user, print_list
from mailsponge.cli.options import where_mail_is
from mailsponge.cli.stores import opened
from mailsponge.data_place import DataPlace
from mailsponge.errors import UsageError
from mailsponge.store.headings import headings
from mailsponge.store.letter import Attachment, letter
from mailsponge.store.protocol import Message


@click.group()
def mail() -> None:
    """Read, find and delete the mail that the post office keeps, whether it runs or not.

    \b
    Examples:
      mailsponge mail list                the newest first
      mailsponge mail show 17             one mail, readable
      mailsponge mail show 17 --raw       the same, byte for byte as it is kept
      mailsponge mail search backup       what has a word
      mailsponge mail delete 17           into the Trash; for 30 days `restore` takes it out
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
        entries = mailboxes.mails(None if user is None else of_user(user, mailboxes, data, config))
    if as_json:
        output.print_json([for_scripts(entry) for entry in entries])
    elif entries:
        print_list(entries)
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
        for mailbox in [as_kept(user, mailboxes)] if user else message.mailboxes:
            mailboxes.mark_seen(number, mailbox)
    if raw:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        _print_letter(message, content)


def _print_letter(message: Message, content: bytes) -> None:
    said = headings(content)
    for name, value in (
        ("From", said.sender),
        ("To", said.to),
        ("Subject", said.subject),
        ("Date", "" if said.date is None else moment(said.date)),
        ("Arrived", f"{moment(message.arrived_at)} from {message.peer}, which called itself {message.helo}"),
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


for command in search, delete, restore:
    mail.add_command(command)
