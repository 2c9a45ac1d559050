"""What somebody looks for, out of what they have typed. Whatever that is, it is words: nothing of it is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from mailsponge.store.words import marked, words

FIELDS: Final = ("from", "to", "subject")
"""Headers that a word can be looked for in alone."""

LONGEST: Final = 1000
"""Characters that are read."""
MOST_WORDS: Final = 30
SHORTEST_BEGINNING: Final = 3
"""Letters: fewer are the beginning of nearly everything."""


class Query(NamedTuple):
    """All of it has to be true of what is found."""

    words: tuple[str, ...] = ()
    """As `words.py` makes them, some with the field before them."""
    beginnings: tuple[str, ...] = ()
    """The same for beginnings of words."""
    since: float | None = None
    """Seconds since the epoch: arrived then or later."""
    until: float | None = None
    """Arrived before."""

    @property
    def is_empty(self) -> bool:
        """There is no word to find."""
        return not (self.words or self.beginnings)


def read(typed: str) -> Query:
    """Read it."""
    query = Query()
    for piece in typed[:LONGEST].split():
        query = _with(query, piece)
    return query


def _with(query: Query, piece: str) -> Query:
    field, colon, rest = piece.partition(":")
    name = field.lower()
    if colon and name in ("before", "after") and (day := _day(rest)) is not None:
        return query._replace(until=day) if name == "before" else query._replace(since=day)
    if colon and name in FIELDS:
        return _with_words(query, rest, name)
    return _with_words(query, piece, "")


def _with_words(query: Query, text: str, field: str) -> Query:
    found = list(words(text))
    room = MOST_WORDS - len(query.words) - len(query.beginnings)
    begun: list[str] = []
    if text.endswith("*") and found and len(found[-1]) >= SHORTEST_BEGINNING:
        begun.append(found.pop())
    whole = [marked(field, word) if field else word for word in found][:room]
    begun = [marked(field, word) if field else word for word in begun][: room - len(whole)]
    return query._replace(words=(*query.words, *whole), beginnings=(*query.beginnings, *begun))


def _day(text: str) -> float | None:
    """When a day begins, in UTC: ``2026-05-01``."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
