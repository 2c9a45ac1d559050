"""Another mail server, to which letters go on: ``box`` takes them, now and then only at the second try, and nobody else
lives there.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kit.posted import tokens
from kit.smtp_server import SmtpServer, Talk

DOMAIN = "far.example"
BOX = f"box@{DOMAIN}"
EVERY = 5
"""So many recipients, and one is put off."""


class FarAway(SmtpServer):
    """Started by being made; it outlives whoever sends to it."""

    def __init__(self) -> None:
        self._turns = itertools.count(1)
        self._puts_off = False
        self._answers_now = threading.Event()
        self._answers_now.set()
        super().__init__(
            {
                f"RCPT {BOX}": self._sometimes_later,
                "RCPT": "550 5.1.1 No such user here",
                "end of data": self._taken,
            }
        )

    @contextmanager
    def waits_at_the_end(self) -> Iterator[None]:
        """It takes letters, and says so only when this is left."""
        self._answers_now.clear()
        try:
            yield
        finally:
            self._answers_now.set()

    @contextmanager
    def puts_all_off(self) -> Iterator[None]:
        """It takes nobody's letters until this is left."""
        self._puts_off = True
        try:
            yield
        finally:
            self._puts_off = False

    def _taken(self, talk: Talk) -> None:
        self._answers_now.wait()
        talk.say("250 2.0.0 taken")

    def _sometimes_later(self, talk: Talk) -> None:
        if self._puts_off or next(self._turns) % EVERY == 0:
            talk.say("451 4.7.1 Greylisted, come again")
        else:
            talk.say("250 2.1.5 ok")
            talk.recipients.append(BOX)

    def letters(self) -> Counter[str]:
        """How often each came."""
        return tokens(mail.content for mail in self.mails)
