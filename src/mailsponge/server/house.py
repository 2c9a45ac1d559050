"""What every session shares: the listener, as sessions see it."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Protocol

from mailsponge.mail.reply import Reply
from mailsponge.server.certificate import Certificate
from mailsponge.server.login import Logins
from mailsponge.server.rules import Rules
from mailsponge.server.witness import Witness
from mailsponge.store.protocol import Acceptance, Done, Incoming, Store


class Guest(Protocol):
    """A session, as the listener sees it."""

    def hurry(self) -> None:
        """Wait for the peer no longer than may be waited under load."""

    def stop(self) -> None:
        """Say 421 and go, at once or when the commit under way is done."""

    def abort(self) -> None:
        """Cut the connection."""


class House(Protocol):
    """What a session needs of the listener it came in by."""

    @property
    def rules(self) -> Rules:
        """What a session that begins now goes by."""

    @property
    def store(self) -> Store:
        """Where messages go."""

    @property
    def certificate(self) -> Certificate | None:
        """What the server shows; without one there is no TLS."""

    @property
    def logins(self) -> Logins:
        """What all logins share."""

    def witness_of(self, role: str) -> Witness:
        """Who is told what happens to clients of that role."""

    @property
    def clock(self) -> Callable[[], float]:
        """What time it is, in seconds since the epoch."""

    @property
    def loop(self) -> AbstractEventLoop:
        """The loop it runs in; its clock measures every deadline."""

    @property
    def buffer(self) -> memoryview:
        """Where every session reads into, one at a time."""

    @property
    def busy(self) -> bool:
        """Whether so many are inside that nobody is waited for longer than need be."""

    def shortage(self, size: int) -> Reply | None:
        """Why no message may begin now, if none may; ``size`` is what the client says it will weigh, or 0."""

    def accept(self, incoming: Incoming, acceptance: Acceptance, done: Done) -> None:
        """Have the store accept a message soon; ``done`` is told how it went, never before this returns."""

    def enter(self, guest: Guest, peer: str) -> Reply | None:
        """Count a session in, or say why it may not come in."""

    def leave(self, guest: Guest, peer: str) -> None:
        """Count it out."""
