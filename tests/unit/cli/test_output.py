"""Tables fit into a terminal, and lose nothing in a pipe."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from mailsponge.cli import output
from mailsponge.cli.output import Table

CONSOLE = Console(width=200)
LONG = "L" * 300
SENTENCE = "one failed run after the other, and patience is over since a while: told"


def lines(table: Table, width: int | None) -> list[str]:
    return [line.plain for line in table.lines(CONSOLE, width)]


def rows(prose: bool = False) -> Table:
    made = output.table("job", "source", "why", prose=prose)
    made.add_row("podcasts", "Søndag på P1", SENTENCE)
    made.add_row("podcasts", LONG, "")
    made.add_row("podcasts", "深夜食堂", "good")
    return made


@pytest.mark.parametrize("prose", [True, False])
def test_in_a_pipe_every_cell_is_whole_and_a_row_is_a_line(prose):
    shown = lines(rows(prose), None)

    assert len(shown) == 4
    assert SENTENCE in shown[1]
    assert shown[2].endswith(LONG)


def test_in_a_pipe_one_long_name_does_not_push_the_others_away():
    assert len(lines(rows(), None)[3]) < 70


@pytest.mark.parametrize("width", [None, 60, 80, 120, 200])
@pytest.mark.parametrize("prose", [True, False])
def test_no_line_ends_in_blanks(prose, width):
    assert [line for line in lines(rows(prose), width) if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("prose", [True, False])
def test_in_a_terminal_no_line_is_wider_than_it(prose, width):
    assert max(Text(line).cell_len for line in lines(rows(prose), width)) <= width


def test_in_a_terminal_names_are_shortened_and_columns_stay_where_they_are():
    made = output.table("source", "state")
    for name in ("x", LONG, "深夜" * 50):
        made.add_row(name, "hard")

    shown = lines(made, 60)

    assert [Text(line[: line.index("hard")]).cell_len for line in shown[1:]] == [shown[0].index("state")] * 3
    assert "…" in shown[2]


def test_prose_is_wrapped_beside_its_row_where_there_is_room():
    made = output.table("source", "why", prose=True)
    made.add_row("x", SENTENCE)

    assert lines(made, 50) == [
        "source  why",
        "x       one failed run after the other, and",
        "        patience is over since a while: told",
    ]


def test_prose_stands_below_its_row_where_there_is_none():
    made = output.table("source", "since", "last run", "why", prose=True)
    made.add_row("x" * 20, "14 Nov 22:13", "14 Nov 22:13", SENTENCE)
    made.add_row("y", "14 Nov 22:13", "14 Nov 22:13", "")

    assert lines(made, 60) == [
        "source                since         last run",
        "xxxxxxxxxxxxxxxxxxxx  14 Nov 22:13  14 Nov 22:13",
        "    one failed run after the other, and patience is over",
        "    since a while: told",
        "y                     14 Nov 22:13  14 Nov 22:13",
    ]


def test_what_json_prints_drives_no_terminal_and_reads_back(capsys):
    output.print_json({"x": "\x1b[2J\u202e\n"})

    assert capsys.readouterr().out == '{\n  "x": "\\u001b[2J\\u202e\\n"\n}\n'
