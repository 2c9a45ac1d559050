"""``mailsponge aliases``: what another mail server's aliases are in this one's configuration."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import BinaryIO

import click

from mailsponge import clean
from mailsponge.accounts import etc_aliases
from mailsponge.accounts.etc_aliases import Untaken
from mailsponge.cli import output
from mailsponge.config.lines import dotted
from mailsponge.config.reference import as_toml
from mailsponge.errors import UsageError


@click.group()
def aliases() -> None:
    """Take over the aliases of another mail server.

    \b
    Examples:
      mailsponge aliases import /etc/aliases                       look at what it makes of them
      mailsponge aliases import /etc/aliases >> mailsponge.toml    and keep it
      mailsponge config check mailsponge.toml                      then see whether all of them lead somewhere
    """


@aliases.command("import")
@click.argument("file", type=click.File("rb"))
def import_(file: BinaryIO) -> None:
    """Print the [aliases] of a configuration, made of a file such as /etc/aliases (- is standard input).

    Lists, nested names and addresses elsewhere are taken. What cannot be (programs, files, :include:) stands below as
    comments that say what to do instead, and the exit status is 1.

    \b
    Examples:
      mailsponge aliases import /etc/aliases
      ssh oldhost cat /etc/aliases | mailsponge aliases import -
    """
    try:
        read = etc_aliases.read(file.read().decode())
    except UnicodeDecodeError as error:
        raise UsageError(f"the file is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    click.echo("[aliases]")
    for name, targets in read.aliases.items():
        value = targets[0] if len(targets) == 1 else tuple(targets)
        click.echo(clean.line(f"{dotted((name,))} = {as_toml(value)}"))
    for untaken in read.untaken:
        click.echo()
        for line in _explained(untaken):
            click.echo(f"# {line}")
    if read.untaken:
        output.fail(f"{output.counted(len(read.untaken), 'thing')} could not be taken; comments say why")


def _explained(untaken: Untaken) -> Iterator[str]:
    """What to do instead, for people, and then what they may copy."""
    colon = ":" if untaken.user else ""
    told = clean.line(f"line {untaken.line}: {untaken.what}: {untaken.why}{colon}")
    yield from textwrap.wrap(told, 110, break_long_words=False, break_on_hyphens=False)
    if untaken.user:
        yield clean.line(f"[{dotted(('users', untaken.user))}]")
        yield clean.line(f"deliver = {as_toml(untaken.deliver)}")
