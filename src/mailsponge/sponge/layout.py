"""How a record's text looks, decided while logging and worked out when folding.

Formatting costs more than writing, and most records are never read. So a record's fields go into the journal, and the
user's formatter is described there once; the text is made when the journal is folded. That is only right for a plain
``logging.Formatter``: any other may look at things that are gone by then, so it formats at once.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any, Final, NamedTuple

_ALWAYS_THERE: Final = frozenset(
    {"asctime", "created", "levelname", "levelno", "message", "msecs", "name", "source"}
)
"""What every line of the journal tells already."""

_FIELDS: Final = {
    "%": re.compile(r"%\((\w+)\)"),
    "{": re.compile(r"\{(\w+)"),
    "$": re.compile(r"\$\{?(\w+)"),
}


class Layout(NamedTuple):
    """A plain formatter, described: enough to format later what it would have formatted now."""

    fmt: str
    datefmt: str | None
    style: str
    needs: tuple[str, ...]
    """The attributes of the record that the line must carry besides those that it always does."""


def is_chosen(formatter: logging.Formatter | None) -> bool:
    """Whether somebody chose the formatter: ``basicConfig`` puts its own into every handler that has none."""
    return formatter is not None and not (
        type(formatter) is logging.Formatter
        and formatter._fmt == logging.BASIC_FORMAT
        and not formatter.datefmt
    )


def describe(formatter: logging.Formatter | None) -> Layout | None:
    """Describe a formatter; None if it must format at once, or if there is none."""
    if type(formatter) is not logging.Formatter or not _is_untouched(formatter):
        return None
    style = next((sign for sign, kind in _STYLES.items() if type(formatter._style) is kind), None)
    fmt = formatter._fmt
    if style is None or fmt is None:
        return None
    needs = tuple(sorted(set(_FIELDS[style].findall(fmt)) - _ALWAYS_THERE))
    return Layout(fmt, formatter.datefmt, style, needs)


_STYLES: Final = {"%": logging.PercentStyle, "{": logging.StrFormatStyle, "$": logging.StringTemplateStyle}


def _is_untouched(formatter: logging.Formatter) -> bool:
    """Whether it is what its class made it: no converter, defaults or methods of its own."""
    own = set(vars(formatter)) - {"_style", "_fmt", "datefmt"}
    defaults = getattr(formatter._style, "_defaults", None)
    return not own and not defaults and logging.Formatter.converter is time.localtime


class Typesetter:
    """Formats the records of one journal by the layouts it describes."""

    def __init__(self) -> None:
        self._formatters: dict[int, logging.Formatter] = {}

    def learn(self, line: dict[str, Any]) -> None:
        """Take a layout line."""
        style = line.get("style", "%")
        if style in _STYLES:
            self._formatters[line["i"]] = logging.Formatter(line.get("fmt"), line.get("datefmt"), style)

    def text(self, line: dict[str, Any]) -> str:
        """The text of a record's line: laid out if its handler had a formatter, else the message."""
        if "x" in line:
            return str(line["x"])
        formatter = self._formatters.get(line.get("y", 0))
        if formatter is None:
            return str(line.get("m", ""))
        return self._format(formatter, line)

    def _format(self, formatter: logging.Formatter, line: dict[str, Any]) -> str:
        created = float(line.get("t", 0))
        record = logging.makeLogRecord(
            {
                **line.get("a", {}),
                "created": created,
                "msecs": (created - int(created)) * 1000,
                "name": line.get("n", ""),
                "levelno": line.get("l", 0),
                "levelname": logging.getLevelName(line.get("l", 0)),
                "msg": line.get("m", ""),
                "source": line.get("s", ""),
            }
        )
        try:
            return formatter.format(record)
        except (KeyError, ValueError, TypeError, IndexError):
            # The layout names what the record did not have: the message itself is what must not be lost.
            return str(line.get("m", ""))
