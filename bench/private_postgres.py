"""A PostgreSQL of one's own, for as long as a measurement lasts: Debian's, as it ships, so it syncs what it commits.

On a Unix socket in a folder of its own; the machine's own databases are not touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

PATIENCE = 60.0
_NOBODY = "nobody"
"""PostgreSQL refuses to be run by root."""


def program(name: str) -> str | None:
    """Where one of PostgreSQL's programs is, if it is installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(installed[0]) if installed else shutil.which(name)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The URL of a new database in a server that ends afterwards."""
    postgres, initdb = program("postgres"), program("initdb")
    assert postgres is not None and initdb is not None, "PostgreSQL is not installed: apt install postgresql"  # noqa: PT018
    home = folder / "postgres"
    home.mkdir(mode=0o700)
    user: str | None = None
    if os.geteuid() == 0:
        user = _NOBODY
        folder.chmod(0o711)
        shutil.chown(home, _NOBODY)
    making: list[str | Path] = [
        initdb,
        "-A",
        "trust",
        "-U",
        "mail",
        "-E",
        "UTF8",
        "--locale=C",
        "-D",
        home / "data",
    ]
    subprocess.run(making, check=True, capture_output=True, cwd=home, user=user)
    with (home / "log").open("wb") as log:
        starting: list[str | Path] = [postgres, "-D", home / "data", "-k", home, "-c", "listen_addresses="]
        process = subprocess.Popen(starting, stdout=log, stderr=log, cwd=home, user=user)
    try:
        url = f"postgresql://mail@/postgres?host={quote(str(home), safe='')}"
        _wait_for(url)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def _wait_for(url: str) -> None:
    import psycopg

    begin = time.monotonic()
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() - begin > PATIENCE:
                raise
            time.sleep(0.05)
        else:
            return
