"""Postfix's smtp-sink, written in C: it takes every message and keeps none. No server that keeps them is faster."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self


class PrivateSink:
    """``with PrivateSink(program) as sink``: it listens on a free loopback port."""

    version = "smtp-sink"
    options: tuple[str, ...] = ()
    stdout: int | None = None

    def __init__(self, program: str) -> None:
        self._program = program
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])

    def __enter__(self) -> Self:
        as_root = ["-u", getpass.getuser()] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [self._program, *as_root, *self.options, f"127.0.0.1:{self.port}", "512"], stdout=self.stdout
        )
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


class CountingSink(PrivateSink):
    """The same, and it says how many messages it has taken."""

    options = ("-c",)
    stdout = subprocess.PIPE

    def __enter__(self) -> Self:
        super().__enter__()
        self.taken = 0
        self._reader = threading.Thread(target=self._count, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._reader.join()

    def _count(self) -> None:
        """It writes ``sess=… quit=… mesg=17`` over and over, with a carriage return at each end."""
        assert self._process.stdout is not None
        while said := os.read(self._process.stdout.fileno(), 1 << 20):
            found = re.findall(rb"mesg=(\d+)\s", said)
            if found:
                self.taken = int(found[-1])
