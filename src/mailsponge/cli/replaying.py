"""The command ``replay``: what would have been mailed under another policy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import IO, Any

import click
from rich.text import Text

from mailsponge import clock
from mailsponge.cli import output
from mailsponge.cli.jobs import one_place, with_state
from mailsponge.errors import UsageError
from mailsponge.sponge import digest
from mailsponge.sponge.ledger.opening import read_ledger
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


@click.command("replay")
@click.argument("job", required=False)
@click.option(
    "--from",
    "source_file",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="A history as JSON lines; - is standard input.",
)
@click.option(
    "--patience",
    metavar="P",
    multiple=True,
    help='Such as "2 of 5 runs"; LEVEL=P for one level, more than once.',
)
@click.option("--digest", "digest_gate", metavar="D", help='Such as "20 records" or "1 day".')
@click.option("--recover-after", type=click.IntRange(1), help="OK runs after which it is recovered.")
@click.option("--remind", metavar="STEPS", help=f'Such as "{DEFAULT_REMINDERS}", or "never".')
@click.option("--common-cause", type=float, help="The share that counts as one failure.")
@click.option("--expect", metavar="D", help="How often a run is expected; missed ones are told.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_state
def replay_command(
    job: str | None,
    source_file: IO[str] | None,
    patience: tuple[str, ...],
    digest_gate: str | None,
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
    changed = {
        "patience": _patience(patience),
        "digest": digest_gate,
        "recover_after": recover_after,
        "remind": remind,
        "common_cause": common_cause,
        "expect": expect,
    }
    given = {name: value for name, value in changed.items() if value is not None}
    mails = _of_file(source_file, given) if source_file else _of_job(str(job), given, state)
    if as_json:
        output.print_json([_fields(mail) for mail in mails])
    else:
        _print(mails)


def _patience(given: Sequence[str]) -> str | dict[str, str] | None:
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    return dict(_level_and_limit(text) for text in given)


def _level_and_limit(text: str) -> tuple[str, str]:
    level, sign, limit = text.partition("=")
    if not sign:
        raise click.UsageError(
            f"--patience {text!r}: with more than one, each is LEVEL=P, as in ERROR='3 runs'"
        )
    return level.strip(), limit.strip().strip("'\"")


def _policy(given: dict[str, Any]) -> Policy:
    try:
        return Policy(**given)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _of_file(lines: IO[str], given: dict[str, Any]) -> list[WouldBeMailed]:
    policy = _policy(given)
    try:
        episodes, shared = written(lines)
    except UsageError as error:
        raise click.UsageError(f"{lines.name}: {error}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{lines.name}: {error}") from error
    return list(replay(policy, episodes, shared))


def _of_job(job: str, given: dict[str, Any], state: str | None) -> list[WouldBeMailed]:
    place = one_place(state, job)
    ledger = read_ledger(place)
    if ledger is None:
        output.fail(f"{job} has not ended a run yet: there is nothing to replay")
    with closing(ledger), ledger.transaction():
        kept = Settings.from_json(ledger.settings() or {"job": job, "toaddrs": ["nobody"]})
        rules = {name: getattr(kept, name) for name in Policy.__dataclass_fields__}
        policy = _policy({**rules, **given})
        silences: list[Silence] = ledger.silences()
        episodes: list[Episode] = recorded(ledger)
        return list(replay(policy, episodes, ledger.shared, silences, clock.now()))


def _fields(mail: WouldBeMailed) -> dict[str, Any]:
    flips = [{"kind": str(flip.kind), "source": flip.source} for flip in mail.flips]
    return {"at": clock.iso(mail.at), "flips": flips, "digest": mail.digest}


def _print(mails: Sequence[WouldBeMailed]) -> None:
    if not mails:
        output.note("nothing would have been mailed")
        return
    table = output.table("when", "", "what")
    day = ""
    for mail in mails:
        at = clock.local(mail.at)
        when = (
            at.strftime("%H:%M") if at.strftime("%a %d %b %Y") == day else at.strftime("%a %d %b %Y  %H:%M")
        )
        day = at.strftime("%a %d %b %Y")
        for kind, what in _lines(mail):
            table.add_row(
                Text(when.rjust(22)), Text(kind.upper(), style=_COLOURS.get(kind, "blue")), Text(what)
            )
            when = ""
    output.print_table(table)
    click.echo(f"\n{len(mails)} {'mail' if len(mails) == 1 else 'mails'}", file=sys.stderr)


def _lines(mail: WouldBeMailed) -> list[tuple[Any, str]]:
    told: list[tuple[Any, str]] = [
        (flip.kind, f"{digest.name(flip.source)} {flip.said}") for flip in mail.flips
    ]
    return told + ([("digest", f"{mail.digest} records")] if mail.digest else [])
