"""Letters and orders for tests of couriers on this machine."""

from __future__ import annotations

import os
import pwd
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mailsponge.courier.letter import laid_out
from mailsponge.courier.maildir import House
from mailsponge.courier.order import Order, Person
from mailsponge.courier.ways import Way
from mailsponge.mail.outcome import Outcome

HOUSE = House("mail.example.org", 7)
LETTER = (
    b"Return-Path: <you@example.net>\nDelivered-To: me@example.org\nSubject: hello\n\nHello.\nFrom here\n"
)
LARGE = b"Subject: large\n\n" + b"".join(b"line %d\n" % number for number in range(50_000))
"""Read and written in several pieces."""
ORDER = Order(
    user="me", domain="example.org", message=17, arrived_at=1700000000.25, sender="you@example.net",
    recipient="me@example.org", detail="", again=False,
)  # fmt: skip


def myself(home: object = "/") -> Person:
    """Whoever runs the tests, at home somewhere else."""
    return Person(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid(), str(home))


@contextmanager
def somebody_waits() -> Iterator[int]:
    """A descriptor that tells, as long as this lasts, that somebody waits for the outcome."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield theirs.fileno()
        assert not select.select([theirs], [], [], 0)[0]


def deliver(way: Way, letter: bytes = LETTER, person: Person | None = None, **order: Any) -> Outcome:
    """Deliver a letter as this process."""
    with laid_out([letter], len(letter)) as whole, somebody_waits() as gone:
        return way.deliver(ORDER._replace(**order), person or myself(), whole, gone)
