"""TLS between a session and its transport: for the transport it is the protocol, for the session the transport.

    socket ──ciphertext──> Tunnel ──plaintext──> Session
    socket <──ciphertext── Tunnel <──replies──── Session

Python's ``ssl`` does all of TLS between two buffers in memory. asyncio's own ``start_tls`` is not used: it has open
faults under uvloop, and reads on while a session wants to be left alone. Here each read from the socket is decrypted
whole and handed on before the next one, so there is never more plaintext than one read brings, and whoever stops
reading stops it all the way to the peer.

Who listens and who connects differ in one thing alone: who begins to shake hands.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

RECORD: Final = 16 * 1024
"""Bytes of plaintext in one record of TLS at most (RFC 8446 section 5.1)."""


Wrap = Callable[[ssl.MemoryBIO, ssl.MemoryBIO], ssl.SSLObject]
"""Makes TLS between what comes from the other side and what goes there."""


def listening(context: ssl.SSLContext) -> Wrap:
    """TLS as who listens speaks it."""
    return partial(context.wrap_bio, server_side=True)


def connecting(context: ssl.SSLContext, name: str) -> Wrap:
    """TLS as who connects speaks it; ``name`` is the host that was meant, and what its certificate has to prove if the
    context checks that.
    """
    return partial(context.wrap_bio, server_hostname=name)


class Inside(Protocol):
    """A session, as its tunnel sees it."""

    def secured(self, how: str) -> None:
        """Hands are shaken; ``how`` tells the version and the cipher."""

    def not_secured(self, why: str) -> None:
        """TLS has failed, and nothing more can be said or heard. The connection is closing."""

    def data_received(self, data: bytes) -> None:
        """Take plaintext in."""

    def eof_received(self) -> bool:
        """The peer says no more; whether the connection stays open for what is owed to it."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""

    def pause_writing(self) -> None:
        """The peer does not read."""

    def resume_writing(self) -> None:
        """The peer reads again."""


class Tunnel(asyncio.Transport, asyncio.BufferedProtocol):
    """One connection's TLS."""

    def __init__(self, wrap: Wrap, transport: asyncio.Transport, inside: Inside, buffer: memoryview) -> None:
        """Take a transport over; whatever comes from now on is TLS. ``buffer`` is where reads go, one at a time."""
        super().__init__()
        self._transport = transport
        self._inside = inside
        self._buffer = buffer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = wrap(self._incoming, self._outgoing)
        self._open = False  # hands are shaken
        self._shut = False  # we have said our last word, or TLS has failed
        self._heard_out = False  # the peer has said its last word
        transport.set_protocol(self)

    def begin(self) -> None:
        """Speak first, as who connects has to."""
        self._shake_hands()

    # What the transport tells.

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport shall put what it reads."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Decrypt all that was read, and hand it on."""
        if self._shut or self._heard_out:  # it is read for TCP's sake alone
            return
        self._incoming.write(self._buffer[:nbytes])
        try:
            if self._open or self._shake_hands():
                self._read()
        except ssl.SSLError as error:
            self._fail(error)

    def eof_received(self) -> bool:
        """The peer says no more, and did not always say so within TLS: SMTP marks its own ends, so that is no harm."""
        if self._shut or not self._open:
            return False
        return self._hear_out()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._shut = True
        self._inside.connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer does not read."""
        self._inside.pause_writing()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._inside.resume_writing()

    # What the session asks of its transport.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send plaintext, encrypted."""
        rest = memoryview(data)
        try:
            while rest and not self._shut:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError as error:
            self._fail(error)
        self._send()

    def write_eof(self) -> None:
        """Say that no more will come. What the peer still sends is thrown away."""
        self._shut_down()
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """It can."""
        return True

    def close(self) -> None:
        """Send what is to be sent, and close."""
        self._shut_down()
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closing, or closed."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Let TCP hold the peer."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes of ciphertext that the peer has not read yet, and the kernel did not take."""
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)

    # TLS itself.

    def _shake_hands(self) -> bool:
        """Go on with the handshake; whether it is done. Raises SSLError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return False
        self._send()
        self._open = True
        cipher = self._tls.cipher()
        self._inside.secured(f"{self._tls.version()} {cipher[0] if cipher else ''}")
        return True

    def _read(self) -> None:
        """Hand on the plaintext of all that came. Raises SSLError."""
        pieces: list[bytes] = []
        ended = False
        with contextlib.suppress(ssl.SSLWantReadError):
            while not ended:
                piece = self._tls.read(RECORD)
                pieces.append(piece)
                ended = not piece
        self._send()  # TLS has words of its own, such as new keys
        data = b"".join(pieces)
        if data:
            self._inside.data_received(data)
        if ended and not self._shut and not self._hear_out():
            self.close()

    def _hear_out(self) -> bool:
        """The peer has said its last word: tell the session once; whether the connection stays open."""
        if self._heard_out:
            return True
        self._heard_out = True
        return self._inside.eof_received()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _shut_down(self) -> None:
        """Tell the peer, within TLS, that no more will come (RFC 8446 section 6.1)."""
        if self._open and not self._shut:
            with contextlib.suppress(ssl.SSLError):  # it would wait for the peer's last word, too
                self._tls.unwrap()
            self._send()
        self._shut = True

    def _fail(self, error: ssl.SSLError) -> None:
        """The peer does not speak TLS as it must: send TLS's alert, and close."""
        self._send()
        self._shut = True
        self._inside.not_secured(_words(error))
        self._transport.close()


def _words(error: ssl.SSLError) -> str:
    """What is wrong, in one line: of a certificate, what it fails in."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.reason or str(error)
