"""Rules of SASLprep (RFC 4013)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.auth import saslprep
from mailsponge.errors import UsageError

BOTH = pytest.mark.parametrize("prepared", [saslprep.stored, saslprep.query])


@BOTH
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        # The examples of RFC 4013 section 3.
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # Others.
        ("", ""),
        ("correct horse", "correct horse"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\u00ad\ufeff", ""),
        ("\u200b", " "),  # in both tables; the order of RFC 4013 section 2.1 decides
        ("\u0627\u0031\u0628", "\u0627\u0031\u0628"),
    ],
)
def test_what_means_the_same_becomes_the_same(prepared, typed, kept):
    assert prepared(typed) == kept


@BOTH
@pytest.mark.parametrize(
    "typed",
    [
        "\u0007",  # RFC 4013 section 3
        "\u0627\u0031",  # RFC 4013 section 3
        "a\0b",
        "a\n",
        "\x7f",
        "a\u0085",
        "\ue000",
        "\ufdd0",
        "a\ud800",
        "\ufffd",
        "\u2ff0",
        "\u202e",
        "\U000e0001",
        "\u0627a\u0628",
        "a\u0627",
    ],
)
def test_what_cannot_be_is_told_without_showing_it(prepared, typed):
    with pytest.raises(UsageError, match="RFC 4013") as caught:
        prepared(typed)

    assert typed not in str(caught.value)


@pytest.mark.parametrize("typed", ["\U0001f600", "pa\u0221ss", "\u1e9e"])
def test_letters_younger_than_the_tables_may_be_asked_for_and_not_kept(typed):
    assert saslprep.query(typed) == typed

    with pytest.raises(UsageError, match=r"Unicode 3\.2"):
        saslprep.stored(typed)


@given(st.text())
def test_it_says_yes_or_no_to_any_text(text):
    try:
        kept = saslprep.stored(text)
    except UsageError:
        return
    assert saslprep.query(text) == kept


@given(st.text(st.characters(max_codepoint=0x31F, exclude_categories=["Cs"])))
def test_what_is_prepared_stays_as_it_is(text):
    try:
        kept = saslprep.query(text)
    except UsageError:
        return
    assert saslprep.query(kept) == kept
