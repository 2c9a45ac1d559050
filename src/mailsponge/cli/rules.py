"""Options that say by which rules a failure matters: ``run`` decides by them, and ``replay`` decides anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def with_rules(command: Command) -> Command:
    """Add ``--patience``, ``--digest``, ``--recover-after`` and ``--expect``."""
    for option in reversed(
        (
            click.option(
                "--patience",
                metavar="P",
                multiple=True,
                callback=_read,
                help='When failing matters: "3 runs", "2 of 5 runs", "6 hours", "now" or "never", joined by "and" and '
                '"or". LEVEL=P holds for one level, and may be given for several. [default: ERROR="3 runs" '
                "CRITICAL=now]",
            ),
            click.option(
                "--digest",
                metavar="D",
                help='When everything that was logged is mailed, failures or not: "20 records", "20 ERROR records", '
                '"1 day". [default: never]',
            ),
            click.option(
                "--recover-after",
                metavar="N",
                type=click.IntRange(1),
                help="How many good runs in a row make it well again. [default: 1]",
            ),
            click.option(
                "--expect",
                metavar="D",
                help='How often it should run: "1 day". `mailsponge check` tells when it is overdue. [default: nobody '
                "waits for it]",
            ),
        )
    ):
        command = option(command)
    return command


def _read(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> str | dict[str, str] | None:
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


def given_only(**values: Any) -> dict[str, Any]:
    """Those that were given: what is None is as it would be without."""
    return {name: value for name, value in values.items() if value is not None}
