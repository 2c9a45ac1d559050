"""The command ``replay``: what would have been mailed under another policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import IO, Any, Final

import click
from rich.cells import cell_len
from rich.text import Text

from mailsponge import clock
from mailsponge.cli import output
from mailsponge.cli.jobs import one_place, reading, with_job, with_json, with_state
from mailsponge.cli.rules import given_only, with_rules
from mailsponge.cli.timeline import legend, timeline
from mailsponge.errors import UsageError
from mailsponge.sponge.digest import name as name_of
from mailsponge.sponge.model import Kind
from mailsponge.sponge.policy import DEFAULT_REMINDERS, Policy
from mailsponge.sponge.replay import Replayed, WouldBeMailed, recorded, replayed, rules_kept, written

_COLOURS = {
    Kind.NEW: "bold red",
    Kind.STILL: "red",
    Kind.RECOVERED: "green",
    Kind.FLAPPING: "yellow",
    Kind.STEADY: "green",
    Kind.GONE: "dim",
    Kind.MISSED: "magenta",
}


_NAME, _NARROWEST, _WIDEST = 24, 20, 100
"""Columns of a source's name, and of the cells."""
_MOST_ROWS: Final = 40


@click.command("replay")
@with_job(required=False)
@click.option(
    "--from",
    "source_file",
    type=click.File("r", encoding="utf-8", lazy=True),
    metavar="FILE",
    help="A history as JSON lines; - is standard input.",
)
@with_rules
@click.option(
    "--remind",
    metavar="STEPS",
    help=f'When a failure that stays is told again: "{DEFAULT_REMINDERS}", or "never".',
)
@click.option(
    "--common-cause",
    metavar="SHARE",
    type=float,
    help="The share of healthy sources whose failing together is one failure of the job, such as 0.8.",
)
@with_json
@with_state
def replay_command(
    job: str | None,
    source_file: IO[str] | None,
    patience: str | dict[str, str] | None,
    digest: str | None,
    recover_after: int | None,
    remind: str | None,
    common_cause: float | None,
    expect: str | None,
    as_json: bool,
    state: str | None,
) -> None:
    """Show what would have been mailed, and when, had the rules been others.

    Decides anew on the history of a job, or on one in a file, as it is done live; nothing is mailed or changed. What is
    not given is as the job has it; for a file, the default.

    First comes a picture: a row for each source that failed, a cell for each hour, day or week, with a letter where a
    mail would have told of it. Then the mails, one after the other.

    \b
    Each line of a file is one verdict:
      {"run": "17", "at": "2026-01-01T00:00:00Z", "source": "x", "verdict": "failed"}
    The verdict is failed, ok or died; level, records, host and ended_at may be there.

    \b
    Examples:
      mailsponge replay podcasts --patience "2 of 5 runs"
      mailsponge replay podcasts --patience ERROR="1 day" --patience CRITICAL=now
      mailsponge replay --from history.jsonl --patience "6 hours" --json
    """
    if (job is None) == (source_file is None):
        raise click.UsageError("give a job, or --from FILE")
    given = given_only(
        patience=patience,
        digest=digest,
        recover_after=recover_after,
        remind=remind,
        common_cause=common_cause,
        expect=expect,
    )
    came = _of_file(source_file, given) if source_file else _of_job(str(job), given, state)
    if as_json:
        output.print_json([_fields(mail) for mail in came.mails])
    else:
        _print(came)


def _policy(given: dict[str, Any]) -> Policy:
    try:
        return Policy(**given)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _of_file(lines: IO[str], given: dict[str, Any]) -> Replayed:
    policy = _policy(given)
    try:
        episodes, shared = written(lines)
    except (UsageError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{lines.name}: {error}") from error
    return replayed(policy, episodes, shared)


def _of_job(job: str, given: dict[str, Any], state: str | None) -> Replayed:
    with reading(one_place(state, job)) as ledger:
        policy = _policy({**rules_kept(ledger, job), **given})
        return replayed(policy, recorded(ledger), ledger.shared, ledger.silences(), clock.now())


def _fields(mail: WouldBeMailed) -> dict[str, Any]:
    flips = [{"kind": str(flip.kind), "source": flip.source} for flip in mail.flips]
    return {"at": clock.iso(mail.at), "flips": flips, "digest": mail.digest}


def _print(came: Replayed) -> None:
    if not came.runs:
        output.note("there is no run to replay")
        return
    _print_timeline(came)
    if came.mails:
        _print_mails(came.mails)
        click.echo()
    output.print_line(_summary(came), wrap=True)


def _print_timeline(came: Replayed) -> None:
    width = output.width()
    room = _WIDEST if width is None else min(width - _NAME - 2, _WIDEST)
    picture = timeline(came.runs, came.mails, max(room, _NARROWEST))
    if picture is None or not picture.rows:
        return
    shown = dict(list(picture.rows.items())[:_MOST_ROWS])
    names = {source: name_of(source) for source in shown}
    pad = min(max(map(cell_len, names.values())), _NAME)
    output.print_line(Text(" " * (pad + 2)) + picture.heading)
    for source, row in shown.items():
        name = Text(names[source])
        name.truncate(pad, overflow="ellipsis", pad=True)
        output.print_line(name + Text("  ") + row)
    if len(picture.rows) > len(shown):
        output.print_line(f"and {len(picture.rows) - len(shown)} more that failed")
    output.print_line(Text(f"a cell: {picture.scale.name}   ", "dim") + legend(shown.values()), wrap=True)
    click.echo()


def _print_mails(mails: Sequence[WouldBeMailed]) -> None:
    table = output.table("when", "", "what", prose=True)
    day = ""
    for mail in mails:
        at = clock.local(mail.at)
        today = at.strftime("%a %d %b %Y")
        when = (
            at.strftime("%H:%M").rjust(len(today) + 7) if today == day else at.strftime("%a %d %b %Y  %H:%M")
        )
        day = today
        for kind, what in _lines(mail):
            table.add_row(when, Text(str(kind).upper(), _COLOURS.get(kind, "blue")), what)
            when = ""
    output.print_table(table)


def _lines(mail: WouldBeMailed) -> list[tuple[Any, str]]:
    told: list[tuple[Any, str]] = [(flip.kind, f"{name_of(flip.source)} {flip.said}") for flip in mail.flips]
    return told + ([("digest", output.counted(mail.digest, "record"))] if mail.digest else [])


def _summary(came: Replayed) -> str:
    began = [folded.run.began_at for folded in came.runs]
    runs = output.counted(len(began), "run")
    since, until = (clock.local(at).strftime("%d %b %Y") for at in (min(began), max(began)))
    period = since if since == until else f"{since} to {until}"
    mails = output.counted(len(came.mails), "mail") if came.mails else "nothing would have been mailed"
    kinds = Counter(str(flip.kind) for mail in came.mails for flip in mail.flips)
    parts = ", ".join(f"{kinds[kind]} {kind}" for kind in Kind if kinds[kind])
    return f"{runs}, {period}: {mails}{f' ({parts})' if parts else ''}"
