"""Connections that keep to a deadline: finding a host's addresses, connecting, and every read and write after that.

A timeout for each read would let a server that sends a byte now and then hold up a program for ever, and one that talks
without end fill its memory.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable
from typing import Any, Final

from mailsponge.clock import Deadline

_MOST_HEARD: Final = 1024 * 1024
"""Bytes of one connection. What a server says to a client that hands over a mail is a few hundred."""


class TimedSocket(socket.socket):
    """A socket that asks a deadline before each wait."""

    deadline: Deadline
    heard = 0
    """Bytes that have come so far."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read, within the deadline and no more than a server has to say. Raises OSError."""
        self.settimeout(time_left(self.deadline))
        count = super().recv_into(*args, **kwargs)
        self.heard = _bounded(self.heard + count)
        return count

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Write, within the deadline. Raises OSError."""
        self.settimeout(time_left(self.deadline))
        return super().sendall(*args, **kwargs)


class TimedTlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    deadline: Deadline
    heard = 0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read, within the deadline and no more than a server has to say. Raises OSError."""
        self.settimeout(time_left(self.deadline))
        count = super().recv_into(*args, **kwargs)
        self.heard = _bounded(self.heard + count)
        return count

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Write, within the deadline. Raises OSError."""
        self.settimeout(time_left(self.deadline))
        return super().send(*args, **kwargs)


def _bounded(heard: int) -> int:
    if heard > _MOST_HEARD:
        raise OSError("the server talks without end")
    return heard


def time_left(deadline: Deadline) -> float:
    """The seconds that one wait may last. Raises TimeoutError once there are none."""
    left = deadline.left()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def over_tls(plain: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline) -> TimedTlsSocket:
    """Go over to TLS with the host on the other side. Raises OSError."""
    context.sslsocket_class = TimedTlsSocket
    plain.settimeout(time_left(deadline))
    tls = context.wrap_socket(plain, server_hostname=host)
    assert isinstance(tls, TimedTlsSocket)
    tls.deadline = deadline
    return tls


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers, each tried for a fair part of what is left. Raises OSError."""
    addresses = resolve(host, port, deadline)
    trouble: OSError = OSError(f"{host} has no address")
    for tried, (family, address) in enumerate(addresses):
        plain = TimedSocket(family, socket.SOCK_STREAM)
        plain.deadline = deadline
        try:
            plain.settimeout(time_left(deadline) / (len(addresses) - tried))
            plain.connect(address)
        except OSError as error:
            plain.close()
            trouble = error
        else:
            return plain
    raise trouble


def connect_to_path(path: str, deadline: Deadline) -> socket.socket:
    """Connect to a Unix socket. Raises OSError, also where there are none (Windows)."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets")
    plain = TimedSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    plain.deadline = deadline
    try:
        plain.settimeout(time_left(deadline))
        plain.connect(path)
    except BaseException:
        plain.close()
        raise
    return plain


Address = tuple[int, tuple[Any, ...]]
"""A family and what connect() takes with it."""


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The addresses of a host. Raises OSError.

    The system's resolver knows no deadline and cannot be interrupted, and threads cannot be started when the
    interpreter ends (3.12 and later), which is when most mails leave. So it is asked in a process that can be ended.
    """
    if host == "localhost":
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    try:
        return _addresses(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        )
    except socket.gaierror:
        return _addresses_of_numbers(_ask(host, deadline), port)


def _addresses(found: Iterable[tuple[Any, ...]]) -> list[Address]:
    return [(row[0], row[4]) for row in found]


def _addresses_of_numbers(numbers: list[str], port: int) -> list[Address]:
    flags = socket.AI_NUMERICHOST
    return [
        a
        for n in numbers
        for a in _addresses(socket.getaddrinfo(n, port, type=socket.SOCK_STREAM, flags=flags))
    ]


_QUESTION: Final = (
    "import socket, sys\n"
    "try: found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)\n"
    "except OSError as error: sys.exit(str(error))\n"
    "print(*dict.fromkeys(row[4][0] for row in found), sep='\\n')"
)


def _ask(host: str, deadline: Deadline) -> list[str]:
    interpreter = _interpreter()
    if not interpreter:
        # There is no program to start; then the resolver's own timeout has to do.
        return list(dict.fromkeys(str(row[4][0]) for row in socket.getaddrinfo(host, None)))
    try:
        answer = subprocess.run(
            [interpreter, "-I", "-S", "-c", _QUESTION, host],
            capture_output=True,
            text=True,
            timeout=time_left(deadline),
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"no address for {host} in time") from error
    if answer.returncode != 0:
        raise OSError(f"no address for {host}: {answer.stderr.strip()}")
    return answer.stdout.split()


def _interpreter() -> str:
    """The Python that runs this; none if that is a frozen program, or one that embeds Python: it would start itself."""
    name = os.path.basename(sys.executable or "").lower()
    is_python = name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)
    return sys.executable if is_python else ""
