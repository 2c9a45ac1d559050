"""The reference is complete: a command, an option or a variable that nobody wrote down fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mailsponge.cli import main

HOME = Path(__file__).resolve().parents[2]
REFERENCE = "\n".join(page.read_text("utf-8") for page in sorted((HOME / "docs/reference").rglob("*.md")))
SECTIONS = re.split(r"(?m)^(?=#{1,6} )", REFERENCE)


def commands(command: click.Command, name: str = "mailsponge") -> Iterator[tuple[str, click.Command]]:
    """Every command a person can type, groups included."""
    yield name, command
    if isinstance(command, click.Group):
        for part, child in command.commands.items():
            yield from commands(child, f"{name} {part}")


def options(command: click.Command) -> list[str]:
    """The long name of each option, but for --help and --version, which need no reference."""
    return [
        max(parameter.opts, key=len)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.is_eager
    ]


def mentions(text: str, words: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(words)}(?![\w-])", text) is not None


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference(name):
    assert mentions(REFERENCE, name)


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, command in COMMANDS.items() for option in options(command)]
)
def test_every_option_is_in_the_reference_beside_its_command(name, option):
    about = "\n".join(section for section in SECTIONS if mentions(section, name))

    assert mentions(about, option)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_in_its_help(name):
    assert len((COMMANDS[name].help or "").split()) >= 5


def test_every_environment_variable_is_in_the_reference():
    source = "\n".join(path.read_text("utf-8") for path in (HOME / "src").rglob("*.py"))
    known = set(re.findall(r"\bMAILSPONGE_[A-Z]+(?:_[A-Z]+)*\b", source))

    assert {name for name in known if not mentions(REFERENCE, name)} == set()
