"""The sockets: where connections come in, how many at a time, and how the listening ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterable, Mapping

from mailsponge import clock
from mailsponge.config import Endpoint
from mailsponge.errors import UsageError
from mailsponge.mail.reply import Reply
from mailsponge.server import load
from mailsponge.server.counts import Counts
from mailsponge.server.doors import Doors
from mailsponge.server.house import Guest
from mailsponge.server.load import Disk
from mailsponge.server.rules import Rules
from mailsponge.server.session import STOPPING, Session
from mailsponge.server.witness import Witness
from mailsponge.store.protocol import Acceptance, Done, Incoming, Store

GRACE = 5.0
"""Seconds that sessions get to end once the listener stops."""
READ_AT_ONCE = 256 * 1024
"""Bytes that one read takes at most."""
QUEUE = 512
"""Connections that the kernel keeps until they are taken; and as many are taken at a time."""


class Listener:
    """Takes connections, and keeps the sessions that are open.

    ``rules`` may be replaced at any time; sessions go by what they began with.
    """

    def __init__(
        self,
        rules: Rules,
        store: Store,
        now: clock.Clock = clock.now,
        *,
        free: Callable[[], int] | None = None,
    ) -> None:
        """Make it within a running event loop. ``free`` tells how many bytes the store's disk has left; without it,
        that is nobody's concern.
        """
        self.rules = rules
        self.store = store
        self.clock: Callable[[], float] = now
        self.loop = asyncio.get_running_loop()
        self.buffer = memoryview(bytearray(READ_AT_ONCE))
        self.busy = False
        self.witness = Witness()
        self._disk = None if free is None else Disk(free)
        self._doors = Doors()
        self._servers: list[asyncio.Server] = []
        self._guests: set[Guest] = set()
        self._ending: list[tuple[Incoming, Acceptance, Done]] = []
        self._emptied = asyncio.Event()
        self._stopping = False

    async def start(self, endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
        """Listen on each address; returns them with the ports they really have.

        Raises UsageError when an address cannot be had; then none is listened on.
        """
        sockets: list[socket.socket] = []
        try:
            sockets.extend(_bound(endpoint) for endpoint in endpoints)
        except UsageError:
            for bound in sockets:
                bound.close()
            raise
        for bound in sockets:
            server = await self.loop.create_server(lambda: Session(self), sock=bound, backlog=QUEUE)
            self._servers.append(server)
        return tuple(Endpoint(*bound.getsockname()[:2]) for bound in sockets)

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
            self.witness.counts.sessions += 1
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
        return {"smtp": self.witness.counts}

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


def _bound(endpoint: Endpoint) -> socket.socket:
    """A socket that has the address. Raises UsageError that says what to do."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: a reply goes out at once, and does not wait for an acknowledgement of the one before.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1
            )  # IPv4 has a line of its own in the settings
        bound.bind((endpoint.host, endpoint.port))
        bound.listen(QUEUE)
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {endpoint}: {_what_to_do(error, endpoint)}") from error
    return bound


def _what_to_do(error: OSError, endpoint: Endpoint) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {endpoint.port} is taken by another program (`ss -ltnp` shows which); "
                "stop it, or choose another port, such as --smtp 127.0.0.1:2526"
            )
        case errno.EACCES:
            return (
                f"port {endpoint.port} needs more rights; start as root or with CAP_NET_BIND_SERVICE, "
                "or choose a port above 1023"
            )
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address; `ip address` shows those it has"
        case number:
            return os.strerror(number or 0)
