"""A real PostgreSQL for tests: on a Unix socket of its own, by default with nothing synced, and ended by them."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

UNPACKED = Path(__file__).resolve().parents[2] / ".cache" / "peers" / "bin"
"""Where tests/peers/unpack.py puts the programs of a machine that has no PostgreSQL."""

_NOBODY = "nobody"
FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "shared_buffers=32MB",
    "listen_addresses=",
)
DURABLE = ("shared_buffers=32MB", "listen_addresses=")
"""What a server is by default: it syncs what it commits."""
_PATIENCE = 60.0


class NotHere(Exception):
    """There is no PostgreSQL; the message says why."""


class Postgres:
    """A server. Its superuser is ``postgres``, and needs no password.

    Args:
        home: a directory for its data and its socket, which its user owns.
        command: what starts it.
        user: how `subprocess` is to start it as its user.
    """

    def __init__(self, home: Path, command: Sequence[str | Path], user: dict[str, Any]) -> None:
        self.home = home
        self._command = command
        self._user = user
        self._numbers = itertools.count(1)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers; what a server that was killed has left running is waited for, too."""
        pause = threading.Event()
        for _ in range(int(_PATIENCE / 0.05)):
            if self.process is None or self.process.poll() is not None:
                with (self.home / "log").open("ab") as log:
                    self.process = subprocess.Popen(
                        self._command, stdout=log, stderr=log, cwd=self.home, **self._user
                    )
            if self._answers():
                return
            pause.wait(0.05)
        raise AssertionError(f"PostgreSQL does not answer: {(self.home / 'log').read_text()}")

    def _answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            self.sql("SELECT 1")
            return True
        return False

    def end(self, number: int = signal.SIGQUIT) -> None:
        """End it: by default at once, as a crash would."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(_PATIENCE)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.home), safe='')}"

    def database(self) -> str:
        """Make a new database; returns its URL."""
        name = f"test{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, url: str = "", *values: object) -> list[tuple[Any, ...]]:
        """Execute a statement as the superuser."""
        import psycopg

        with psycopg.connect(url or self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """A database that ends every session and lets nobody in."""
        ((name,),) = self.sql("SELECT current_database()", url)
        self.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", "", name)
        try:
            yield
        finally:
            self.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def end_sessions(self, url: str) -> int:
        """Terminate every other session in a database; returns how many there were."""
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(self.sql(query, url))


def program(name: str) -> str:
    """A program of PostgreSQL: this machine's, else the one unpacked for the tests. Raises NotHere."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = next(map(str, installed), None) or shutil.which(name) or shutil.which(name, path=str(UNPACKED))
    if not found:
        raise NotHere(
            f"{name} is missing: it is not installed, and tests/peers/unpack.py has not unpacked it"
        )
    return found


@contextmanager
def running(settings: Sequence[str] = FAST) -> Iterator[Postgres]:
    """A server, and its end. Raises NotHere."""
    postgres, initdb = program("postgres"), program("initdb")
    # Its own short path: a socket's has to be short. And not pytest's directory, which is its user's alone.
    home = Path(tempfile.mkdtemp(prefix="mailsponge-pg-"))
    # PostgreSQL refuses to be run by root.
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(home, _NOBODY)
        user = {"user": _NOBODY, "group": os.stat(home).st_gid, "extra_groups": []}
    with contextlib.ExitStack() as at_end:
        at_end.callback(shutil.rmtree, home, ignore_errors=True)
        data = home / "data"
        made = subprocess.run(
            [initdb, "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", data],
            capture_output=True, check=False, cwd=home, **user,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr.decode()
        options = [part for setting in settings for part in ("-c", setting)]
        server = Postgres(home, [postgres, "-D", data, "-k", home, *options], user)
        at_end.callback(server.end)
        server.start()
        yield server
