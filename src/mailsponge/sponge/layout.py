"""How a record's text looks, decided while logging and worked out when folding.

Formatting costs more than writing, and most records are never read. So a record's fields go into the journal, and the
user's formatter is described there once; the text is made when the journal is folded. That is only right for a plain
``logging.Formatter``: any other may look at things that are gone by then, so it formats at once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
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
    """Formats the records of one journal by the layouts it describes.

    Args:
        is_harmless: whether what a layout puts around a message makes a secret of nothing in it. If so, it is enough to
            look for secrets in the message.
    """

    def __init__(self, is_harmless: Callable[[str], bool]) -> None:
        self._is_harmless = is_harmless
        self._formatters: dict[int, _Formatter] = {}
        self.quick: dict[int, Setter] = {}
        """What sets a record by a layout that asks for nothing unusual, and is harmless."""

    def learn(self, line: dict[str, Any]) -> None:
        """Take a layout line."""
        style, number, fmt, datefmt = line.get("style", "%"), line["i"], line.get("fmt"), line.get("datefmt")
        if style not in _STYLES:
            return
        self._formatters[number] = _Formatter(fmt, datefmt, style, validate=False)
        setter = quick_setter(fmt, datefmt) if style == "%" and isinstance(fmt, str) else None
        if setter is not None and self._is_harmless(_CONVERSION.sub(" ", fmt or "")):
            self.quick[number] = setter

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


Setter = Callable[[float, int, str, str, str], str]
"""Sets a record: its time, level, logger, message and source."""

_CONVERSION: Final = re.compile(r"%(?:%|\(\w+\)[#0 +-]*\d*(?:\.\d+)?[a-zA-Z])")
_STAYS: Final = re.compile(
    r"(?:[^%]|%%|%\((?:second|levelname|name|source)\)-?\d*(?:\.\d+)?s|%\(levelno\)(?:-?\d*d|s))*"
)
"""What is the same for all that a source logs through one logger, at one level, within a second."""

_MOST_KNOWN: Final = 1000
"""Of such surroundings."""


def quick_setter(fmt: str, datefmt: str | None) -> Setter | None:
    """What sets records as a ``logging.Formatter(fmt, datefmt)`` does; None if more changes from one to the next than
    the message and, before it, the milliseconds.

    A tenth of the time: logging makes an object and two dicts a record, and looks up every name.
    """
    fmt = (
        fmt.replace("%(asctime)", "%(second)") if datefmt
        else fmt.replace("%(asctime)s", "%(second)s,%(msecs)03d")
    )  # fmt: skip
    before, milliseconds, behind = fmt.rpartition("%(msecs)03d")
    between, message, after = behind.partition("%(message)s")
    forms = (before, between, after)
    if not message or not all(map(_STAYS.fullmatch, forms)):
        return None
    thousandths = tuple(f"{number:03d}" if milliseconds else "" for number in range(1001))
    known: dict[tuple[int, str, str], tuple[str, ...]] = {}
    second = -2

    def surroundings(level: int, logger: str, source: str) -> tuple[str, ...]:
        values = {
            "second": time.strftime(datefmt or logging.Formatter.default_time_format, time.localtime(second)),
            "levelname": level_name(level),
            "levelno": level,
            "name": logger,
            "source": source,
        }
        if len(known) > _MOST_KNOWN:
            known.clear()
        around = known[level, logger, source] = tuple(form % values for form in forms)
        return around

    def set_record(created: float, level: int, logger: str, message: str, source: str) -> str:
        nonlocal second
        if not second <= created < second + 1:
            second = int(created)
            known.clear()
        before, between, after = known.get((level, logger, source)) or surroundings(level, logger, source)
        return f"{before}{thousandths[int((created - second) * 1000)]}{between}{message}{after}"

    return set_record


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
