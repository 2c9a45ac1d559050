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

from mailsponge.sponge.model import level_name

_ALWAYS_THERE: Final = frozenset(
    {"asctime", "created", "levelname", "levelno", "message", "msecs", "name", "source"}
)
"""What every line of the journal tells already."""

_NEVER_KEPT: Final = frozenset({"msg", "args", "exc_info", "exc_text", "stack_info"})
"""What the journal keeps in another form, or what is gone when the program is."""

_FIELDS: Final = {
    "%": re.compile(r"%\(([^)]*)\)"),
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
    needs = set(_FIELDS[style].findall(fmt)) - _ALWAYS_THERE
    return None if needs & _NEVER_KEPT else Layout(fmt, formatter.datefmt, style, tuple(sorted(needs)))


def keeps(layout: Layout, record: logging.LogRecord) -> bool:
    """Whether the journal can keep what the layout wants of this record, so that it looks the same later.

    What JSON turns into something else does not keep, nor does a level's name that only this process knows.
    """
    fields = record.__dict__
    return record.levelname == level_name(record.levelno) and all(
        type(fields.get(name)) in _KEPT for name in layout.needs
    )


_KEPT: Final = frozenset({str, int, float, bool, type(None)})


_STYLES: Final = {"%": logging.PercentStyle, "{": logging.StrFormatStyle, "$": logging.StringTemplateStyle}


def _is_untouched(formatter: logging.Formatter) -> bool:
    """Whether it is what its class made it: no converter, defaults or methods of its own."""
    own = set(vars(formatter)) - {"_style", "_fmt", "datefmt"}
    defaults = getattr(formatter._style, "_defaults", None)
    return not own and not defaults and _times_of_the_class() == _TIMES


def _times_of_the_class() -> tuple[object, ...]:
    """How formatters write a time unless told otherwise; some programs change that for all of them."""
    kind = logging.Formatter
    return kind.converter, kind.default_time_format, kind.default_msec_format


_TIMES: Final = (time.localtime, "%Y-%m-%d %H:%M:%S", "%s,%03d")


class Typesetter:
    """Formats the records of one journal by the layouts it describes."""

    def __init__(self) -> None:
        self._formatters: dict[int, _Formatter] = {}

    def learn(self, line: dict[str, Any]) -> None:
        """Take a layout line."""
        style = line.get("style", "%")
        if style in _STYLES:
            self._formatters[line["i"]] = _Formatter(
                line.get("fmt"), line.get("datefmt"), style, validate=False
            )

    def text(self, line: dict[str, Any]) -> str:
        """The text of a record's line: laid out if its handler had a formatter, else the message."""
        if "x" in line:
            return str(line["x"])
        formatter = self._formatters.get(line.get("y", 0))
        if formatter is None:
            return str(line.get("m", ""))
        try:
            return formatter.text(line)
        except Exception:  # noqa: BLE001 - a layout is anybody's text, and may ask for what the record did not have
            # The message itself is what must not be lost.
            return str(line.get("m", ""))


class _Formatter(logging.Formatter):
    """Formats lines of a journal as logging formats records, whose tracebacks are elsewhere."""

    def __init__(self, fmt: str | None, datefmt: str | None, style: Any, validate: bool) -> None:
        super().__init__(fmt, datefmt, style, validate=validate)
        self._says_when = self.usesTime()
        self._record = logging.LogRecord("", 0, "", 0, "", (), None)
        attributes = self._record.__dict__.items()
        self._attributes = {name: value for name, value in attributes if name in (self._fmt or "")}
        self._second, self._time = -1, ""

    def text(self, line: dict[str, Any]) -> str:
        """The text of a record's line."""
        get = line.get
        created, level, message = float(get("t", 0)), get("l", 0), str(get("m", ""))
        self._record.__dict__ = fields = {
            **self._attributes,
            **get("a", {}),
            "created": created,
            "msecs": float(int((created - int(created)) * 1000)),
            "source": get("s", ""),
            "name": get("n", ""),
            "levelno": level,
            "levelname": level_name(level),
            "msg": message,
            "message": message,
        }
        if self._says_when:
            fields["asctime"] = self.formatTime(self._record, self.datefmt)
        return self._style.format(self._record)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """As logging does it, but what stays the same is worked out once a second."""
        second = int(record.created)
        if second != self._second:
            self._time = time.strftime(datefmt or self.default_time_format, self.converter(second))
            self._second = second
        if datefmt or not self.default_msec_format:
            return self._time
        return self.default_msec_format % (self._time, record.msecs)
