"""How the demo looks: a line or a few for each run, in colour where there is any, readable without."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Mapping
from typing import TextIO

MARGIN = "  "
WIDEST = 96
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
MARKS = {"ok": ("●", "green"), "soft": ("◐", "yellow"), "hard": ("✖", "red"), "unknown": ("○", "dim")}
"""How a show is doing, told apart by shape as well as by colour."""


class Screen:
    """Writes to a stream that may be a terminal or a file, and may or may not know colours."""

    def __init__(self, stream: TextIO, *, colour: bool, width: int) -> None:
        self._stream = stream
        self._colour = colour
        self._width = width

    def paint(self, text: str, *styles: str) -> str:
        """The text in these styles, or just the text."""
        if not self._colour or not styles:
            return text
        return f"\x1b[{';'.join(CODES[style] for style in styles)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """One line, as it is."""
        print(f"{MARGIN}{text}".rstrip(), file=self._stream, flush=True)

    def heading(self, text: str) -> None:
        """The beginning of a part."""
        self.line()
        self.line(self.paint(text, "bold"))
        self.line()

    def prose(self, text: str, indent: int = 0, *styles: str) -> None:
        """Text broken into lines that fit."""
        for part in textwrap.wrap(text, self._width - len(MARGIN) - indent, break_on_hyphens=False):
            self.line(" " * indent + self.paint(part, *styles))

    def item(self, label: str, indent: int, text: str) -> None:
        """Text with a label in the margin that ``indent`` leaves. The label may be painted, hence is measured."""
        first, *rest = textwrap.wrap(text, self._width - len(MARGIN) - indent, break_on_hyphens=False)
        self.line(f"{label}{' ' * (indent - columns(_plain(label)))}{first}")
        for part in rest:
            self.line(" " * indent + part)

    def command(self, text: str) -> None:
        """A command that a person could type."""
        self.line(f"{self.paint('$', 'cyan')} {self.paint(text, 'bold')}")

    def quote(self, text: str) -> None:
        """Something that is shown as it is, with a bar beside it. Long lines are the terminal's business."""
        for part in text.rstrip("\n").splitlines():
            self.line(f"{self.paint('│', 'cyan')} {part}")

    def marks(self, states: list[str]) -> str:
        """A row of marks, one a show."""
        return " ".join(self.paint(*MARKS.get(state, MARKS["unknown"])) for state in states)


def screen(stream: TextIO = sys.stdout, environ: Mapping[str, str] = os.environ) -> Screen:
    """The screen for this stream: colours on a terminal, unless NO_COLOR or a dumb one says otherwise."""
    colour = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    width = min(shutil.get_terminal_size((WIDEST, 0)).columns, WIDEST) if stream.isatty() else WIDEST
    return Screen(stream, colour=colour, width=max(width, 40))


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text
    )


def padded(text: str, width: int) -> str:
    """The text, filled up with spaces to so many columns."""
    return text + " " * (width - columns(text))
