"""The program as others start it, and a server for it that does as it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.programs import PATIENCE, SOURCES
from kit.smtp_server import SmtpServer

OFFERS = ("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "DSN", "LIMITS RCPTMAX=1000")

Sendmail = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def place(tmp_path) -> Path:
    """Where the server's socket is, if there is a server."""
    return tmp_path / "submit"


@pytest.fixture
def pickup(tmp_path) -> Path:
    """A pickup directory."""
    directory = tmp_path / "pickup"
    directory.mkdir()
    directory.chmod(0o1733)
    return directory


@pytest.fixture
def sendmail(tmp_path, place) -> Sendmail:
    """Runs the program, which finds nothing of whoever runs the tests."""

    def run(*arguments: str, stdin: bytes = b"Subject: x\n\nhello\n", shell: str = "", **environ: str):
        foreign = ("MAILSPONGE_", "PYTHON", "XDG_", "NAME")
        clean = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
        return subprocess.run(
            [
                *(["sh", "-c", shell, "sh"] if shell else []),
                sys.executable,
                "-m",
                "mailsponge.sendmail",
                *arguments,
            ],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            env={
                **clean,
                "PYTHONPATH": str(SOURCES),
                "HOME": str(tmp_path),
                "MAILSPONGE_SUBMIT": str(place),
                "MAILSPONGE_PICKUP": str(tmp_path / "pickup"),
                **environ,
            },
        )

    return run


@pytest.fixture
def server(place):
    """A server that takes everything."""
    with SmtpServer(extensions=OFFERS, path=place) as running:
        yield running
