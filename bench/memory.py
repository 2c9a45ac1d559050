"""What it costs the server in memory: a message of 50 MB, a line without end, 2,000 idle connections.

Each is done to a ``mailsponge serve`` of its own, which has taken one small message before, so that everything it needs
is loaded: that is *idle*. Then the system forgets what it had at most (``clear_refs``), the thing is done, and what it
had at most since then is read (``VmHWM``). It counts what was never given back, too.

    python bench/memory.py [--rounds 3] [--folder /var/tmp]

Linux alone has these figures. 2,000 connections need as many file descriptors on either side (``ulimit -n``).
"""

from __future__ import annotations

import argparse
import re
import resource
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from private_mailsponge import PrivateMailsponge

MAILBOX = "me"
CONNECTIONS = 2000
MESSAGE = 49_900_000
"""Octets: just below what the server takes by default."""
ENDLESS = 200_000_000
PIECE = b"y" * 65_536
LINE = b"x" * 76 + b"\r\n"
CERTIFICATE = Path(__file__).resolve().parents[1] / "tests" / "kit" / "self_signed.pem"
SETTINGS = f"""
[limits]
connections = {CONNECTIONS + 100}
connections_per_address = {CONNECTIONS + 100}
[tls]
certificate = "{CERTIFICATE}"
"""


class Client:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._lines = connected.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def expect(self, code: bytes) -> None:
        """Read one reply. Raises AssertionError if it is another."""
        while (line := self._lines.readline())[3:4] == b"-":
            pass
        assert line[:3] == code, line

    def say(self, line: bytes, code: bytes = b"250") -> None:
        """Send one line, and read the reply."""
        self.send(line + b"\r\n")
        self.expect(code)

    def envelope(self, recipient: str) -> None:
        """Go as far as DATA, or BDAT."""
        self.say(b"MAIL FROM:<a@client.example>")
        self.say(f"RCPT TO:<{recipient}>".encode())

    def close(self) -> None:
        """Go away."""
        self._lines.close()
        self._socket.close()


def plain(server: PrivateMailsponge) -> Client:
    """Connect in the clear, and say hello."""
    return _greeted(socket.create_connection(("127.0.0.1", server.port)))


def secured(server: PrivateMailsponge) -> Client:
    """Connect, change to TLS by STARTTLS, and say hello again."""
    connected = socket.create_connection(("127.0.0.1", server.port))
    _greeted(connected).say(b"STARTTLS", b"220")
    client = Client(_TLS.wrap_socket(connected))
    client.say(b"EHLO client.example")
    return client


def _greeted(connected: socket.socket) -> Client:
    client = Client(connected)
    client.expect(b"220")
    client.say(b"EHLO client.example")
    return client


def _trusting_anybody() -> ssl.SSLContext:
    """Nobody vouches for the certificate of a test."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_TLS = _trusting_anybody()


Connect = Callable[[], Client]


def large_message(connect: Connect, recipient: str) -> None:
    """As fast as the server takes it."""
    client = connect()
    client.envelope(recipient)
    client.say(b"DATA", b"354")
    client.send(b"Subject: large\r\n\r\n")
    for _ in range(MESSAGE // (len(LINE) * 1000)):
        client.send(LINE * 1000)
    client.say(b".")


def large_chunk(connect: Connect, recipient: str) -> None:
    """The same in one chunk."""
    client = connect()
    client.envelope(recipient)
    content = b"Subject: large\r\n\r\n" + LINE * (MESSAGE // len(LINE))
    client.say(b"BDAT %d LAST\r\n" % len(content) + content[: -len(b"\r\n")])


def endless_command(connect: Connect, recipient: str) -> None:
    """A command that goes on and on, until it ends after all."""
    client = connect()
    for _ in range(ENDLESS // len(PIECE)):
        client.send(PIECE)
    client.say(b"", b"500")


def endless_line(connect: Connect, recipient: str) -> None:
    """A line of a message, where its header should be."""
    _message_of_one_line(connect(), recipient, b"")


def endless_body(connect: Connect, recipient: str) -> None:
    """A line behind a header: kept, like any other message, as far as one may go, then refused."""
    _message_of_one_line(connect(), recipient, b"Subject: endless\r\n\r\n")


def _message_of_one_line(client: Client, recipient: str, header: bytes) -> None:
    client.envelope(recipient)
    client.say(b"DATA", b"354")
    client.send(header)
    for _ in range(ENDLESS // len(PIECE)):
        client.send(PIECE)
    client.say(b"\r\n.", b"552")


def idle_connections(connect: Connect, recipient: str) -> None:
    """They have said hello, and now say nothing."""
    for _ in range(CONNECTIONS):
        connect()


class Mark(NamedTuple):
    """One thing to do, and what it may cost."""

    title: str
    do: Callable[[Connect, str], None]
    megabytes: float


MARKS = (
    Mark("a message of 50 MB", large_message, 16),
    Mark("a message of 50 MB, in one chunk", large_chunk, 16),
    Mark("a command of 200 MB", endless_command, 1),
    Mark("a line of 200 MB as a header", endless_line, 1),
    Mark("a line of 200 MB behind a header", endless_body, 16),
    Mark(f"{CONNECTIONS:,} idle connections", idle_connections, 40),
)


class Way(NamedTuple):
    """A way to connect."""

    title: str
    connect: Callable[[PrivateMailsponge], Client]
    marked: bool
    """The marks are those of connections in the clear. Within TLS, OpenSSL alone takes 17 kB a connection."""


WAYS = (Way("in the clear", plain, True), Way("within TLS", secured, False))


class Memory(NamedTuple):
    """Of one process, in bytes."""

    now: int
    most: int

    @classmethod
    def of(cls, pid: int) -> Memory:
        """Read it from the system."""
        status = Path(f"/proc/{pid}/status").read_text()
        found = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status))
        return cls(int(found["VmRSS"]) * 1024, int(found["VmHWM"]) * 1024)


def forget_most(pid: int) -> None:
    """Let the system count the most from now on (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def warm_server(folder: Path, connect: Callable[[PrivateMailsponge], Client]) -> Iterator[PrivateMailsponge]:
    """A server that has taken a small message, the same way."""
    with PrivateMailsponge(folder, [MAILBOX], SETTINGS) as server:
        client = connect(server)
        client.envelope(server.recipient(MAILBOX))
        client.say(b"DATA", b"354")
        client.say(b"Subject: small\r\n\r\n.")
        client.close()
        yield server


def cost(mark: Mark, connect: Callable[[PrivateMailsponge], Client], folder: Path) -> tuple[float, float]:
    """Do it once: megabytes when idle, and how many more there were at most."""
    with warm_server(folder, connect) as server, ExitStack() as opened:
        idle = Memory.of(server.pid).now
        forget_most(server.pid)

        def connected() -> Client:
            client = connect(server)
            opened.callback(client.close)
            return client

        mark.do(connected, server.recipient(MAILBOX))
        return idle / 1e6, (Memory.of(server.pid).most - idle) / 1e6


def measured(way: Way, mark: Mark, rounds: int, folder: Path) -> bool:
    """Measure one thing and print it; whether its mark was kept, if it has one."""
    with tempfile.TemporaryDirectory(prefix="mailsponge-bench-", dir=folder) as here:
        costs = [cost(mark, way.connect, Path(here) / str(number)) for number in range(rounds)]
    worst = max(above for _, above in costs)
    kept = worst < mark.megabytes or not way.marked
    judged = f"{mark.megabytes:>7g} MB  {'kept' if kept else 'MISSED'}" if way.marked else f"{'none':>10}"
    print(f"  {mark.title:<36}{worst:>9.1f} MB{judged}  {way.title}, idle {costs[0][0]:.0f} MB", flush=True)
    return kept


def main() -> int:
    """Measure, print, and end with 1 if a mark was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each (default: 3); the worst counts")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="for the mailboxes")
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(CONNECTIONS + 500, hard), hard))
    print(f"  {'above idle, worst of ' + str(given.rounds):<36}{'figure':>12}{'mark':>10}")
    kept = [measured(way, mark, given.rounds, given.folder) for way in WAYS for mark in MARKS]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
