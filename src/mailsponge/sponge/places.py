"""Where things are: the state directory, and in it a directory a job.

<state>/<job>/ledger.db            what is remembered
<state>/<job>/lock                 held while a squeeze folds and decides
<state>/<job>/outbox.lock          held while mails are handed over
<state>/<job>/numbers/00000012     the last numbers drawn
<state>/<job>/runs/00000012/       one run: the journal of its process, and of its children

With a database that hosts share for the ledger, all but the ledger is as ever, in a directory of the default place that
belongs to that database: <default>/.postgresql-db.example.org-ops/<job>/…
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from mailsponge import database_url
from mailsponge.errors import UsageError

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ")
_LONGEST_NAME = 200
"""Bytes; file systems take 255, and something is put around the name now and then."""


class JobPlace(NamedTuple):
    """The directory of one job and what lies in it."""

    directory: Path
    database: str = ""
    """The URL of the database that the ledger is in, instead of a file here. There may be a password in it."""

    def __repr__(self) -> str:
        return f"JobPlace({str(self.directory)!r}{', in a database' if self.database else ''})"

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
    """Where the sponge keeps its state: what was asked for, else the environment's, else the XDG place.

    Of a database it is the directory in which journals wait for it, below the XDG place. Raises UsageError for the URL
    of something else.
    """
    given = state or environ.get("MAILSPONGE_STATE")
    if database_url.is_database(given):
        return _default_directory(environ) / f".{_file_name(database_url.directory_name(str(given)))}"
    if given:
        if "://" in str(given):
            raise UsageError(f"state: give a directory, or a database as {database_url.EXAMPLE}")
        return Path(os.path.abspath(os.path.expanduser(given)))
    return _default_directory(environ)


def state_database(state: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> str:
    """The database that ledgers are in, as a URL; empty if they are files of the state directory. Raises UsageError."""
    given = state or environ.get("MAILSPONGE_STATE")
    return database_url.checked(str(given)) if database_url.is_database(given) else ""


def _default_directory(environ: Mapping[str, str]) -> Path:
    # A relative one is to be passed over, as the XDG specification says.
    if os.path.isabs(environ.get("XDG_STATE_HOME", "")):
        return Path(environ["XDG_STATE_HOME"]) / "mailsponge"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/mailsponge")
    return Path.home() / ".local" / "state" / "mailsponge"


def job_place(state: Path, job: str, database: str = "") -> JobPlace:
    """The place of a job, its ledger in a database if one is given.

    Raises UsageError for a name that is empty or no text.
    """
    if not isinstance(job, str) or not job.strip():
        raise UsageError(f'job {job!r}: give the job a name, such as "podcasts"')
    return JobPlace(state / _file_name(job), database)


def job_places(state: Path, database: str = "") -> Iterator[JobPlace]:
    """Every job with a directory here, by name. Nothing if the state directory is not there yet."""
    if state.is_dir():
        # A name with a dot in front is no job's: those are escaped. It is one that was forgotten.
        jobs = (path for path in sorted(state.iterdir()) if not path.name.startswith("."))
        yield from (JobPlace(path, database) for path in jobs if (path / "runs").is_dir())


def _file_name(job: str) -> str:
    """A name that is one path component whatever the job is called, and still readable."""
    escaped = "".join(c if c in _PLAIN else _percent(c) for c in job)
    if escaped.startswith("."):
        escaped = "%2E" + escaped[1:]
    if len(escaped) <= _LONGEST_NAME:
        return escaped
    import hashlib  # few names are so long, and everybody would load it

    digest = hashlib.sha256(job.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{escaped[: _LONGEST_NAME - 17]}-{digest}"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
