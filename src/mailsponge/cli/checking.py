"""``mailsponge check``: look after what no run looks after."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from mailsponge import clean
from mailsponge.cli import output
from mailsponge.cli.jobs import nothing_yet, places, with_job, with_state
from mailsponge.cli.squeezers import SECONDS, Servers, squeezer
from mailsponge.clock import Deadline
from mailsponge.errors import MailspongeError
from mailsponge.sponge.model import Squeeze
from mailsponge.sponge.places import JobPlace

_ERASE_LINE: Final = "\r\x1b[K"


@click.command()
@with_job(required=False)
@with_state
def check(job: str | None, state: str | None) -> None:
    """Look after what no run looks after: for cron, or a timer.

    Folds the runs of programs that died, tells of runs that are missed (those with --expect), reminds of what still
    fails, and hands over mails that wait. What it did is a line a job on standard output; what somebody has to look at
    is said once, on standard error, so that cron mails that alone.

    The exit status is 0 if everything could be done, and 1 if something could not: a mail still waits or was refused, a
    ledger was damaged (it is set aside, and a new one begun) or cannot be used. Nothing is lost by that: the next check
    goes on. A mail server that does not answer is waited for once, for 30 seconds at most, and not again for each job.

    \b
    Examples:
      mailsponge check
      mailsponge check podcasts

    \b
    Every 15 minutes, by cron:
      */15 * * * *  mailsponge check > /dev/null

    \b
    The same by systemd, in ~/.config/systemd/user/ (then: systemctl --user enable --now mailsponge-check.timer):
      mailsponge-check.service    [Service]
                                  Type=oneshot
                                  ExecStart=%h/.local/bin/mailsponge check
      mailsponge-check.timer      [Timer]
                                  OnCalendar=*:0/15
                                  Persistent=true
                                  [Install]
                                  WantedBy=timers.target
    """
    found = places(state, job)
    if not found:
        click.echo(nothing_yet(state))
    servers = Servers()
    done = [_checked(place, servers) for place in found]
    if len(done) > 1:
        click.echo(_summary(done))
    sys.exit(1 if any(squeezed is None or squeezed.warnings for squeezed in done) else 0)


def _checked(place: JobPlace, servers: Servers) -> Squeeze | None:
    """Squeeze one job and say what came of it; None if that could not be done."""
    name = clean.line(place.name)
    shows = sys.stderr.isatty()
    if shows:
        click.echo(f"{name}: …", err=True, nl=False)
    try:
        done = squeezer(place, servers).squeeze(Deadline(SECONDS))
        troubles: Sequence[str] = done.warnings
    except MailspongeError as error:
        done, troubles = None, [str(error)]
    if shows:
        click.echo(_ERASE_LINE, err=True, nl=False, color=True)
    for trouble in troubles:
        output.error(f"{place.name}: {trouble}")
    if done is not None:
        click.echo(f"{name}: {clean.line(_in_short(done))}")
    return done


def _in_short(done: Squeeze) -> str:
    """What was decided, and what was handed over; why a mail waits is said as a trouble."""
    parts = [done.decided or done.reason]
    if done.sent:
        parts.append(f"{output.counted(done.sent, 'mail')} handed over")
    return "; ".join(parts)


def _summary(done: Sequence[Squeeze | None]) -> str:
    squeezed = [each for each in done if each is not None]
    troubled = sum(1 for each in done if each is None or each.warnings)
    counts = (
        (sum(each.folded for each in squeezed), "run", "folded"),
        (sum(each.sent for each in squeezed), "mail", "handed over"),
        (sum(each.waiting for each in squeezed), "mail", "waiting"),
        (sum(each.refused for each in squeezed), "mail", "refused for good"),
    )
    parts = [f"{output.counted(number, what)} {became}" for number, what, became in counts if number]
    parts += [f"trouble with {output.counted(troubled, 'job')}"] if troubled else []
    return f"{output.counted(len(done), 'job')}: {', '.join(parts) or 'nothing to do'}"
