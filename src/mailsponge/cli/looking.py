"""Commands that look back: history, show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import click
from rich.text import Text

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.cells import cells, legend
from mailsponge.cli.jobs import iso, one_place, with_state
from mailsponge.sponge import digest
from mailsponge.sponge.ledger import Folded, Ledger
from mailsponge.sponge.ledger.opening import read_ledger
from mailsponge.sponge.model import JOB_ITSELF, OK, Ending, Record, level_name
from mailsponge.sponge.places import JobPlace

_MOST_RUNS = 30
_ENDINGS = {
    Ending.FINISHED: "green",
    Ending.CRASHED: "bold red",
    Ending.DIED: "bold red",
    Ending.INTERRUPTED: "yellow",
    Ending.STRAY: "dim",
}


def _ledger(place: JobPlace) -> Ledger:
    ledger = read_ledger(place)
    if ledger is None:
        output.fail(
            f"{place.name} has not ended a run yet; mailsponge check {place.name} looks after one that died"
        )
    return ledger


@click.command()
@click.argument("job")
@click.argument("source", required=False)
@click.option(
    "--runs", "most", type=click.IntRange(1), default=_MOST_RUNS, show_default=True, help="How many runs."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_state
def history(job: str, source: str | None, most: int, as_json: bool, state: str | None) -> None:
    """Show the last runs of a job, newest first: how each ended, and what failed in it.

    With SOURCE, only the runs that gave it a verdict.

    \b
    Examples:
      mailsponge history podcasts
      mailsponge history podcasts "Søndag på P1" --runs 100
      mailsponge history podcasts --json
    """
    with closing(_ledger(one_place(state, job))) as ledger, ledger.transaction():
        runs = [folded for folded in ledger.runs(most) if source is None or source in folded.verdicts]
        names = [source] if source is not None else _named(runs)
        pictures = {name: ledger.recent(name, min(most, 60)) for name in names[:20]}
    if as_json:
        output.print_json([_run_fields(job, folded) for folded in runs])
        return
    if not runs:
        output.note("no run is remembered" if source is None else f"no run has judged {digest.name(source)}")
        return
    _print_pictures(pictures, len(names))
    _print_runs(runs)


def _named(runs: Iterable[Folded]) -> list[str]:
    """The sources that failed in some run, the job itself first."""
    return sorted({name for folded in runs for name, verdict in folded.verdicts.items() if verdict != OK})


def _run_fields(job: str, folded: Folded) -> dict[str, Any]:
    run = folded.run
    return {
        "run": run.id,
        "job": job,
        "host": run.host,
        "began_at": clock.iso(run.began_at),
        "ended_at": clock.iso(run.ended_at),
        "ending": str(run.ending),
        "records": run.records,
        "verdicts": {name: "ok" if level == OK else "failed" for name, level in folded.verdicts.items()},
        "note": folded.note,
        "folded_at": iso(run.folded_at or None),
    }


def _print_pictures(pictures: dict[str, list[int | None]], count: int) -> None:
    if not pictures:
        return
    table = output.table("source", "recent runs, the newest last")
    for name, verdicts in pictures.items():
        table.add_row(Text(digest.name(name)), cells(verdicts))
    if count > len(pictures):
        table.add_row(Text(f"and {count - len(pictures)} more that failed"), Text(""))
    output.print_table(table)
    output.print_line(legend())
    click.echo()


def _print_runs(runs: Iterable[Folded]) -> None:
    table = output.table("began", "took", "ending", "records", "failed")
    for folded in runs:
        run = folded.run
        failed = [digest.name(name) for name, level in sorted(folded.verdicts.items()) if level != OK]
        told = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
        table.add_row(
            Text(clock.local(run.began_at).strftime("%a %d %b %H:%M")),
            Text(_took(run.ended_at - run.began_at)),
            Text(str(run.ending), style=_ENDINGS[run.ending]),
            Text(str(run.records)),
            Text("; ".join(filter(None, (told, clean.line(folded.note))))),
        )
    output.print_table(table)


def _took(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@click.command()
@click.argument("job")
@click.argument("source", required=False)
@click.option(
    "--run", "run_id", metavar="ID", help="Another run than that of the last failure; see history --json."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_state
def show(job: str, source: str | None, run_id: str | None, as_json: bool, state: str | None) -> None:
    """Show what was logged in the run that failed last: all of it, and every traceback whole.

    With SOURCE, what that source logged in the run in which it failed last.

    \b
    Examples:
      mailsponge show podcasts
      mailsponge show podcasts "Søndag på P1" | less
    """
    place = one_place(state, job)
    with closing(_ledger(place)) as ledger, ledger.transaction():
        wanted = run_id or _last_failed(ledger, source)
        if wanted is None:
            output.fail(
                f"{digest.name(source) if source is not None else job} has not failed in any run that is kept"
            )
        run = next((folded for folded in ledger.runs(100_000) if folded.run.id == wanted), None)
        records = ledger.records(wanted, source, 0)
    if as_json:
        output.print_json([_record_fields(record) for record in records])
        return
    _print_records(wanted, run, records, source)


def _last_failed(ledger: Ledger, source: str | None) -> str | None:
    """The run that failed last, of one source or of any."""
    states = [s.state for s in ledger.standings() if source in (None, s.source) and s.state.failed_run]
    last = max(states, key=lambda state: state.failed_at or 0.0, default=None)
    return last.failed_run if last else None


def _record_fields(record: Record) -> dict[str, Any]:
    return {
        "source": record.source,
        "at": clock.iso(record.at),
        "level": level_name(record.level),
        "logger": record.logger,
        "text": record.text,
        "detail": record.detail,
    }


def _print_records(run_id: str, folded: Folded | None, records: Sequence[Record], source: str | None) -> None:
    if folded:
        run = folded.run
        began = clock.local(run.began_at).strftime("%a %d %b %Y, %H:%M:%S")
        output.note(f"run {run_id} on {run.host}, begun {began}, {run.ending}; {len(records)} records")
    if not records:
        output.note("its records are no longer kept, or it left none")
    for record in records:
        whose = (
            "" if source is not None or record.source == JOB_ITSELF else f"[{digest.name(record.source)}] "
        )
        at = clock.local(record.at).strftime("%H:%M:%S")
        before = "" if record.laid_out else f"{at} {level_name(record.level)} {clean.line(record.logger)}: "
        click.echo(f"{whose}{before}{clean.block(record.text)}")
        if record.detail:
            click.echo("".join(f"    {line}\n" for line in clean.block(record.detail).splitlines()), nl=False)
