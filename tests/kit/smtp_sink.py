"""Postfix's smtp-sink, listening: a server that is not ours, and that fails in every way one asks of it."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def listening(program: str, folder: Path, *options: str) -> Iterator[int]:
    """It listens on the port that this gives; what it is sent goes into the folder, a file a mail."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    as_root = ["-u", getpass.getuser()] if os.geteuid() == 0 else []
    command = [program, *as_root, *options, "-d", f"{folder}/", f"127.0.0.1:{port}", "10"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError(f"smtp-sink ended with {process.returncode}")
