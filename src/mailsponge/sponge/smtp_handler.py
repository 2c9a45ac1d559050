"""A drop-in for ``logging.handlers.SMTPHandler``: the same arguments, one mail at once, and a burst as one digest."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any, Final

from mailsponge.clock import Deadline, monotonic
from mailsponge.errors import StateError
from mailsponge.sponge import folder, places
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.handler import SpongeHandler
from mailsponge.sponge.mailhost import Given

BURST: Final = 60.0
"""Seconds after a mail in which what is logged waits for the next one."""


class SMTPHandler(logging.Handler):
    """Mails log records, as ``logging.handlers.SMTPHandler`` does, but neither floods nor loses.

    The first record is mailed at once: plain text, and exactly what the formatter made of it. What is logged within a
    minute of a mail becomes one digest: mailed when the minute is over, or when the program ends. What no mail server
    takes waits in the state directory, under the program's name, for its next run or ``mailsponge check``; a second
    handler, with other people to mail to, has its own beside it. What is mailed at once is mailed as
    it is formatted, its secrets with it; of all else they are masked.

    Args:
        mailhost: a host, (host, port), or anything that :class:`SpongeHandler` takes.
        fromaddr: the sender.
        toaddrs: whom to mail: an address, or a list.
        subject: the subject; for one a record, override :meth:`getSubject`.
        credentials: (user, password).
        secure: anything but None requires STARTTLS.
        timeout: seconds that handing a mail over may take.

    Raises ValueError for what cannot be, saying what could.
    """

    def __init__(
        self,
        mailhost: Given,
        fromaddr: str,
        toaddrs: str | Sequence[str],
        subject: str,
        credentials: Sequence[str] | None = None,
        secure: object = None,
        timeout: float = 5.0,
    ) -> None:
        super().__init__()
        self.mailhost, self.mailport = mailhost if isinstance(mailhost, tuple) else (mailhost, None)
        self.fromaddr, self.subject = fromaddr, subject
        self.toaddrs = [toaddrs] if isinstance(toaddrs, str) else list(toaddrs)
        self.username: str | None = credentials[0] if credentials else None
        self.password: str | None = credentials[1] if credentials else None
        self.secure, self.timeout = secure, timeout
        self._waiting = SpongeHandler(
            _job_of(program_name(), self.toaddrs),
            [_bare(address) for address in self.toaddrs],
            fromaddr=_bare(fromaddr),
            mailhost=mailhost,
            subject=subject,
            credentials=credentials,
            secure=secure,
            timeout=timeout,
            level=logging.NOTSET,
            patience="never",
            digest="1 record",
            every="never",
        )
        self._waiting.job.disown()
        # One that the same thread may take twice: a signal's handler may log while it is held.
        self._decide = threading.RLock()
        self._quiet_until = float("-inf")
        self._timer: threading.Timer | None = None
        _mind_forks(self)

    def getSubject(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The subject of the mail about a record; a subclass may have one a record."""
        return self.subject

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        """Use a formatter for what is mailed."""
        super().setFormatter(fmt)
        self._waiting.setFormatter(fmt)

    def handle(self, record: logging.LogRecord) -> Any:
        """Filter and emit, without the handler's lock: nobody who logs is to wait for another's mail."""
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        """Mail the record, or let it wait for the digest that follows. What waits survives ``kill -9``."""
        try:
            if self._is_first():
                self._mail(record)
            else:
                self._waiting.emit(record)
        except Exception:  # noqa: BLE001 - logging's rule: whatever is wrong with a record, the program goes on
            self.handleError(record)

    def _is_first(self) -> bool:
        """Whether there was no mail for a while. If there was, the digest that follows it is on its way by now."""
        with self._decide:
            now = monotonic()
            if now >= self._quiet_until and self._timer is None:
                self._quiet_until = now + BURST
                return True
            if self._timer is None:
                self._timer = threading.Timer(self._quiet_until - now, self._burst_is_over)
                self._timer.daemon = True
                try:
                    self._timer.start()
                except RuntimeError:
                    # The interpreter ends, and starts no thread any more; what waits is mailed as the run ends.
                    self._timer = None
            return False

    def _burst_is_over(self) -> None:
        with self._decide:
            self._timer = None
            self._quiet_until = monotonic() + BURST
        try:
            self._waiting.squeeze()
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread, and the program is to go on
            complain(f"what was logged could not be mailed: {error!r}; the end of the program tries again")

    def _mail(self, record: logging.LogRecord) -> None:
        from mailsponge.sponge.at_once import mail_at_once, one_record  # not for whoever only imports this

        job = self._waiting.job
        mail = one_record(self.getSubject(record), self.format(record), self.fromaddr, self.toaddrs)
        try:
            trouble = mail_at_once(job.place, mail, job.send, Deadline(self.timeout))
        except (OSError, StateError) as error:
            outcome = job.send(mail, Deadline(self.timeout))
            trouble = "" if outcome.status == "sent" else f"{outcome.reply}, and it cannot be kept: {error}"
        if trouble:
            complain(f"job {job.settings.job}: {trouble}")

    def _forked(self) -> None:
        """In a child made by fork: it has a timer without the thread behind it, and a lock that may be held."""
        self._decide = threading.RLock()
        self._timer = None
        self._waiting.job.disown()


_all: weakref.WeakSet[SMTPHandler] = weakref.WeakSet()


def _mind_forks(handler: SMTPHandler) -> None:
    if not _all and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
    _all.add(handler)


def _forked() -> None:
    for handler in list(_all):
        handler._forked()


def _job_of(program: str, toaddrs: Sequence[str]) -> str:
    """The job of a handler: the program's name, with a number if another handler has that for other people to mail to.

    What waits under a name goes to those whom its handler mails to; so each keeps to its own, also from run to run.
    """
    mark = "\n".join(toaddrs).encode("utf-8", "backslashreplace")
    for number in itertools.count(1):
        job = program if number == 1 else f"{program} {number}"
        place = places.job_place(places.state_directory(defaults().state, os.environ), job)
        try:
            if _is_marked(place, mark):
                return job
        except OSError:
            # Nothing can be kept there at all, and so nothing be mixed up.
            return program
    raise AssertionError


def _is_marked(place: places.JobPlace, mark: bytes) -> bool:
    """Whether a job is of that handler: it is the first there, or was it before. Raises OSError."""
    folder.make_directories(place)
    path = place.directory / "smtp-handler"
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(mark)
    except FileExistsError:
        return path.read_bytes() == mark
    return True


def program_name() -> str:
    """What this program's unsent mail is kept under: the name that it was started by."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return name.removesuffix(".py") if name not in ("", "-c", "-m", "__main__.py") else "python"


def _bare(address: str) -> str:
    """The address alone, of one with a name before it: ``Me <me@example.org>``."""
    before, sign, rest = address.rpartition("<")
    return (
        rest.rstrip().removesuffix(">")
        if sign and rest.rstrip().endswith(">") and "<" not in before
        else address
    )
