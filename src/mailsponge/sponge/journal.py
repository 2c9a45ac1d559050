"""The journal: the append-only file that one process writes in one run. One ``os.write`` a line.

What ``write`` returned from is with the operating system: it survives ``kill -9`` of the program, though not a loss of
power. A line is JSON in ASCII, so no text, whatever it holds, can break out of it:

    {"k":"begin","v":1,"run":…,"number":…,"job":…,"host":…,"pid":…,"t":…,"settings":{…}}
    [<time>,40,"logger","message","source",1]                                   a record, and how it is laid out
    {"t":…,"l":40,"n":"logger","s":"source","m":"message","e":"traceback"}      a record of which there is more to tell
    {"k":"in","t":…,"s":"source"}                                               a block is entered
    {"k":"out","t":…,"s":"source","e":"the exception that left it"}             and left
    {"k":"cut","t":…,"s":"source"}                                              or broken off: that proves nothing
    {"k":"part","t":…,"s":"source"}                                             or goes on in the next run, or came from
                                                                                the last and had failed there
    {"k":"layout","i":1,"fmt":…,"datefmt":…,"style":…}                          how records with "y":1 look
    {"k":"end","t":…,"ending":"finished","e":"traceback"}                       the run is over

When the disk is full, lines wait in memory (bounded) and go ahead of the next one. What could not be written in the end
is given back by :meth:`Journal.close`, so that its owner can still tell somebody.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import json
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any, Final

from mailsponge.sponge.lock import above_standard_streams

VERSION: Final = 1

MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes kept in memory while the disk takes nothing."""

_BLOCK: Final = 64 * 1024
"""Bytes read at a time, and the line that they end in."""


class Journal:
    """An open journal. Any thread may write, and so may a signal's handler; a line is never torn by another.

    Args:
        descriptor: the file, opened with O_APPEND; None if there could be none, and every line waits in memory.
        overflow: called with each line for which there is no room left even in memory.
    """

    __slots__ = (
        "_descriptor",
        "_draining",
        "_file",
        "_lock",
        "_overflow",
        "_torn",
        "_waiting",
        "_waiting_bytes",
        "closed",
        "homeless",
        "trouble",
    )

    def __init__(self, descriptor: int | None, overflow: Callable[[bytes], None]) -> None:
        self._descriptor = descriptor
        self._file = None if descriptor is None else _identity(descriptor)
        _takes_nothing()  # Now: when the journal is closed, there may be no descriptor left to be had.
        self._overflow = overflow
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._draining = False
        self._torn = b""
        # Held over every step but the write of a line that goes well: that is one call, and needs none.
        self._lock = threading.RLock()
        self.closed = False
        self.homeless = descriptor is None
        """There could be no file for it."""
        self.trouble: OSError | None = None
        """Why lines are waiting; None while all is well."""

    def write(self, line: bytes) -> bool:
        """Append one line, ended by a newline; False if the journal is closed.

        Never raises OSError: see :attr:`trouble`.
        """
        if self._waiting_bytes or self._descriptor is None:
            return self._write_behind(line)
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            return self._wait(line, error)
        return written == len(line) or self._finish_later(line, written)

    def _write_behind(self, line: bytes) -> bool:
        """Put a line behind those that wait, and try them all once more."""
        with self._lock:
            if self.closed:
                return False
            self._keep(line)
            self._drain()
            return True

    def _wait(self, line: bytes, error: OSError) -> bool:
        with self._lock:
            if self.closed:
                return False
            self.trouble = error
            self._keep(line)
            return True

    def _finish_later(self, line: bytes, written: int) -> bool:
        """Let the rest of a line wait that the disk took a part of: before all others, whose threads were quicker."""
        with self._lock:
            if self.closed:
                return False
            self.trouble = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = line[:written]
            self._waiting.appendleft(line[written:])
            self._waiting_bytes += len(line) - written
            return True

    def _keep(self, line: bytes) -> None:
        if self._waiting_bytes + len(line) > MOST_WAITING:
            self._overflow(line)
        else:
            self._waiting.append(line)
            self._waiting_bytes += len(line)

    def _drain(self) -> None:
        """Write what waits, in order, as far as the disk takes it."""
        if self._draining:
            # A signal's handler that logs: its line waits its turn.
            return
        self._draining = True
        try:
            while self._waiting and self._descriptor is not None:
                self._drain_one(self._descriptor)
            if self._descriptor is not None:
                self.trouble = None
        except OSError as error:
            self.trouble = error
        finally:
            self._draining = False

    def _drain_one(self, descriptor: int) -> None:
        line = self._waiting[0]
        written = os.write(descriptor, line)
        if written < len(line):
            self._torn += line[:written]
            self._waiting[0] = line[written:]
        else:
            self._torn = b""
            self._waiting.popleft()
        # Last: while there is something, every other line goes behind it.
        self._waiting_bytes -= written

    def close(self) -> list[bytes]:
        """Close the file and give back the lines that could not be written, each whole. May be called twice."""
        with self._lock:
            self._drain()
            self._close()
            if self._waiting:
                self._waiting[0] = self._torn + self._waiting[0]
            lines = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
        return lines

    def abandon(self) -> None:
        """Let go of what belongs to another process: a fork's copy of its parent's journal."""
        self._lock = threading.RLock()
        self._draining = False
        self._waiting.clear()
        self._waiting_bytes = 0
        self._close()

    def _close(self) -> None:
        """Let go of the file and its lock; the descriptor stays, and takes nothing any more.

        Another thread may be about to write to it. Were its number free, that line could go into whatever file gets it
        next; so it fails, and its writer learns that the journal is closed.
        """
        self.closed = True
        if self._descriptor is not None and _identity(self._descriptor) != self._file:
            # The program has closed descriptors that it does not know, as daemons do; by now that number is its own.
            self._descriptor = None
        if self._descriptor is not None:
            try:
                os.dup2(_takes_nothing(), self._descriptor, inheritable=False)
            except OSError:
                # The program has closed descriptors that it does not know, as daemons do.
                self._give_back()

    def _give_back(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):
                os.close(descriptor)

    __del__ = _give_back
    """Now that nobody can write to it."""


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Which file a descriptor leads to; None if to none."""
    try:
        file = os.fstat(descriptor)
    except OSError:
        return None
    return file.st_dev, file.st_ino


@functools.cache
def _takes_nothing() -> int:
    """A descriptor that every write to fails."""
    return above_standard_streams(os.open(os.devnull, os.O_RDONLY))


def line(**fields: Any) -> bytes:
    """A line of the journal that is not a record: those are rare, and need not be quick."""
    return json.dumps(fields, separators=(",", ":"), default=str).encode("ascii") + b"\n"


def block_entered(source: str, at: float) -> bytes:
    """The line of a ``with source(...)`` block that begins."""
    return f'{{"k":"in","t":{at!r},"s":{quoted(source)}}}\n'.encode("ascii")


def block_left(source: str, at: float, exception: str | None) -> bytes:
    """The line of a block that ends, with what left it, if anything did."""
    tail = f',"e":{quoted(exception)}' if exception else ""
    return f'{{"k":"out","t":{at!r},"s":{quoted(source)}{tail}}}\n'.encode("ascii")


def block_cut(source: str, at: float) -> bytes:
    """The line of a block that Ctrl-C, ``sys.exit()`` or a cancelled task left before its work was done."""
    return f'{{"k":"cut","t":{at!r},"s":{quoted(source)}}}\n'.encode("ascii")


def block_in_part(source: str, at: float) -> bytes:
    """The line of a block of which this run has seen a part, and nothing that proves it to be well."""
    return f'{{"k":"part","t":{at!r},"s":{quoted(source)}}}\n'.encode("ascii")


def tells_something(line: bytes) -> bool:
    """Whether a line holds what somebody said: a record, or an exception; not just where something began or ended."""
    try:
        fields = json.loads(line)
    except ValueError:
        return True
    return "k" not in fields or bool(fields.get("e"))


Line = dict[str, Any] | list[Any]
"""What JSON makes of a line. Records, of which there are many, are lists: those are read in half the time."""


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a journal, in order. A damaged line comes as ``{"k": "damaged", "raw": text}``.

    Raises OSError.
    """
    return itertools.chain.from_iterable(read_blocks(path))


def first_line(path: Path) -> dict[str, Any]:
    """The line that a journal begins with; empty if that is damaged. Raises OSError."""
    line = next(read(path), None)
    return line if isinstance(line, dict) else {}


def read_blocks(path: Path) -> Iterator[list[Line]]:
    """As :func:`read`, some hundred lines at a time. Raises OSError."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            block += file.readline()
            yield _read_together(block) or [
                fields for raw in block.split(b"\n") if (fields := _read_alone(raw)) is not None
            ]


def _read_together(block: bytes) -> list[Line] | None:
    """Read good lines as what they make together, one array: a third of the time. None if they do not make that."""
    lines = block.removesuffix(b"\n")
    try:
        values = json.loads(b"[%b]" % lines.replace(b"\n", b",\n"))
    except (ValueError, RecursionError):
        return None
    is_one_each = len(values) == lines.count(b"\n") + 1 and _KINDS.issuperset(map(type, values))
    return values if is_one_each else None


_KINDS: Final = {dict, list}

_NO_MOMENT: Final = re.compile(rb'^(\{"t":|\[)-?(?:nan|inf),')
"""How a record begins that was made by hand with no moment that there is. To look for it when it is written costs."""


def _read_alone(raw: bytes) -> Line | None:
    """Read one line, whatever it holds; None if that is nothing."""
    try:
        fields = json.loads(_NO_MOMENT.sub(rb"\1-1,", raw))
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict | list):
        return fields
    if not raw.strip():
        return None
    return {"k": "damaged", "raw": raw.decode("utf-8", "backslashreplace")}
