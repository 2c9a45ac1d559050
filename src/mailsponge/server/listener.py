"""The sockets: where connections come in, how many at a time, and how the listening ends."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from mailsponge import clock
from mailsponge.mail.reply import Reply
from mailsponge.server import load
from mailsponge.server.certificate import Certificate
from mailsponge.server.counts import Counts
from mailsponge.server.doors import Doors
from mailsponge.server.entrance import QUEUE, Entrance
from mailsponge.server.house import Guest
from mailsponge.server.load import Disk
from mailsponge.server.login import NONCE_LENGTH, Logins
from mailsponge.server.rules import Rules
from mailsponge.server.session import STOPPING, session_for
from mailsponge.server.witness import Witness
from mailsponge.store.protocol import Acceptance, Done, Incoming, Store

GRACE = 5.0
"""Seconds that sessions get to end once the listener stops."""
READ_AT_ONCE = 256 * 1024
"""Bytes that one read takes at most."""


def _nonce() -> str:
    return secrets.token_urlsafe(NONCE_LENGTH)


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
        nonce: Callable[[], str] = _nonce,
        free: Callable[[], int] | None = None,
    ) -> None:
        """Make it within a running event loop; without a ``certificate`` there is no TLS. ``free`` tells how many
        bytes the store's disk has left; without it, that is nobody's concern.
        """
        self.rules = rules
        self.certificate = certificate
        self.store = store
        self.clock: Callable[[], float] = now
        self.loop = asyncio.get_running_loop()
        self.logins = Logins(self.loop, nonce)
        self.buffer = memoryview(bytearray(READ_AT_ONCE))
        self.busy = False
        self._witnesses: dict[str, Witness] = {}
        self._disk = None if free is None else Disk(free)
        self._doors = Doors()
        self._servers: list[asyncio.Server] = []
        self._guests: set[Guest] = set()
        self._ending: list[tuple[Incoming, Acceptance, Done]] = []
        self._emptied = asyncio.Event()
        self._stopping = False

    async def start(self, entrances: Iterable[Entrance]) -> None:
        """Take connections at each entrance; what stops the listener closes them, too."""
        for entrance in entrances:
            self.witness_of(entrance.role.name)  # it is counted from the first moment, be it nothing
            sessions = partial(session_for(self.loop), self, entrance.role)
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
        self.logins.checks.close()

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
            self._weigh()
        return refusal

    def leave(self, guest: Guest, peer: str) -> None:
        """Count a session out; one that was not let in does not count."""
        if guest in self._guests:
            self._guests.remove(guest)
            self._doors.leave(peer)
            self._weigh()
            self._note_if_empty()

    @property
    def counts(self) -> Mapping[str, Counts]:
        """What happened so far, by role."""
        return {role: witness.counts for role, witness in self._witnesses.items()}

    def witness_of(self, role: str) -> Witness:
        """Who is told what happens to clients of that role."""
        witness = self._witnesses.get(role)
        if witness is None:
            witness = self._witnesses[role] = Witness()
        return witness

    @property
    def inside(self) -> int:
        """How many sessions are open."""
        return len(self._guests)

    def shortage(self, size: int) -> Reply | None:
        """Why no message may begin now, if none may."""
        rules = self.rules
        free = rules.least_free + size if self._disk is None else self._disk.free(self.loop.time())
        return load.shortage(self.store.held, rules.memory, free, rules.least_free, size)

    def _weigh(self) -> None:
        """Somebody came or left: see whether the server is under load, and if it is just so, hurry all who are here."""
        before = self.busy
        self.busy = load.busy(len(self._guests), self.rules.connections, before)
        if self.busy and not before:
            for guest in self._guests:
                guest.hurry()

    def _note_if_empty(self) -> None:
        if self._stopping and not self._guests:
            self._emptied.set()
