"""What the pages are given of the server around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request

from mailsponge.accounts import Accounts
from mailsponge.auth.check import Checks
from mailsponge.auth.directory import Directory
from mailsponge.auth.guesses import Guesses
from mailsponge.clock import Clock
from mailsponge.config import Config
from mailsponge.routes import Routes
from mailsponge.store.protocol import Store
from mailsponge.web.security.links import Links
from mailsponge.web.security.sessions import Sessions
from mailsponge.web.streams import Streams


class State(NamedTuple):
    """Where a sponge keeps what it remembers."""

    directory: Path
    database: str = ""
    """The URL of the database that the ledgers are in, perhaps with a password; empty: they are in the directory."""

    def __repr__(self) -> str:
        return f"State({str(self.directory)!r}{', in a database' if self.database else ''})"


@dataclass(frozen=True)
class Office:
    """The rooms that pages look into. What a reload changes is asked for each time, by calling it."""

    config: Callable[[], Config]
    store: Store
    accounts: Callable[[], Accounts]
    directory: Callable[[], Directory]
    """Who may log in."""
    routes: Callable[[], Routes]
    """Which way mail goes that is for elsewhere."""
    clock: Clock
    states: tuple[State, ...]
    """The sponge's, of the user that the server runs as."""
    hostname: str
    sessions: Sessions
    links: Links
    checks: Checks
    """The threads in which passwords are compared, shared with SMTP."""
    guesses: Guesses
    """Wrong passwords by address, shared with SMTP: two doors are not twice as many guesses."""
    streams: Streams = field(default_factory=Streams)
    """Pages that are told when something changes."""

    @property
    def first_user(self) -> str:
        """Whose post office it is, as long as nobody says otherwise."""
        return next(iter(self.config().users))

    def is_admin(self, name: str) -> bool:
        """Whether somebody sees the jobs and the queue."""
        return name in (self.config().web.admins or (self.first_user,))


def office_of(request: Request) -> Office:
    """The office that a page looks into."""
    found: Office = request.app.state.office
    return found
