"""An attacker on a real socket, and every way in that there is for one.

Which row of the attack table stands where (each file names its rows again):

    smuggling, split at every byte, past the size limit        scenarios/test_attacks_smuggling.py
    ... around BDAT                                            scenarios/test_attacks_chunks.py
    bytes after STARTTLS; pipelining where it is forbidden     scenarios/test_attacks_pipelining.py
    endless lines and messages, many RCPT, headers, crowds     scenarios/test_attacks_endless.py
    slowloris                                                  scenarios/test_attacks_slow.py
    relaying, all forms; XCLIENT and PROXY                     scenarios/test_attacks_relaying.py
    CR and LF in log, headers, envelope; names as paths and
    commands; finding users; backscatter; MIME bombs           scenarios/test_attacks_names.py

Elsewhere: what goes out never holds a bare CR or LF, and a client discards what came before TLS
(unit/smtp/test_client*); guessing passwords (unit/auth). Later, with the parts they concern: loops and TLS downgrade
(sending on), HTML mail, CSRF, SSRF (the web), links in spool and Maildir (couriers), sendmail.
"""

from __future__ import annotations

import contextlib
import getpass
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from kit.mail_server import MailServer
from kit.post import Post
from kit.smtp_server import CERTIFICATE

PATIENCE = 20.0
"""Seconds a test waits for what must happen before it fails."""


class Wire:
    """Bytes out, each call a segment of its own; replies in."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(PATIENCE)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self._lines = connected.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def reply(self) -> str:
        """Read one reply, all its lines; ``""`` when the server has closed."""
        lines = []
        while True:
            line = self._lines.readline().decode("ascii")
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines)

    def ask(self, line: bytes) -> str:
        """Send one line, and read the reply."""
        self.send(line + b"\r\n")
        return self.reply()

    def codes(self, number: int) -> list[int]:
        """The codes of so many replies; fewer if the server closes."""
        replies = (self.reply() for _ in range(number))
        return [int(reply[:3]) for reply in replies if reply]

    def code(self, line: bytes) -> int:
        """Send one line; the code of the reply."""
        return int(self.ask(line)[:3])

    def hello(self) -> str:
        """Say EHLO; returns what the server offers."""
        offered = self.ask(b"EHLO attacker.example")
        assert offered.startswith("250"), offered
        return offered

    def envelope(self, last: bytes = b"DATA\r\n") -> None:
        """Go as far as the 354 of DATA, or whatever else comes last, in one group."""
        self.send(b"MAIL FROM:<a@attacker.example>\r\nRCPT TO:<you@example.org>\r\n" + last)
        wanted = [250, 250, 354] if last else [250, 250]
        assert self.codes(len(wanted)) == wanted

    def closed(self) -> bool:
        """Read on until the server closes; whether it did without another word."""
        try:
            return self.reply() == ""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Go away."""
        self._lines.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WayIn(NamedTuple):
    """A way to the server's SMTP."""

    name: str
    greeted: Callable[[MailServer], Wire]
    """Connects; returns a wire past the greeting, and past whatever has to be done before EHLO."""
    settings: Callable[[Path], str] = lambda folder: ""
    """Tables of the configuration that the server needs for it, in its folder."""
    strangers: bool = True
    """Those who come are strangers, who reach nobody elsewhere."""


def unmet(server: MailServer) -> Wire:
    """Over TCP, with the greeting unread."""
    return Wire(socket.create_connection(("127.0.0.1", server.port)))


def met(wire: Wire) -> Wire:
    """Read the greeting."""
    assert wire.reply().startswith("220 ")
    return wire


def plain(server: MailServer) -> Wire:
    """Over TCP, in the clear."""
    return met(unmet(server))


def started_tls(server: MailServer) -> Wire:
    """Over TCP, by STARTTLS: the greeting came in the clear, and nothing that was said there counts."""
    wire = plain(server)
    wire.hello()
    assert wire.code(b"STARTTLS") == 220
    return secured(wire)


def secured(wire: Wire) -> Wire:
    """Agree on TLS as a client; nobody vouches for the certificate of a test. Raises OSError."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Wire(context.wrap_socket(wire.socket))


def through_the_socket(server: MailServer) -> Wire:
    """Over the Unix socket, as a user who may name any sender."""
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(str(server.data.parent / "submit"))
    return met(Wire(connected))


WAYS_IN = (
    WayIn("plain TCP", plain),
    WayIn("STARTTLS", started_tls, lambda folder: f'[tls]\ncertificate = "{CERTIFICATE}"\n'),
    WayIn(
        "Unix socket",
        through_the_socket,
        lambda folder: f'[local]\nsocket = "{folder}/submit"\ntrusted = ["{getpass.getuser()}"]\n',
        strangers=False,
    ),
)
"""The one place: whatever is added here, every attack that can be made that way is made that way, too.

Submission is none of them: there nothing is taken before a login, and what is taken then goes the same way.
"""


class Splitter:
    """Sends bytes in pieces that the server reads one after the other, but for one in hundreds.

    A second connection asks a question in between: once its answer is there, the server has been round to every
    connection that had something for it. So nothing has to wait for a while.
    """

    def __init__(self, connect: Callable[[], Wire]) -> None:
        self.wire = connect()
        self._witness = connect()

    def send(self, *pieces: bytes) -> None:
        """Send them on :attr:`wire`."""
        for piece in pieces[:-1]:
            self.wire.send(piece)
            assert self._witness.ask(b"NOOP").startswith("250")
        self.wire.send(pieces[-1])


def splits(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every way to cut bytes in two."""
    return ((data[:at], data[at:]) for at in range(1, len(data)))


PEOPLE = '[domains."example.org"]\n[users.me]\n[users.you]\n'
"""``me`` gets what is for postmaster; attackers write to ``you``."""


@contextlib.contextmanager
def open_post(folder: Path, limits: str = "") -> Iterator[Post]:
    """A server with all ways in, while the block lasts; ``limits`` are lines of its ``[limits]``.

    It must stand all of it: whatever was done, it ends well, and its log tells of no mistake of its own.
    """
    ways = "".join(way.settings(folder) for way in WAYS_IN)
    server = MailServer(folder, f"[limits]\n{limits}\n{ways}{PEOPLE}")
    server.start()
    try:
        yield Post(server)
    except BaseException:
        server.kill()
        raise
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()
