"""SASLprep (RFC 4013): what is typed in two ways and means the same becomes the same.

A password with an é is sent as one code point by one keyboard and as two by another; its hash must not depend on that.
The tables are those of Unicode 3.2, as the RFC has it, which is why letters younger than that are told apart: they may
be asked for (:func:`query`), but not be kept (:func:`stored`), for programs do not agree on what they become.
"""

from __future__ import annotations

import stringprep
from collections.abc import Callable, Iterable
from typing import Final
from unicodedata import ucd_3_2_0

from mailsponge.errors import UsageError

_FORBIDDEN: Final[tuple[tuple[Callable[[str], bool], str], ...]] = (
    (stringprep.in_table_c12, "a space that is none"),
    (stringprep.in_table_c21_c22, "a control character"),
    (stringprep.in_table_c3, "a character for private use"),
    (stringprep.in_table_c4, "a code point that is no character"),
    (stringprep.in_table_c5, "half a character"),
    (stringprep.in_table_c6, "a character that stands for none"),
    (stringprep.in_table_c7, "a character that describes others"),
    (stringprep.in_table_c8, "a mark that turns the direction of writing"),
    (stringprep.in_table_c9, "a tag character"),
)
"""RFC 4013 section 2.3, and what each table holds."""


def stored(text: str) -> str:
    """The one spelling of a text that is kept (RFC 3454 section 7: a "stored string").

    Raises UsageError for what cannot be in one; the message names the kind of character and never the text. Takes time
    in proportion to the text's length, but for long runs of accents: limit the length before.
    """
    return _prepared(text, unassigned=False)


def query(text: str) -> str:
    """The one spelling of a text that is compared with what is kept: the same, but letters younger than Unicode 3.2
    may be in it, and match nothing. Raises UsageError.
    """
    return _prepared(text, unassigned=True)


def _prepared(text: str, *, unassigned: bool) -> str:
    if text.isascii() and text.isprintable():
        return text
    mapped = text.translate({ord(letter): _mapped(letter) for letter in set(text)})
    normal = ucd_3_2_0.normalize("NFKC", mapped)
    letters = dict.fromkeys(normal)  # each is looked up in all the tables once, however often it is there
    for letter in letters:
        for is_in, kind in _FORBIDDEN:
            if is_in(letter):
                raise UsageError(f"it has {kind} in it, which cannot be in a name or a password (RFC 4013)")
        if not unassigned and stringprep.in_table_a1(letter):
            raise UsageError(
                "it has a character in it that is younger than Unicode 3.2, such as an emoji, which programs "
                "write in different ways (RFC 4013); choose other ones"
            )
    if any(map(stringprep.in_table_d1, letters)):
        _check_direction(normal, letters)
    return normal


def _mapped(letter: str) -> str:
    """RFC 4013 section 2.1: every space is a space, and what is commonly mapped to nothing is nothing."""
    if stringprep.in_table_c12(letter):
        return " "
    return "" if stringprep.in_table_b1(letter) else letter


def _check_direction(text: str, letters: Iterable[str]) -> None:
    """RFC 3454 section 6: what is written from right to left is so throughout."""
    at_both_ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    if not at_both_ends or any(map(stringprep.in_table_d2, letters)):
        raise UsageError(
            "it mixes letters that are written from right to left with others; let it be one or the other (RFC 4013)"
        )
