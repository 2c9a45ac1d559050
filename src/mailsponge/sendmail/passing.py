"""``sendmail -bs``: SMTP on standard input and output. It is the server that speaks; this passes bytes on."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Mapping

from mailsponge import postbox

_AT_ONCE = 64 * 1024


def speak_smtp(environ: Mapping[str, str]) -> int:
    """Pass bytes on until the server has closed; returns the program's status. Raises OSError."""
    server = _connected(environ)
    if server is None:
        os.write(
            1,
            b"421 4.3.2 No mail server runs on this machine: start `mailsponge serve` with [local] socket\r\n",
        )
        return os.EX_TEMPFAIL
    with server:
        _pass_on(server)
    return os.EX_OK


def _connected(environ: Mapping[str, str]) -> socket.socket | None:
    """The server's socket, or None where none answers."""
    named = environ.get("MAILSPONGE_SUBMIT")
    for place in [named] if named else filter(postbox.is_trusted, postbox.sockets(environ)):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(place)
        except OSError:
            server.close()
        else:
            return server
    return None


def _pass_on(server: socket.socket) -> None:
    """Neither side waits for the other: the client may send while the server's answers are not read yet."""
    server.setblocking(False)
    listening = [0, server.fileno()]
    outgoing = b""
    while True:
        can_read, can_write, _ = select.select(
            [each for each in listening if each or not outgoing], [server] if outgoing else [], []
        )
        if server.fileno() in can_read:
            said = server.recv(_AT_ONCE)
            if not said:
                return
            _write_all(said)
        if 0 in can_read:
            outgoing = os.read(0, _AT_ONCE)
            if not outgoing:
                listening = [server.fileno()]
                server.shutdown(socket.SHUT_WR)
        if can_write:
            outgoing = outgoing[server.send(outgoing) :]


def _write_all(said: bytes) -> None:
    while said:
        said = said[os.write(1, said) :]
