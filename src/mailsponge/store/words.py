"""What counts as a word when mail is searched, the same in every store: neither case nor accents matter.

Scripts that put no spaces between words are taken a sign at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import normalize

LONGEST: Final = 64
"""Characters of a word that count."""

MOST: Final = 30_000
"""Different words of a message that it is found by."""

_WORD: Final = re.compile(r"[^\W_]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_SIGN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]")


def words(text: str) -> Iterator[str]:
    """The words of a text, in their order: letters and digits, nothing else."""
    if text.isascii():
        plain = text.lower()
    else:
        apart = normalize("NFKD", normalize("NFKD", text).casefold())
        plain = _SIGN.sub(r" \g<0> ", _ACCENTS.sub("", apart))
    for word in _WORD.finditer(plain):
        yield word[0][:LONGEST]


def marked(field: str, word: str) -> str:
    """A word as one of a certain header; no word of a text looks like that."""
    return f"{field}:{word}"
