"""``mailsponge serve`` as a process of its own, for tests of the whole program."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 30.0
"""Seconds to wait for what must come; nothing is slept for."""

FREE = ("--smtp", "127.0.0.1:0", "--web", "127.0.0.1:0")


class Serve:
    """``mailsponge serve`` as a process of its own."""

    def __init__(
        self,
        data: Path | str,
        *arguments: str,
        environ: dict[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        """``within``: a command that starts it, such as one that takes rights away."""
        self.data = data
        self._said: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "mailsponge", "serve", "--data", str(data), *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environ or {})},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._news:
                self._said.append(line)
                self._news.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it says so."""
        with self._news:
            found = self._news.wait_for(lambda: re.search(pattern, "".join(self._said)), PATIENCE)
        assert found, "".join(self._said)
        return found

    def port(self) -> int:
        """The port it takes mail at, once it is ready."""
        return int(self.wait_for(r"mailsponge: ready: smtp [0-9.]+:(\d+) · mail for \S+@\S+ · data ")[1])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; returns the status and all that was said."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for the end; returns the status and all that was said."""
        status = self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stderr
        self.process.stderr.close()
        return status, "".join(self._said)


def send(port: int, recipient: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
        smtp.sendmail("a@b.example", [recipient], "Subject: hello\n\nworld\n")
