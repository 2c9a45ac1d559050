"""What the commands about mail share: the number of a mail, whose mailbox is meant, and a list of mails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from mailsponge import clean, clock
from mailsponge import config as configuration
from mailsponge.cli import output
from mailsponge.config import Machine
from mailsponge.data_place import DataPlace
from mailsponge.errors import UsageError
from mailsponge.store.protocol import Entry, Mailboxes
from mailsponge.store.reading import Row


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


def of_user(user: str, mailboxes: Mailboxes, data: DataPlace | None, config: Path | None) -> str:
    """The mailbox of somebody who lives here, or for whom mail lies here. Raises UsageError, ConfigError.

    Who lives in a data directory that is given without its configuration is not known: then anybody may.
    """
    if data is not None and config is None:
        return as_kept(user, mailboxes)
    users = configuration.load(config, Machine.here()).config.users
    known = sorted({*mailboxes.mailboxes(), *users})
    for name in known:
        if name.lower() == user.lower():
            return name
    raise UsageError(
        f"nobody here is called {user!r}, and no mail lies here for one; there are: {', '.join(known)}"
    )


def as_kept(user: str, mailboxes: Mailboxes) -> str:
    """The mailbox of that name, whatever its case: me and Me are the same user."""
    return next((name for name in mailboxes.mailboxes() if name.lower() == user.lower()), user)


def for_scripts(entry: Entry | Row) -> dict[str, object]:
    """The fields that `mail list --json` has."""
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


def print_list(entries: Sequence[Entry | Row]) -> None:
    """A table, for people."""
    table = output.table("id", "arrived", "mailbox", "from", "subject", "")
    for entry in entries:
        table.add_row(
            str(entry.id),
            moment(entry.arrived_at),
            *(Text(clean.line(text)) for text in (entry.mailbox, entry.sender, entry.subject)),
            "" if entry.seen else "new",
            style="" if entry.seen else "bold",
        )
    output.print_table(table)


def moment(at: float) -> str:
    """In local time, to the minute."""
    return clock.local(at).strftime("%Y-%m-%d %H:%M")
