"""The command line: thin commands, one file a group, each loaded when it is called.

So ``mailsponge status`` starts quickly, and works where the post office is not installed.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from mailsponge.errors import MailspongeError


class Entry(NamedTuple):
    """Where a command is, and what it is for."""

    module: str
    attribute: str
    purpose: str


COMMANDS = {
    "run": Entry("mailsponge.cli.running", "run", "Run a command, and mail when it keeps failing."),
    "status": Entry("mailsponge.cli.standing", "status", "What fails, since when, and what was told."),
    "history": Entry("mailsponge.cli.looking", "history", "The last runs of a job, and what failed in them."),
    "show": Entry("mailsponge.cli.looking", "show", "What was logged in the run that failed last."),
    "silence": Entry("mailsponge.cli.muting", "silence", "Mail nothing about it for a while."),
    "ack": Entry("mailsponge.cli.muting", "ack", "Somebody knows: no more mails until it recovers."),
    "forget": Entry("mailsponge.cli.muting", "forget", "Forget a source that is no more, or a whole job."),
    "replay": Entry(
        "mailsponge.cli.replaying", "replay_command", "What would have been mailed under other rules."
    ),
    "check": Entry(
        "mailsponge.cli.checking", "check", "Look after jobs that died, reminders and unsent mail."
    ),
    "outbox": Entry("mailsponge.cli.outboxes", "outbox", "Mails decided on: which wait, and why."),
    "completion": Entry(
        "mailsponge.cli.completing", "completion", "Complete commands and names in your shell."
    ),
    "serve": Entry("mailsponge.cli.serve", "serve", "Run the post office: take mail, keep it, send it on."),
    "config": Entry(
        "mailsponge.cli.configuring", "config", "Check a configuration; show every setting, and why."
    ),
    "aliases": Entry("mailsponge.cli.aliasing", "aliases", "Take over the aliases of another mail server."),
    "mail": Entry("mailsponge.cli.mail", "mail", "Read the mail that the post office keeps."),
    "queue": Entry(
        "mailsponge.cli.queueing", "queue", "Mail that waits to go on: why, until when; retry, hold, delete."
    ),
    "trace": Entry("mailsponge.cli.tracing", "trace", "What happened to a mail, in order, and why."),
    "password": Entry("mailsponge.cli.passwords", "password", "Hash a password for the configuration."),
}

EXTRA_OF = {
    "apsw": "server",
    "argon2": "server",
    "msgspec": "server",
    "prometheus_client": "server",
    "rich": "cli",
}
"""What a missing module is installed with."""


class Failure(click.ClickException):
    """An error of ours, told in our words: on standard error, with status 1."""

    def show(self, file: object = None) -> None:
        """Print it."""
        click.echo(f"mailsponge: {self.message}", err=True)


class LazyCommands(MutableMapping[str, click.Command]):
    """The commands by name, each loaded when it is first asked for."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Load a command. Raises KeyError for one there is not, Failure when what it needs is not installed."""
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._entries[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._entries, *self._loaded]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _load(name: str, entry: Entry) -> click.Command:
    try:
        command: click.Command = getattr(import_module(entry.module), entry.attribute)
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get(error.name or "")
        if extra is None:
            raise
        raise Failure(f"`{name}` needs its extra: pip install 'mailsponge[{extra}]'") from error
    return command


class Group(click.Group):
    """A group in the order it was written, whose help loads nothing and whose errors are messages for a person."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what the table says of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.purpose) for name, entry in COMMANDS.items()])

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command line, or complete one that somebody is typing: quickly, and without a word that is none."""
        if not os.environ.get("_MAILSPONGE_COMPLETE"):
            return super().main(*args, **options)
        from click.shell_completion import add_completion_class

        from mailsponge.cli.completing import PROGRAM, VARIABLE, Bash

        add_completion_class(Bash)
        # Whatever is wrong, this is not the moment to say so: a command that is called says it.
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Exception):
            return super().main([], PROGRAM, VARIABLE)
        sys.exit(0)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names and options that begin like that, without loading a command."""
        names = [CompletionItem(name, help=entry.purpose) for name, entry in COMMANDS.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [item for item in names if item.value.startswith(incomplete)] + options

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what it raises on purpose is told, without a traceback."""
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
        except MailspongeError as error:
            raise Failure(str(error)) from error
        except BrokenPipeError:
            raise  # whoever read it has seen enough; click ends quietly
        except OSError as error:
            _forget_output()
            raise Failure(str(error)) from error
        return done


def _forget_output() -> None:
    """What could not be written would be tried once more as the interpreter ends, and fail with a traceback."""
    with open(os.devnull, "wb") as nowhere, contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


@click.group(
    cls=Group,
    commands=LazyCommands(COMMANDS),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="mailsponge", message="%(prog)s %(version)s")
def main() -> None:
    """One mail when something keeps failing, and a mail server a person can understand.

    \b
    mailsponge run backup -- /usr/local/bin/backup    mail me when my backup keeps failing
    mailsponge serve                                  take that mail on this machine, port 2525
    mailsponge mail list                              read it

    Each command explains itself: mailsponge COMMAND --help

    \b
    Exit statuses:
      0  it is done
      1  something could not be done; standard error says what, and what to do
      2  what was asked for cannot be
    `mailsponge run` ends with its command's own.
    """
