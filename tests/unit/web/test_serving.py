"""Browsers and others at the socket: what is waited for, how long, and how it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest

from kit.smtp_server import CERTIFICATE
from mailsponge.web import serving
from mailsponge.web.serving import Opening, WebServer

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
Talk = Callable[[int], Awaitable[None]]


async def hello(scope, receive, send) -> None:
    """Answer anything."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def serve(talk: Talk, app=hello, tls: ssl.SSLContext | None = None) -> None:
    """Listen, talk to it, and stop."""

    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        server = WebServer(app)
        await server.start([Opening(listening, tls)])
        port = listening.getsockname()[1]
        try:
            await talk(port)
        finally:
            await server.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(run())


async def said_to(port: int, *words: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """All that is answered until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        for word in words:
            writer.write(word)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_it_answers_and_says_nothing_of_what_it_is():
    async def talk(port: int) -> None:
        answer = await said_to(port, ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"hello" in answer
        assert b"uvicorn" not in answer

    serve(talk)


def test_it_leaves_the_signals_alone():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    async def talk(port: int) -> None:
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))[0] == before[0]

    serve(talk)

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_head_without_end_is_refused():
    async def talk(port: int) -> None:
        answer = await said_to(port, b"GET / HTTP/1.1\r\nX: " + b"x" * (serving.LONGEST_HEAD + 10_000))

        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")

    serve(talk)


@pytest.mark.parametrize("words", [(), (b"GET / HT",), (b"GET / HTTP/1.1\r\n", b"X: y\r\n")])
def test_who_says_half_of_it_is_not_waited_for(monkeypatch, words):
    monkeypatch.setattr(serving, "SECONDS_FOR_HEAD", 0.05)

    async def talk(port: int) -> None:
        assert await said_to(port, *words) == b""

    serve(talk)


def test_half_a_second_request_is_not_waited_for_either(monkeypatch):
    monkeypatch.setattr(serving, "SECONDS_FOR_HEAD", 0.05)

    async def talk(port: int) -> None:
        answer = await said_to(port, ASK, b"GET / HT")

        assert answer.count(b"HTTP/1.1") == 1

    serve(talk)


def test_no_more_connections_than_there_may_be(monkeypatch):
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)

    async def talk(port: int) -> None:
        _, first = await asyncio.open_connection("127.0.0.1", port)

        assert await said_to(port, ASK) == b""
        first.close()

    serve(talk)


@pytest.mark.parametrize(
    "junk", [b"\0\1\2\r\n\r\n", b"EHLO me\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]
)
def test_what_is_no_http_is_refused(junk: bytes):
    async def talk(port: int) -> None:
        assert (await said_to(port, junk)).startswith(b"HTTP/1.1 400 ")

    serve(talk)


def test_a_request_under_way_may_end_when_it_stops():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send) -> None:
        begun.set()
        await go_on.wait()
        await hello(scope, receive, send)

    async def run() -> bytes:
        listening = socket.create_server(("127.0.0.1", 0))
        server = WebServer(slow)
        await server.start([Opening(listening, None)])
        asking = asyncio.create_task(said_to(listening.getsockname()[1], ASK))
        await begun.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        go_on.set()
        await stopping
        return await asking

    assert b"hello" in asyncio.run(run())


def test_within_tls_it_answers_too():
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(CERTIFICATE)
    outside = ssl.create_default_context(cafile=str(CERTIFICATE))
    outside.check_hostname = False
    outside.verify_mode = ssl.CERT_NONE

    async def talk(port: int) -> None:
        answer = await said_to(port, ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), tls=outside)
        assert b"hello" in answer

    serve(talk, tls=inside)
