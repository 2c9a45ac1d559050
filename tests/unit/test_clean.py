"""Text from somewhere else can drive no terminal, end no header and say nothing it does not say."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge import clean

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

any_text = st.text(st.characters(), max_size=80)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Søndag på P1 日本 😀", "Søndag på P1 日本 😀"),
        ("a\nb", "a\\nb"),
        ("a\r\nb", "a\\r\\nb"),
        ("a\tb", "a\\tb"),
        ("a\0b", "a\\x00b"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x7f\x80\x9b\x9f", "\\x7f\\x80\\x9b\\x9f"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("a\udcffb\ud800", "a\\udcffb\\ud800"),
        ("\ufeffx", "\\ufeffx"),
        ("a\\nb", "a\\nb"),
        ("caffe\u0301", "caffe\u0301"),
        ("", ""),
    ],
)
def test_a_line_shows_what_it_may_not_do(text, shown):
    assert clean.line(text) == shown


@pytest.mark.parametrize("mark", BIDI)
def test_marks_that_turn_the_direction_of_writing_are_shown(mark):
    assert clean.line(f"a{mark}b") == clean.block(f"a{mark}b") == f"a\\u{ord(mark):04x}b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\\rb"),
        ("a\r", "a\\r"),
        ("a\r\r\nb", "a\\r\nb"),
        ("a\n\rb", "a\n\\rb"),
        ("a\x0bb\x0cc\x85d\u2028e", "a\\x0bb\\x0cc\\x85d\\u2028e"),
        ("\x1b[31mred\x1b[0m\n\0", "\\x1b[31mred\\x1b[0m\n\\x00"),
        ("a\udcffb", "a\\udcffb"),
    ],
)
def test_a_block_keeps_newlines_and_tabs_alone(text, shown):
    assert clean.block(text) == shown


@settings(deadline=None)
@given(any_text)
def test_a_line_is_one_line_whatever_it_was(text):
    made = clean.line(text)

    assert len(made.splitlines()) <= 1
    assert {unicodedata.category(c) for c in made} & {"Cc", "Cs", "Zl", "Zp"} == set()


@settings(deadline=None)
@given(any_text)
def test_a_block_holds_no_other_control_than_newline_and_tab(text):
    made = clean.block(text)

    assert {c for c in made if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")} <= {"\n", "\t"}
    assert made.splitlines() == made.removesuffix("\n").split("\n") or not made


@settings(deadline=None)
@given(any_text)
def test_what_is_clean_stays_as_it_is(text):
    assert clean.line(clean.line(text)) == clean.line(text)
    assert clean.block(clean.block(text)) == clean.block(text)
    assert clean.block(clean.line(text)) == clean.line(text)


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [("abcde", 5, "abcde"), ("abcdef", 5, "abcd…"), ("", 5, ""), ("ab", 1, "…"), ("a" * 10**6, 3, "aa…")],
)
def test_what_is_too_long_is_cut_and_says_so(text, most, short):
    assert clean.shortened(text, most) == short
