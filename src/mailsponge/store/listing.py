"""A line of a mailbox's list, out of a message's envelope and the beginning of its content."""

from __future__ import annotations

from mailsponge.mail.envelope import Envelope
from mailsponge.store.headings import LONGEST, headings
from mailsponge.store.protocol import Entry


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
    """The line; the envelope speaks where the headers say nothing."""
    said = headings(head)
    return Entry(
        id=message_id,
        mailbox=mailbox,
        sender=said.sender or str(envelope.reverse_path or ""),
        to=said.to or ", ".join(map(str, envelope.recipients))[:LONGEST],
        subject=said.subject,
        arrived_at=arrived_at,
        date=said.date,
        size=size,
        seen=seen,
    )
