"""Commands that look back: history, show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
from rich.text import Text

from mailsponge import clean, clock
from mailsponge.cli import output
from mailsponge.cli.cells import cells, legend
from mailsponge.cli.jobs import iso, one_place, reading, typed, with_job, with_json, with_source, with_state
from mailsponge.sponge import digest
from mailsponge.sponge.ledger import Folded, Ledger
from mailsponge.sponge.model import JOB_ITSELF, OK, Ending, Record, level_name

_MOST_RUNS: Final = 30
_MOST_PICTURES: Final = 20
_MOST_CELLS: Final = 60
_LEVELS: Final = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
_ENDINGS: Final = {
    Ending.FINISHED: "green",
    Ending.CRASHED: "bold red",
    Ending.DIED: "bold red",
    Ending.INTERRUPTED: "yellow",
    Ending.STRAY: "dim",
}


@click.command()
@with_job()
@with_source
@click.option(
    "--runs",
    "most",
    metavar="N",
    type=click.IntRange(1),
    default=_MOST_RUNS,
    help=f"How many runs. [default: {_MOST_RUNS}]",
)
@with_json
@with_state
def history(job: str, source: str | None, most: int, as_json: bool, state: str | None) -> None:
    """Show the last runs of a job, newest first: how each ended, and what failed in it.

    With SOURCE, only the runs that gave it a verdict; the job itself is called "".

    \b
    finished     the program ended, well or not
    crashed      an uncaught exception ended it
    interrupted  Ctrl-C ended it: nobody's failure
    died         it went away without a word: kill -9, a power loss
    stray        what a child process logged after its run had ended

    \b
    Examples:
      mailsponge history podcasts
      mailsponge history podcasts "Søndag på P1" --runs 100
      mailsponge history podcasts --json
    """
    with reading(one_place(state, job)) as ledger:
        runs = ledger.runs(most) if source is None else _that_judged(ledger, source, most)
        if not runs and source is not None:
            _require_source(ledger, job, source)
        names = [source] if source is not None else _named(runs)
        cell_count = min(most, _MOST_CELLS)
        pictures = {name: ledger.recent(name, cell_count) for name in names[:_MOST_PICTURES]}
    if as_json:
        output.print_json([_run_fields(job, folded) for folded in runs])
        return
    if not runs:
        output.note("no run is remembered" if source is None else f"no run has judged {digest.name(source)}")
        return
    _print_pictures(pictures, len(names))
    _print_runs(runs)


def _require_source(ledger: Ledger, job: str, source: str) -> None:
    if source != JOB_ITSELF and source not in {standing.source for standing in ledger.standings()}:
        output.fail(f"{job} knows no source {clean.line(source)!r}: {typed('status', job)} shows their names")


def _that_judged(ledger: Ledger, source: str, most: int) -> list[Folded]:
    """The last runs that gave a source a verdict, newest first."""
    looked_at = most
    while True:
        runs = ledger.runs(looked_at)
        found = [folded for folded in runs if source in folded.verdicts][:most]
        if len(found) == most or len(runs) < looked_at:
            return found
        looked_at *= 4


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
    width = output.width()
    most = _MOST_CELLS if width is None else max(min(_MOST_CELLS, width // 2), 10)
    table = output.table("source", "recent runs, the newest last")
    for name, verdicts in pictures.items():
        table.add_row(digest.name(name), cells(verdicts[-most:]))
    output.print_table(table)
    if count > len(pictures):
        output.print_line(f"and {count - len(pictures)} more that failed")
    output.print_line(legend())
    click.echo()


def _print_runs(runs: Iterable[Folded]) -> None:
    table = output.table("began", "took", "ending", "records", "failed", prose=True)
    for folded in runs:
        run = folded.run
        failed = [digest.name(name) for name, level in sorted(folded.verdicts.items()) if level != OK]
        told = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
        table.add_row(
            clock.local(run.began_at).strftime("%a %d %b %Y %H:%M"),
            _took(run.ended_at - run.began_at),
            Text(str(run.ending), style=_ENDINGS[run.ending]),
            str(run.records),
            "; ".join(filter(None, (told, clean.line(folded.note)))),
        )
    output.print_table(table)


def _took(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@click.command()
@with_job()
@with_source
@click.option(
    "--run", "run_id", metavar="ID", help="Another run than that of the last failure; see history --json."
)
@with_json
@with_state
def show(job: str, source: str | None, run_id: str | None, as_json: bool, state: str | None) -> None:
    """Show what was logged in the run that failed last: all of it, and every traceback whole.

    With SOURCE, what that source logged in the run in which it failed last. What is secret was masked when it was kept.

    \b
    Examples:
      mailsponge show podcasts
      mailsponge show podcasts "Søndag på P1" | less
    """
    with reading(one_place(state, job)) as ledger:
        wanted = run_id or _last_failed(ledger, source)
        if wanted is None:
            if source is not None:
                _require_source(ledger, job, source)
            output.fail(
                f"{digest.name(source) if source is not None else job} has not failed in any run that is kept"
            )
        run = next((folded for folded in ledger.runs(100_000) if folded.run.id == wanted), None)
        if run is None and run_id is not None:
            output.fail(f"no run {clean.line(run_id)!r}: {typed('history', job)} --json has their IDs")
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
        count = output.counted(len(records), "record")
        output.note(f"run {run_id} on {run.host}, begun {began}, {run.ending}; {count}")
    if not records:
        output.note("its records are no longer kept, or it left none")
    for record in records:
        line = Text()
        if source is None and record.source != JOB_ITSELF:
            line.append(f"[{digest.name(record.source)}] ", "bold")
        level = level_name(record.level)
        if not record.laid_out:
            line.append(f"{clock.local(record.at).strftime('%H:%M:%S')} ")
            line.append(level, _LEVELS.get(level, ""))
            line.append(f" {clean.line(record.logger)}: ")
        output.print_line(line + Text(clean.block(record.text)))
        if record.detail:
            indented = "\n".join(f"    {line}" for line in clean.block(record.detail).splitlines())
            output.print_line(Text(indented, "dim"))
