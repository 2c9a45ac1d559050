"""``mailsponge config``: whether a configuration can be, and what all of it means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from rich.text import Text

from mailsponge import clean, daemon
from mailsponge.cli import output
from mailsponge.cli.options import DATA
from mailsponge.config import Machine
from mailsponge.config.inforce import MASK, InForce, in_force
from mailsponge.config.reference import as_toml
from mailsponge.data_place import DataPlace
from mailsponge.server.certificate import Certificate

_WIDEST: Final = 100
"""Characters of a line of prose; longer ones are hard to read."""


@click.group()
def config() -> None:
    """Check a configuration; show every setting, its value, where it comes from, and why one would change it.

    \b
    Examples:
      mailsponge config check /etc/mailsponge.toml      before the server rereads it
      mailsponge config show /etc/mailsponge.toml       what is in force, and why
      mailsponge config show > mailsponge.toml          all defaults, as a file to begin with
    """


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether a server would start with this configuration, and what is wrong if not.

    All is looked at that shows without opening a port or the mail that is kept: keys and values, and where users and
    aliases lead. Whether a port is free is not tried, for the server that has it may well be yours.

    \b
    Examples:
      mailsponge config check /etc/mailsponge.toml
      mailsponge config check /etc/mailsponge.toml && systemctl reload mailsponge
    """
    loaded = daemon.read(daemon.Wish(config=file), Machine.here())
    daemon.ways_of(loaded, daemon.rules_of(loaded).accounts)
    daemon.account_of(loaded.config)
    files = daemon.tls_files_of(loaded.config)
    if files is not None:
        Certificate(files)
    users, domains = loaded.config.users, loaded.config.domains
    click.echo(
        clean.line(
            f"{file} is good: mail for {output.counted(len(users), 'user')} "
            f"at {output.counted(len(domains), 'domain')}, kept in {loaded.config.data}"
        )
    )


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data", type=DATA, metavar="DIR|postgresql://…", help="As `serve --data` would have it. [default: none]"
)
@click.option("--json", "as_json", is_flag=True, help="A list of objects, for scripts.")
def show(file: Path | None, data: DataPlace | None, as_json: bool) -> None:
    """Show every setting: its value, where that comes from, why one would change it, and what leaving it out means.

    Without FILE, these are the defaults on this machine. What is printed is itself a configuration file that says the
    same, but for secrets, which are not shown.

    \b
    Examples:
      mailsponge config show
      mailsponge config show /etc/mailsponge.toml
      mailsponge config show /etc/mailsponge.toml --json | jq '.[] | select(.from == "file")'
    """
    machine = Machine.here()
    loaded = daemon.read(daemon.Wish(config=file, data=data), machine)
    settings = in_force(loaded, machine, ["data"] if data else [])
    if as_json:
        output.print_json([_for_scripts(setting) for setting in settings if not setting.is_table])
    else:
        _print(settings)


def _for_scripts(setting: InForce) -> dict[str, object]:
    return {
        "key": setting.key,
        "value": _plain(setting.value),
        "from": setting.origin.value,
        "place": setting.place or None,
        "why": setting.about.why if setting.about else None,
        "left_out": setting.about.left_out if setting.about else None,
    }


def _plain(value: object) -> object:
    """For JSON: numbers as numbers (bytes, seconds), all else as text or lists of it."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in int, float:
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _print(settings: Iterable[InForce]) -> None:
    room = min(output.width() or _WIDEST, _WIDEST)
    for number, setting in enumerate(settings):
        if number:
            output.print_line()
        for line in _described(setting, room):
            output.print_line(Text(clean.line(line), "dim"))
        output.print_line(_headed(setting) if setting.is_table else _assigned(setting))


def _described(setting: InForce, room: int) -> Iterator[str]:
    if setting.about is not None:
        for sentence in setting.about.why, f"Left out: {setting.about.left_out}.":
            yield from textwrap.wrap(
                sentence, room, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
            )


def _headed(setting: InForce) -> Text:
    return Text(f"[{setting.key}]", "bold cyan")


def _assigned(setting: InForce) -> Text:
    """``message_size = "50 MB"  # default``; what is not set, and what is secret, is a comment."""
    hidden = setting.value is None or setting.value == MASK
    value = "(not set)" if setting.value is None else MASK if hidden else as_toml(setting.value)
    origin = f"{setting.origin}, {setting.place}" if setting.place else setting.origin.value
    line = Text("# " if hidden else "", "dim")
    line.append(f"{setting.name} = ", "bold")
    line.append(clean.line(value))
    return line.append(clean.line(f"  # {origin}"), "green" if setting.origin != "default" else "dim")
