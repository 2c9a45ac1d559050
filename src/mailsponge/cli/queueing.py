"""``mailsponge queue``: what waits to go on, why, and until when; and putting it right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.mail import MailId
from mailsponge.cli.options import where_mail_is
from mailsponge.cli.stores import opened
from mailsponge.data_place import DataPlace
from mailsponge.errors import StoreError, UsageError
from mailsponge.mail.address import Address
from mailsponge.queue import waiting
from mailsponge.store.protocol import HopDown, Queue, Queued, Waiting

SHOWN: Final = 100
"""Messages that a list for people has, if all were not asked for: those that wait longest."""
STAYS_HELD: Final = "is held, and not tried: `mailsponge queue release {}` lets it go on"
"""What there is to say of a message that could be tried, were it not held."""

_with_json = click.option(
    "--json", "as_json", is_flag=True, help="A list of objects, for scripts; times in UTC."
)
_with_all = click.option(
    "--all", "everything", is_flag=True, help=f"More than the {SHOWN} that wait longest."
)


@click.group(invoke_without_command=True)
@_with_all
@_with_json
@where_mail_is
@click.pass_context
def queue(
    context: click.Context, everything: bool, as_json: bool, data: DataPlace | None, config: Path | None
) -> None:
    """Mail that waits to be delivered or sent on: why, and when it is tried again. Alone it is "queue list".

    \b
    Examples:
      mailsponge queue
      mailsponge queue show 17
      mailsponge queue retry 17          try it now
      mailsponge queue hold 17           do not try it before it is released
      mailsponge queue delete 17         take it out; for a week `release` puts it back
    """
    given = {"everything": everything, "as_json": as_json, "data": data, "config": config}
    if context.invoked_subcommand is None:
        context.invoke(list_, **given)
        return
    if (everything or as_json) and context.invoked_subcommand not in ("list", "show"):
        raise click.UsageError("--all and --json are for the list: mailsponge queue list --all --json")
    # What stands before the subcommand is meant for it.
    context.default_map = {
        context.invoked_subcommand: {name: value for name, value in given.items() if value}
    }


@queue.command("list")
@_with_all
@_with_json
@where_mail_is
def list_(everything: bool, as_json: bool, data: DataPlace | None, config: Path | None) -> None:
    """List what waits, the oldest first; a line a recipient.

    \b
    Examples:
      mailsponge queue list
      mailsponge queue list --json | jq '.[] | select(.recipients[].attempts > 3) | .id'
    """
    with opened(data, config) as store:
        if as_json:
            output.print_json([_for_scripts(each) for each in store.queued()])
            return
        _print_all(store, None if everything else SHOWN)


@queue.command()
@click.argument("number", metavar="ID", type=MailId())
@_with_json
@where_mail_is
def show(number: int, as_json: bool, data: DataPlace | None, config: Path | None) -> None:
    """Show one message that waits: each recipient, how often it was tried, what was answered.

    \b
    Examples:
      mailsponge queue show 17
      mailsponge trace 17                its whole story
      mailsponge mail show 17            the message itself
    """
    with opened(data, config) as store:
        found = store.in_queue(number)
        down = store.hops_down()
    if found is None:
        raise UsageError(_not_there(number))
    if as_json:
        output.print_json(_for_scripts(found))
    else:
        _print_one(found, down)


@queue.command()
@click.argument("numbers", metavar="ID…", type=MailId(), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that waits.")
@where_mail_is
def retry(numbers: Sequence[int], everything: bool, data: DataPlace | None, config: Path | None) -> None:
    """Try it now, whatever it waits for. What is held stays held.

    \b
    Examples:
      mailsponge queue retry 17
      mailsponge queue retry --all
    """
    if everything == bool(numbers):
        raise click.UsageError("name messages by their IDs, or all of them: mailsponge queue retry --all")
    if not everything:
        _change(data, config, numbers, lambda store, number: store.retry(number), "tried now", STAYS_HELD)
        return
    with opened(data, config) as store:
        changed = store.retry_all()
    output.note(f"tried now: {output.counted(changed, 'recipient')}" if changed else "nothing waits")


@queue.command()
@click.argument("numbers", metavar="ID…", type=MailId(), nargs=-1, required=True)
@where_mail_is
def hold(numbers: Sequence[int], data: DataPlace | None, config: Path | None) -> None:
    """Do not try it any more, until `queue release`. It is kept as long as that takes.

    \b
    Example:
      mailsponge queue hold 17
    """
    _change(data, config, numbers, lambda store, number: store.hold(number), "held")


@queue.command()
@click.argument("numbers", metavar="ID…", type=MailId(), nargs=-1, required=True)
@where_mail_is
def release(numbers: Sequence[int], data: DataPlace | None, config: Path | None) -> None:
    """Let go on what was held, or put back what was deleted from the queue less than a week ago. It is tried now.

    \b
    Example:
      mailsponge queue release 17
    """
    _change(data, config, numbers, lambda store, number: store.release(number), "released, and tried now")


@queue.command()
@click.argument("numbers", metavar="ID…", type=MailId(), nargs=-1, required=True)
@where_mail_is
def delete(numbers: Sequence[int], data: DataPlace | None, config: Path | None) -> None:
    """Take it out of the queue. Its sender is not told; for a week `queue release` puts it back.

    \b
    Example:
      mailsponge queue delete 17
    """
    _change(
        data,
        config,
        numbers,
        lambda store, number: store.withdraw(number),
        "taken out of the queue (`mailsponge queue release` puts it back)",
    )


def _change(
    data: DataPlace | None,
    config: Path | None,
    numbers: Iterable[int],
    change: Callable[[Queue, int], int],
    done: str,
    nothing: str = "",
) -> None:
    """Do it with each; those that cannot be do not keep the others from it, but the command then fails. ``nothing``:
    what is said where that changed nothing.
    """
    failed = False
    with opened(data, config) as store:
        for number in numbers:
            try:
                changed = change(store, number)
            except StoreError as error:
                failed = True
                output.error(str(error))
            else:
                output.note(
                    f"{number} {done}: {output.counted(changed, 'recipient')}"
                    if changed or not nothing
                    else f"{number} {nothing.format(number)}"
                )
    if failed:
        raise SystemExit(1)


def _not_there(number: int) -> str:
    return (
        f"{number} is not in the queue: `mailsponge queue` shows what is, "
        f"and `mailsponge trace {number}` what became of it"
    )


def _for_scripts(message: Queued) -> dict[str, Any]:
    return {
        "id": message.id,
        "reverse_path": _text(message.reverse_path),
        "size": message.size,
        "arrived_at": clock.iso(message.arrived_at),
        "recipients": [
            {
                "address": str(each.address),
                "original": str(each.original),
                "next_hop": each.next_hop,
                "attempts": each.attempts,
                "next_attempt_at": clock.iso(each.next_attempt_at),
                "last_reply": each.last_reply,
                "held": each.held,
            }
            for each in message.recipients
        ],
    }


def _text(reverse_path: Address | None) -> str:
    return "" if reverse_path is None else str(reverse_path)


def _print_all(store: Queue, most: int | None) -> None:
    messages = store.queued()
    down = store.hops_down()
    table = output.table("id", "arrived", "from", "to", "tries", "next try", "why", prose=True)
    shown = 0
    for message in islice(messages, most):
        shown += 1
        for each in message.recipients:
            table.add_row(
                str(message.id),
                _moment(message.arrived_at),
                *(Text(clean.line(text)) for text in (f"<{_text(message.reverse_path)}>", str(each.address))),
                str(each.attempts),
                _next_try(each, down),
                clean.line(waiting.why(each, down)),
            )
    if not shown:
        output.note("nothing waits")
        return
    output.print_table(table)
    more = sum(1 for _ in messages)
    if more:
        output.note(f"and {more:,} more: mailsponge queue list --all")


def _print_one(message: Queued, down: Mapping[str, HopDown]) -> None:
    for name, value in (
        ("Message", str(message.id)),
        ("From", f"<{_text(message.reverse_path)}>"),
        ("Arrived", _moment(message.arrived_at)),
        ("Size", f"{message.size} bytes"),
    ):
        output.print_line(f"{name}: {clean.line(value)}")
    for each in message.recipients:
        output.print_line()
        for name, value in _about(each, down):
            output.print_line(f"{name}: {clean.line(value)}", wrap=True)


def _about(each: Waiting, down: Mapping[str, HopDown]) -> Iterable[tuple[str, str]]:
    yield "To", str(each.address)
    if each.address != each.original:
        yield "Written to", str(each.original)
    yield "Next hop", each.next_hop
    yield "Tried", output.counted(each.attempts, "time") if each.attempts else "not yet"
    yield "Next try", _next_try(each, down)
    why = waiting.why(each, down)
    if why:
        yield "Why", why


def _next_try(each: Waiting, down: Mapping[str, HopDown]) -> str:
    at = waiting.until(each, down)
    if at is None:
        return "held"
    return "now" if at <= clock.now() else _moment(at)


def _moment(at: float) -> str:
    return clock.local(at).strftime("%Y-%m-%d %H:%M")
