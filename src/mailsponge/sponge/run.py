"""The life of a run in this process: begun, written to, ended; joined by children, let go of by forks.

One :class:`Job` stands for a job in this process, whatever number of handlers it has.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from mailsponge.clock import Deadline
from mailsponge.errors import StateError
from mailsponge.sponge import folder
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.digest import user_and_host
from mailsponge.sponge.journal import VERSION, Journal, line
from mailsponge.sponge.mailhost import Credentials, credentials, parse
from mailsponge.sponge.model import Ending
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeeze, Squeezer

ENVIRONMENT: Final = "MAILSPONGE_RUN"
"""The folders of this process's runs, for its children, parted by os.pathsep."""

_CHILD: Final = "a child's records belong to the run of the process that began it"

_units: ContextVar[tuple[tuple[Job, Journal], ...]] = ContextVar("mailsponge_units", default=())
"""The runs of ``with handler.run():`` that this context is in, the innermost first."""


class Job:
    """One job in this process.

    Args:
        place: its directory.
        settings: what its handler was told.
        given: the login that the handler was given, kept in memory alone.
    """

    def __init__(self, place: JobPlace, settings: Settings, given: Sequence[str] | None) -> None:
        self.place = place
        self.settings = settings
        self._given = given
        self._lock = threading.RLock()
        self._journal: Journal | None = None
        self._run: folder.OpenRun | None = None
        self._owner_folder = _inherited(place)
        self._complained = False

    def configure(self, settings: Settings, given: Sequence[str] | None) -> None:
        """Take what a later handler of the same job was told."""
        self.settings, self._given = settings, given
        if self._journal is not None:
            self._journal.write(line(k="settings", settings=settings.to_json()))

    def current(self) -> Journal:
        """The journal to write into; a run is begun, or joined, if there is none."""
        for job, journal in _units.get():
            if job is self:
                return journal
        return self._journal or self.begin()

    def begin(self) -> Journal:
        """Begin the process's run of this job, or join the run of its parent. Never raises OSError."""
        with self._lock:
            if self._journal is None:
                self._journal = self._joined() or self._begun()
            return self._journal

    def _joined(self) -> Journal | None:
        if self._owner_folder is None:
            return None
        try:
            descriptor = folder.join(self._owner_folder)
        except OSError as error:
            self._complain(f"the run of the parent process cannot be joined: {error}")
            return None
        if descriptor is None:
            return None
        journal = Journal(descriptor, self._overflow)
        journal.write(self._first_line("joined", folder.random_name()))
        return journal

    def _begun(self) -> Journal:
        try:
            self._run = folder.begin(self.place, self._begin_line)
        except OSError as error:
            self._complain(
                f"the state directory {self.place.directory} cannot be written: {error}. "
                "What is logged waits in memory; give a directory of your own with state= or MAILSPONGE_STATE"
            )
            return Journal(None, self._overflow)
        self._announce()
        return Journal(self._run.descriptor, self._overflow)

    def _begin_line(self, run_id: str, number: int) -> bytes:
        kind = "begin" if self._owner_folder is None else "joined"
        return self._first_line(kind, run_id, number=number, settings=self.settings.to_json())

    def _first_line(self, kind: str, run_id: str, **more: object) -> bytes:
        _, host = user_and_host()
        return line(
            k=kind,
            v=VERSION,
            run=run_id,
            job=self.settings.job,
            host=host,
            pid=os.getpid(),
            t=time.time(),
            **more,
        )

    def _announce(self) -> None:
        """Let children, however started, find the run they belong to."""
        if self._run is not None and self._owner_folder is None:
            os.environ[ENVIRONMENT] = os.pathsep.join(
                [str(self._run.folder), *_folders_of_others(self.place)]
            )

    def _withdraw(self) -> None:
        others = _folders_of_others(self.place)
        if others:
            os.environ[ENVIRONMENT] = os.pathsep.join(others)
        else:
            os.environ.pop(ENVIRONMENT, None)

    def end(self, ending: Ending = Ending.FINISHED, why: str = "") -> Squeeze:
        """End the process's run and squeeze. In a child only its own file ends. Never raises."""
        with self._lock:
            journal, run = self._journal, self._run
            self._journal = self._run = None
        if run is None and self._owner_folder is not None:
            if journal is not None:
                journal.close()
            return Squeeze(saved=True, reason=_CHILD)
        if journal is not None:
            self._end(journal, run, ending, why)
        return self._squeeze()

    def _end(self, journal: Journal, run: folder.OpenRun | None, ending: Ending, why: str) -> None:
        if run is not None and self._owner_folder is None:
            self._withdraw()
            journal.write(line(k="end", t=time.time(), ending=ending, e=why))
        unwritten = journal.close()
        if unwritten and not self._written_after_all(unwritten, homeless=run is None):
            for record in unwritten:
                self._overflow(record)

    def _written_after_all(self, lines: list[bytes], homeless: bool) -> bool:
        """Try once more: the directory may be writable by now, though it was not when the run began."""
        if not homeless:
            return False
        try:
            run = folder.begin(self.place, self._begin_line)
        except OSError:
            return False
        journal = Journal(run.descriptor, self._overflow)
        for late in [*lines, line(k="end", t=time.time(), ending=Ending.FINISHED)]:
            journal.write(late)
        return not journal.close()

    def _squeeze(self) -> Squeeze:
        try:
            done = Squeezer(self.place, self.settings, self._login).squeeze(Deadline(self.settings.timeout))
        except StateError as error:
            complain(f"job {self.settings.job}: {error}. What was logged is kept, and the next run folds it")
            return Squeeze(reason=str(error))
        for warning in done.warnings:
            complain(f"job {self.settings.job}: {warning}")
        return done

    def _login(self, mailhost: str | None) -> Credentials | None:
        return credentials(parse(mailhost), self._given)

    @contextmanager
    def unit(self) -> Iterator[None]:
        """One unit of work of a program that never ends, as a run of its own."""
        try:
            run = folder.begin(self.place, self._begin_line)
        except OSError as error:
            self._complain(f"the state directory {self.place.directory} cannot be written: {error}")
            run = None
        journal = Journal(run.descriptor if run else None, self._overflow)
        token = _units.set(((self, journal), *_units.get()))
        ending, why = Ending.FINISHED, ""
        try:
            yield
        except BaseException as error:
            ending, why = ending_of(error)
            raise
        finally:
            _units.reset(token)
            journal.write(line(k="end", t=time.time(), ending=ending, e=why))
            for lost in journal.close():
                self._overflow(lost)
            self._squeeze()

    def forked(self) -> None:
        """In a child made by fork: what belongs to the parent is let go, and its run joined with the next record."""
        self._lock = threading.RLock()
        if self._run is not None:
            self._owner_folder = self._run.folder
        if self._journal is not None:
            self._journal.abandon()
        self._journal = self._run = None

    def notice(self, journal: Journal) -> None:
        """Say once that the disk takes no more."""
        if journal.trouble is not None:
            self._complain(
                f"{self.place.directory} takes no more: {journal.trouble}. "
                "What is logged waits in memory until there is room"
            )

    def _complain(self, message: str) -> None:
        if not self._complained:
            self._complained = True
            complain(f"job {self.settings.job}: {message}")

    def _overflow(self, record: bytes) -> None:
        """The last resort: what can be kept nowhere is at least shown."""
        complain(f"job {self.settings.job}: not kept: {record.decode('ascii', 'backslashreplace').strip()}")


def _inherited(place: JobPlace) -> Path | None:
    """The folder of the parent's run of this job, if it is still going on."""
    for text in os.environ.get(ENVIRONMENT, "").split(os.pathsep):
        if text and Path(text).parent == place.runs and folder.is_going_on(Path(text)):
            return Path(text)
    return None


def _folders_of_others(place: JobPlace) -> list[str]:
    folders = os.environ.get(ENVIRONMENT, "").split(os.pathsep)
    return [text for text in folders if text and Path(text).parent != place.runs]


def ending_of(error: BaseException | None) -> tuple[Ending, str]:
    """How a run ended that this exception ended: Ctrl-C and sys.exit() are nobody's failure."""
    if isinstance(error, KeyboardInterrupt):
        return Ending.INTERRUPTED, ""
    if isinstance(error, Exception):
        return Ending.CRASHED, "".join(traceback.format_exception(error))
    return Ending.FINISHED, ""
