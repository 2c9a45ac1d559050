"""A mail server for tests that does as it is told: answers, refuses, says nothing, drips, hangs up.

    with SmtpServer({"MAIL": "451 4.3.0 later", "end of data": hangs_up}) as server:
        …
        assert server.mails == []

An answer is the text of a reply, or a function that does something else with the :class:`Talk`. Steps are the verbs of
SMTP, ``greeting``, ``content`` (instead of taking the message) and ``end of data``. A list answers one connection
after the other; its last element stays.
"""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

CERTIFICATE = Path(__file__).with_name("self_signed.pem")


class Received(NamedTuple):
    """A message whose end the server has seen, whatever it answered."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    login: tuple[str, str] | None

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])


class Talk:
    """The server's half of one connection."""

    def __init__(self, plain: socket.socket, stopped: threading.Event) -> None:
        self._socket = plain
        self._file = plain.makefile("rb")
        self.stopped = stopped
        self.encrypted = isinstance(plain, ssl.SSLSocket)
        self.login: tuple[str, str] | None = None
        self.sender = ""
        self.recipients: list[str] = []

    def say(self, reply: str) -> None:
        self._socket.sendall(reply.encode() + b"\r\n")

    def say_bytes(self, some: bytes) -> None:
        self._socket.sendall(some)

    def hear(self) -> str:
        """A command; empty once the client has gone."""
        return self._file.readline().decode("utf-8", "backslashreplace").rstrip("\r\n")

    def hear_content(self) -> bytes | None:
        """A message up to its lone dot; None if the client went before."""
        lines = []
        for line in self._file:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line.removeprefix(b"."))
        return None

    def start_tls(self) -> None:
        self._file.close()
        self._socket = server_side(self._socket)
        self._file = self._socket.makefile("rb")
        self.encrypted = True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._socket.close()


class HangUp(Exception):
    """The server has had enough of this connection."""


Answer = str | Callable[[Talk], None]


def hangs_up(talk: Talk) -> None:
    """Close the connection without a word."""
    raise HangUp


def says_nothing(talk: Talk) -> None:
    """Keep the connection, and never say anything again."""
    while talk.hear():
        pass
    raise HangUp


def drips(talk: Talk) -> None:
    """Send a byte now and then, of a reply that never ends."""
    while not talk.stopped.wait(0.1):
        talk.say_bytes(b"2")


def drips_lines(talk: Talk) -> None:
    """Send a line now and then, of a reply that never ends."""
    while not talk.stopped.wait(0.1):
        talk.say_bytes(b"250-and then\r\n")


def hangs_up_in_the_middle(talk: Talk) -> None:
    """Take a few bytes of the message, then hang up."""
    talk.hear()
    raise HangUp


def then(reply: str, act: Callable[[Talk], None]) -> Callable[[Talk], None]:
    """A reply, and something after it."""

    def both(talk: Talk) -> None:
        talk.say(reply)
        act(talk)

    return both


class SmtpServer:
    """A server on a loopback port of its own.

    Args:
        answers: what it says at a step, where that is not what a good server says.
        extensions: what it offers after EHLO.
        password: what a client that logs in has to know.
        tls_at_once: TLS from the first byte.
        after_tls: what it offers once TLS is there; None: the same, but for STARTTLS.
        host: where it listens.
        port: on which port; 0: any that is free.
        path: where it listens instead: a Unix socket.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer | Sequence[Answer]] | None = None,
        *,
        extensions: Sequence[str] = (),
        password: str = "",
        tls_at_once: bool = False,
        after_tls: Sequence[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        path: Path | None = None,
    ) -> None:
        self._answers = {
            step: list(said) if isinstance(said, list) else [said] for step, said in (answers or {}).items()
        }
        self._extensions = extensions
        self._after_tls = (
            [name for name in extensions if name != "STARTTLS"] if after_tls is None else after_tls
        )
        self.host = host
        self._password = password
        self._tls_at_once = tls_at_once
        self._stopped = threading.Event()
        self._talks: list[Talk] = []
        self._threads: list[threading.Thread] = []
        self.mails: list[Received] = []
        self.commands: list[str] = []
        self._listening = _listening(host, port, path)
        self.port: int = 0 if path else self._listening.getsockname()[1]
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        return f"{'smtps' if self._tls_at_once else 'smtp'}://{self.host}:{self.port}"

    def message_ids(self) -> list[str]:
        return [mail.message_id for mail in self.mails]

    def __enter__(self) -> SmtpServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for talk in self._talks:
            with contextlib.suppress(OSError):
                talk._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for number in range(1_000_000):
                connection, _ = self._listening.accept()
                self._spawn(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            talk = Talk(server_side(connection) if self._tls_at_once else connection, self._stopped)
        except OSError:
            connection.close()
            return
        self._talks.append(talk)
        with contextlib.suppress(OSError, HangUp, ValueError):
            self._talk(talk, number)
        talk.close()

    def _talk(self, talk: Talk, number: int) -> None:
        self._answer(talk, number, "greeting", "220 test.example ESMTP")
        while command := talk.hear():
            self.commands.append(command)
            verb = command.split()[0].upper()
            step = getattr(self, f"_{verb.lower()}", None)
            if step is not None:
                step(talk, number, command)
            else:
                self._answer(talk, number, verb, "500 5.5.1 what?")

    def _answer(self, talk: Talk, number: int, step: str, usual: str) -> bool:
        """Answer as told, or as usual; whether the answer was the usual one."""
        told = self._answers.get(step)
        if told is None:
            talk.say(usual)
            return True
        answer = told[min(number, len(told) - 1)]
        if callable(answer):
            answer(talk)
            return False
        talk.say(answer)
        return answer[0] == usual[0]

    def _ehlo(self, talk: Talk, number: int, command: str) -> None:
        lines = ["test.example", *(self._after_tls if talk.encrypted else self._extensions)]
        marked = [f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines]
        self._answer(talk, number, "EHLO", "\r\n".join(marked))

    _lhlo = _ehlo

    def _helo(self, talk: Talk, number: int, command: str) -> None:
        self._answer(talk, number, "HELO", "250 test.example")

    def _starttls(self, talk: Talk, number: int, command: str) -> None:
        if self._answer(talk, number, "STARTTLS", "220 2.0.0 go ahead"):
            talk.start_tls()

    def _auth(self, talk: Talk, number: int, command: str) -> None:
        _, user, password = base64.b64decode(command.split()[2]).decode().split("\0")
        good = password == self._password
        if self._answer(talk, number, "AUTH", "235 2.7.0 welcome" if good else "535 5.7.8 wrong password"):
            talk.login = (user, password) if good else None

    def _mail(self, talk: Talk, number: int, command: str) -> None:
        talk.sender, talk.recipients = _address(command), []
        self._answer(talk, number, "MAIL", "250 2.1.0 ok")

    def _rcpt(self, talk: Talk, number: int, command: str) -> None:
        to = _address(command)
        if self._answer(
            talk, number, f"RCPT {to}" if f"RCPT {to}" in self._answers else "RCPT", "250 2.1.5 ok"
        ):
            talk.recipients.append(to)

    def _data(self, talk: Talk, number: int, command: str) -> None:
        if not self._answer(talk, number, "DATA", "354 go on"):
            return
        if "content" in self._answers:
            self._answer(talk, number, "content", "")
        content = talk.hear_content()
        if content is not None:
            self.mails.append(Received(talk.sender, talk.recipients, content, talk.encrypted, talk.login))
            self._answer(talk, number, "end of data", "250 2.0.0 taken")

    def _quit(self, talk: Talk, number: int, command: str) -> None:
        self._answer(talk, number, "QUIT", "221 2.0.0 bye")
        raise HangUp

    def _rset(self, talk: Talk, number: int, command: str) -> None:
        self._answer(talk, number, "RSET", "250 2.0.0 ok")


def _listening(host: str, port: int, path: Path | None) -> socket.socket:
    if path is None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=50)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(50)
    return listening


def server_side(plain: socket.socket) -> ssl.SSLSocket:
    """The server's side of TLS with a certificate that it signed itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context.wrap_socket(plain, server_side=True)


def _address(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]
