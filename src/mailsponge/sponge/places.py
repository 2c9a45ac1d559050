"""Where things are: the state directory, and in it a directory a job.

<state>/<job>/ledger.db            what is remembered
<state>/<job>/lock                 held while a squeeze folds and decides
<state>/<job>/outbox.lock          held while mails are handed over
<state>/<job>/numbers/00000012     the last numbers drawn
<state>/<job>/runs/00000012/       one run: the journal of its process, and of its children
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from mailsponge.errors import UsageError

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ")
_LONGEST_NAME = 200
"""Bytes; file systems take 255, and something is put around the name now and then."""


class JobPlace(NamedTuple):
    """The directory of one job and what lies in it."""

    directory: Path

    @property
    def name(self) -> str:
        """The job's name, as far as its directory tells: one that is very long is cut short there."""
        return unquote(self.directory.name, errors="backslashreplace")

    @property
    def ledger(self) -> Path:
        """The SQLite ledger."""
        return self.directory / "ledger.db"

    @property
    def lock(self) -> Path:
        """Held while a squeeze folds and decides."""
        return self.directory / "lock"

    @property
    def outbox_lock(self) -> Path:
        """Held while mails are handed over."""
        return self.directory / "outbox.lock"

    @property
    def numbers(self) -> Path:
        """The directory the numbers of the runs are drawn from."""
        return self.directory / "numbers"

    @property
    def runs(self) -> Path:
        """The directory with a folder a run."""
        return self.directory / "runs"


def state_directory(state: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path:
    """Where the sponge keeps its state: what was asked for, else the environment's, else the XDG place."""
    if state or environ.get("MAILSPONGE_STATE"):
        return Path(os.path.abspath(os.path.expanduser(state or environ["MAILSPONGE_STATE"])))
    # A relative one is to be passed over, as the XDG specification says.
    if os.path.isabs(environ.get("XDG_STATE_HOME", "")):
        return Path(environ["XDG_STATE_HOME"]) / "mailsponge"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/mailsponge")
    return Path.home() / ".local" / "state" / "mailsponge"


def job_place(state: Path, job: str) -> JobPlace:
    """The place of a job. Raises UsageError for a name that is empty or no text."""
    if not isinstance(job, str) or not job.strip():
        raise UsageError(
            f'job {job!r}: give the job a name, such as SpongeHandler("podcasts", "me@example.org")'
        )
    return JobPlace(state / _file_name(job))


def job_places(state: Path) -> Iterator[JobPlace]:
    """Every job there is, by name. Nothing if the state directory is not there yet."""
    if state.is_dir():
        # A name with a dot in front is no job's: those are escaped. It is one that was forgotten.
        jobs = (path for path in sorted(state.iterdir()) if not path.name.startswith("."))
        yield from (JobPlace(path) for path in jobs if (path / "runs").is_dir())


def _file_name(job: str) -> str:
    """A name that is one path component whatever the job is called, and still readable."""
    escaped = "".join(c if c in _PLAIN else _percent(c) for c in job)
    if escaped.startswith("."):
        escaped = "%2E" + escaped[1:]
    if len(escaped) <= _LONGEST_NAME:
        return escaped
    digest = hashlib.sha256(job.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{escaped[: _LONGEST_NAME - 17]}-{digest}"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
