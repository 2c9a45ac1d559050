"""Letters that can be told apart, what was said when they were posted, and where they came to.

    posted = Posted()
    with posted.line(server.port) as line:
        line.post("me@example.org", "box@example.org")
    assert posted.lost("box@example.org", office.letters("box")) == []

A letter is *taken* when its 250 was read. One whose answer never came may be there or not; one that was refused is not.
"""

from __future__ import annotations

import itertools
import re
import smtplib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Self

from kit.mail_server import PATIENCE

_TOKEN = re.compile(rb"^X-Token: (\w+)\r?$", re.MULTILINE).search
_REPORT = re.compile(rb"Return-Path: <>\r\n(?:.+\r\n)*?Content-Type: multipart/report").match


class Letter:
    """One letter, and what was said of it."""

    def __init__(self, token: str, recipients: Sequence[str]) -> None:
        self.token = token
        self.recipients = recipients
        self.reply: str | None = None
        """To its last octet; None: it never came."""

    @property
    def taken(self) -> bool:
        return self.reply is not None and self.reply.startswith("250")


class Posted:
    """All letters of a test. Threads may share it."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.letters: list[Letter] = []

    def line(self, port: int) -> Line:
        """A connection on which letters are posted one after the other. Raises OSError, SMTPException."""
        return Line(self, port)

    def write(self, recipients: Sequence[str]) -> Letter:
        letter = Letter(f"t{next(self._numbers)}", recipients)
        self.letters.append(letter)
        return letter

    @property
    def taken(self) -> list[Letter]:
        return [letter for letter in self.letters if letter.taken]

    def to(self, recipient: str) -> list[Letter]:
        """Those that were taken for somebody."""
        return [letter for letter in self.taken if recipient in letter.recipients]

    def lost(self, recipient: str, there: Collection[str]) -> list[str]:
        """Letters that were taken for somebody and are not there."""
        return [letter.token for letter in self.to(recipient) if letter.token not in there]

    def refused_and_there(self, there: Collection[str]) -> list[str]:
        """Letters that were refused and are there all the same: their sender sends them again."""
        return [
            letter.token
            for letter in self.letters
            if letter.reply is not None and not letter.taken and letter.token in there
        ]


class Line:
    """One connection of a client that sends letters."""

    def __init__(self, posted: Posted, port: int) -> None:
        self._posted = posted
        self._smtp = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=2 * PATIENCE)
        self._smtp.ehlo()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._smtp.close()

    def post(self, sender: str, *recipients: str, size: int = 0, mail: str = "", rcpt: str = "") -> Letter:
        """Post one letter. ``mail``, ``rcpt``: parameters for these commands. Raises OSError and SMTPException when
        the connection is lost.
        """
        letter = self._posted.write(recipients)
        smtp = self._smtp
        commands = [
            f"MAIL FROM:<{sender}>{mail}",
            *(f"RCPT TO:<{each}>{rcpt}" for each in recipients),
            "DATA",
        ]
        for command in commands:
            code, text = smtp.docmd(command)
            if code >= 400:
                letter.reply = f"{code} {text.decode()}"
                smtp.docmd("RSET")
                return letter
        content = (
            f"From: <{sender}>\r\nTo: <{recipients[0]}>\r\nMessage-ID: <{letter.token}@client.example>\r\n"
            f"X-Token: {letter.token}\r\nSubject: letter {letter.token}\r\n\r\n"
        )
        lines = ("x" * 76 + "\r\n") * (size // 78)
        smtp.send(f"{content}{lines}.\r\n")
        code, text = smtp.getreply()
        letter.reply = f"{code} {text.decode()}"
        return letter


LOST = (OSError, smtplib.SMTPException)
"""What :meth:`Line.post` raises when the server is gone."""


def token(content: bytes) -> str:
    """A letter's, or that of the one which a report is about; empty: none of ours."""
    found = _TOKEN(content)
    return found[1].decode() if found else ""


def is_report(content: bytes) -> bool:
    """Whether it is one of the server's own."""
    return _REPORT(content) is not None


def tokens(contents: Iterable[bytes]) -> Counter[str]:
    """How often each letter is there."""
    return Counter(map(token, contents))


def doubles(copies: Mapping[str, int]) -> int:
    """How many copies are there that need not be."""
    return sum(number - 1 for number in copies.values())
