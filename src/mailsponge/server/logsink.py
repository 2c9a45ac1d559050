"""Where log lines go: to one stream, many at a time, so that a busy server does not pay a system call a line.

A line waits at most ``DELAY`` seconds. Warnings and worse are written at once, with all that waited before them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Final, TextIO

DELAY: Final = 0.05


class LogSink(logging.Handler):
    """A logging handler that gathers lines and lets the event loop write them. Any thread may log."""

    def __init__(self, stream: TextIO, *, stamped: bool = True) -> None:
        """``stamped``: each line begins with its moment, in UTC; systemd's journal needs none."""
        super().__init__()
        self._stream: TextIO | None = stream
        self._stamped = stamped
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awaited = False
        self._second = -1
        self._stamp = ""

    def gather(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Let this loop write from now on; with None every line is written at once again."""
        self.acquire()
        self._loop = loop
        self._awaited = False
        self.release()
        self.flush()

    def close(self) -> None:
        """Write what waits, and take no more."""
        self.gather(None)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line in."""
        text = self.format(record) if record.exc_info else record.getMessage()
        self._lines.append(f"{self._moment(record)} {text}\n" if self._stamped else f"{text}\n")
        if self._loop is None or record.levelno >= logging.WARNING:
            self.flush()
        elif not self._awaited:
            self._awaited = True
            self._loop.call_soon_threadsafe(self._loop.call_later, DELAY, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        self.acquire()
        try:
            self._awaited = False
            lines, self._lines = self._lines, []
            if lines and self._stream is not None:
                self._stream.write("".join(lines))
                self._stream.flush()
        except (OSError, ValueError):  # nobody reads it any more: no reason to stop taking mail
            self._stream = None
        finally:
            self.release()

    def _moment(self, record: logging.LogRecord) -> str:
        """``2026-01-31T07:30:00.123Z``; what is the same for a second is worked out once."""
        second = int(record.created)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{int(record.msecs):03}Z"


@contextlib.contextmanager
def logging_to(sink: LogSink, level: int = logging.INFO) -> Iterator[None]:
    """Send what mailsponge logs to the sink, until the block is left."""
    ours = logging.getLogger("mailsponge")
    before = ours.level
    ours.addHandler(sink)
    ours.setLevel(level)
    try:
        yield
    finally:
        ours.setLevel(before)
        ours.removeHandler(sink)
        sink.close()
