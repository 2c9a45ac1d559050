"""``mailsponge serve`` as a process of its own: started, killed, stopped and told to reload, as on a real machine.

    server = MailServer(folder, "[users.me]")
    server.start()
    … server.port, server.addresses, server.data, server.log …
    assert server.stop() == 0

Its data and its log outlive it, so that it can be started again on them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mailsponge.data_place import DataPlace

PATIENCE = 30.0
"""Seconds after which a server that does not start, or does not end, is taken to hang."""

SOURCES = Path(__file__).parents[2] / "src"

_READY = re.compile(r"ready: (.+) · mail for ").search


class MailServer:
    """One post office: its folder stays the same from one life of its process to the next.

    Args:
        folder: gets the configuration, the data and the log.
        settings: tables of the configuration; ``data`` and ``smtp.listen`` are not among them.
        port: where to listen on ``hosts``; 0 is any free one.
        hosts: this machine's addresses; the first one's port is :attr:`port`.
        data: the URL of a database, where its data are not to be in the folder.
        program: what runs `serve`, in place of ``python -m mailsponge``.
        user: as whom it runs when root starts it.
    """

    def __init__(
        self,
        folder: Path,
        settings: str,
        port: int = 0,
        hosts: Sequence[str] = ("127.0.0.1",),
        *,
        data: str = "",
        program: Sequence[str] = ("-m", "mailsponge"),
        user: str | None = None,
    ) -> None:
        self.data = folder / "data"
        self.place = DataPlace.parse(data or self.data)
        self.log = folder / "log"
        self.port = port
        self.addresses: dict[str, list[str]] = {}
        """What it listens on, ``127.0.0.1:2525`` or a path, by the names that it says when it is ready."""
        listen = ", ".join(f'"{host}:{port}"' for host in hosts)
        as_user = "" if user is None else f'user = "{user}"\n'
        where = data or self.data
        self._config = folder / "mailsponge.toml"
        self._config.write_text(
            f'hostname = "mail.example.org"\n{as_user}data = "{where}"\nweb.listen = []\n'
            f"[smtp]\nlisten = [{listen}]\n{settings}"
        )
        self._program = program
        self._ready = threading.Event()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        self.listens = False
        self._ready = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, *self._program, "serve", "--config", str(self._config)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(),
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process, self._ready), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        """Keep what it says, and look for the word that it is ready."""
        assert process.stderr is not None
        with self.log.open("a") as log, process.stderr as said:
            for line in said:
                log.write(line)
                log.flush()
                found = _READY(line)
                if found:
                    self.addresses = _addresses(found[1])
                    self.port = int(self.addresses["smtp"][0].rpartition(":")[2])
                    self.listens = True
                    ready.set()
        ready.set()

    def wait_until_ready(self) -> None:
        """Raises RuntimeError when it does not come to it."""
        self._ready.wait(PATIENCE)
        if not self.listens:
            self.kill()
            raise RuntimeError(f"mailsponge serve is not ready: {self.log.read_text()[-2000:]}")

    def wait_until_it_listens_or_ends(self) -> bool:
        """For one that may be killed while it starts. Returns whether it listens."""
        assert self._ready.wait(PATIENCE), self.log.read_text()[-2000:]
        return self.listens

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: from one instruction to the next it is gone, and whatever belongs to it."""
        os.killpg(self.pid, signal.SIGKILL)
        self.ended()

    def stop(self) -> int:
        """SIGTERM; returns the status it ended with."""
        self._process.terminate()
        return self.ended()

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait until it has ended; returns the status it ended with."""
        status = self._process.wait(PATIENCE)
        self._reader.join()
        return status

    # What the system knows of it

    def peak_memory(self) -> int:
        """Bytes of memory that it has had at most in this life (VmHWM)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0  # one that has just died has no memory

    def open_files(self) -> int:
        """How many descriptors it has open, connections among them."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def _addresses(told: str) -> dict[str, list[str]]:
    """Take ``smtp 127.0.0.1:25, [::1]:25 · local /run/submit`` apart."""
    entrances = (entrance.partition(" ") for entrance in told.split(" · "))
    return {name: places.split(", ") for name, _, places in entrances}


def _environment() -> dict[str, str]:
    """Nothing of whoever runs the tests."""
    foreign = ("MAILSPONGE_", "PYTHON", "NOTIFY_SOCKET", "JOURNAL_STREAM")
    clean = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    return {**clean, "PYTHONPATH": str(SOURCES)}
