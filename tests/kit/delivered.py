"""Mail that lies in a store, for tests of what shows it."""

from __future__ import annotations

from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Acceptance, Step

LETTER = """\
From: Ann Example <ann@example.net>
To: me@localhost
Subject: {subject}
Date: Fri, 15 Jan 2027 08:00:00 +0000
Message-ID: <{name}@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
{more}
{text}
"""


def letter(subject: str = "Lunch", text: str = "On Friday?", name: str = "1", more: str = "") -> bytes:
    """An ordinary letter; ``more``: headers, each with its line end."""
    return LETTER.format(subject=subject, text=text, name=name, more=more).replace("\n", "\r\n").encode()


def deliver(
    store: MemoryStore,
    content: bytes,
    *mailboxes: str,
    at: float = 1_800_000_000.0,
    recipients: tuple[Address, ...] = (),
    steps: tuple[Step, ...] = (),
) -> int:
    """Have a store accept a message, and list it; its id."""
    to = recipients or tuple(parse(f"{mailbox}@localhost") for mailbox in mailboxes)
    incoming = store.incoming()
    incoming.write(content)
    faults: list[object] = []
    reasons = tuple(f"<{address}> is a user" for address in to)
    envelope = Envelope(parse("ann@example.net"), to)
    incoming.accept(
        Acceptance(envelope, mailboxes, at, "192.0.2.1", "mail.example.net", reasons, steps), faults.append
    )
    assert faults == [None]
    while store.index(100):
        pass
    return incoming.id
