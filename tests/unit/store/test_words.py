"""What counts as a word, and what somebody looks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.store import query
from mailsponge.store.query import Query
from mailsponge.store.words import LONGEST, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("Größe ÉCOLE ﬁn", ["grosse", "ecole", "fin"]),
        ("a_b c-d e.f", ["a", "b", "c", "d", "e", "f"]),
        ("東京 tower", ["東", "京", "tower"]),
        ("x" * 100, ["x" * LONGEST]),
        ("\0 \ud800 ', \" * : ()", []),
    ],
)
def test_words_are_letters_and_digits_whatever_their_case_and_accents(text, expected):
    assert list(words(text)) == expected


@given(st.text())
def test_a_word_holds_nothing_that_a_database_could_take_for_more(text):
    for word in words(text):
        assert word
        assert word.isalnum() or all(char.isalnum() for char in word)
        assert word.encode()
        assert not set(word) & set(" :'\"*\0\\&|!()")


@given(st.text())
def test_the_words_of_words_are_the_same(text):
    once = list(words(text))
    assert all(word in list(words(word)) or len(word) == LONGEST for word in once)


@given(st.text())
def test_whatever_is_typed_can_be_looked_for(text):
    found = query.read(text)
    assert len(found.words) + len(found.beginnings) <= query.MOST_WORDS


def test_a_field_goes_before_each_word_of_it():
    assert query.read("From:bob@example.net hello") == Query(
        ("from:bob", "from:example", "from:net", "hello")
    )


def test_a_star_makes_the_last_word_a_beginning():
    assert query.read("disk* from:ann* ab* *") == Query(("ab",), ("disk", "from:ann"))


def test_days_bound_and_a_day_that_is_none_is_words():
    found = query.read("x after:2026-05-01 before:2026-05-02")
    assert (found.words, found.since, found.until) == (("x",), 1777593600.0, 1777680000.0)
    assert query.read("before:2026-13-01").words == ("before", "2026", "13", "01")


def test_another_word_with_a_colon_is_words():
    assert query.read("in:7 a:b").words == ("in", "7", "a", "b")
