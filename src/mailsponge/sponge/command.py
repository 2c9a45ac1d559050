"""Wrap any command: its output passes through and is soaked up, its failure is judged like any source's."""

from __future__ import annotations

import logging
import os
import select
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO, Final

from mailsponge.sponge.complaint import complain
from mailsponge.sponge.model import ERROR, INFO, WARNING

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
"""Exit statuses as a shell gives them."""

_CHUNK: Final = 65536
_STANDARD_ERROR: Final = 2
_LONGEST_LINE: Final = 1024 * 1024
"""Bytes after which a line is cut into several records: a command need not ever end one."""

_PASSED_ON: Final = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that are for the command. Ctrl-C reaches it by itself: it is in the same process group."""

Passed = Callable[[int, bytes], None]
"""Writes output through to a descriptor, as it came."""


def run(command: Sequence[str], handler: logging.Handler, passed: Passed | None = None) -> int:
    """Run a command to its end and return its exit status; 128 + the signal's number if one ended it.

    Standard output becomes INFO records, standard error WARNING ones, and an end with a status other than 0 an ERROR.
    """
    log = logging.Logger(os.path.basename(command[0]) or "command", logging.DEBUG)
    log.addHandler(handler)
    _open_closed_streams()
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    except OSError as error:
        log.error("%s cannot be started: %s", command[0], error.strerror or error)
        complain(f"{command[0]} cannot be started: {error.strerror or error}")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    with _signals_passed_on(child):
        _soak_up(child, log, passed or _write_through)
        status = child.wait()
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


def _soak_up(child: subprocess.Popen[bytes], log: logging.Logger, passed: Passed) -> None:
    """Read both streams to their ends, pass each piece through at once, and log it line by line."""
    assert child.stdout is not None
    assert child.stderr is not None
    streams = ((child.stdout, 1, _Lines(log, INFO)), (child.stderr, 2, _Lines(log, WARNING)))
    with selectors.DefaultSelector() as selector:
        for stream, descriptor, lines in streams:
            selector.register(stream, selectors.EVENT_READ, (descriptor, lines))
        while selector.get_map():
            for key, _ in selector.select():
                descriptor, lines = key.data
                piece = os.read(key.fd, _CHUNK)
                if piece:
                    passed(descriptor, piece)
                    lines.take(piece)
                else:
                    selector.unregister(key.fileobj)
                    _close(key.fileobj)
                    lines.end()


def _close(stream: object) -> None:
    file: IO[bytes] = stream  # type: ignore[assignment]
    file.close()


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


class _Lines:
    """Cuts a stream of bytes into lines, each a record of one level."""

    def __init__(self, log: logging.Logger, level: int) -> None:
        self._log = log
        self._level = level
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """Take what was read; the beginning of a line waits for its end."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._record(line.removesuffix(b"\r"))
        if len(self._rest) > _LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """The stream is over: a last line may lack its end."""
        if self._rest:
            self._record(self._rest)
        self._rest = b""

    def _record(self, line: bytes) -> None:
        if line:
            self._log.log(self._level, "%s", line.decode("utf-8", "backslashreplace"))


@contextmanager
def _signals_passed_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the command runs, signals are for it; afterwards everything is as it was."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    wanted = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in wanted}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
