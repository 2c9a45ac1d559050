"""Rules of the page for Prometheus: one answer a connection, and no client can hold or fill the server."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from mailsponge.config import Endpoint
from mailsponge.errors import StoreError, UsageError
from mailsponge.server.loop import new_loop
from mailsponge.server.scrape import AT_ONCE, LONGEST_REQUEST, Scrapes

PATIENCE = 20.0


class Running:
    """``Scrapes`` on a loop in a thread of its own."""

    def __init__(self, page, seconds: float = PATIENCE) -> None:
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._scrapes = Scrapes(page, "text/plain; version=x", seconds)
        [endpoint] = self._do(self._scrapes.start([Endpoint("127.0.0.1", 0)]))
        self.port = endpoint.port

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def ask(
        self, method: str = "GET", target: str = "/metrics"
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """By a client that knows HTTP better than we do."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, target)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body, response.headers

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._scrapes.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def page() -> bytes:
    return b"up 1\n"


@pytest.fixture
def running() -> Iterator[Running]:
    scrapes = Running(page)
    yield scrapes
    scrapes.close()


@pytest.fixture
def hurried() -> Iterator[Running]:
    scrapes = Running(page, 0.2)
    yield scrapes
    scrapes.close()


def received(connection: socket.socket) -> bytes:
    """All that comes until the server closes or cuts the connection."""
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        return got
    return got


def test_the_page_is_given_with_its_type(running):
    status, body, headers = running.ask()

    assert (status, body) == (200, b"up 1\n")
    assert headers["Content-Type"] == "text/plain; version=x"
    assert headers["Connection"] == "close"


def test_a_head_has_no_body(running):
    status, body, headers = running.ask("HEAD")

    assert (status, body, headers["Content-Length"]) == (200, b"", "5")


def test_a_query_changes_nothing(running):
    assert running.ask(target="/metrics?name[]=x")[0] == 200


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/metrics", 405), ("DELETE", "/metrics", 405)],
)
def test_there_is_nothing_else(running, method, target, status):
    assert running.ask(method, target)[0] == status


@pytest.mark.parametrize(
    "request_line", [b"EHLO x", b"GET /metrics", b"GET  /metrics HTTP/1.1", b"", b"\xff\0"]
)
def test_what_is_no_request_is_called_so(running, request_line):
    with running.connect() as connection:
        connection.sendall(request_line + b"\r\n\r\n")

        assert received(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_request_without_end_is_cut_off(running):
    with running.connect() as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 3 * LONGEST_REQUEST)

        assert b"200 OK" not in received(connection)
    assert running.ask()[0] == 200


def test_who_says_nothing_is_left(hurried):
    with hurried.connect() as connection:
        assert received(connection) == b""


def test_only_so_many_are_served_at_a_time(running):
    waiting = [running.connect() for _ in range(AT_ONCE)]
    with running.connect() as one_too_many:
        assert received(one_too_many) == b""
    for connection in waiting:
        connection.close()


def test_a_store_that_cannot_be_read_is_said_and_logged(caplog):
    async def failing() -> bytes:
        raise StoreError("the disk is gone")

    scrapes = Running(failing)
    assert scrapes.ask()[0] == 503
    scrapes.close()
    assert "the disk is gone" in caplog.text


def test_an_address_that_is_taken_is_told_with_the_setting(running):
    with pytest.raises(
        UsageError, match=r"metrics: Address already in use; choose another .* metrics\.listen"
    ):
        asyncio.run(Scrapes(page, "").start([Endpoint("127.0.0.1", running.port)]))
