"""``mailsponge completion``: the script with which a shell completes commands, options, and the names of jobs.

Completing is done while somebody types: it is quick, it never fails, and it says nothing but names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final

import click
from click.shell_completion import BashComplete, CompletionItem, get_completion_class

from mailsponge import clean
from mailsponge.errors import UsageError
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.opening import read_ledger
from mailsponge.sponge.model import JOB_ITSELF
from mailsponge.sponge.places import JobPlace, job_place, job_places, state_database, state_directory

PROGRAM: Final = "mailsponge"
VARIABLE: Final = "_MAILSPONGE_COMPLETE"
SHELLS: Final = ("bash", "zsh", "fish")

_SECONDS: Final = 0.3
"""How long a ledger that somebody else is writing is waited for."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options, jobs and sources in your shell.

    \b
    Examples, for the shell you are in:
      source <(mailsponge completion bash)
      source <(mailsponge completion zsh)
      mailsponge completion fish | source

    \b
    For good:
      mailsponge completion bash > ~/.local/share/bash-completion/completions/mailsponge
      mailsponge completion zsh > ~/.zfunc/_mailsponge     (and fpath+=~/.zfunc before compinit in ~/.zshrc)
      mailsponge completion fish > ~/.config/fish/completions/mailsponge.fish

    The names of jobs and sources are those in the state directory. Where the ledger is a database, there are none to be
    had quickly enough.
    """
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is None:
        raise UsageError(f"this click knows nothing of {shell}: pip install -U click")
    click.echo(kind(root, {}, PROGRAM, VARIABLE).source())


class Bash(BashComplete):
    """Completion for bash, which puts what it is given into the line as it is: so names come quoted."""

    name = "bash"

    def format_completion(self, item: CompletionItem[str]) -> str:
        """One line for the script, which reads it without ``-r``: each backslash has to be there twice."""
        return f"{item.type},{_escaped(item.value) if item.type == 'plain' else item.value}"


_PLAIN: Final = frozenset("-_./:=,+@%")


def _escaped(value: str) -> str:
    """The value with a backslash before what means something to a shell, unless it is typed within quotes."""
    words, number = os.environ.get("COMP_WORDS", "").split("\n"), os.environ.get("COMP_CWORD", "")
    current = words[int(number)] if number.isdecimal() and int(number) < len(words) else ""
    if current[:1] not in ("'", '"'):
        value = "".join(c if c.isalnum() or c in _PLAIN else f"\\{c}" for c in value)
    return value.replace("\\", "\\\\")


def complete_job(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The jobs whose names begin like that."""
    return _items(lambda: [place.name for place in _jobs(context)], typed)


def complete_source(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The sources of the job that was typed whose names begin like that."""
    return _items(lambda: _of_ledger(context, _sources), typed)


def complete_mail(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The IDs of mails that are in some outbox."""

    def ids() -> Iterable[str]:
        for place in _jobs(context):
            yield from _of_place(place, _ids)

    return _items(ids, typed)


def _items(names: Callable[[], Iterable[str]], typed: str) -> list[CompletionItem]:
    try:
        found = sorted({name for name in names() if name.startswith(typed) and clean.line(name) == name})
    except Exception:  # noqa: BLE001 - somebody is typing: whatever is wrong, this is not the moment to say so
        return []
    return [CompletionItem(name) for name in found]


def _jobs(context: click.Context) -> Iterable[JobPlace]:
    given = context.params.get("state") or defaults().state
    if state_database(given, os.environ):
        return []
    return job_places(state_directory(given, os.environ))


def _of_ledger(context: click.Context, read: Callable[[Ledger], Iterable[str]]) -> Iterable[str]:
    given = context.params.get("state") or defaults().state
    if state_database(given, os.environ):
        return []
    return _of_place(job_place(state_directory(given, os.environ), context.params["job"]), read)


def _of_place(place: JobPlace, read: Callable[[Ledger], Iterable[str]]) -> list[str]:
    ledger = read_ledger(place, lambda: _SECONDS)
    if ledger is None:
        return []
    with closing(ledger), ledger.transaction():
        return list(read(ledger))


def _sources(ledger: Ledger) -> Iterable[str]:
    return (standing.source for standing in ledger.standings() if standing.source != JOB_ITSELF)


def _ids(ledger: Ledger) -> Iterable[str]:
    return (mail.id for mail in ledger.mails())
