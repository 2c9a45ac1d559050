"""Lines taken apart by a pattern: what it finds counts, and what it does not find stays as it is."""

from __future__ import annotations

import logging

import pytest

from mailsponge.errors import UsageError
from mailsponge.sponge.lines import Lines, Parts, Pattern

ALL = Pattern(r"^(?P<level>\w+) \[(?P<source>[^]]*)\] (?P<message>.*)")


def test_the_groups_are_what_the_line_says():
    assert ALL.parts("ERROR [nas1] disk full") == Parts("disk full", 40, "nas1")


@pytest.mark.parametrize("line", ["", "no such line", "ERROR nas1 disk full", "[nas1]"])
def test_a_line_that_does_not_match_stays_as_it_is(line):
    assert ALL.parts(line) == Parts(line)


def test_a_pattern_may_match_anywhere_in_the_line():
    assert Pattern("(?P<level>FATAL|WARN)").parts("12:00 WARN low") == Parts("12:00 WARN low", 30)


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("(?P<source>nas[0-9])?: ", ": full", Parts(": full")),
        ("(?P<source>nas[0-9])?: ", "nas1: full", Parts("nas1: full", None, "nas1")),
        ("(?:(?P<level>E)|(?P<message>.+))", "plain", Parts("plain")),
        (r"\[(?P<source>\s*)\](?P<message>.*)", "[ ]x", Parts("x")),
        (r"\[(?P<source>.*)\](?P<message>.*)", "[a]", Parts("[a]", None, "a")),
        ("(?P<source>.)(?P<other>.)", "ab", Parts("ab", None, "a")),
    ],
)
def test_a_group_that_took_no_part_or_is_empty_changes_nothing(text, line, parts):
    assert Pattern(text).parts(line) == parts


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("DEBUG", 10),
        ("info", 20),
        ("Warning", 30),
        ("warn", 30),
        ("err", 40),
        ("Critical", 50),
        ("fatal", 50),
        ("emerg", 50),
        ("notice", 20),
        ("40", 40),
        ("35", 35),
        ("5", 5),
        ("1", 1),
        ("0", None),
        ("5000", None),
        ("99999", None),
        ("LOUD", None),
        ("NOTSET", None),
        ("²", None),
    ],
)
def test_levels_are_names_in_any_case_and_numbers(name, level):
    assert ALL.parts(f"{name} [x] text").level == level


def test_a_line_longer_than_what_is_looked_at_loses_nothing():
    line = "ERROR [nas1] " + "x" * 10_000 + "end"

    assert ALL.parts(line) == Parts("x" * 10_000 + "end", 40, "nas1")


def test_a_pattern_that_tries_many_ways_is_tried_on_the_beginning_of_a_line():
    """On all of a long line, one of this kind would not end for minutes."""
    slow = Pattern("(?P<message>x*x*)y")

    line = "x" * 500 + " " * 1_000_000

    assert slow.parts(line) == Parts(line)


@pytest.mark.parametrize(
    "text", ["(", "(?P<level>", "*", "(?P<1>x)", "[z-a](?P<level>x)", "(?P<level>x){9999999999}"]
)
def test_what_is_no_regular_expression_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="is no regular expression") as refused:
        Pattern(text)

    assert "(?P<source>…), (?P<level>…) and (?P<message>…)" in str(refused.value)


@pytest.mark.parametrize("text", ["", ".*", "(x)", "(?P<lvl>x)", "(?P<LEVEL>x)"])
def test_one_without_any_of_the_groups_is_refused(text):
    with pytest.raises(UsageError, match="none of the groups source, level and message"):
        Pattern(text)


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, str | None, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append((record.levelno, record.__dict__.get("source"), record.getMessage()))


def test_lines_become_records_with_their_level_and_source():
    log, kept = logging.Logger("command", 1), Kept()
    log.addHandler(kept)
    lines = Lines(log, logging.WARNING, ALL)
    lines.take(b"ERROR [nas1] disk full\nplain\nLOUD [nas2] x\n5 [] trace\nERROR [S\xc3\xb8")
    lines.take(b"ndag\xff] %s\n")

    assert kept.kept == [
        (40, "nas1", "disk full"),
        (30, None, "plain"),
        (30, "nas2", "x"),
        (5, None, "trace"),
        (40, "Søndag\\xff", "%s"),
    ]
