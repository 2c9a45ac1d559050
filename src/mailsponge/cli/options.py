"""Options that several commands of the post office share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mailsponge.data_place import DataPlace

Command = TypeVar("Command", bound=Callable[..., Any])


class DataType(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic from click 8.5 on
    """Where mail is kept."""

    name = "data"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> DataPlace:
        """Read it, or say what it is."""
        if isinstance(value, DataPlace):
            return value
        try:
            return DataPlace.parse(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


DATA = DataType()


def where_mail_is(command: Command) -> Command:
    """Add ``--data`` and ``--config``, as interface.md has them for every command of the post office."""
    data = click.option(
        "--data",
        type=DATA,
        metavar="DIR|postgresql://…",
        help="Where mail is kept. [default: the configuration's, $MAILSPONGE_DATA, or ~/.local/share/mailsponge]",
    )
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="The server's configuration file (TOML). [default: none]",
    )
    return data(config(command))
