"""The command ``replay``: what would have been mailed under another policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import IO, Any, Final, NamedTuple

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
from mailsponge.sponge.ledger import Folded, Ledger
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import Kind, Silence
from mailsponge.sponge.policy import DEFAULT_REMINDERS, Policy
from mailsponge.sponge.replay import Episode, WouldBeMailed, recorded, replay, written
from mailsponge.sponge.settings import Settings

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
    replayed = _of_file(source_file, given) if source_file else _of_job(str(job), given, state)
    if as_json:
        output.print_json([_fields(mail) for mail in replayed.mails])
    else:
        _print(replayed)


def _policy(given: dict[str, Any]) -> Policy:
    try:
        return Policy(**given)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


class Replayed(NamedTuple):
    """What came of a history."""

    mails: list[WouldBeMailed]
    runs: list[Folded]


def _decided(
    policy: Policy,
    episodes: Sequence[Episode],
    shared: bool,
    silences: Sequence[Silence] = (),
    until: float | None = None,
) -> Replayed:
    ledger: Ledger = MemoryLedger(shared)
    mails = list(replay(policy, episodes, shared, silences, until, ledger))
    with ledger.transaction():
        return Replayed(mails, ledger.runs(len(episodes)))


def _of_file(lines: IO[str], given: dict[str, Any]) -> Replayed:
    policy = _policy(given)
    try:
        episodes, shared = written(lines)
    except (UsageError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{lines.name}: {error}") from error
    return _decided(policy, episodes, shared)


def _of_job(job: str, given: dict[str, Any], state: str | None) -> Replayed:
    with reading(one_place(state, job)) as ledger:
        kept = Settings.from_json(ledger.settings() or {"job": job, "toaddrs": ["nobody"]})
        rules = {name: getattr(kept, name) for name in Policy.__dataclass_fields__}
        policy = _policy({**rules, **given})
        return _decided(policy, recorded(ledger), ledger.shared, ledger.silences(), clock.now())


def _fields(mail: WouldBeMailed) -> dict[str, Any]:
    flips = [{"kind": str(flip.kind), "source": flip.source} for flip in mail.flips]
    return {"at": clock.iso(mail.at), "flips": flips, "digest": mail.digest}


def _print(replayed: Replayed) -> None:
    if not replayed.runs:
        output.note("there is no run to replay")
        return
    _print_timeline(replayed)
    if replayed.mails:
        _print_mails(replayed.mails)
        click.echo()
    output.print_line(_summary(replayed), wrap=True)


def _print_timeline(replayed: Replayed) -> None:
    width = output.width()
    room = _WIDEST if width is None else min(width - _NAME - 2, _WIDEST)
    picture = timeline(replayed.runs, replayed.mails, max(room, _NARROWEST))
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


def _summary(replayed: Replayed) -> str:
    began = [folded.run.began_at for folded in replayed.runs]
    runs = output.counted(len(began), "run")
    since, until = (clock.local(at).strftime("%d %b %Y") for at in (min(began), max(began)))
    period = since if since == until else f"{since} to {until}"
    mails = (
        output.counted(len(replayed.mails), "mail") if replayed.mails else "nothing would have been mailed"
    )
    kinds = Counter(str(flip.kind) for mail in replayed.mails for flip in mail.flips)
    parts = ", ".join(f"{kinds[kind]} {kind}" for kind in Kind if kinds[kind])
    return f"{runs}, {period}: {mails}{f' ({parts})' if parts else ''}"
