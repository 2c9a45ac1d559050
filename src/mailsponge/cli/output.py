"""What every command prints with: tables for people, JSON for scripts, troubles on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailsponge import clean


def print_json(value: Any) -> None:
    """Print JSON and nothing else on standard output. What could drive a terminal is escaped as JSON escapes it."""
    click.echo("\n".join(map(_harmless, json.dumps(value, ensure_ascii=False, indent=2).split("\n"))))


def _harmless(line: str) -> str:
    """A line of JSON, its unsafe characters as JSON's own escapes; all of them stand within strings."""
    if clean.line(line) == line:
        return line
    return "".join(letter if clean.line(letter) == letter else f"\\u{ord(letter):04x}" for letter in line)


def table(*headings: str) -> Table:
    """A plain table: no frames, headings in small contrast, columns as wide as they need."""
    made = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True, padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def print_table(made: Table) -> None:
    """Print a table for people; into a pipe without colours, and as wide as its lines want to be."""
    console = Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
    if not console.is_terminal:
        console.width = 100_000
    console.print(made)


def print_line(text: Text) -> None:
    """Print one line, in colours where there are any."""
    Console(highlight=False, markup=False, soft_wrap=True).print(text)


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
