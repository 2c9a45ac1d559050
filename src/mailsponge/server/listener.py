"""The sockets: where connections come in, how many at a time, and how the listening ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from functools import partial

from mailsponge import clock
from mailsponge.mail.reply import Reply
from mailsponge.server.certificate import Certificate
from mailsponge.server.doors import Doors
from mailsponge.server.entrance import QUEUE, Entrance
from mailsponge.server.house import Guest
from mailsponge.server.rules import Rules
from mailsponge.server.session import STOPPING, Session
from mailsponge.store.protocol import Acceptance, Done, Incoming, Store

GRACE = 5.0
"""Seconds that sessions get to end once the listener stops."""
READ_AT_ONCE = 256 * 1024
"""Bytes that one read takes at most."""


class Listener:
    """Takes connections, and keeps the sessions that are open.

    ``rules`` and ``certificate`` may be replaced at any time; sessions go by what they began with.
    """

    def __init__(
        self,
        rules: Rules,
        store: Store,
        now: clock.Clock = clock.now,
        certificate: Certificate | None = None,
    ) -> None:
        """Make it within a running event loop; without a ``certificate`` there is no TLS."""
        self.rules = rules
        self.certificate = certificate
        self.store = store
        self.clock: Callable[[], float] = now
        self.loop = asyncio.get_running_loop()
        self.buffer = memoryview(bytearray(READ_AT_ONCE))
        self._doors = Doors()
        self._servers: list[asyncio.Server] = []
        self._guests: set[Guest] = set()
        self._ending: list[tuple[Incoming, Acceptance, Done]] = []
        self._emptied = asyncio.Event()
        self._stopping = False

    async def start(self, entrances: Iterable[Entrance]) -> None:
        """Take connections at each entrance; what stops the listener closes them, too."""
        for entrance in entrances:
            sessions = partial(Session, self, entrance.role)
            unix = entrance.socket.family == socket.AF_UNIX
            serve = self.loop.create_unix_server if unix else self.loop.create_server
            self._servers.append(await serve(sessions, sock=entrance.socket, backlog=QUEUE))

    async def stop(self, grace: float = GRACE) -> None:
        """Take no more connections, let each session end, and cut off what has not after ``grace`` seconds."""
        self._stopping = True
        for server in self._servers:
            server.close()
        for guest in tuple(self._guests):
            guest.stop()
        self._note_if_empty()
        try:
            await asyncio.wait_for(self._emptied.wait(), grace)
        except TimeoutError:
            for guest in tuple(self._guests):
                guest.abort()

    def accept(self, incoming: Incoming, acceptance: Acceptance, done: Done) -> None:
        """Have the store accept a message at the end of this turn of the loop, with all others that end in it.

        So they come to the writer at once and share a commit. Handed over one by one, the first would wake it, and it
        would commit that one alone.
        """
        if not self._ending:
            self.loop.call_soon(self._hand_over)
        self._ending.append((incoming, acceptance, done))

    def _hand_over(self) -> None:
        ending, self._ending = self._ending, []
        for incoming, acceptance, done in ending:
            incoming.accept(acceptance, done)

    def enter(self, guest: Guest, peer: str) -> Reply | None:
        """Count a session in, or say why it may not come in."""
        refusal = STOPPING if self._stopping else self._doors.enter(peer, self.rules)
        if refusal is None:
            self._guests.add(guest)
        return refusal

    def leave(self, guest: Guest, peer: str) -> None:
        """Count a session out; one that was not let in does not count."""
        if guest in self._guests:
            self._guests.remove(guest)
            self._doors.leave(peer)
            self._note_if_empty()

    def _note_if_empty(self) -> None:
        if self._stopping and not self._guests:
            self._emptied.set()
