"""The small process that keeps root's rights, and what the server asks of it.

    parent (root)                       child (a user of its own)
    opens ports ───────── fork ───────> takes mail
    waits <─────────── "certificate" ── looks at its certificate
          ──── two open files ────────>
          <─────────── "deliver" ────── has a letter for a user of this machine
    fork ───────────> an agent, which becomes that user (`agents.py`)
          <─────────── "ready", "stopping" ── for systemd, which listens to the process that it started

It never sees a byte of the network. It opens two files, whose names it was given before the child came to be; it starts
agents, by what the configuration said then; it passes signals on; and it ends with the child.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from mailsponge.courier.faults import deferred
from mailsponge.courier.order import Order
from mailsponge.courier.ways import Ways
from mailsponge.errors import ConfigError
from mailsponge.mail.outcome import Outcome
from mailsponge.server import agents, certificate
from mailsponge.server.agents import PASSED_ON, Agents
from mailsponge.server.certificate import TlsFiles
from mailsponge.server.entrance import Entrance
from mailsponge.server.privileges import Account, leave_root

CERTIFICATE: Final = b"certificate"
READY: Final = b"ready "
STOPPING: Final = b"stopping"

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

    def deliver(self, order: Order, letter: int, gone: int) -> Outcome:
        """Have a letter delivered by an agent: see :data:`agent.AsSomebodyElse`. Blocks."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            try:
                with theirs:
                    request = agents.DELIVER + msgspec.json.encode(order)
                    socket.send_fds(self._line, [request], [letter, theirs.fileno()])
            except OSError as error:
                return deferred(f"the parent process does not answer ({error}): start the server anew")
            return _answer_to(ours, gone)

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


def _answer_to(waiting: socket.socket, gone: int) -> Outcome:
    """What an agent says, or the parent for it; closing the socket tells it that nobody waits any more."""
    poll = select.poll()
    poll.register(waiting, select.POLLIN)
    poll.register(gone, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll()}
    if waiting.fileno() not in ready:
        return deferred("the server stopped before it was delivered")
    try:
        return msgspec.json.decode(waiting.recv(agents.ANSWER_LIMIT), type=Outcome)
    except (OSError, msgspec.DecodeError):
        return deferred("the parent process is gone: start the server anew")


def separate(
    account: Account | None,
    files: TlsFiles | None,
    entrances: tuple[Entrance, ...],
    notify: Notify,
    ways: Ways | None = None,
) -> Parent:
    """Fork. The child returns as the user, without root's rights; the parent ends with the child: SystemExit.

    ``account``: None if the child shall keep root's rights. ``ways``: how mail reaches those whom agents deliver as;
    None: there are no agents.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # What comes before the parent can pass it on waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child == 0:
        ours.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if account is not None:
            leave_root(account)
        return Parent(theirs, files)
    theirs.close()
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for entrance in entrances:
        entrance.socket.close()  # the child's alone: when it stops, nobody shall listen any more
    raise SystemExit(_attend(ours, child, _Duties(files, notify, Agents(ways) if ways is not None else None)))


class _Duties(NamedTuple):
    """What the parent does, and with what."""

    files: TlsFiles | None
    notify: Notify
    agents: Agents | None


def _attend(line: socket.socket, child: int, duties: _Duties) -> int:
    """Do as the child asks until it ends; returns its status, as a shell would tell it."""
    working = duties.agents
    with line, _woken_by_the_end_of_an_agent() as woken:
        poll = select.poll()
        poll.register(line, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while True:
            patience = working.patience if working is not None else None
            ready = {descriptor for descriptor, _ in poll.poll(None if patience is None else patience * 1000)}
            if woken.fileno() in ready:
                woken.recv(MESSAGE_LIMIT)
            if working is not None:
                working.look_after()
            if line.fileno() in ready:
                request, descriptors = _heard(line)
                if not request:
                    break
                _answer(line, request, descriptors, duties)
        if working is not None:
            working.end()
    _, status = os.waitpid(child, 0)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN)  # there is nobody to pass it on to
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _woken_by_the_end_of_an_agent() -> Iterator[socket.socket]:
    """A socket that becomes readable when a process has ended, or another signal has come."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, _: None)
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(-1)


def _heard(line: socket.socket) -> tuple[bytes, list[int]]:
    try:
        request, descriptors, _, _ = socket.recv_fds(line, MESSAGE_LIMIT, 2, socket.MSG_CMSG_CLOEXEC)
    except OSError:  # the child is gone, in the middle of an answer
        return b"", []
    return request, descriptors


def _answer(line: socket.socket, request: bytes, descriptors: list[int], duties: _Duties) -> None:
    """Carry out one request; what it is not made for, it does not do."""
    if request.startswith(agents.DELIVER) and duties.agents is not None:
        duties.agents.start(request, descriptors)
        return
    for descriptor in descriptors:
        os.close(descriptor)
    if request == CERTIFICATE and duties.files is not None:
        with contextlib.suppress(OSError):
            _send_files(line, duties.files)
    elif request.startswith(READY):
        status = request.removeprefix(READY).decode(errors="replace").replace("\n", " ")
        duties.notify(f"READY=1\nSTATUS={status}")
    elif request == STOPPING:
        duties.notify("STOPPING=1")


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
