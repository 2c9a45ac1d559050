"""Programs as users write them, run as real processes; and what the sponge made of them."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mailsponge.clock import Deadline
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Mail, Outcome, Run, SourceState, Squeeze
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer

SOURCES = Path(__file__).parents[2] / "src"

NOBODY = "smtp://127.0.0.1:1"
"""A mail host where nobody listens."""

PREAMBLE = """\
import logging, os, sys
from mailsponge import SpongeHandler, source
handler = SpongeHandler("job", "me@example.org", timeout=20)
logging.basicConfig(level="INFO", handlers=[handler])
log = logging.getLogger("program")
"""
"""What most programs begin with."""

PATIENCE = 30.0
"""Seconds after which a test gives up on a program: it hangs."""

_MINORS = ("3.11", "3.12", "3.13")


@functools.cache
def pythons() -> dict[str, str]:
    """The Pythons of this machine that the sponge is made for, by version; always the one that runs the tests."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = {minor: path for minor in _MINORS for path in _candidates(minor) if _is(path, minor)}
    return {**found, own: sys.executable}


def _candidates(minor: str) -> list[str]:
    installed = sorted(map(str, Path.home().glob(f".pyenv/versions/{minor}.*/bin/python")))
    on_path = shutil.which(f"python{minor}")
    return [*([on_path] if on_path else []), *installed]


def _is(path: str, minor: str) -> bool:
    """Whether a program is the Python it is named after: a shim may lead nowhere."""
    ask = "import sys, sqlite3, ssl; print('%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError):
        done = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
        return done.stdout.strip() == minor
    return False


class Done(NamedTuple):
    """A program that has ended."""

    status: int
    out: str
    err: str


class Kept(NamedTuple):
    """A record in the ledger."""

    run: str
    source: str
    level: int
    text: str
    detail: str


class Job:
    """A job with a state directory of its own.

    Args:
        home: a directory that is the test's.
        name: the job.
        mailhost: where its programs hand mail over, by default.
    """

    def __init__(self, home: Path, name: str = "job", mailhost: str = NOBODY) -> None:
        self.home = home
        self.name = name
        self.state = home / "state"
        self.mailhost = mailhost
        self.handed_over: list[Mail] = []
        """The mails that :meth:`squeeze` handed over."""

    @property
    def place(self) -> JobPlace:
        return job_place(self.state, self.name)

    def environment(self, **more: str) -> dict[str, str]:
        """What a program sees: nothing of whoever runs the tests."""
        foreign = ("MAILSPONGE_", "PYTHON")
        clean = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
        return {
            **clean,
            "PYTHONPATH": str(SOURCES),
            "PYTHONWARNINGS": "default",
            "MAILSPONGE_STATE": str(self.state),
            "XDG_CONFIG_HOME": str(self.home),
            "MAILSPONGE_MAILHOST": self.mailhost,
            **more,
        }

    def start(
        self,
        program: str,
        *arguments: str,
        python: str = sys.executable,
        env: dict[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a program; ``options`` are Popen's."""
        path = self.home / f"program{len(list(self.home.glob('program*.py')))}.py"
        path.write_text(program, encoding="utf-8")
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [*wrapper, python, str(path), *arguments],
            env=self.environment(**(env or {})),
            cwd=self.home,
            **{"text": True, **streams, **options},
        )

    def run(self, program: str, *arguments: str, within: float = PATIENCE, **options: Any) -> Done:
        """Run a program to its end."""
        return ended(self.start(program, *arguments, **options), within)

    def log(
        self, *lines: str, before: str = PREAMBLE, arguments: tuple[str, ...] = (), **options: Any
    ) -> Done:
        """Run a program that begins as most do."""
        return self.run(before + "\n".join(lines) + "\n", *arguments, **options)

    def command(self, *arguments: str, **env: str) -> Done:
        """Run ``mailsponge`` with some arguments."""
        process = subprocess.Popen(
            [sys.executable, "-m", "mailsponge", *arguments],
            env=self.environment(**env),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return ended(process, PATIENCE)

    def squeeze(self) -> Squeeze:
        """Squeeze as the next run would; mails go to :attr:`handed_over`."""
        settings = Settings(self.name, ("me@example.org",))
        return Squeezer(self.place, settings, send=self._take).squeeze(Deadline(PATIENCE))

    def _take(self, mail: Mail, deadline: Deadline) -> Outcome:
        self.handed_over.append(mail)
        return Outcome("sent", "taken")

    # What is in the ledger

    def runs(self) -> list[Run]:
        """The runs that were folded, oldest first."""
        with contextlib.closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return [run for run, _, _ in reversed(ledger.runs(100_000))]

    def endings(self) -> list[str]:
        return [str(run.ending) for run in self.runs()]

    def verdicts(self) -> list[dict[str, int]]:
        """What each run proved, oldest first."""
        with contextlib.closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return [verdicts for _, verdicts, _ in reversed(ledger.runs(100_000))]

    def states(self) -> dict[str, SourceState]:
        with contextlib.closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return ledger.states()

    def mails(self, status: str | None = None) -> list[Mail]:
        with contextlib.closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return ledger.mails(status)

    def records(self) -> list[Kept]:
        """Every record, in the order of the runs and of their times."""
        query = (
            "SELECT span.run, source, level, text, detail"
            " FROM span JOIN record ON record.rowid BETWEEN first AND last JOIN run ON run.id = span.run"
            " ORDER BY run.number, at, record.rowid"
        )
        with contextlib.closing(sqlite3.connect(self.place.ledger)) as database:
            return [Kept(*row) for row in database.execute(query)]

    def texts(self) -> list[str]:
        return [record.text for record in self.records()]

    def left_to_fold(self) -> list[str]:
        """What lies in the directory of runs."""
        return sorted(os.listdir(self.place.runs))


def wait_until(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait for something that another process or thread is about to do."""
    over = threading.Event()
    deadline = Deadline(within)
    while not condition():
        assert deadline.left() > 0, "it does not happen"
        over.wait(0.005)


def ended(process: subprocess.Popen[str], within: float = PATIENCE) -> Done:
    """Wait for a program; one that hangs is ended, and fails the test."""
    try:
        out, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the program hangs; it said {out!r} and {err!r}") from None
    return Done(process.returncode, out or "", err or "")
