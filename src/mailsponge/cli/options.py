"""Options that several commands of the post office share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def where_mail_is(command: Command) -> Command:
    """Add ``--data`` and ``--config``, as interface.md has them for every command of the post office."""
    data = click.option(
        "--data",
        type=click.Path(path_type=Path),
        help="Where mail is kept. [default: the configuration's, $MAILSPONGE_DATA, or ~/.local/share/mailsponge]",
    )
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="The server's configuration file (TOML). [default: none]",
    )
    return data(config(command))
