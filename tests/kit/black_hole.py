"""The ways in which a server at the other end of a network can be gone."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield listening.getsockname()[1]


def refused_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def free_port(*hosts: str) -> int:
    """A port that nobody listens on at any of these addresses of this machine."""
    while True:
        with contextlib.ExitStack() as stack:
            port = 0
            with contextlib.suppress(OSError):
                for host in hosts:
                    port = stack.enter_context(socket.create_server((host, port))).getsockname()[1]
                return port


class Proxy:
    """Passes bytes between a port and a Unix socket, until it is told to swallow them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.swallows = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Proxy:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.socket(socket.AF_UNIX)
                self._open += [near, far]
                far.connect(self._path)
                self._spawn(self._pass, near, far)
                self._spawn(self._pass, far, near)

    def before_passing(self) -> None:
        """Called before some bytes are passed on. Raise ConnectionError to cut the connection instead."""

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := one.recv(65536):
                if not self.swallows.is_set():
                    self.before_passing()
                    other.sendall(some)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
