"""One connection to the server under the soak: bytes out, replies in, and every way to let go of it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import NamedTuple

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: closing sends RST."""


class Lost(Exception):
    """The connection is gone, or the server said that it goes."""


class Reply(NamedTuple):
    """One reply, all its lines."""

    code: int
    text: str


class Wire:
    """Made by :meth:`connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, source: str) -> Wire:
        """Connect from one of this machine's own addresses, which tells kinds of clients apart. Raises Lost."""
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))
        except OSError as error:
            raise Lost(f"not let in: {error}") from error

    def write(self, data: bytes) -> None:
        """Hand bytes to the system, or keep them until it takes them."""
        self._writer.write(data)

    async def send(self, data: bytes) -> None:
        """Write, and wait while the server takes no more. Raises Lost."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Lost(f"while sending: {error}") from error

    async def reply(self) -> Reply:
        """Read one reply. Raises Lost when the connection ends instead."""
        lines = []
        while True:
            try:
                line = await self._reader.readline()
            except OSError as error:
                raise Lost(f"while reading: {error}") from error
            if not line.endswith(b"\r\n"):
                raise Lost("the server has closed")
            lines.append(line.decode("ascii"))
            if line[3:4] != b"-":
                return Reply(int(line[:3]), "".join(lines))

    async def say(self, line: bytes) -> Reply:
        """Send one line, and read the reply to it."""
        await self.send(line + b"\r\n")
        return await self.reply()

    async def read(self, most: int) -> bytes:
        """Some of what has come; empty once the connection has ended."""
        try:
            return await self._reader.read(most)
        except OSError:
            return b""

    async def drain_to_the_end(self) -> None:
        """Read on until the server closes."""
        while await self.read(65536):
            pass

    def finish(self) -> None:
        """Say no more, and still listen. Raises Lost."""
        try:
            self._writer.write_eof()
        except OSError as error:
            raise Lost(f"while finishing: {error}") from error

    def reset(self) -> None:
        """Go with RST: what was sent and not yet read by the server may be lost, too."""
        tcp: socket.socket = self._writer.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.transport.abort()

    def close(self) -> None:
        """Go as most do."""
        self._writer.close()
