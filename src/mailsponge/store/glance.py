"""What is kept of a message beside its content, so that lists and searches need not read it again.

Pure, and in the same way for every store. Anybody may have written these bytes: nothing in them raises, and what they
cost has a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from mailsponge.mail.envelope import Envelope
from mailsponge.store import threads
from mailsponge.store.headings import HEAD
from mailsponge.store.letter import letter
from mailsponge.store.listing import Said, said
from mailsponge.store.query import FIELDS
from mailsponge.store.reading import LONGEST_SNIPPET
from mailsponge.store.threads import Names
from mailsponge.store.words import MOST, marked, words

BEGINNING: Final = 256 * 1024
"""Bytes of content that are read: the text stands first. An attachment that begins later is not counted."""

_LINES: Final = 40
"""Lines of a text that a snippet is made of."""


class Glance(NamedTuple):
    """What a list shows of a message, and what it is found by."""

    said: Said
    snippet: str
    attachments: int
    names: Names
    words: str
    """Each word once, with spaces between them."""


def glance(envelope: Envelope, beginning: bytes) -> Glance:
    """Read the beginning of a message."""
    head = beginning[:HEAD]
    lines = said(envelope, head)
    read = letter(beginning)
    return Glance(
        said=lines._replace(sender=_text(lines.sender), to=_text(lines.to), subject=_text(lines.subject)),
        snippet=snippet(_text(read.text[: _LINES * LONGEST_SNIPPET])),
        attachments=len(read.attachments),
        names=threads.names(head),
        words=" ".join(islice(dict.fromkeys(_words(lines, read.text)), MOST)),
    )


def _text(text: str) -> str:
    """PostgreSQL takes no NUL and no lone surrogate."""
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()


def snippet(text: str) -> str:
    """How a text begins, in one line; what it quotes is passed over."""
    lines = text.splitlines()[:_LINES]
    own = [line for line in lines if not line.startswith(">")]
    return " ".join(" ".join(own or lines).split())[:LONGEST_SNIPPET]


def _words(lines: Said, text: str) -> Iterator[str]:
    """Those of the headers twice: by themselves, and as the header's."""
    for field, value in zip(FIELDS, (lines.sender, lines.to, lines.subject), strict=True):
        for word in words(value):
            yield word
            yield marked(field, word)
    yield from words(text[:BEGINNING])
