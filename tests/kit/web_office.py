"""An office for pages: a store in memory, a clock to turn, two people of whom one has a password."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from kit.browser import Browser
from mailsponge.accounts import Accounts
from mailsponge.auth import hashing
from mailsponge.auth.check import Checks
from mailsponge.auth.directory import Directory
from mailsponge.auth.guesses import Guesses
from mailsponge.auth.verifiers import Verifiers
from mailsponge.config import Config, Domain, User, Web
from mailsponge.data_place import DataPlace
from mailsponge.routes import Routes
from mailsponge.store.memory import MemoryStore
from mailsponge.web.app import make_app
from mailsponge.web.office import Office, State
from mailsponge.web.security.links import Links
from mailsponge.web.security.sessions import Kept, Nowhere, Sessions

ME = "me"
YOU = "you"
PASSWORD = "correct horse battery staple"


class Hands:
    """A clock that is turned by hand."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds


def verifiers(password: str) -> Verifiers:
    """What is known of a password; cheap to check."""
    return Verifiers(None, hashing.scram(password, b"salt" * 4, iterations=4096))


class WebOffice:
    """The office, and all that a test turns in it."""

    def __init__(self, config: Config | None = None, kept: Kept | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = Hands()
        self.config = config or config_of()
        self.store = MemoryStore(now=self.clock)
        self.kept = kept or Nowhere()
        self.office = Office(
            config=lambda: self.config,
            store=self.store,
            accounts=self._accounts,
            directory=self._directory,
            routes=Routes,
            clock=self.clock,
            states=(State(Path("/nowhere/state")),),
            hostname=self.config.hostname,
            sessions=Sessions(self.kept, self.clock),
            links=Links(self.clock),
            checks=Checks(self.loop.call_soon_threadsafe),
            guesses=Guesses(),
        )
        self.app = make_app(self.office)

    def close(self) -> None:
        """Let go of its threads and its loop."""
        self.office.checks.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def browser(self, **given: str) -> Browser:
        """Somebody who has not logged in."""
        return Browser(self.app, self.loop, **given)

    def logged_in(self) -> Browser:
        """The first user, let in by a link."""
        browser = self.browser()
        link = self.office.links.issue()
        assert browser.send(link, link).status == 303
        return browser

    def logged_in_as(self, name: str, password: str = PASSWORD) -> Browser:
        """Somebody with a password."""
        browser = self.browser()
        assert browser.send("/login", "/login", {"name": name, "password": password}).status == 303
        return browser

    def change(self, **users: User) -> None:
        """Other users from now on, as after a reload."""
        self.config = msgspec.structs.replace(self.config, users=users)

    def _accounts(self) -> Accounts:
        return Accounts(self.config.domains, tuple(self.config.users), {}, {}, hostname=self.config.hostname)

    def _directory(self) -> Directory:
        passwords = {name: user.password for name, user in self.config.users.items() if user.password}
        return Directory(self._accounts(), passwords, b"secret" * 6)


def config_of(**users: User) -> Config:
    """Two people by default: the first without a password, the second with one."""
    return Config(
        hostname="mail.example.org",
        data=DataPlace(Path("/nowhere")),
        domains={"localhost": Domain()},
        users=users or {ME: User(), YOU: User(password=verifiers(PASSWORD))},
        web=Web(),
    )
