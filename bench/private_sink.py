"""Postfix's smtp-sink, written in C: it takes every message and keeps none. No server that keeps them is faster."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import time
from types import TracebackType
from typing import Self


class PrivateSink:
    """``with PrivateSink(program) as sink``: it listens on a free loopback port."""

    version = "smtp-sink"

    def __init__(self, program: str) -> None:
        self._program = program
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])

    def __enter__(self) -> Self:
        as_root = ["-u", getpass.getuser()] if os.geteuid() == 0 else []
        self._process = subprocess.Popen([self._program, *as_root, f"127.0.0.1:{self.port}", "512"])
        while self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                return self
        raise RuntimeError(f"smtp-sink ended with {self._process.returncode}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def recipient(self, mailbox: str) -> str:
        """Any address will do."""
        return f"{mailbox}@bench.example"

    def delivered(self, _mailbox: str) -> int:
        """Nothing is kept, so nothing has to be waited for."""
        return sys.maxsize
