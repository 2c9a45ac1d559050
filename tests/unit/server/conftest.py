"""A listener on a real socket in a thread of its own, and a client that speaks SMTP by the byte."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest

from kit.smtp_server import CERTIFICATE as SELF_SIGNED
from mailsponge.accounts import Accounts
from mailsponge.auth.directory import Directory
from mailsponge.config import Endpoint
from mailsponge.server.certificate import Certificate, TlsFiles
from mailsponge.server.entrance import opened
from mailsponge.server.listener import Listener
from mailsponge.server.loop import new_loop
from mailsponge.server.role import LOCAL, SMTP, Role
from mailsponge.server.rules import Rules
from mailsponge.smtp.limits import Limits
from mailsponge.store.memory import MemoryStore

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds a test waits for what must happen before it fails."""

ACCOUNTS = Accounts(["example.org", "localhost", "[127.0.0.1]"], ["me", "you"], {"team": ["me", "you"]})
RULES = Rules(
    hostname="mail.example.org",
    accounts=ACCOUNTS,
    directory=Directory(ACCOUNTS, {}, b""),
    login_failures=20,
    limits=Limits(),
    command_deadline=PATIENCE,
    message_deadline=PATIENCE,
    connections=100,
    connections_per_address=100,
    trusted=frozenset({0, os.getuid()}),
)

TLS_FIRST = Role("smtps", tls_first=True)
"""As submission with TLS from the first byte, but for strangers."""


class PostOffice:
    """``with PostOffice(...) as post``: a listener at ``post.host``, ``post.port`` that fills ``post.store``."""

    def __init__(
        self,
        rules: Rules = RULES,
        make_store: Callable[[Callable[..., object]], Any] | None = None,
        host: str = "127.0.0.1",
        role: Role = SMTP,
        place: Path | None = None,
        certificate: Certificate | None = None,
        free: Callable[[], int] | None = None,
    ) -> None:
        self._rules = rules
        self._role = role
        self._place = place
        self._certificate = certificate
        self._free = free
        self._make_store = make_store or (lambda call: MemoryStore(call=call))
        self.host = host
        self.loop = new_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.store = self._make_store(self.loop.call_soon_threadsafe)
        self.listener: Listener = self.do(self._listener())
        [self._entrance] = opened([(self._role, self._place or Endpoint(self.host, 0))])
        self.do(self.listener.start([self._entrance]))
        if isinstance(self._entrance.place, Endpoint):
            self.port = self._entrance.place.port
        return self

    async def _listener(self) -> Listener:
        return Listener(self._rules, self.store, lambda: 1769844600.0, self._certificate, free=self._free)

    def do(self, coroutine: Any) -> Any:
        """Run a coroutine where the listener runs, and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def stop(self, grace: float = PATIENCE) -> None:
        """Stop the listener as the daemon does."""
        self.do(self.listener.stop(grace))

    def client(self) -> Client:
        """Connect, and read nothing yet."""
        return Client(self.connect())

    def connect(self) -> socket.socket:
        """A socket that is connected, with TLS on it if the server begins with that."""
        if self._place is not None:
            connected = socket.socket(socket.AF_UNIX)
            connected.settimeout(PATIENCE)
            try:
                connected.connect(str(self._place))
            except OSError:
                connected.close()
                raise
            return connected
        connected = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        return within_tls(connected) if self._role.tls_first else connected

    def secured(self) -> Client:
        """Connect, change to TLS by STARTTLS, and be past the second EHLO."""
        client = self.greeted()
        assert client.say("STARTTLS").startswith("220 ")
        client.change_to(within_tls(client.socket))
        assert client.say("EHLO client.example").startswith("250")
        return client

    def greeted(self) -> Client:
        """Connect, and be past EHLO."""
        client = self.client()
        assert client.reply().startswith("220 ")
        assert client.say("EHLO client.example").startswith("250")
        return client

    def content(self, mailbox: str = "me") -> bytes:
        """The bytes of the only message in a mailbox."""
        [entry] = self.store.mails(mailbox)
        return b"".join(self.store.content(entry.id))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(grace=0)
        self.do(asyncio.sleep(0))  # connections that were cut are told so
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        self._entrance.forget()


def within_tls(connected: socket.socket) -> ssl.SSLSocket:
    """Change to TLS, and trust nobody but the certificate of the kit."""
    context = ssl.create_default_context(cafile=SELF_SIGNED)
    return context.wrap_socket(connected, server_hostname="127.0.0.1")


class Client:
    """Bytes out, replies in."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._lines = self.socket.makefile("rb")

    def change_to(self, connected: socket.socket) -> None:
        """Go on over another socket, such as one with TLS on it."""
        self._lines.close()
        self.socket = connected
        self._lines = self.socket.makefile("rb")

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

    def say(self, line: str) -> str:
        """Send one line, and read the reply."""
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def envelope(self, sender: str = "a@b.example", recipient: str = "me@example.org") -> None:
        """Go as far as the 354 of DATA."""
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        assert self.say(f"RCPT TO:<{recipient}>").startswith("250")
        assert self.say("DATA").startswith("354")

    def post(self, text: str = "Subject: hello\r\n\r\nworld\r\n") -> str:
        """Send a whole message; returns the reply to its end."""
        self.envelope()
        return self.say(f"{text}.")

    def closed(self) -> bool:
        """Wait until the server has closed; whether it did without another word."""
        return self.reply() == ""

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


@pytest.fixture
def post() -> Iterator[PostOffice]:
    """A post office with a store in memory."""
    with PostOffice() as running:
        yield running


@pytest.fixture
def rules() -> Rules:
    """Rules to change for a post office of one's own."""
    return RULES


@pytest.fixture
def open_post() -> type[PostOffice]:
    """Makes a post office with rules or a store of one's own."""
    return PostOffice


@pytest.fixture(params=["in the clear", "within TLS", "through a Unix socket"])
def open_every_way(request, tmp_path, certificate) -> Callable[..., PostOffice]:
    """Makes post offices as ``open_post`` does, once for each way in."""
    ways = {
        "in the clear": {},
        "within TLS": {"role": TLS_FIRST, "certificate": certificate},
        "through a Unix socket": {"role": LOCAL, "place": tmp_path / "submit"},
    }
    return partial(PostOffice, **ways[request.param])


@pytest.fixture
def certificate() -> Certificate:
    """The kit's, for 127.0.0.1, which ``post.client()`` trusts."""
    return Certificate(TlsFiles(SELF_SIGNED, SELF_SIGNED))
