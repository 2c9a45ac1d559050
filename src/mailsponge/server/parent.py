"""The small process that keeps root's rights, and what the server asks of it.

    parent (root)                       child (a user of its own)
    opens ports ───────── fork ───────> takes mail
    waits <─────────── "certificate" ── looks at its certificate
          ──── two open files ────────>
          <─────────── "ready", "stopping" ── for systemd, which listens to the process that it started

It never sees a byte of the network. It opens two files, whose names it was given before the child came to be; it passes
signals on; and it ends with the child.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import Final

from mailsponge.errors import ConfigError
from mailsponge.server import certificate
from mailsponge.server.certificate import TlsFiles
from mailsponge.server.entrance import Entrance
from mailsponge.server.privileges import Account, leave_root

CERTIFICATE: Final = b"certificate"
READY: Final = b"ready "
STOPPING: Final = b"stopping"

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MESSAGE_LIMIT: Final = 8192
PATIENCE: Final = 5.0
"""Seconds that the parent has to open two files."""

Notify = Callable[[str], None]
"""Tells systemd, in the words of sd_notify(3)."""


class Parent:
    """The parent, as the child sees it."""

    def __init__(self, line: socket.socket, files: TlsFiles | None) -> None:
        line.settimeout(PATIENCE)
        self._line = line
        self._files = files

    def open(self, files: TlsFiles) -> tuple[int, int]:
        """Have certificate and key opened: see :data:`certificate.Opener`. Raises ConfigError."""
        if files != self._files:
            raise ConfigError("tls.certificate and tls.key name other files now: start the server anew")
        try:
            self._line.send(CERTIFICATE)
            said, descriptors, _, _ = socket.recv_fds(self._line, MESSAGE_LIMIT, 2)
        except OSError as error:
            raise ConfigError(
                f"the parent process does not answer ({error}): start the server anew"
            ) from error
        if len(descriptors) == 2:
            return descriptors[0], descriptors[1]
        for descriptor in descriptors:
            os.close(descriptor)
        raise ConfigError(said.decode() or "the parent process is gone: start the server anew")

    def notify(self, state: str) -> None:
        """Have systemd told that the server is ready, or that it stops."""
        status = state.partition("STATUS=")[2]
        with contextlib.suppress(OSError):
            self._line.send(READY + status.encode() if state.startswith("READY=1") else STOPPING)

    def when_gone(self, loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
        """Call ``then`` if the parent dies: nobody would pass signals on any more."""
        loop.add_reader(self._line, self._look, loop, then)

    def _look(self, loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
        try:
            gone = not self._line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            loop.remove_reader(self._line)
            then()


def separate(
    account: Account, files: TlsFiles | None, entrances: tuple[Entrance, ...], notify: Notify
) -> Parent:
    """Fork. The child returns as the user, without root's rights; the parent ends with the child: SystemExit."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # What comes before the parent can pass it on waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child == 0:
        ours.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        leave_root(account)
        return Parent(theirs, files)
    theirs.close()
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for entrance in entrances:
        entrance.socket.close()  # the child's alone: when it stops, nobody shall listen any more
    raise SystemExit(_attend(ours, child, files, notify))


def _attend(line: socket.socket, child: int, files: TlsFiles | None, notify: Notify) -> int:
    """Do as the child asks until it ends; returns its status, as a shell would tell it."""
    with line:
        while request := _heard(line):
            _answer(line, request, files, notify)
    _, status = os.waitpid(child, 0)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN)  # there is nobody to pass it on to
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _heard(line: socket.socket) -> bytes:
    try:
        return line.recv(MESSAGE_LIMIT)
    except OSError:  # the child is gone, in the middle of an answer
        return b""


def _answer(line: socket.socket, request: bytes, files: TlsFiles | None, notify: Notify) -> None:
    """Carry out one request; what it is not made for, it does not do."""
    if request == CERTIFICATE and files is not None:
        with contextlib.suppress(OSError):
            _send_files(line, files)
    elif request.startswith(READY):
        status = request.removeprefix(READY).decode(errors="replace").replace("\n", " ")
        notify(f"READY=1\nSTATUS={status}")
    elif request == STOPPING:
        notify("STOPPING=1")


def _send_files(line: socket.socket, files: TlsFiles) -> None:
    try:
        descriptors = certificate.opened(files)
    except ConfigError as error:
        line.send(str(error).encode()[:MESSAGE_LIMIT])
        return
    try:
        socket.send_fds(line, [CERTIFICATE], descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
