"""Every command of the sponge teaches by example."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from mailsponge.cli import main

COMMANDS = [
    *("run", "status", "history", "show", "silence", "ack", "forget", "replay", "check", "completion"),
    *("outbox", "outbox list", "outbox show", "outbox send"),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_of_every_command_has_an_example_of_it(command, option):
    result = CliRunner().invoke(main, [*command.split(), option])

    assert result.exit_code == 0
    _, examples, shown = result.output.partition("Example")
    assert examples
    assert f"mailsponge {command}" in shown


def test_every_command_of_the_outbox_is_among_those():
    outbox = main.commands["outbox"]
    assert isinstance(outbox, click.Group)

    assert {f"outbox {name}" for name in outbox.commands} == {
        name for name in COMMANDS if name.startswith("outbox ")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_is_for(command):
    found: click.Command = main
    for name in command.split():
        assert isinstance(found, click.Group)
        found = found.commands[name]

    options = [param for param in found.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_states_are_explained_where_they_are_shown():
    shown = CliRunner().invoke(main, ["status", "--help"]).output

    for state in ("ok", "soft", "hard", "recovering"):
        assert f"\n  {state} " in shown
