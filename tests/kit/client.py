"""A program that hands a message in: one face for all of them, by whatever way into the post office."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kit.house import PASSWORD, House, Way
from kit.smtp_server import CERTIFICATE

NAME = "client.example.net"
"""What they all say they are called, so that nothing is looked up."""


class Outcome(NamedTuple):
    """How a peer ended, and what it said meanwhile."""

    succeeded: bool
    said: str
    status: int = 0
    """A program's exit status."""


class Letter(NamedTuple):
    """A message and its envelope."""

    content: bytes
    recipient: str = "me@example.org"
    sender: str = "me@example.org"

    @property
    def parameters(self) -> list[str]:
        """What MAIL has to say of it (RFC 6152, RFC 6531)."""
        eight_bit = [] if self.content.isascii() else ["BODY=8BITMIME"]
        utf8 = [] if self.content.isascii() and self.recipient.isascii() else ["SMTPUTF8"]
        return eight_bit + utf8


class Login(NamedTuple):
    """What a client brings along."""

    user: str = "me"
    password: str = PASSWORD


class Client:
    """A program that submits one message.

    It is told everything that it would else look up or guess, and verifies certificates against ``trusts``. It logs in
    only where the way asks for it.
    """

    needs = ""
    """The peer's name, for a program from outside."""
    adds = b""
    """What the program itself puts behind a message."""
    ways: tuple[Way, ...] = ()
    """By which it comes in."""

    def __init__(self, house: House, run: Callable[..., Outcome], program: str, folder: Path) -> None:
        self.house, self.run, self.program, self.folder = house, run, program, folder
        self.login = Login()
        self.trusts = CERTIFICATE

    def send(self, letter: Letter, way: Way) -> Outcome:
        """Submit a letter."""
        raise NotImplementedError

    def file(self, name: str, content: bytes) -> Path:
        """Write down what the program reads."""
        path = self.folder / name
        path.write_bytes(content)
        return path
