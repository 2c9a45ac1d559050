"""``mailsponge mail search``, ``delete`` and ``restore``: find mail, and put it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import click

from mailsponge.cli import output
from mailsponge.cli.mails import MailId, as_kept, for_scripts, of_user, print_list
from mailsponge.cli.options import where_mail_is
from mailsponge.cli.stores import opened
from mailsponge.data_place import DataPlace
from mailsponge.errors import UsageError
from mailsponge.store import refusals
from mailsponge.store.protocol import Beside
from mailsponge.store.reading import KEPT_IN_TRASH, MOST_ROWS, Cursor, Row

SHOWN: Final = 100
"""Messages that a list for people has, if all were not asked for: the newest."""

_AT_A_TIME: Final = 500
"""Messages that are read together for the lists."""

_DAYS: Final = round(KEPT_IN_TRASH / 86_400)


@click.command()
@where_mail_is
@click.argument("words", metavar="WORDS", nargs=-1, required=True)
@click.option("--user", metavar="U", help="Only what lies in this user's mailbox. [default: everyone's]")
@click.option("--all", "everything", is_flag=True, help=f"More than the newest {SHOWN}.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, for scripts; times in UTC.")
def search(
    data: DataPlace | None,
    config: Path | None,
    words: Sequence[str],
    user: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Find mail that has all of these words, the newest first.

    They are looked for in sender, recipients, subject and text, whatever their case. A word that ends in * is how
    words begin; from:, to: and subject: before a word look there alone; before: and after: take a day. What was deleted
    is not found.

    \b
    Examples:
      mailsponge mail search backup failed
      mailsponge mail search from:cron 'disk*' after:2026-05-01
      mailsponge mail search --user me --all --json invoice | jq '.[].id'
    """
    with opened(data, config) as store:
        _read_the_rest(store)
        mailboxes = store.mailboxes() if user is None else [of_user(user, store, data, config)]
        found = [row for mailbox in mailboxes for row in _found(store, mailbox, " ".join(words), everything)]
    found.sort(key=lambda row: (-row.arrived_at, -row.id, row.mailbox))
    shown = found if everything or as_json else found[:SHOWN]
    if as_json:
        output.print_json([{**for_scripts(row), "folder": row.folder} for row in shown])
    elif shown:
        print_list(shown)
        if len(found) > SHOWN and not everything:
            output.note(f"These are the newest {SHOWN}; --all shows the others, too.")
    else:
        output.note("No mail has all of these words.")


def _read_the_rest(store: Beside) -> None:
    """What has just arrived, or has come while no server was there to read it."""
    read = store.index(_AT_A_TIME)
    if read == _AT_A_TIME:
        output.note("Reading mail that was never searched before; that is done once.")
    while read:
        read = store.index(_AT_A_TIME)


def _found(store: Beside, mailbox: str, words: str, everything: bool) -> Iterator[Row]:
    rows = _all_found(store, mailbox, words)
    return rows if everything else islice(rows, SHOWN + 1)


def _all_found(store: Beside, mailbox: str, words: str) -> Iterator[Row]:
    before: Cursor | None = None
    while True:
        page = store.search(mailbox, words, before=before, most=MOST_ROWS)
        yield from page.rows
        before = page.next
        if before is None:
            return


@click.command()
@where_mail_is
@click.argument("numbers", metavar="ID", type=MailId(), nargs=-1, required=True)
@click.option("--user", metavar="U", help="From this user's mailbox only. [default: wherever it lies]")
def delete(data: DataPlace | None, config: Path | None, numbers: Sequence[int], user: str | None) -> None:
    """Put mail into the Trash, which is emptied of it after 30 days. "mailsponge mail restore" takes it out again.

    \b
    Examples:
      mailsponge mail delete 17
      mailsponge mail delete 17 18 19
    """
    with opened(data, config) as store:
        for number in numbers:
            done = _in_each(store, number, user, lambda mailbox, ids: len(store.discard(mailbox, ids)))
            output.note(
                f"Mail {number} is in the Trash, for {_DAYS} days; "
                f"`mailsponge mail restore {number}` takes it out again."
                if done
                else f"Mail {number} was in the Trash already."
            )


@click.command()
@where_mail_is
@click.argument("numbers", metavar="ID", type=MailId(), nargs=-1, required=True)
@click.option("--user", metavar="U", help="Into this user's mailbox only. [default: wherever it lay]")
def restore(data: DataPlace | None, config: Path | None, numbers: Sequence[int], user: str | None) -> None:
    """Take mail out of the Trash, to where it was.

    \b
    Examples:
      mailsponge mail restore 17
    """
    with opened(data, config) as store:
        for number in numbers:
            done = _in_each(store, number, user, store.restore)
            output.note(f"Mail {number} is back." if done else f"Mail {number} was not in the Trash.")


def _in_each(store: Beside, number: int, user: str | None, do: Callable[[str, Sequence[int]], int]) -> int:
    """Do it in each mailbox that the mail lies in, or in one of them. Raises UsageError, StoreError."""
    message = store.message(number)
    if message is None:
        raise UsageError(f"there is no mail {number}; `mailsponge mail list` shows those there are")
    if not message.mailboxes:
        raise refusals.only_waits(number)
    mailboxes = message.mailboxes if user is None else (as_kept(user, store),)
    for mailbox in mailboxes:
        if mailbox not in message.mailboxes:
            raise UsageError(f"mail {number} does not lie in the mailbox of {mailbox}; leave --user out")
    return sum(do(mailbox, [number]) for mailbox in mailboxes)
