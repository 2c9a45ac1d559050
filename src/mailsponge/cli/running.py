"""``mailsponge run``: a command as it was, and remembered."""

from __future__ import annotations

import contextlib
import sys

import click

from mailsponge.cli.jobs import with_job, with_state
from mailsponge.cli.rules import given_only, with_rules
from mailsponge.errors import UsageError
from mailsponge.sponge.command import run as run_command
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.handler import SpongeHandler
from mailsponge.sponge.lines import Pattern
from mailsponge.sponge.settings import addresses
from mailsponge.sponge.source import source as in_source

_NOBODY = (
    "nobody to mail to: give --to me@example.org, or set MAILSPONGE_TO, "
    'or write to = "me@example.org" into ~/.config/mailsponge/sponge.toml'
)


@click.command()
@with_job()
@click.option(
    "--to",
    "toaddrs",
    multiple=True,
    metavar="ADDRESS",
    help="Whom to mail; may be given more than once. [default: MAILSPONGE_TO, or sponge.toml]",
)
@click.option(
    "--mailhost",
    metavar="HOST",
    help="Which mail server takes the mail: a host, host:port, or smtp://user@host:587, with the password in "
    "MAILSPONGE_PASSWORD; or sendmail: [default: MAILSPONGE_MAILHOST, sponge.toml, or this machine's own]",
)
@with_rules
@click.option("--source", "source_name", metavar="S", help="What the command works on, judged by itself.")
@click.option(
    "--match",
    metavar="REGEX",
    help="Takes lines apart: (?P<source>…), (?P<level>…) and (?P<message>…), or some of them.",
)
@with_state
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND…")
def run(
    job: str,
    toaddrs: tuple[str, ...],
    mailhost: str | None,
    patience: str | dict[str, str] | None,
    digest: str | None,
    recover_after: int | None,
    expect: str | None,
    source_name: str | None,
    match: str | None,
    state: str | None,
    command: tuple[str, ...],
) -> None:
    """Run a command, and mail when it keeps failing.

    Its output passes through as it comes, and is kept with the run: standard output as INFO, standard error as WARNING.
    An exit status other than 0, or a signal, is a failure. By default the third failure in a row is mailed, and then
    that it works again.

    With --match a regular expression finds in each line what it is about, how bad it is, and what it says. A line that
    it does not match, or does not tell the source of, belongs to --source, or to the job.

    \b
    What is the same for all your jobs stands in ~/.config/mailsponge/sponge.toml:
      to = "me@example.org"
      mailhost = "smtp://me@smtp.example.org:587"

    \b
    The exit status is the command's own, and
      128 + N  if signal N ended it
      127      if it cannot be found
      126      if it cannot be started
      2        if what was asked for cannot be: then nothing was run

    \b
    Examples:
      mailsponge run backup --to me@example.org -- restic backup /home
      mailsponge run sync --source nas1 --patience "2 runs" -- rsync -a nas1:/data /srv/nas1
      mailsponge run nightly --expect "1 day" --recover-after 2 -- ./nightly.sh
      mailsponge run mirror --match '^(?P<level>[A-Z]+) (?P<source>\\S+): (?P<message>.*)' -- mirror-all
      MAILSPONGE_TO=me@example.org mailsponge run tidy --patience now -- ./tidy.sh

    \b
    In a crontab:
      MAILSPONGE_TO=me@example.org
      15 3 * * *  mailsponge run backup -- restic backup /home > /dev/null 2>&1
    """
    rules = given_only(patience=patience, digest=digest, recover_after=recover_after, expect=expect)
    try:
        pattern = _pattern(match)
        if not addresses(toaddrs) and not defaults().to:
            raise UsageError(_NOBODY)
        handler = SpongeHandler(job, toaddrs, mailhost=mailhost, state=state, level=1, every="never", **rules)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with in_source(source_name) if source_name else contextlib.nullcontext():
        status = run_command(command, handler, pattern=pattern)
    sys.exit(status)


def _pattern(match: str | None) -> Pattern | None:
    try:
        return None if match is None else Pattern(match)
    except UsageError as error:
        raise UsageError(f"--match {error}") from error
