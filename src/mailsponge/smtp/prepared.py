"""SASLprep (RFC 4013): names and passwords in one spelling, so that both sides hash the same bytes."""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

from mailsponge.errors import UsageError

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""RFC 4013 section 2.3."""


def prepared(text: str) -> str:
    """The text as it is hashed. Raises UsageError, without the text, for characters that a password cannot have."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(letter) else letter
        for letter in text
        if not stringprep.in_table_b1(letter)
    )
    spelt = ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibited(letter) for letter in spelt for prohibited in _PROHIBITED):
        raise UsageError("a name or a password has characters that cannot be typed; choose others")
    if any(map(stringprep.in_table_d1, spelt)) and not _is_right_to_left(spelt):
        raise UsageError(
            "a name or a password mixes directions of writing, or begins or ends it in another; choose another"
        )
    return spelt


def _is_right_to_left(text: str) -> bool:
    """RFC 3454 section 6: with any letter written to the left, none to the right, and it stands first and last."""
    return (
        stringprep.in_table_d1(text[0])
        and stringprep.in_table_d1(text[-1])
        and not any(map(stringprep.in_table_d2, text))
    )
