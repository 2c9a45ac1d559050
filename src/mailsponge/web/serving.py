"""Speaks HTTP with browsers: uvicorn, in the server's own event loop, within limits, and with no say about signals.

Connections are bounded, and so is the time that one may say nothing or half a request: whoever opens many and sends
little holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator, Sequence
from importlib import import_module
from ssl import SSLContext
from typing import Any, Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("mailsponge.web")

MOST_CONNECTIONS: Final = 200
"""Open at the same time; who comes then is let go without a word. A browser has six."""
LONGEST_HEAD: Final = 32 * 1024
"""Octets of a request's line and headers."""
SECONDS_FOR_HEAD: Final = 10.0
"""Until a new connection has said what it wants."""
SECONDS_IDLE: Final = 30
"""Until a connection is closed that has had its answer and asks for nothing more."""
SECONDS_TO_END: Final = 3
"""What requests under way get when the server stops."""

# What is else loaded when it is first needed: by then, the right to may be gone.
for _name in ("uvicorn.lifespan.off", "anyio._backends._asyncio"):
    import_module(_name)


class Opening(NamedTuple):
    """A socket that listens."""

    socket: socket.socket
    tls: SSLContext | None


class WebServer:
    """Answers at some sockets, each with TLS or without."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []

    async def start(self, openings: Sequence[Opening]) -> None:
        """Listen; returns when all sockets do."""
        for opening in openings:
            server = _Server(_config(self._app, opening.tls))
            task = asyncio.create_task(server.serve([opening.socket]))
            self._running.append((server, task))
            listening = asyncio.create_task(server.listening.wait())
            await asyncio.wait((task, listening), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                listening.cancel()
                task.result()

    async def stop(self) -> None:
        """Take no more connections, and let requests under way end, for a little while."""
        for server, _ in self._running:
            server.tell_to_stop()
        await asyncio.gather(*(task for _, task in self._running))
        self._running.clear()


class _Server(uvicorn.Server):
    """uvicorn's, without its signals and its ten looks a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._told = asyncio.Event()

    def tell_to_stop(self) -> None:
        """End soon."""
        self.should_exit = True
        self._told.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the daemon."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Keep the Date header right until told to stop."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1.0)


class _Connection(H11Protocol):
    """One connection, which has to say what it wants before long."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = log

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._wait_for_head(SECONDS_FOR_HEAD)

    def data_received(self, data: bytes) -> None:
        """Go on with the request; half a head does not buy more time."""
        before = self.timeout_keep_alive_task
        left = before.when() - self.loop.time() if before is not None else SECONDS_FOR_HEAD
        super().data_received(data)
        if self._has_half_a_head() and not self.transport.is_closing():
            self._wait_for_head(min(left, SECONDS_FOR_HEAD))

    def _has_half_a_head(self) -> bool:
        return self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete)

    def _wait_for_head(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(max(seconds, 0.0), self.transport.abort)


def _config(app: ASGIApp, tls: SSLContext | None) -> uvicorn.Config:
    def context(_config: Any, _default: Any) -> SSLContext:
        assert tls is not None
        return tls

    return uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody is trusted for what they say of their address
        timeout_keep_alive=SECONDS_IDLE,
        timeout_graceful_shutdown=SECONDS_TO_END,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        ssl_context_factory=None if tls is None else context,
    )
