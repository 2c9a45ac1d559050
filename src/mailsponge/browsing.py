"""The web pages, wired to the rooms that they look into: for the daemon, which has the rooms."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from mailsponge import clock, durable
from mailsponge.auth.check import Checks
from mailsponge.auth.guesses import Guesses
from mailsponge.config import Config, Endpoint
from mailsponge.server.entrance import Entrance
from mailsponge.server.rules import Rules
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.places import state_database, state_directory
from mailsponge.store.lister import Lister
from mailsponge.store.protocol import Store
from mailsponge.web import shipped
from mailsponge.web.app import make_app
from mailsponge.web.office import Office, State
from mailsponge.web.security.kept import InFile
from mailsponge.web.security.links import Links
from mailsponge.web.security.sessions import Nowhere, Sessions
from mailsponge.web.serving import Opening, WebServer

log = logging.getLogger("mailsponge.web")

LINK_FILE: Final = "web-link"


class Doors(NamedTuple):
    """What logins share, whichever way somebody comes in."""

    checks: Checks
    guesses: Guesses


def _own_state() -> State:
    """Where this process's user has jobs remembered. Raises UsageError for one that cannot be."""
    given = defaults().state
    return State(state_directory(given, os.environ), state_database(given, os.environ))


class Browsing:
    """The pages, from their first request to their last."""

    def __init__(
        self,
        config: Config,
        rules: Rules,
        store: Store,
        doors: Doors,
        certificate: Callable[[], ssl.SSLContext] | None,
        terminal: TextIO = sys.stderr,
    ) -> None:
        """Make it within the running event loop. Raises StateError when kept sessions cannot be read."""
        self._config = config
        self._rules = rules
        self._certificate = certificate
        self._terminal = terminal
        self._urls: tuple[str, ...] = ()
        self._lister: Lister | None = None
        directory = config.data.directory
        self._office = Office(
            config=lambda: self._config,
            store=store,
            accounts=lambda: self._rules.accounts,
            directory=lambda: self._rules.directory,
            routes=lambda: self._rules.routes,
            clock=clock.now,
            states=(_own_state(),),
            hostname=config.hostname,
            sessions=Sessions(Nowhere() if directory is None else InFile(directory), clock.now),
            links=Links(clock.now),
            checks=doors.checks,
            guesses=doors.guesses,
        )
        self._server = WebServer(make_app(self._office))

    def follow(self, config: Config, rules: Rules) -> None:
        """Go by another configuration from now on; whoever asked for that may want a new link, too."""
        self._config, self._rules = config, rules
        self.offer_a_link()

    async def start(self, entrances: Sequence[Entrance]) -> None:
        """Answer at the sockets that are open."""
        await self._server.start([Opening(each.socket, self._tls_at(each)) for each in entrances])
        self._urls = tuple(each.url(self._config.hostname) for each in entrances)
        self._lister = Lister(self._office.store)  # nobody needs lists where there are no pages

    async def stop(self) -> None:
        """Answer no more; requests under way may end, and who is logged in is remembered."""
        self._office.streams.stop()
        await self._server.stop()
        if self._lister is not None:
            await asyncio.to_thread(self._lister.close)
        await asyncio.to_thread(self._office.sessions.save)

    def offer_a_link(self) -> None:
        """Give whoever sits at the terminal, or may read the data, a way in. It never ends up in a system log."""
        if not self._urls:
            return
        directory = self._config.data.directory
        if self._terminal.isatty():
            self._terminal.write(f"mailsponge: look at it (once, within 10 minutes): {self._new_link()}\n")
            self._terminal.flush()
        elif directory is not None:
            self._leave_a_link(directory / LINK_FILE)

    def _leave_a_link(self, file: Path) -> None:
        try:
            durable.write_file(file, f"{self._new_link()}\n".encode())
        except OSError as error:
            log.error("no one-time link to log in: %s cannot be written: %s", file, error.strerror)
        else:
            log.info("a one-time link to log in with a browser is in %s, good for 10 minutes", file)

    def _new_link(self) -> str:
        return f"{self._urls[0].removesuffix('/')}{self._office.links.issue()}"

    def _tls_at(self, entrance: Entrance) -> ssl.SSLContext | None:
        """Within this machine nobody listens in; elsewhere there is TLS, by the certificate that is in force then."""
        if not _needs_tls(entrance):
            return None
        current = self._certificate
        assert current is not None, "the configuration does not allow it without"
        context = current()

        def renewed(connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
            connection.context = current()

        context.sni_callback = renewed
        return context


def _needs_tls(entrance: Entrance) -> bool:
    return isinstance(entrance.place, Endpoint) and not entrance.place.is_loopback


def load() -> None:
    """Read what came with the program: later, this process may have left the right to."""
    shipped.templates()
    shipped.statics()
