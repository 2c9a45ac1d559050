"""A talk with the post office through its Unix socket: a line out, a reply in, every wait bounded.

``smtplib`` takes as long to load as all the rest of this program twice over, and the protocol's own room
(:mod:`mailsponge.smtp.client`) longer; this asks one question at a time, of a server on the same machine.
"""

from __future__ import annotations

import socket

CONNECTED_WITHIN = 10.0
ANSWERED_WITHIN = 60.0
TAKEN_WITHIN = 600.0
"""Seconds for a connection, an answer, and the answer to a whole message (RFC 5321 section 4.5.3.2.6)."""

_LONGEST_REPLY = 64 * 1024


class NoAnswer(OSError):
    """The server is not there, is gone, or says what is no reply; whatever was asked may work later."""


class Reply:
    """What the server says: a code, and lines of text."""

    __slots__ = ("code", "lines")

    def __init__(self, code: int, *lines: str) -> None:
        self.code = code
        self.lines = lines

    @property
    def positive(self) -> bool:
        """2yz and 3yz: it is as was asked."""
        return self.code < 400

    @property
    def final(self) -> bool:
        """5yz: the same will not work later."""
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 2034), or empty."""
        first = self.lines[0].partition(" ")[0]
        return first if first[:2] in ("2.", "4.", "5.") else ""

    def __str__(self) -> str:
        return f"{self.code} {' '.join(self.lines)}"


class Wire:
    """A session with the server whose socket is at ``path``. Raises NoAnswer, whatever is done."""

    def __init__(self, path: str, name: str) -> None:
        """Connect, and greet as ``name``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._heard = b""
        self.hostname = ""
        """What the server calls itself."""
        self.extensions: frozenset[str] = frozenset()
        """What it offers, in upper case, without parameters."""
        self.most_recipients = 100
        """How many it takes at a time (RFC 9422); 100 any server has to (RFC 5321 section 4.5.3.1.8)."""
        try:
            self._connect(path)
            self._greet(name)
        except BaseException:
            self.close()
            raise

    def _connect(self, path: str) -> None:
        self._socket.settimeout(CONNECTED_WITHIN)
        try:
            self._socket.connect(path)
        except OSError as error:
            raise NoAnswer(f"nobody answers at {path}: {error.strerror or error}") from error

    def _greet(self, name: str) -> None:
        greeting = self.reply(ANSWERED_WITHIN)
        if greeting.code != 220:
            raise NoAnswer(f"the server says {greeting}")
        self.hostname = greeting.lines[0].partition(" ")[0]
        hello = self.say(f"EHLO {name}\r\n".encode())
        if not hello.positive:
            raise NoAnswer(f"the server says {hello}")
        offers = [line.upper().split() for line in hello.lines[1:]]
        self.extensions = frozenset(offer[0] for offer in offers if offer)
        limits = [word for offer in offers if offer[:1] == ["LIMITS"] for word in offer]
        for word in limits:
            limit, _, number = word.partition("=")
            if limit == "RCPTMAX" and number.isdecimal() and len(number) < 10:
                self.most_recipients = max(int(number), 1)

    def say(self, said: bytes, within: float = ANSWERED_WITHIN) -> Reply:
        """Say something, and hear the answer."""
        self._socket.settimeout(within)
        try:
            self._socket.sendall(said)
        except OSError as error:
            raise NoAnswer(f"the server does not listen: {error.strerror or error}") from error
        return self.reply(within)

    def reply(self, within: float) -> Reply:
        """Hear the next reply."""
        self._socket.settimeout(within)
        lines: list[str] = []
        heard = 0
        while True:
            line = self._line()
            heard += len(line)
            code, dash = line[:3], line[3:4]
            if not code.isdigit() or dash not in (b"-", b" ", b"") or heard > _LONGEST_REPLY:
                raise NoAnswer(f"that is no mail server: it says {line[:60].decode('latin-1')!a}")
            lines.append(line[4:].decode("utf-8", "replace"))
            if dash != b"-":
                return Reply(int(code), *lines)

    def _line(self) -> bytes:
        while b"\n" not in self._heard:
            try:
                more = self._socket.recv(4096)
            except OSError as error:
                raise NoAnswer(f"the server does not answer: {error.strerror or error}") from error
            if not more:
                raise NoAnswer("the server has closed the connection")
            self._heard += more
            if len(self._heard) > _LONGEST_REPLY:
                raise NoAnswer("the server talks without end")
        line, _, self._heard = self._heard.partition(b"\n")
        return line.rstrip(b"\r")

    def close(self) -> None:
        """Say goodbye, and wait for no answer."""
        try:
            self._socket.sendall(b"QUIT\r\n")
        except OSError:
            return  # it is gone already
        finally:
            self._socket.close()
