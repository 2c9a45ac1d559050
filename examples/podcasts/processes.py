"""The processes of the demo: each is ended, whatever moment Ctrl-C comes at.

A signal that interrupted just anything could come after a process is born and before anybody knows its id; it would
live on for ever. So signals are only noted when they come, and heard when a process has ended; none here takes long.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence

PATIENCE = 60
"""Seconds for anything that should take one at most."""


class Stopped(Exception):
    """A signal asked the demo to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number
        """The exit status that says so."""


class Processes:
    """Starts processes, and hears between them what signals have to say."""

    def __init__(self) -> None:
        self._came: int | None = None

    def listen(self) -> None:
        """From now on note Ctrl-C, SIGTERM and SIGHUP."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        self._came = number

    def hear(self) -> None:
        """Raise Stopped if a signal has come."""
        if self._came is not None:
            raise Stopped(self._came)

    def run(self, command: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and take what it prints. Raises Stopped, OSError, TimeoutExpired."""
        done = subprocess.run(
            command,
            env=environ,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
        self.hear()  # first of all: Ctrl-C has reached the process as well, and made what it says worthless
        return done


def start(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a command whose standard error is to be read, and which is to be ended with :func:`end`."""
    return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, wait for it, and make it end if it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()  # does nothing to a process that has ended
        process.wait()
