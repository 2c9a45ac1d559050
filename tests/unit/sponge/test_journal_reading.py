"""Reading a journal back: every line comes, in order; what is damaged comes too, as what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailsponge.sponge.journal import block_entered, block_left, line, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "owner.jsonl"


def test_lines_come_back_in_order(path):
    path.write_bytes(line(m="one") + line(m="two"))

    assert list(read(path)) == [{"m": "one"}, {"m": "two"}]


@pytest.mark.parametrize(
    "text",
    [
        "Søndag på P1",
        "日本語",
        "a\nb\r\nc",
        '"quoted" \\',
        "\x00\x1b[31m",
        "\ud800 alone",
        "\u2028\u2029\x85",
        "🧽",
    ],
)
def test_no_text_breaks_out_of_its_line(path, text):
    path.write_bytes(line(s=text) + block_entered(text, 1.5) + block_left(text, 2.5, text))

    assert [fields["s"] for fields in read(path)] == [text, text, text]
    assert path.read_bytes().isascii()
    assert path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize(
    "damage", [b"{", b"[1, 2", b"5, 6", b'"text"', b"null", b"\xff\xfe", b'{"a":1}{"b":2}', b"\x00" * 40]
)
def test_a_damaged_line_comes_as_it_is_and_those_around_it_are_unharmed(path, damage):
    path.write_bytes(line(m="before") + damage + b"\n" + line(m="after"))

    before, damaged, after = read(path)

    assert (before, after) == ({"m": "before"}, {"m": "after"})
    assert damaged == {"k": "damaged", "raw": damage.decode("utf-8", "backslashreplace")}


def test_records_come_as_lists(path):
    path.write_bytes(b'[1.5,20,"feeds","HTTP 404","x",0]\n' + line(m="one"))

    assert list(read(path)) == [[1.5, 20, "feeds", "HTTP 404", "x", 0], {"m": "one"}]


@pytest.mark.parametrize("moment", [b"nan", b"-inf"])
def test_a_record_of_no_moment_is_no_damage(path, moment):
    path.write_bytes(b'[%b,20,"feeds","HTTP 404","x",0]\n{"t":%b,"m":"one"}\n' % (moment, moment))

    assert list(read(path)) == [[-1, 20, "feeds", "HTTP 404", "x", 0], {"t": -1, "m": "one"}]


def test_a_last_line_without_its_end_is_damaged_or_whole(path):
    path.write_bytes(b'{"m":"whole"}\n{"m":"who')
    assert [fields.get("k") for fields in read(path)] == [None, "damaged"]

    path.write_bytes(b'{"m":"whole"}')
    assert list(read(path)) == [{"m": "whole"}]


def test_empty_lines_are_passed_over(path):
    path.write_bytes(b"\n\n" + line(m="one") + b"  \n")

    assert list(read(path)) == [{"m": "one"}]


def test_brackets_without_end_are_damage_and_not_a_crash(path):
    """Deep nesting makes json give up with an error of its own."""
    path.write_bytes(b'{"a":' * 100_000 + b"\n" + line(m="after"))

    assert [fields.get("k") for fields in read(path)] == ["damaged", None]


def test_a_number_too_long_to_read_is_damage_and_not_a_crash(path):
    path.write_bytes(b'{"t":' + b"9" * 5000 + b"}\n" + line(m="after"))

    assert [fields.get("k") for fields in read(path)] == ["damaged", None]


def test_what_is_no_json_in_a_line_is_kept_as_text(path):
    path.write_bytes(line(path=Path("/tmp"), when={1}))

    assert json.loads(path.read_bytes()) == {"path": "/tmp", "when": "{1}"}
