"""The header section of a message, each field with a sentence of what it is, and the way it came as hops.

All of it is a stranger's word, but the topmost Received lines, which servers on the way have put there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from mailsponge.store.headings import LONGEST, date, text

MOST: Final = 500
"""Fields that are shown."""
MOST_HOPS: Final = 100
LONGEST_FIELD: Final = 20_000
"""Bytes of a field that an answer is made of."""

_FIELD = re.compile(rb"^([!-9;-~]{1,200}+)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)", re.MULTILINE)
_EMPTY_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_SPACES = re.compile(r"\s++")
_CLAUSE = re.compile(r"(?:^|\s)(from|by|with|id|for)\s++(?=\S)", re.IGNORECASE)
_PAIR = re.compile(r"\([^()]*+\)")


class Field(NamedTuple):
    """A header field."""

    name: str
    value: str
    """Unfolded and decoded; not free of control characters."""
    meaning: str
    """What it is, in a sentence."""


class Hop(NamedTuple):
    """One server that a message went through, as that server says."""

    sender: str
    """Whom it took the message from."""
    server: str
    protocol: str
    at: float | None
    """When, in seconds since the epoch; None where it does not say so that it can be read."""
    after: float | None
    """Seconds since the hop before; None where one of the two is unknown. Clocks differ, so it may be negative."""


class Headers(NamedTuple):
    """The header section."""

    fields: tuple[Field, ...]
    is_whole: bool
    """No field was left out."""
    hops: tuple[Hop, ...]
    """The way it came, the first server first."""


def headers(content: bytes) -> Headers:
    """Read the header section in front of a message. Never raises; takes time in proportion to its length."""
    found = list(islice(_FIELD.finditer(_section(content)), MOST + 1))
    fields = tuple(_field(each[1].decode("ascii"), each[2]) for each in found[:MOST])
    lines = [each[2] for each in found[:MOST] if each[1].lower() == b"received"]
    return Headers(fields, len(found) <= MOST, tuple(_hops(lines[:MOST_HOPS])))


def first(content: bytes, name: str) -> str:
    """The first field of that name (in lower case), unfolded and not decoded; empty where there is none."""
    for found in _FIELD.finditer(_section(content)):
        if found[1].lower() == name.encode("ascii"):
            return _joined(found[2][:LONGEST_FIELD]).decode("utf-8", "replace")
    return ""


def _section(content: bytes) -> bytes:
    empty = _EMPTY_LINE.search(content)
    return content[: empty.start() + 1 if empty else len(content)]


def _field(name: str, raw: bytes) -> Field:
    return Field(name, text(_joined(raw[: LONGEST + 1])), meaning(name))


def _joined(raw: bytes) -> bytes:
    return b" ".join(line.strip() for line in raw.splitlines())


def _hops(lines: list[bytes]) -> Iterator[Hop]:
    """Each server puts its line on top, so the last one is the first on the way."""
    before: float | None = None
    for raw in reversed(lines):
        said, _, when = _joined(raw[:LONGEST]).rpartition(b";")
        at = date(when)
        parts = _clauses(text(said or when))
        after = at - before if at is not None and before is not None else None
        yield Hop(parts.get("from", ""), parts.get("by", ""), parts.get("with", ""), at, after)
        before = at if at is not None else before


def _clauses(line: str) -> dict[str, str]:
    """The clauses of a Received line (RFC 5321 section 4.4), what stands in brackets along with its clause."""
    kept: list[str] = []

    def aside(pair: re.Match[str]) -> str:
        kept.append(pair[0])
        return f"\0{len(kept) - 1}\0"

    pieces = _CLAUSE.split(_PAIR.sub(aside, line.replace("\0", "")))
    clauses: dict[str, str] = {}
    for name, value in zip(pieces[1::2], pieces[2::2], strict=True):
        whole = re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], value)
        clauses.setdefault(name.lower(), _SPACES.sub(" ", whole).strip())
    return clauses


def meaning(name: str) -> str:
    """What a field of that name is, in a sentence."""
    known = MEANINGS.get(name.lower())
    if known is not None:
        return known
    for start, said in _FAMILIES:
        if name.lower().startswith(start):
            return said
    return "Not one that is widely agreed on: whoever wrote it knows what it is for."


MEANINGS: Final = {
    "return-path": "Where reports go if it cannot be delivered; the last server wrote it here, from the envelope.",
    "received": "A server on the way says from whom it took the message, and when. The topmost is the latest.",
    "delivered-to": "A server delivered it to this address; finding it twice is how loops are noticed.",
    "x-original-to": "The address that it was first sent to, before aliases.",
    "from": "Who wrote it, as they say. Nothing here proves it.",
    "sender": "Who sent it, where that is not who wrote it.",
    "reply-to": "Where its writer wants answers to go.",
    "to": "Whom it is written to, as the writer says; where it went stands in the envelope.",
    "cc": "Who is to read it as well.",
    "bcc": "Who reads it without the others knowing. It should have been taken out before sending.",
    "subject": "What it is about, in its writer's words.",
    "date": "When its writer finished it, by their clock.",
    "message-id": "A name that no other message has; answers refer to it.",
    "in-reply-to": "The message that this one answers.",
    "references": "The messages before it in its thread, the oldest first.",
    "mime-version": "It is made of typed parts, by the rules of MIME. It always says 1.0.",
    "content-type": "What the body is: text, HTML, or several parts, and how its letters are written.",
    "content-transfer-encoding": "How the body is written down so that it gets through old mail servers.",
    "content-disposition": "Whether a part is to be shown or to be saved, and under which name.",
    "content-language": "The language it is written in.",
    "content-id": "A name by which other parts of the message refer to this one.",
    "dkim-signature": "A domain's signature over some of these lines and the body.",
    "domainkey-signature": "The forerunner of a DKIM signature.",
    "authentication-results": "What a server found when it checked the sender. Believe it of a server that you trust.",
    "received-spf": "Whether the sender's domain says that mail may come from where this did.",
    "arc-seal": "A forwarder's signature over what it found, so that later servers can believe it.",
    "arc-message-signature": "A forwarder's signature over the message as it passed.",
    "arc-authentication-results": "What a forwarder found when it checked the sender.",
    "list-id": "The mailing list that it came through.",
    "list-unsubscribe": "How to leave the mailing list.",
    "list-unsubscribe-post": "A mail program may leave the list for you, with a single request.",
    "list-post": "Where to write to everybody on the list.",
    "list-help": "Where the mailing list is explained.",
    "list-archive": "Where older mail of the list can be read.",
    "precedence": "An old word for: this is a list's or a program's mail; do not answer by a program.",
    "auto-submitted": "Whether a program wrote it. Programs do not answer such mail.",
    "importance": "How important it is to its writer.",
    "priority": "How urgent it is to its writer.",
    "x-priority": "How important it is to its writer, from 1 (most) to 5.",
    "x-mailer": "The program it was written with.",
    "user-agent": "The program it was written with.",
    "organization": "Whom its writer works for, as they say.",
    "disposition-notification-to": "Its writer asks to be told that it was read. This inbox never tells.",
    "return-receipt-to": "Its writer asks to be told that it arrived. This inbox never tells.",
    "thread-index": "How Outlook finds the messages of a thread.",
    "thread-topic": "What Outlook takes for the subject of the thread.",
    "autocrypt": "A key to encrypt answers with.",
    "feedback-id": "How a large sender counts complaints.",
    "x-spam-status": "What a filter thought of it, and why.",
    "x-spam-score": "How much a filter took it for junk.",
    "tls-required": "Whether it may travel in the clear where there is no other way.",
}

_FAMILIES: Final = (
    ("list-", "About the mailing list that it came through."),
    ("content-", "About how a part of it is written."),
    ("resent-", "Somebody sent it on by hand; this says who, when or to whom."),
    ("arc-", "A forwarder's word about what it found."),
    ("x-mailsponge", "Put there by mailsponge, for whoever sorts mail by rules."),
    ("x-ms-", "Microsoft's mail servers left it for themselves."),
    ("x-google-", "Google's mail servers left it for themselves."),
    ("x-gm-", "Google's mail servers left it for themselves."),
    ("x-spam", "What a filter found."),
    ("x-", "A program's own note; the X- says that no standard knows it."),
)
