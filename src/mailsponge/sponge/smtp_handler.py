"""A drop-in for ``logging.handlers.SMTPHandler``: the same arguments, one mail at once, and a burst as one digest."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final

from mailsponge.clock import Deadline, monotonic
from mailsponge.errors import StateError
from mailsponge.sponge.complaint import complain
from mailsponge.sponge.handler import SpongeHandler
from mailsponge.sponge.mailhost import Given

BURST: Final = 60.0
"""Seconds after a mail in which what is logged waits for the next one."""


class SMTPHandler(logging.Handler):
    """Mails log records, as ``logging.handlers.SMTPHandler`` does, but neither floods nor loses.

    The first record is mailed at once: plain text, and exactly what the formatter made of it. What is logged within a
    minute of a mail becomes one digest: mailed when the minute is over, or when the program ends. What no mail server
    takes waits in the state directory, under the program's name, for its next run or ``mailsponge check``.

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
        self.mailhost, self.fromaddr, self.subject = mailhost, fromaddr, subject
        self.toaddrs = [toaddrs] if isinstance(toaddrs, str) else list(toaddrs)
        self.username: str | None = credentials[0] if credentials else None
        self.password: str | None = credentials[1] if credentials else None
        self.secure, self.timeout = secure, timeout
        self._waiting = SpongeHandler(
            program_name(),
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
        self._decide = threading.Lock()
        self._quiet_until = float("-inf")
        self._timer: threading.Timer | None = None

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
