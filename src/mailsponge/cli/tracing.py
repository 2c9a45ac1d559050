"""``mailsponge trace``: what happened to a message, in order, and why."""

from __future__ import annotations

from pathlib import Path

import click

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.options import where_mail_is
from mailsponge.cli.stores import opened
from mailsponge.data_place import DataPlace
from mailsponge.errors import UsageError
from mailsponge.store.protocol import SEARCHED, Mailboxes, Step


@click.command()
@where_mail_is
@click.argument("which", metavar="ID|MESSAGE-ID")
@click.option("--json", "as_json", is_flag=True, help="A list of steps, for scripts; times in UTC.")
def trace(data: DataPlace | None, config: Path | None, which: str, as_json: bool) -> None:
    """Tell what happened to a message, in order, and why.

    A message is named by its number, which `mailsponge mail list` and the log have and the sender was told, or by its
    Message-ID header, which mail programs show. What was refused has no number, and is in the server's log alone.

    \b
    Examples:
      mailsponge trace 17
      mailsponge trace '<20260131.1@client.example>'
      mailsponge trace 17 --json | jq -r '.[] | .at + " " + .what'
    """
    with opened(data, config) as mailboxes:
        stories = {number: mailboxes.trace(number) for number in _numbers(which, mailboxes)}
    if as_json:
        output.print_json([_for_scripts(number, step) for number, steps in stories.items() for step in steps])
    else:
        for number, steps in stories.items():
            _print(number, steps)


def _numbers(which: str, mailboxes: Mailboxes) -> list[int]:
    """The messages that are meant, newest first. Raises UsageError."""
    if which.isascii() and which.isdecimal() and 0 < int(which) < 2**63:
        return [int(which)]
    found = mailboxes.with_message_id(which)
    if not found:
        raise UsageError(
            f"no message has the number or the Message-ID {clean.line(which)!r} among the newest {SEARCHED:,}; "
            "if it was refused, the server's log says why: grep it for the sender or the recipient"
        )
    return found


def _for_scripts(number: int, step: Step) -> dict[str, object]:
    return {"id": number, "at": clock.iso(step.at), "what": step.what, "why": step.why}


def _print(number: int, steps: list[Step]) -> None:
    table = output.table("id", "when", "what", "why", prose=True)
    for step in steps:
        moment = clock.local(step.at).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(number), moment, clean.line(step.what), clean.line(step.why))
    output.print_table(table)
