"""What an exchange says after each message of the client: values, and nothing that was typed shows when one is printed.

An exchange is begun with the initial response of the AUTH command, if there was one, and answers each message with one
step. Whatever a client sends becomes a step, never an exception; after Granted, Denied or CheckPassword it is Denied.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

MESSAGE_LIMIT: Final = 4096
"""Octets of one message, base64 undone. The longest honest one holds two names and a password."""


class Challenge(NamedTuple):
    """The server says this (334), and the client answers."""

    data: bytes


class CheckPassword(NamedTuple):
    """The client has sent a password as it is; whether it is right takes a thread and some milliseconds to say."""

    name: str
    """Who it claims to be: prepared (RFC 4013), unproven."""
    password: str
    """Prepared as well."""

    def __repr__(self) -> str:
        return "CheckPassword(…)"  # nor the name: people type their password in its place, too


class Granted(NamedTuple):
    """The client has proved to be this user (235)."""

    user: str
    """As the configuration names them."""


class Denied(NamedTuple):
    """It has not (535). The client is told the same, whatever the reason."""

    why: str
    """For the log alone. It names users that there are, and nothing that was typed."""


class Later(NamedTuple):
    """It could not be found out now (454)."""

    why: str
    """For the log alone."""


Step = Challenge | CheckPassword | Granted | Denied


class Exchange(Protocol):
    """The server's side of one AUTH."""

    def begin(self, initial: bytes | None) -> Step:
        """Take the initial response; None: there was none. An empty one is not the same (RFC 4954 section 4)."""

    def respond(self, data: bytes) -> Step:
        """Take the client's answer to the last challenge."""


TOO_LONG: Final = Denied("a message of the client is too long")
OVER: Final = Denied("the client went on after the end")
