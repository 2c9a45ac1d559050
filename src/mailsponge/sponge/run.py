"""The life of a run in this process: begun, written to, ended; joined by children, let go of by forks.

One :class:`Job` stands for a job in this process, whatever number of handlers it has.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

from mailsponge.clock import Deadline
from mailsponge.errors import StateError
from mailsponge.sponge import family, folder
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.digest import user_and_host
from mailsponge.sponge.journal import VERSION, Journal, line, tells_something
from mailsponge.sponge.mailhost import Credentials, credentials, parse
from mailsponge.sponge.model import Ending
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeeze, Squeezer

_CHILD: Final = "a child's records belong to the run of the process that began it"
_NOWHERE: Final = "the state directory cannot be written: what was logged is on standard error"

_units: ContextVar[tuple[_Unit, ...]] = ContextVar("mailsponge_units", default=())
"""The runs of ``with handler.run():`` that this context is in, the innermost first."""


class _Unit(NamedTuple):
    """A unit of work, and the run that it is."""

    job: Job
    journal: Journal
    run: folder.OpenRun | None


class _Last(NamedTuple):
    """A run of the process, taken from it to be ended."""

    journal: Journal | None
    run: folder.OpenRun | None
    is_stray: bool


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
        self._open_units: set[Journal] = set()
        self._owner_folder = family.inherited(place)
        self._process_ends = False
        self._complained = False

    def configure(self, settings: Settings, given: Sequence[str] | None) -> None:
        """Take what a later handler of the same job was told."""
        self.settings, self._given = settings, given
        if self._journal is not None:
            self._journal.write(line(k="settings", settings=settings.to_json()))

    def current(self) -> Journal:
        """The journal to write into; a run is begun, or joined, if there is none."""
        if _units.get() and (unit := self._unit()):
            return unit.journal
        return self._journal or self.begin()

    def write(self, line: bytes) -> None:
        """Write a line into the current journal, or, if that is closed just now, into the next."""
        while not self.current().write(line):
            pass

    def _unit(self) -> _Unit | None:
        """The unit that this context is in; a task may outlive the one in which it was made."""
        return next((unit for unit in _units.get() if unit.job is self and not unit.journal.closed), None)

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
        journal, self._run = self._opened()
        if self._run is not None and not self._is_stray:
            family.announce(self._run.folder, self.place)
        return journal

    def _opened(self) -> tuple[Journal, folder.OpenRun | None]:
        """A new run and its journal; without a run if the state directory takes none."""
        try:
            run = folder.begin(self.place, self._begin_line)
        except OSError as error:
            self._complain(
                f"the state directory {self.place.directory} cannot be written: {error}. "
                "What is logged waits in memory; give a directory of your own with state= or MAILSPONGE_STATE"
            )
            return Journal(None, self._overflow), None
        return Journal(run.descriptor, self._overflow), run

    @property
    def _is_stray(self) -> bool:
        """Whether a run that begins now has no end of its own: in a child, or while the process ends."""
        return self._owner_folder is not None or self._process_ends

    def _begin_line(self, run_id: str, number: int) -> bytes:
        kind = "joined" if self._is_stray else "begin"
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

    def end(self) -> Squeeze:
        """End the process's run and squeeze. In a child only its own file ends."""
        return self._end(self._take(), Ending.FINISHED, "")

    def end_with_process(self, ending: Ending, why: str) -> None:
        """End the process's run as the process ends. What is logged even later has no run that it could finish."""
        with self._lock:
            last = self._take()
            self._process_ends = True
        self._end(last, ending, why)

    def _take(self) -> _Last:
        """The run as it is; the next record begins another."""
        with self._lock:
            last = _Last(self._journal, self._run, self._is_stray)
            self._journal = self._run = None
            if not last.is_stray:
                family.withdraw(self.place)
            return last

    def _end(self, last: _Last, ending: Ending, why: str) -> Squeeze:
        journal, run, is_stray = last
        is_kept = journal is None or self._close(journal, None if is_stray else ending, why)
        if run is None and self._owner_folder is not None:
            return Squeeze(saved=is_kept, reason=_CHILD)
        return self._squeeze() if is_kept else Squeeze(reason=_NOWHERE)

    def _close(self, journal: Journal, ending: Ending | None, why: str) -> bool:
        """Close a journal, its end in it if it has one; whether there is a journal. What it could not take is shown."""
        if ending is not None:
            journal.write(line(k="end", t=time.time(), ending=ending, e=why))
        unwritten = journal.close()
        if journal.homeless:
            return self._close_homeless(unwritten)
        for lost in unwritten:
            self._overflow(lost)
        return True

    def _close_homeless(self, lines: list[bytes]) -> bool:
        """Try once more: the directory may be writable by now, though it was not when the run began."""
        try:
            run = folder.begin(self.place, self._begin_line)
        except OSError:
            for lost in lines:
                self._overflow(lost)
            return False
        journal = Journal(run.descriptor, self._overflow)
        for late in lines:
            journal.write(late)
        for lost in journal.close():
            self._overflow(lost)
        return True

    def _squeeze(self) -> Squeeze:
        try:
            done = Squeezer(self.place, self.settings, self._login).squeeze(Deadline(self.settings.timeout))
        except StateError as error:
            complain(
                f"job {self.settings.job}: {error}. What is in the journals is kept, and the next run folds it"
            )
            return Squeeze(reason=str(error))
        for warning in done.warnings:
            complain(f"job {self.settings.job}: {warning}")
        return done

    def _login(self, mailhost: str | None) -> Credentials | None:
        return credentials(parse(mailhost), self._given)

    @contextmanager
    def unit(self) -> Iterator[None]:
        """One unit of work of a program that never ends, as a run of its own."""
        journal, run = self._opened()
        self._open_units.add(journal)
        token = _units.set((_Unit(self, journal, run), *_units.get()))
        ending, why = Ending.FINISHED, ""
        try:
            yield
        except BaseException as error:
            ending, why = ending_of(error)
            raise
        finally:
            with contextlib.suppress(ValueError):
                # A generator may be closed by another task than the one that ran it.
                _units.reset(token)
            # A fork inside the block leaves it too; there it was let go of, and ends with the process that entered it.
            if not journal.closed:
                self._open_units.discard(journal)
                if self._close(journal, ending, why):
                    self._squeeze()

    def forked(self) -> None:
        """In a child made by fork: what belongs to the parent is let go, and its run joined with the next record."""
        self._lock = threading.RLock()
        unit = self._unit()
        run = unit.run if unit else self._run
        if run is not None:
            self._owner_folder = run.folder
        for journal in self._open_units:
            journal.abandon()
        self._open_units.clear()
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

    def _overflow(self, line: bytes) -> None:
        """The last resort: what can be kept nowhere is at least shown."""
        if tells_something(line):
            complain(f"job {self.settings.job}: not kept: {line.decode('ascii', 'backslashreplace').strip()}")


def ending_of(error: BaseException | None) -> tuple[Ending, str]:
    """How a run ended that this exception ended: Ctrl-C, a cancelled task and sys.exit() are nobody's failure."""
    if isinstance(error, Exception):
        return Ending.CRASHED, "".join(traceback.format_exception(error))
    # Of the others sys.exit() alone is a program's own way to finish.
    return Ending.FINISHED if error is None or isinstance(error, SystemExit) else Ending.INTERRUPTED, ""
