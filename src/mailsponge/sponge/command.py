"""Wrap any command: its output passes through and is soaked up, its failure is judged like any source's.

When the command has ended, a process that it has left behind may still have its output open, for days if it is a
daemon. What the command said itself is read whole, however slowly it is taken; what comes after that is listened to for
:data:`_AFTERWARDS` seconds, and no longer: the wrapper ends when its command does.
"""

from __future__ import annotations

import contextvars
import logging
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO, Final

from mailsponge.clock import monotonic
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.lines import Lines, Pattern
from mailsponge.sponge.model import ERROR, INFO, WARNING

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
"""Exit statuses as a shell gives them."""

_CHUNK: Final = 65536
_STANDARD_ERROR: Final = 2
_AFTERWARDS: Final = 5.0
"""Seconds of waiting for output after the command has ended."""

_MOST_IN_A_PIPE: Final = 1024 * 1024
"""Bytes that a pipe may hold on Linux: after so many, nothing is left of what the command itself has said."""

_PAUSE: Final = 0.02

_SIGNALS_AFTER: Final = 0.2
"""Seconds after which a signal is passed on at the latest."""

_PASSED_ON: Final = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that are for the command, wherever they come from."""

Passed = Callable[[int, bytes], None]
"""Writes output through to a descriptor, as it came."""


def run(
    command: Sequence[str],
    handler: logging.Handler,
    passed: Passed | None = None,
    pattern: Pattern | None = None,
) -> int:
    """Run a command to its end and return its exit status; 128 + the signal's number if one ended it.

    Standard output becomes INFO records, standard error WARNING ones, and an end with a status other than 0 an ERROR.
    A pattern may find another level, a source and the message in a line.
    """
    log = logging.Logger(os.path.basename(command[0]) or "command", 1)
    log.addHandler(handler)
    _open_closed_streams()
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    except OSError as error:
        log.error("%s cannot be started: %s", command[0], error.strerror or error)
        complain(f"{command[0]} cannot be started: {error.strerror or error}")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    with _signals_passed_on(child):
        status = _soak_up(child, log, passed or _write_through, pattern)
    if status != 0:
        log.log(ERROR, _ended_with(status))
    return status if status >= 0 else 128 - status


def _ended_with(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def _soak_up(
    child: subprocess.Popen[bytes], log: logging.Logger, passed: Passed, pattern: Pattern | None
) -> int:
    """Read both streams to their ends, pass each piece through at once, and log it line by line; wait for the end."""
    streams = ((child.stdout, 1, INFO), (child.stderr, 2, WARNING))
    readers = [
        _Reader(stream, descriptor, passed, Lines(log, level, pattern))
        for stream, descriptor, level in streams
        if stream is not None
    ]
    status = _wait(child)
    for reader in readers:
        reader.command_ended()
    cut_off = [reader.end() for reader in readers]
    if any(cut_off):
        log.info("it has left a process behind that may still write; what that says from now on is not kept")
    return status


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for the command's end, in a thread of its own; returns its status.

    A signal that comes in the moment before a system call blocks is seen by Python when that call returns. If the call
    were the waiting itself, a signal for the command would reach it once it has ended.
    """
    waiting = threading.Thread(target=child.wait, daemon=True)
    waiting.start()
    while waiting.is_alive():
        waiting.join(_SIGNALS_AFTER)
    return child.wait()


class _Reader(threading.Thread):
    """Reads one stream of a command, in the source that is current where it is made."""

    def __init__(self, stream: IO[bytes], descriptor: int, passed: Passed, lines: Lines) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._descriptor = descriptor
        self._passed = passed
        self._lines = lines
        self._lock = threading.Lock()
        self._is_over = False
        self._waits_since: float | None = None
        self._waited = 0.0
        self._read = 0
        self._context = contextvars.copy_context()
        self.start()

    def run(self) -> None:
        """Read to the end."""
        with self._stream:
            while (piece := self._next_piece()) and self._take(piece):
                pass
        self._finish()

    def _next_piece(self) -> bytes:
        self._waits_since = monotonic()
        piece = os.read(self._stream.fileno(), _CHUNK)
        self._waited = self._has_waited()
        self._waits_since = None
        self._read += len(piece)
        return piece

    def _has_waited(self) -> float:
        since = self._waits_since
        return self._waited + (0.0 if since is None else monotonic() - since)

    def _take(self, piece: bytes) -> bool:
        with self._lock:
            if not self._is_over:
                self._passed(self._descriptor, piece)
                self._context.run(self._lines.take, piece)
            return not self._is_over

    def _finish(self) -> bool:
        """Take nothing more; whether that was not so already."""
        with self._lock:
            if self._is_over:
                return False
            self._is_over = True
            self._context.run(self._lines.end)
            return True

    def command_ended(self) -> None:
        """From now on, count how long it waits and how much it reads."""
        if self._waits_since is not None:
            self._waits_since = monotonic()
        self._waited, self._read = 0.0, 0

    def end(self) -> bool:
        """Let it read what the command itself has said, and for a while what others may say; whether there is more."""
        while self.is_alive() and self._has_waited() < _AFTERWARDS and self._read <= _MOST_IN_A_PIPE:
            self.join(_PAUSE)
        return self._finish()


def _write_through(descriptor: int, piece: bytes) -> None:
    while piece:
        try:
            piece = piece[os.write(descriptor, piece) :]
        except BlockingIOError:
            # Whoever shares the stream has made it so; it is to take everything all the same.
            select.select([], [descriptor], [])
        except OSError:
            # Nobody reads it any more (``mailsponge run … | head``), or it leads to a disk that is full. What the
            # command says is soaked up all the same.
            return


def _open_closed_streams() -> None:
    """See to it that 1 and 2 are the standard streams, and not whatever is opened next: the output is written there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)


def _at_a_terminal() -> bool:
    """Whether this process is in the foreground of a terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except (OSError, AttributeError):
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@contextmanager
def _signals_passed_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the command runs, signals are for it; afterwards everything is as it was."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    wanted = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in wanted}
    # Ctrl-C and Ctrl-\\ reach the command by themselves where a terminal sends them; from elsewhere they are passed on.
    for name in ("SIGINT", "SIGQUIT"):
        if number := getattr(signal, name, None):
            before[number] = signal.signal(number, signal.SIG_IGN if _at_a_terminal() else pass_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
