"""A web server for one page, ``/metrics``, and for one kind of client, Prometheus: as little of HTTP as that takes.

A request is read up to its empty line and no further, in bounded memory and time; each connection is one answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from mailsponge.config import Endpoint
from mailsponge.errors import MailspongeError, UsageError

log = logging.getLogger("mailsponge.server")

LONGEST_REQUEST: Final = 8192
"""Bytes; Prometheus' own has a few hundred."""
SECONDS: Final = 5.0
"""For a whole connection. Prometheus itself waits for ten by default."""
AT_ONCE: Final = 20
"""Connections at the same time; who comes then is let go without a word."""

Page = Callable[[], Awaitable[bytes]]


class Scrapes:
    """Answers scrapes with what ``page`` makes, whose media type is ``content_type``."""

    def __init__(self, page: Page, content_type: str, seconds: float = SECONDS) -> None:
        self._page = page
        self._content_type = content_type
        self._seconds = seconds
        self._open = 0
        self._servers: list[asyncio.Server] = []

    async def start(self, endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
        """Listen; returns the addresses with the ports they really have. Raises UsageError."""
        for endpoint in endpoints:
            try:
                server = await asyncio.start_server(
                    self._serve, endpoint.host, endpoint.port, limit=LONGEST_REQUEST
                )
            except OSError as error:
                self.stop()
                raise UsageError(
                    f"cannot listen on {endpoint} for metrics: {os.strerror(error.errno or 0)}; "
                    "choose another address or port in metrics.listen"
                ) from error
            self._servers.append(server)
        return tuple(
            Endpoint(*socket.getsockname()[:2]) for server in self._servers for socket in server.sockets
        )

    def stop(self) -> None:
        """Take no more connections."""
        for server in self._servers:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. Whatever goes wrong with it is the client's loss, and nothing more."""
        self._open += 1
        try:
            if self._open <= AT_ONCE:
                async with asyncio.timeout(self._seconds):
                    writer.write(await self._answer(await _request(reader)))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (OSError, EOFError):  # it went away, or the time is over: TimeoutError is an OSError
            return
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _answer(self, line: bytes) -> bytes:
        """The response to a request that begins with this line (RFC 9112 section 3)."""
        match line.split(b" "):
            case [b"GET" | b"HEAD" as method, target, b"HTTP/1.0" | b"HTTP/1.1"]:
                if target.partition(b"?")[0] != b"/metrics":
                    return _response("404 Not Found", b"There is only /metrics here.\n")
                try:
                    page = await self._page()
                except MailspongeError as error:
                    log.warning("metrics cannot be read just now: %s", error)
                    return _response("503 Service Unavailable", b"The server's log says why.\n")
                return _response("200 OK", page, self._content_type, with_body=method == b"GET")
            case [_, _, b"HTTP/1.0" | b"HTTP/1.1"]:
                return _response(
                    "405 Method Not Allowed", b"Only GET and HEAD are.\n", extra="Allow: GET, HEAD\r\n"
                )
            case _:
                return _response("400 Bad Request", b"This is no HTTP request.\n")


async def _request(reader: asyncio.StreamReader) -> bytes:
    """The first line of a request that is all there; ``b""`` for one that is too long to be one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return b""
    return head.partition(b"\r\n")[0]


def _response(
    status: str,
    body: bytes,
    content_type: str = "text/plain; charset=utf-8",
    extra: str = "",
    with_body: bool = True,
) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"{extra}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + (body if with_body else b"")
