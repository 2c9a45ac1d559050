"""What a process has but one of: its jobs, its end, its forks.

:data:`process` is the one thing that is global here, as the interpreter's end, a fork and ``with source(...)`` are.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mailsponge.clock import Deadline
from mailsponge.sponge import lock
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.run import Job, birth, ending_of
from mailsponge.sponge.settings import Settings


class Process:
    """All the jobs of this process, and the hooks that the first of them puts in."""

    def __init__(self) -> None:
        self._jobs: dict[Path, Job] = {}
        self._lock = threading.Lock()
        self._last_handler: logging.Handler | None = None

    def job(
        self, place: JobPlace, settings: Settings, given: Sequence[str] | None, every: float = math.inf
    ) -> Job:
        """The job of that place, begun if it is new."""
        with self._lock:
            known = self._jobs.get(place.directory)
            if known is None:
                if not self._jobs:
                    self._put_in_hooks()
                known = self._jobs[place.directory] = Job(place, settings, given, every)
            else:
                known.configure(settings, given, every)
        known.begin()
        return known

    def jobs(self) -> list[Job]:
        """Every job, for what concerns them all."""
        return list(self._jobs.values())

    def _put_in_hooks(self) -> None:
        atexit.register(self._end_with_logging)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=birth.acquire, after_in_parent=birth.release, after_in_child=self._forked
            )

    def _forked(self) -> None:
        birth.release()
        self._lock = threading.Lock()
        lock.forked()
        for job in self._jobs.values():
            job.forked()

    def _end_with_logging(self) -> None:
        """At the interpreter's end: see to it that the runs end after the last record.

        ``logging.shutdown`` runs after this function (it was registered before it), and closes the handlers it knows,
        the youngest first. A handler made earlier would be forgotten by a later ``dictConfig``; so it is made now, and
        moved to the front, to be closed last.
        """
        self._last_handler = _LastHandler(self)
        references = getattr(logging, "_handlerList", [])
        references.sort(key=lambda reference: reference() is not self._last_handler)

    def end_all(self) -> None:
        """End every job's run as the process ends: finished, crashed or interrupted."""
        ending, why = ending_of(_uncaught())
        # Each from now on: several jobs that wait one after the other hold the program up no longer than one.
        deadlines = [(job, Deadline(job.settings.timeout)) for job in self.jobs()]
        for job, deadline in deadlines:
            try:
                job.end_with_process(ending, why, deadline)
            except KeyboardInterrupt:
                # Somebody does not want to wait for a mail server that says nothing.
                complain(
                    f"job {job.settings.job}: interrupted as its run ended; what is left to do, the next run does"
                )
            except Exception as error:  # noqa: BLE001 - a defect here must not replace the program's own last words
                complain(
                    f"job {job.settings.job}: its run could not be ended: {error!r}; the next run folds it"
                )


process = Process()


class _LastHandler(logging.Handler):
    """Ends the runs when ``logging.shutdown`` closes it, after every other handler has flushed what it held back."""

    def __init__(self, ending: Process) -> None:
        super().__init__()
        self._process = ending

    def close(self) -> None:
        super().close()
        self._process.end_all()


def _uncaught() -> BaseException | None:
    """The exception that ends the program, if one does. The interpreter keeps it; no hook has to be replaced."""
    if hasattr(sys, "ps1"):
        return None
    return getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
