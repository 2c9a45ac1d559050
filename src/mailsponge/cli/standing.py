"""``mailsponge status``: how every source stands, and what of it could not be told."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
from rich.text import Text

from mailsponge import clean
from mailsponge.cli import output
from mailsponge.cli.cells import cells, legend
from mailsponge.cli.jobs import each, iso, moment, nothing_yet, places, typed, with_job, with_json, with_state
from mailsponge.sponge.model import JOB_ITSELF, Mail
from mailsponge.sponge.report import RECENT, Report, Standing, report, word_of

_COLOURS: Final = {
    "ok": "green",
    "soft": "yellow",
    "hard": "bold red",
    "recovering": "cyan",
    "flapping": "magenta",
}
_GOOD: Final = "good"
"""The reason of most; the state says it, too."""
_WORST_FIRST: Final = ("hard", "flapping", "recovering", "soft", "ok")
_WIDE, _MIDDLING = 150, 110
"""Columns of a terminal that everything fits into, and nearly everything."""


@click.command()
@with_job(required=False)
@with_json
@with_state
def status(job: str | None, as_json: bool, state: str | None) -> None:
    """Show how every source stands: good, failing, told.

    \b
    ok          nothing is wrong
    soft        failing, and patience lasts: nobody was told
    hard        failing, and patience is over: a mail tells of it
    recovering  good again after that, but not for long enough yet
    flapping    now good, now bad: told once, then quiet until it is steady

    The column "mail" says what you were told: "told" and when; "waits" if that mail is still to be handed over;
    "refused" if the server said never; "silenced" or "acknowledged" if you wanted no more. Below the table stands what
    somebody has to look after: mails that wait or were refused, runs of programs that died.

    The exit status is 0 however the sources stand, and 1 if a job cannot be read; the others are shown all the same.

    \b
    Examples:
      mailsponge status
      mailsponge status podcasts --json
      mailsponge status --json | jq -r '.[] | select(.state == "hard") | .source'
    """
    reports, whole = each(report, places(state, job))
    if as_json:
        output.print_json([_fields(row) for found in reports for row in found.standings])
    elif not reports:
        if whole:
            output.note(nothing_yet(state))
    else:
        _print(reports)
    sys.exit(0 if whole else 1)


def _fields(row: Standing) -> dict[str, Any]:
    state = row.state
    return {
        "job": row.job,
        "source": row.source,
        "host": row.host,
        "state": row.word,
        "streak": state.runs_failed,
        "since": iso(state.since),
        "last_run_at": iso(state.last_run_at),
        "last_verdict": row.verdict,
        "told_at": iso(row.incident.told_at),
        "mail": row.mail,
        "silenced_until": iso(row.silence.until) if row.silence else None,
        "acknowledged": row.incident.acknowledged is not None,
        "reason": state.reason,
        "recent": [word_of(verdict) for verdict in row.recent],
    }


def _print(reports: Sequence[Report]) -> None:
    rows = [row for found in reports for row in found.standings]
    if rows:
        _print_table(rows)
        output.print_line()
        output.print_line(_summary(rows))
    for found in reports:
        for line in _trouble(found):
            output.print_line(line, wrap=True)


def _print_table(rows: Sequence[Standing]) -> None:
    width = output.width() or _WIDE
    columns = {
        "job": len({row.job for row in rows}) > 1 or width >= _MIDDLING,
        "host": any(row.host for row in rows),
        "failed": width >= _MIDDLING,
        "last run": width >= _WIDE,
    }
    headings = ("job", "source", "host", "state", "failed", "since", "last run", "mail", "recent runs", "why")
    table = output.table(*(name for name in headings if columns.get(name, True)), prose=True)
    most = RECENT if width >= _WIDE else RECENT // 2
    before = None
    for row in rows:
        state = row.state
        # A person reads on; a program looks at one line.
        again = output.is_terminal() and row.job == before
        before = row.job
        shown = {
            "job": Text("" if again else clean.line(row.job)),
            "source": Text("(the job itself)" if row.source == JOB_ITSELF else clean.line(row.source)),
            "host": Text(clean.line(row.host)),
            "state": Text(row.word, style=_COLOURS[row.word]),
            "failed": Text(str(state.runs_failed or "")),
            "since": Text(moment(state.since)),
            "last run": Text(moment(state.last_run_at)),
            "mail": _told(row),
            "recent runs": cells(row.recent[-most:]),
            "why": Text(clean.line(_why(row))),
        }
        table.add_row(*(cell for name, cell in shown.items() if columns.get(name, True)))
    output.print_table(table)
    if output.is_terminal():
        output.print_line(legend())


def _told(row: Standing) -> Text:
    """What its reader was told, and what keeps more from coming."""
    said = Text()
    if row.mail == "sent":
        said.append(f"told {moment(row.incident.told_at)}")
    elif row.mail is not None:
        said.append("waits" if row.mail == "waiting" else row.mail, "bold red")
    if row.incident.acknowledged is not None:
        said.append(", acknowledged" if said else "acknowledged")
    if row.silence:
        until = moment(row.silence.until)
        said.append(f", silenced until {until}" if said else f"silenced until {until}")
    return said


def _why(row: Standing) -> str:
    because = row.silence.because if row.silence else ""
    known = row.incident.acknowledged_because
    reason = "" if output.is_terminal() and row.state.reason == _GOOD else row.state.reason
    said = (reason, because and f"silenced: {because}", known and f"acknowledged: {known}")
    return "; ".join(part for part in said if part)


def _summary(rows: Sequence[Standing]) -> Text:
    """How many stand how, the worst first."""
    counts = Counter(row.word for row in rows)
    line = Text(f"{output.counted(len(rows), 'source')}: ")
    for word in _WORST_FIRST:
        if counts[word]:
            line.append(", " if line.spans else "")
            line.append(f"{counts[word]} {word}", _COLOURS[word])
    return line


def _trouble(found: Report) -> Iterator[Text]:
    """What somebody has to look after."""
    job = clean.line(found.job)
    if found.waiting:
        yield _of_mail(job, found.waiting, "waits", "wait")
        yield _to_do("mailsponge outbox send")
    if found.refused:
        yield _of_mail(job, found.refused, "was refused for good", "were refused for good")
        yield _to_do(typed("outbox show", found.refused[-1].id))
    if found.unfolded:
        runs = output.counted(found.unfolded, "run")
        verb = "waits" if found.unfolded == 1 else "wait"
        yield Text(f"{job}: {runs} of a program that died, or could not finish, {verb} to be folded:")
        yield _to_do(typed("check", found.job))
    if not found.standings and not found.unfolded:
        begun = "its first run is going on" if found.going_on else "no run of it has ended yet"
        yield Text(f"{job}: {begun}")


def _of_mail(job: str, mails: Sequence[Mail], verb: str, verb_of_several: str) -> Text:
    since = f" since {moment(mails[0].created_at)}" if verb == "waits" else ""
    last = max(mails, key=lambda mail: mail.last_attempt_at or 0.0)
    answer = clean.line(last.last_reply) or "not tried yet"
    counted = output.counted(len(mails), "mail")
    return Text(f"{job}: {counted} {verb if len(mails) == 1 else verb_of_several}{since}: {answer}", "bold")


def _to_do(command: str) -> Text:
    return Text(f"    {command}", "dim")
