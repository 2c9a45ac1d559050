"""Addresses that are listened on: opened before all else, for a port may be taken, and a low one needs root."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge.config import Endpoint
from mailsponge.errors import UsageError
from mailsponge.server import unix
from mailsponge.server.role import Role

QUEUE: Final = 512
"""Connections that the kernel keeps until they are taken; and as many are taken at a time."""

EVERYWHERE: Final = ("0.0.0.0", "::")

Place = Endpoint | Path
"""An IP address with a port, or the path of a Unix socket."""


class Entrance(NamedTuple):
    """One address that is listened on."""

    role: Role
    socket: socket.socket
    place: Place
    """Where it really is: with the port that the system chose, where it was asked to."""
    made: os.stat_result | None = None
    """What was made in the file system: a Unix socket."""

    def __str__(self) -> str:
        return f"{self.role.name} {self.place}"

    def url(self, hostname: str) -> str:
        """Where a browser finds it: within TLS, unless only this machine can reach it."""
        assert isinstance(self.place, Endpoint)
        at = f"{hostname}:{self.place.port}" if self.place.host in EVERYWHERE else str(self.place)
        return f"{'http' if self.place.is_loopback else 'https'}://{at}/"

    def close(self) -> None:
        """Listen no more."""
        self.socket.close()
        self.forget()

    def forget(self) -> None:
        """Remove what was made in the file system, if it is still there and may be removed."""
        if isinstance(self.place, Path) and self.made is not None:
            with contextlib.suppress(OSError):  # what cannot be removed is found dead by the next server
                unix.remove(self.place, self.made)


def opened(wanted: Iterable[tuple[Role, Place]]) -> tuple[Entrance, ...]:
    """Listen on each place. Raises UsageError that says what to do when one cannot be had; then none is."""
    entrances: list[Entrance] = []
    try:
        for role, place in wanted:
            entrances.append(_on_path(role, place) if isinstance(place, Path) else _on_port(role, place))
    except UsageError:
        for entrance in entrances:
            entrance.close()
        raise
    return tuple(entrances)


def _on_path(role: Role, path: Path) -> Entrance:
    bound = unix.bound(path)
    bound.listen(QUEUE)
    return Entrance(role, bound, path, path.lstat())


def _on_port(role: Role, endpoint: Endpoint) -> Entrance:
    """Listen on an IP address. Raises UsageError that says what to do."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: a reply goes out at once, and does not wait for an acknowledgement of the one before.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            # IPv4 has a line of its own in the settings.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((endpoint.host, endpoint.port))
        bound.listen(QUEUE)
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {endpoint}: {_what_to_do(error, endpoint)}") from error
    return Entrance(role, bound, Endpoint(*bound.getsockname()[:2]))


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
