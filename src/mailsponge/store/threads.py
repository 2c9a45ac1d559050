"""Which messages belong together: what a message says of itself and of others, and which thread it joins by that.

Strangers write References, so they have little say. A message joins one thread, that of the nearest message it names.
Two threads become one only where a message comes that one of them was waiting for; what is there already is never
joined by somebody else's word.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from mailsponge.store.headings import section
from mailsponge.store.reading import LONGEST_THREAD

MOST_NAMED: Final = 20
"""Messages that one names and that are heeded: the nearest ones."""

_FIELD: Final = re.compile(
    rb"^(message-id|in-reply-to|references)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE
)
_NAME: Final = re.compile(rb"<([^<>\s]{1,1000})>")


class Names(NamedTuple):
    """Message-IDs, each as a number of 63 bits that stands for it: anybody writes them as long as they like."""

    own: int | None
    others: tuple[int, ...]
    """The nearest first: the last of References, and so on to the first; then In-Reply-To."""


class Known(NamedTuple):
    """What a mailbox knows of a Message-ID: a message here has it, or names it."""

    thread: int
    owned: bool
    """A message here has it."""
    size: int
    """Messages of the thread; anything above `LONGEST_THREAD` stands for that."""


class Place(NamedTuple):
    """Where a message belongs."""

    thread: int | None
    """None: it begins one."""
    joins: int | None = None
    """Another thread that becomes part of this one."""


def names(head: bytes) -> Names:
    """Read them in the beginning of a message. Never raises."""
    found: dict[bytes, bytes] = {}
    for field in _FIELD.finditer(section(head)):
        found.setdefault(field[1].lower(), field[2])
    own = [_number(name) for name in _NAME.findall(found.get(b"message-id", b""))[:1]]
    others = [_number(name) for name in reversed(_NAME.findall(found.get(b"references", b""))[-MOST_NAMED:])]
    others += [_number(name) for name in _NAME.findall(found.get(b"in-reply-to", b""))[:1]]
    heeded = dict.fromkeys(name for name in others if name not in own)
    return Names(own[0] if own else None, tuple(heeded)[:MOST_NAMED])


def _number(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest()) >> 1


def place(own: Known | None, named: Known | None) -> Place:
    """Decide. ``own``: what is known of the message's own name; ``named``: of the nearest known one that it names."""
    if own is None or named is None or own.thread == named.thread:
        return _joined(own or named)
    if own.owned:
        return _joined(own)
    if own.size + named.size < LONGEST_THREAD:
        return Place(min(own.thread, named.thread), max(own.thread, named.thread))
    return _joined(named)


def _joined(known: Known | None) -> Place:
    return Place(None if known is None or known.size >= LONGEST_THREAD else known.thread)
