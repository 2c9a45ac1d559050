"""The life of a run in this process: begun, written to, cut, ended; joined by children, let go of by forks.

One :class:`Job` stands for a job in this process, whatever number of handlers it has.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Final, NamedTuple

from mailsponge.clock import Deadline, monotonic
from mailsponge.errors import StateError
from mailsponge.sponge import family, folder
from mailsponge.sponge.blocks import Blocks
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.journal import VERSION, Journal, line, tells_something
from mailsponge.sponge.mailhost import Credentials, credentials, parse
from mailsponge.sponge.mask import Mask
from mailsponge.sponge.model import Ending, Mail, Outcome, Squeeze
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.sender import user_and_host
from mailsponge.sponge.settings import Settings

_CHILD: Final = "a child's records belong to the run of the process that began it"
birth: Final = threading.RLock()
"""Held from the moment at which a journal is locked until it is known whose it is.

A fork in between would leave a child with a lock that it does not know of.
"""

_CANNOT: Final = "what squeezes could not be loaded"
_NOWHERE: Final = "the state directory cannot be written: what was logged is on standard error"

_TOO_EARLY: Final = 60.0
"""Seconds after which a run that could not be cut when it was time is looked at again."""

units: ContextVar[tuple[str, ...]] = ContextVar("mailsponge_units", default=())
"""The names of the units (``with handler.run():``) that this context is in, the innermost first."""

UNITS: Final = "mailsponge_units"
"""The attribute of a record that names the units it was logged in, when another thread will hand it to the handler."""


class _Unit(NamedTuple):
    """A unit of work: the run that it is."""

    journal: Journal
    run: folder.OpenRun | None


class _Last(NamedTuple):
    """A run of the process, taken from it to be ended."""

    journal: Journal | None
    run: folder.OpenRun | None
    is_stray: bool
    blocks: tuple[int, ...]
    """The blocks that go on without it."""


class Job:
    """One job in this process.

    Args:
        place: its directory.
        settings: what its handler was told.
        given: the login that the handler was given, kept in memory alone.
        every: seconds after which the process's run is cut; infinity: never.
    """

    def __init__(
        self, place: JobPlace, settings: Settings, given: Sequence[str] | None, every: float = math.inf
    ) -> None:
        self._ends = self._loaded(settings)
        self.place = place
        self.settings = settings
        self._given = given
        self._every = every
        self._lock = threading.RLock()
        self.cut_at = math.inf
        """When the process's run is to be cut, by the monotonic clock."""
        self.journal: Journal | None = None
        """The journal of the process's run; None before it has begun."""
        self.units: dict[str, _Unit] = {}
        """The units that are going on, by their names."""
        self._run: folder.OpenRun | None = None
        self._blocks = Blocks()
        self._closing: Journal | None = None
        self._squeezing: threading.Thread | None = None
        self._owner_folder = family.inherited(place)
        self._process_ends = False
        self._complained = False

    @staticmethod
    def _loaded(settings: Settings) -> ModuleType | None:
        """What ends a run; None if the program may not read its own modules any more, as it has given up its rights.

        It is loaded with the first job, not with this module: most of it is about mail. And not when it is needed: by
        then the program may have changed its root, and a module that is loaded while an interpreter ends makes it
        forget that Ctrl-C ended it.
        """
        try:
            from mailsponge.sponge import ending
        except (ImportError, OSError) as error:
            complain(
                f"job {settings.job}: what squeezes cannot be loaded: {error}; "
                "`mailsponge check` does it. Make the handler before the program gives up its rights"
            )
            return None
        return ending

    def configure(self, settings: Settings, given: Sequence[str] | None, every: float = math.inf) -> None:
        """Take what a later handler of the same job was told."""
        self.settings, self._given = settings, given
        is_another, self._every = every != self._every, every
        if self.journal is not None:
            if is_another:
                self.cut_at = monotonic() + every
            self.journal.write(line(k="settings", settings=settings.to_json()))

    def current(self, record: logging.LogRecord | None = None) -> Journal:
        """The journal to write into; a run is begun or joined if there is none, and cut if it is time."""
        if self.units and (unit := self._unit(record)):
            return unit.journal
        if monotonic() >= self.cut_at:
            self._cut()
        return self.journal or self.begin()

    def entered(self, number: int, name: str, line: bytes) -> None:
        """Write the line of a block that begins. It is known by its number until it is left."""
        is_written = (unit := self._unit()) is not None and unit.journal.write(line)
        while not is_written:
            journal = self.current()
            with self._blocks.lock:
                # The lock is held for no more: a run that begins takes it, and others wait for that one.
                is_written = journal is self.journal and journal.write(line)
                if is_written:
                    self._blocks.entered(number, name)

    def left(self, number: int, line: bytes, line_of_a_part: bytes) -> None:
        """Write the line of a block that ends; the other one if other runs know that it was not well."""
        is_written = False
        while not is_written:
            unit = self._unit()
            journal = unit.journal if unit else self.journal or self.begin()
            with self._blocks.lock:
                if unit or journal is self.journal:
                    said = line if self._blocks.is_well(number) else line_of_a_part
                    is_written = journal.write(said)
                    if is_written:
                        self._blocks.left(number)

    def _unit(self, record: logging.LogRecord | None = None) -> _Unit | None:
        """The unit that this context is in, or the record was; a task may outlive the one in which it was made."""
        if not self.units:
            return None
        stamped = getattr(record, UNITS, None)
        names = str(stamped).split() if stamped else units.get()
        return next((unit for name in names if (unit := self.units.get(name))), None)

    def begin(self) -> Journal:
        """Begin the process's run of this job, or join the run of its parent. Never raises OSError."""
        with birth, self._lock:
            if self.journal is None:
                journal = self._joined() or self._begun()
                with self._blocks.lock:
                    self._blocks.go_on_in(journal, time.time())
                    self.journal = journal
                self.cut_at = monotonic() + self._every
            return self.journal

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

    def _cut(self) -> None:
        """Let the process's run end and the next one go on, if nothing speaks against it now. Waits for nobody."""
        if not birth.acquire(blocking=False):
            return
        try:
            if self._lock.acquire(blocking=False):
                try:
                    self._cut_if_it_is_time()
                finally:
                    self._lock.release()
        finally:
            birth.release()

    def _cut_if_it_is_time(self) -> None:
        if monotonic() >= self.cut_at:
            self.cut_at = monotonic() + min(self._every, _TOO_EARLY)
            self._cut_unless_it_is_too_early()

    def _cut_unless_it_is_too_early(self) -> None:
        try:
            if not self._may_be_cut():
                return
            run = folder.begin(self.place, self._begin_line)
        except OSError:
            # The disk takes no new run; the one that there is goes on, and says so when it cannot be written either.
            return
        last = self._replace(Journal(run.descriptor, self._overflow), run)
        is_kept = self._close_last(last, Ending.FINISHED, "")
        self._closing = None
        self.cut_at = monotonic() + self._every
        if is_kept:
            self._squeeze_in_a_thread(last)

    def _may_be_cut(self) -> bool:
        """Whether a run can end now without harm. Raises OSError.

        A process that ends does so itself. A squeeze that is not done yet gets no second one beside it. A child belongs
        to its parent's run; and what living children have proved of a run would be lost if it ended before them.
        """
        if self._process_ends or (self._squeezing is not None and self._squeezing.is_alive()):
            return False
        if self._run is not None:
            return not folder.has_children(self._run.folder)
        return self._owner_folder is None or not folder.is_going_on(self._owner_folder)

    def _replace(self, journal: Journal, run: folder.OpenRun) -> _Last:
        """Put a new run in the place of the one that there is."""
        with self._blocks.lock:
            now = time.time()
            # Kept where a fork finds it: a child's copy of it would look like somebody who still writes.
            self._closing = self.journal
            ended = self._blocks.end_in(self.journal, now) if self.journal is not None else ()
            last = _Last(self.journal, self._run, self._is_stray, ended)
            self._blocks.go_on_in(journal, now)
            self.journal, self._run = journal, run
            if not self._is_stray:
                family.announce(run.folder, self.place)
        return last

    def _squeeze_in_a_thread(self, last: _Last) -> None:
        """Squeeze beside the program. No thread stands by: whoever forks is to find one as seldom as possible."""
        self._squeezing = threading.Thread(
            target=self._squeeze_cut, args=(last,), name="mailsponge", daemon=True
        )
        # At its end the interpreter starts no thread any more; then the end of the process squeezes.
        with contextlib.suppress(RuntimeError):
            self._squeezing.start()

    def _squeeze_cut(self, last: _Last) -> None:
        try:
            self._look_at_blocks(last)
            self._squeeze(Deadline(self.settings.timeout))
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread, and the program is to go on
            complain(
                f"job {self.settings.job}: a run could not be squeezed: {error!r}; the next one folds it"
            )

    def _look_at_blocks(self, last: _Last) -> None:
        """See which of the blocks that go on had failed in the run that ended, while its journals are there."""
        if last.blocks and last.run is not None and self._ends is not None:
            with contextlib.suppress(OSError):
                failed = self._ends.failed_sources(
                    folder.journals(last.run.folder), self.settings.policy.fail_level
                )
                self._blocks.looked_at(last.blocks, failed)

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
        return self._end(self._take(), Ending.FINISHED, "", Deadline(self.settings.timeout))

    def end_with_process(self, ending: Ending, why: str, deadline: Deadline) -> None:
        """End the process's run as the process ends. What is logged even later has no run that it could finish."""
        with self._lock:
            last = self._take()
            self._process_ends = True
        self._end(last, ending, why, deadline)

    def _take(self) -> _Last:
        """The run as it is; the next record begins another."""
        with self._lock:
            with self._blocks.lock:
                blocks = self._blocks.end_in(self.journal, time.time()) if self.journal is not None else ()
                last = _Last(self.journal, self._run, self._is_stray, blocks)
                self.journal = self._run = None
            self.cut_at = math.inf
            if not last.is_stray:
                family.withdraw(self.place)
            return last

    def _end(self, last: _Last, ending: Ending, why: str, deadline: Deadline) -> Squeeze:
        if self._squeezing is not None and self._squeezing.ident is not None:
            self._squeezing.join(deadline.left())
        is_kept = self._close_last(last, ending, why)
        if last.run is None and self._owner_folder is not None:
            return Squeeze(saved=is_kept, reason=_CHILD)
        self._look_at_blocks(last)
        return self._squeeze(deadline) if is_kept else Squeeze(reason=_NOWHERE)

    def _close_last(self, last: _Last, ending: Ending, why: str) -> bool:
        if last.run is not None and not last.run.is_in_place():
            self._complain(
                f"the state directory {self.place.directory} was removed, or moved away, and what was logged with it"
            )
        return last.journal is None or self._close(last.journal, None if last.is_stray else ending, why)

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
            with birth:
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

    def _squeeze(self, deadline: Deadline) -> Squeeze:
        if self._ends is None:
            return Squeeze(reason=_CANNOT)
        try:
            done: Squeeze = self._ends.Squeezer(
                self.place, self.settings, self._login, any_alive=lambda place: True
            ).squeeze(deadline)
        except StateError as error:
            complain(
                f"job {self.settings.job}: {error}. What is in the journals is kept, and the next run folds it"
            )
            return Squeeze(reason=str(error))
        for warning in done.warnings:
            complain(f"job {self.settings.job}: {warning}")
        return done

    def send(self, mail: Mail, deadline: Deadline) -> Outcome:
        """Hand one mail over by the job's mail host."""
        if self._ends is None:
            return Outcome("waiting", _CANNOT, server_is_there=False)
        outcome: Outcome = self._ends.to(self.settings.mailhost, self._login)(mail, deadline)
        return outcome

    def _login(self, mailhost: str | None) -> Credentials | None:
        return credentials(parse(mailhost), self._given)

    @contextmanager
    def unit(self) -> Iterator[None]:
        """One unit of work of a program that never ends, as a run of its own."""
        with birth:
            journal, run = self._opened()
            name = run.id if run else folder.random_name()
            self.units[name] = _Unit(journal, run)
        token = units.set((name, *units.get()))
        ending, why = Ending.FINISHED, ""
        try:
            yield
        except BaseException as error:
            ending, why = ending_of(error)
            raise
        finally:
            with contextlib.suppress(ValueError):
                # A generator may be closed by another task than the one that ran it.
                units.reset(token)
            # A fork inside the block leaves it too; there it was let go of, and ends with the process that entered it.
            if self.units.pop(name, None) and self._close(journal, ending, why):
                self._squeeze(Deadline(self.settings.timeout))

    def forked(self) -> None:
        """In a child made by fork: what belongs to the parent is let go, and its run joined with the next record."""
        self._lock = threading.RLock()
        unit = self._unit()
        run = unit.run if unit else self._run
        if run is not None:
            self._owner_folder = run.folder
        for journal in (self.journal, self._closing, *(unit.journal for unit in self.units.values())):
            if journal is not None:
                journal.abandon()
        self.units.clear()
        self._blocks = Blocks()
        self.journal = self._run = self._closing = self._squeezing = None
        self.cut_at = math.inf

    def disown(self) -> None:
        """In a child: have runs of its own from the next record on, instead of a part in its parent's."""
        with self._lock:
            if self._owner_folder is not None:
                self._owner_folder = None
                last, self.journal = self.journal, None
                for lost in last.close() if last is not None else ():
                    self._overflow(lost)

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
        """The last resort: what can be kept nowhere is at least shown, its secrets masked as anywhere."""
        if tells_something(line):
            shown = Mask(self.settings.mask).text(line.decode("ascii", "backslashreplace").strip())
            complain(f"job {self.settings.job}: not kept: {shown}")


def ending_of(error: BaseException | None) -> tuple[Ending, str]:
    """How a run ended that this exception ended: Ctrl-C, a cancelled task and sys.exit() are nobody's failure."""
    if isinstance(error, Exception):
        return Ending.CRASHED, "".join(traceback.format_exception(error))
    # Of the others sys.exit() alone is a program's own way to finish.
    return Ending.FINISHED if error is None or isinstance(error, SystemExit) else Ending.INTERRUPTED, ""
