"""A line of a mailbox's list, out of a message's envelope and the beginning of its content."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.mail.envelope import Envelope
from mailsponge.store.headings import LONGEST, headings
from mailsponge.store.protocol import Entry


class Said(NamedTuple):
    """Who wrote to whom, about what, and when."""

    sender: str
    to: str
    subject: str
    date: float | None
    """Seconds since the epoch."""


def said(envelope: Envelope, head: bytes) -> Said:
    """By the headers; the envelope speaks where they say nothing."""
    found = headings(head)
    return Said(
        sender=found.sender or str(envelope.reverse_path or ""),
        to=found.to or ", ".join(map(str, envelope.recipients))[:LONGEST],
        subject=found.subject,
        date=found.date,
    )


def entry(
    message_id: int,
    mailbox: str,
    envelope: Envelope,
    head: bytes,
    *,
    arrived_at: float,
    size: int,
    seen: bool,
) -> Entry:
    """The line."""
    line = said(envelope, head)
    return Entry(
        id=message_id,
        mailbox=mailbox,
        sender=line.sender,
        to=line.to,
        subject=line.subject,
        arrived_at=arrived_at,
        date=line.date,
        size=size,
        seen=seen,
    )
