"""What a server has taken, and what it says of it: its mailboxes and its log."""

from __future__ import annotations

import re

from kit.mail_server import MailServer
from mailsponge.store.mailboxes import SqliteMailboxes

TRACE = re.compile(rb"(?:(?:Return-Path|Received):.*\r\n(?:[ \t].*\r\n)*)+")
"""The header lines a server puts before the message: everything behind them is the sender's."""


class Post:
    """A server's mailboxes and log."""

    def __init__(self, server: MailServer) -> None:
        self.server = server

    def letters(self, mailbox: str) -> list[bytes]:
        """Everything in a mailbox, newest first."""
        with SqliteMailboxes(self.server.data) as store:
            return [b"".join(store.content(entry.id)) for entry in store.mails(mailbox)]

    def empty(self) -> None:
        """Delete everything."""
        with SqliteMailboxes(self.server.data) as store:
            for message_id in {entry.id for entry in store.mails()}:
                store.delete(message_id)

    def log(self) -> list[str]:
        """Its log, line by line; nothing but a line feed ends one."""
        return self.server.log.read_text().split("\n")[:-1]


def trace_and_message(letter: bytes) -> tuple[str, bytes]:
    """Take a letter apart: what servers put on top, its lines unfolded, and what was sent."""
    trace = TRACE.match(letter)
    assert trace, f"no trace header: {letter[:200]!r}"
    return re.sub(r"\r\n[ \t]", " ", trace[0].decode()), letter[trace.end() :]
