"""A post office of one's own: ``mailsponge serve`` as its users start it, in a folder, gone afterwards."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw

DOMAIN = "bench.example"


class PrivateMailsponge:
    """``with PrivateMailsponge(folder, ["a", "b"]) as mailsponge``: it accepts for a@ and b@, into a mailbox each.

    ``settings``: further tables of its configuration.
    """

    def __init__(self, folder: Path, mailboxes: list[str], settings: str = "") -> None:
        self._data, self._config = folder / "data", folder / "mailsponge.toml"
        self._mailboxes = mailboxes
        self._settings = settings
        self.port = 0
        self.version = (
            f"{version('mailsponge')} (Python {platform.python_version()}, SQLite {apsw.sqlitelibversion()})"
        )

    def __enter__(self) -> Self:
        self._data.parent.mkdir(parents=True, exist_ok=True)
        users = "".join(f"[users.{name}]\n" for name in self._mailboxes)
        self._config.write_text(
            f'web.listen = []\n[smtp]\nlisten = ["127.0.0.1:0"]\n[domains."{DOMAIN}"]\n{users}{self._settings}'
        )
        self.start()
        self._store = apsw.Connection(str(self._data / "store.db"), flags=apsw.SQLITE_OPEN_READONLY)
        return self

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._process = subprocess.Popen(
            self._command("serve", "--config", str(self._config)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = self._wait_until_ready()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=60)
        self._reader.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def recipient(self, mailbox: str) -> str:
        """The address that leads into a mailbox."""
        return f"{mailbox}@{DOMAIN}"

    def delivered(self, mailbox: str) -> int:
        """How many messages are in the mailbox, committed: looked up in the store, as cheap as listing a Maildir."""
        query = "SELECT count(*) FROM entry WHERE mailbox = ?"
        count = self._store.execute(query, (mailbox,)).get
        assert isinstance(count, int)
        return count

    def listed(self, mailbox: str) -> int:
        """How many a person sees there: slow, for a look afterwards."""
        listing = self._command("mail", "list", "--user", mailbox, "--json")
        done = subprocess.run(listing, capture_output=True, check=True)
        return len(json.loads(done.stdout))

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mailsponge", *arguments, "--data", str(self._data)]

    def _wait_until_ready(self) -> int:
        assert self._process.stderr
        said = []
        for line in self._process.stderr:
            said.append(line)
            port = re.search(r"ready.*127\.0\.0\.1:(\d+)", line)
            if port:
                # Whatever it logs later has to be read, or the pipe fills and the server waits.
                self._reader = threading.Thread(target=self._process.stderr.read, daemon=True)
                self._reader.start()
                return int(port[1])
        raise RuntimeError(f"mailsponge serve ended with {self._process.wait()}: {''.join(said)}")
