"""What every command prints with: tables for people, JSON for scripts, troubles on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

import click
from rich.console import Console
from rich.text import Text

from mailsponge import clean

_GAP: Final = 2
"""Blanks between columns."""
_MOST_PADDED: Final = 40
"""Characters to which a column is padded in a pipe; one long name is not to push every row apart."""
_LEAST_PROSE: Final = 30
"""Characters that a column of prose needs in a terminal; with less, it stands below its row."""
_GOOD_PROSE: Final = 60
"""Characters that it gets if names can be shortened for it."""
_LEAST_CELL: Final = 8
_READABLE: Final = 32
"""Characters that a name keeps while prose is made room for beside it."""


def print_json(value: Any) -> None:
    """Print JSON and nothing else on standard output. What could drive a terminal is escaped as JSON escapes it."""
    click.echo("\n".join(map(_harmless, json.dumps(value, ensure_ascii=False, indent=2).split("\n"))))


def _harmless(line: str) -> str:
    """A line of JSON, its unsafe characters as JSON's own escapes; all of them stand within strings."""
    if clean.line(line) == line:
        return line
    return "".join(letter if clean.line(letter) == letter else f"\\u{ord(letter):04x}" for letter in line)


class Table:
    """Rows under headings, without frames.

    In a terminal it fits into the terminal's width: names are shortened, and prose, if the last column is that, is
    wrapped or stands below its row. Into a pipe every cell goes whole, and a row is a line.
    """

    def __init__(self, headings: Sequence[str], prose: bool) -> None:
        self._headings = [Text(heading, style="bold") for heading in headings]
        self._prose = prose
        self._rows: list[list[Text]] = []

    def add_row(self, *cells: str | Text, style: str = "") -> None:
        """Add a row. What came from elsewhere has to be cleaned before."""
        row = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        for cell in row:
            cell.stylize_before(style)
        self._rows.append(row)

    def lines(self, console: Console, width: int | None) -> Iterator[Text]:
        """The lines of the table; width None: however long they are."""
        rows = [self._headings, *self._rows]
        widths = [max(row[column].cell_len for row in rows) for column in range(len(self._headings))]
        if width is None:
            for row in rows:
                yield _joined(row, [min(each, _MOST_PADDED) for each in widths])
        elif self._prose:
            yield from _with_prose(console, rows, widths, width)
        else:
            fitting = _shrunk(widths, width - _GAP * (len(widths) - 1), _LEAST_CELL)
            for row in rows:
                yield _joined(row, fitting, shorten=True)


def _with_prose(console: Console, rows: list[list[Text]], widths: list[int], width: int) -> Iterator[Text]:
    *columns, longest = widths
    gaps = _GAP * len(columns)
    beside = _shrunk(columns, width - gaps - min(longest, _GOOD_PROSE), _READABLE)
    room = width - gaps - sum(beside)
    if room >= min(longest, _LEAST_PROSE):
        for row in rows:
            yield from _beside(console, row, beside, room)
        return
    fitting = _shrunk(columns, width - gaps + _GAP, _LEAST_CELL)
    for number, (*row, prose) in enumerate(rows):
        yield _joined(row, fitting, shorten=True)
        if number and prose.plain:
            prose.stylize_before("dim")
            for line in _wrapped(console, prose, max(width - 4, _LEAST_CELL)):
                yield Text("    ") + line


def _beside(console: Console, row: list[Text], widths: list[int], room: int) -> Iterator[Text]:
    *cells, prose = row
    lines = _wrapped(console, prose, room) or [Text()]
    yield _joined([*cells, lines[0]], [*widths, room], shorten=True)
    for line in lines[1:]:
        yield Text(" " * (sum(widths) + _GAP * len(widths))) + line


def _wrapped(console: Console, prose: Text, room: int) -> list[Text]:
    lines = list(prose.wrap(console, room))
    for line in lines:
        line.rstrip()
    return lines


def _joined(cells: Sequence[Text], widths: Sequence[int], shorten: bool = False) -> Text:
    """A row as a line, without blanks at its end."""
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        shown = cell.copy()
        if shorten:
            shown.truncate(width, overflow="ellipsis")
        line.append_text(shown)
        line.append(" " * (width - shown.cell_len + _GAP if shown.cell_len <= width else _GAP))
    line.rstrip()
    return line


def _shrunk(widths: Sequence[int], room: int, least: int) -> list[int]:
    """Widths that fit into the room, the widest made smaller first; none below the least, whatever the room is."""
    found = list(widths)
    while sum(found) > room and max(found) > least:
        found[found.index(max(found))] -= 1
    return found


def table(*headings: str, prose: bool = False) -> Table:
    """A table. Prose: its last column holds sentences."""
    return Table(headings, prose)


def print_table(made: Table) -> None:
    """Print a table for people; into a pipe without colours, and as wide as its lines want to be."""
    console = _console()
    for line in made.lines(console, width()):
        console.print(line)


def print_line(text: Text | str = "", wrap: bool = False) -> None:
    """Print one line, in colours where there are any; wrapped between words in a terminal, if it is a sentence."""
    _console().print(text, soft_wrap=not (wrap and is_terminal()))


def width() -> int | None:
    """How wide the terminal is; None if standard output is none."""
    return _console().width if is_terminal() else None


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def note(text: str) -> None:
    """Say something to the person on standard error; it is no result."""
    click.echo(clean.line(text), err=True)


def error(text: str) -> None:
    """Say on standard error what went wrong; the command goes on."""
    click.echo(f"mailsponge: {clean.line(text)}", err=True)


def fail(text: str) -> NoReturn:
    """Say what is wrong and what to do, and end with status 1."""
    error(text)
    sys.exit(1)


def counted(number: int, what: str) -> str:
    """``1 mail``, ``23 mails``."""
    return f"{number} {what}{'' if number == 1 else 's'}"
