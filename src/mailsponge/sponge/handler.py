"""The handler: a log record goes into the run's journal, with one write and nothing else."""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from mailsponge.clock import monotonic
from mailsponge.errors import UsageError
from mailsponge.sponge import journal, places
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.journal import Journal
from mailsponge.sponge.layout import Layout, describe, is_chosen, keeps
from mailsponge.sponge.mailhost import Credentials, Given, MailHost
from mailsponge.sponge.mailhost import credentials as login_for
from mailsponge.sponge.mailhost import parse as parse_mailhost
from mailsponge.sponge.model import Squeeze, level_name
from mailsponge.sponge.patience import duration
from mailsponge.sponge.policy import DEFAULT_REMINDERS
from mailsponge.sponge.process import process
from mailsponge.sponge.run import Job
from mailsponge.sponge.settings import Settings, addresses, check_address
from mailsponge.sponge.source import current as current_source

_layout_numbers = itertools.count(1)

_formatter = logging.Formatter()


class SpongeHandler(logging.Handler):
    """Soaks up log records run after run, and mails once when a source keeps failing.

    Args:
        job: the name of this program's work; its runs are remembered under it.
        toaddrs: whom to mail, as SMTPHandler takes it; empty: ``MAILSPONGE_TO``.
        fromaddr: the sender; None: this user at this host.
        mailhost: a host, (host, port), a URL such as ``smtp://user@host:587?starttls=require``, or ``sendmail:``; None:
            ``MAILSPONGE_MAILHOST``, else the post office of this machine (its Unix socket), else localhost:25.
        subject: what subjects begin with; None: the job's name.
        credentials: (user, password); else ``MAILSPONGE_PASSWORD`` or ``MAILSPONGE_PASSWORD_FILE`` for the URL's user.
        secure: as SMTPHandler takes it: anything but None requires STARTTLS.
        timeout: seconds that handing over may take at the end of a run, all in all.
        level: records below it are not kept.
        patience: when a failure matters, such as ``"3 runs"`` or ``{"ERROR": "3 of 5 runs", "CRITICAL": "now"}``.
        recover_after: OK runs in a row after which a told failure is told to be over.
        remind: when a failure that stays is told again.
        common_cause: the share of healthy sources whose failing together counts as one failure of the job.
        digest: when everything that was logged is mailed, told or not: ``"20 records"``, ``"20 ERROR records"``, a
            duration; None: never.
        expect: how often the job should run, such as ``"1 day"``; ``mailsponge check`` tells of a run that is missed.
        mask: more that is secret, besides passwords, tokens and the like: regular expressions, of which the group, or
            the whole match, is masked before anything is kept.
        keep_records: how long what was logged is kept; None: ``"30 days"``.
        keep_runs: how long it is remembered what came of each run; None: ``"400 days"``.
        every: how long a run of a process that lives long may be, such as ``"1 hour"``, or ``"never"``: with the first
            record after that, another begins.
        state: the directory to remember in, or the URL of a PostgreSQL database that hosts share; None:
            ``MAILSPONGE_STATE``, else the XDG state directory.

    Raises ValueError for what cannot be, saying what could. Trouble with the state directory is not raised: the
    program goes on, and standard error tells.
    """

    def __init__(
        self,
        job: str,
        toaddrs: str | Sequence[str] = (),
        *,
        fromaddr: str | None = None,
        mailhost: Given = None,
        subject: str | None = None,
        credentials: Sequence[str] | None = None,
        secure: object = None,
        timeout: float = 5.0,
        level: int | str = "INFO",
        patience: str | Mapping[str, str] | None = None,
        recover_after: int = 1,
        remind: str = DEFAULT_REMINDERS,
        common_cause: float = 0.8,
        digest: str | None = None,
        expect: str | None = None,
        mask: str | Sequence[str] = (),
        keep_records: str | None = None,
        keep_runs: str | None = None,
        every: str = "1 hour",
        state: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(level)
        otherwise = defaults()
        host, login = _server(mailhost or otherwise.mailhost, credentials, secure)
        settings = Settings(
            job=job,
            toaddrs=addresses(toaddrs or otherwise.to),
            fromaddr=fromaddr,
            mailhost=host.url,
            subject=subject,
            timeout=timeout,
            patience=dict(patience) if isinstance(patience, Mapping) else patience,
            recover_after=recover_after,
            remind=remind,
            common_cause=common_cause,
            digest=digest,
            expect=expect,
            mask=(*otherwise.mask, *([mask] if isinstance(mask, str) else mask)),
            keep_records=keep_records or otherwise.keep_records,
            keep_runs=keep_runs or otherwise.keep_runs,
        )
        if fromaddr is not None:
            check_address(fromaddr)
        seconds = _seconds(every)
        given = state or otherwise.state
        place = places.job_place(
            places.state_directory(given, os.environ), job, places.state_database(given, os.environ)
        )
        self._number = next(_layout_numbers)
        self._choose(None)
        self._job = process.job(place, settings, login, seconds)

    @property
    def job(self) -> Job:
        """The job in this process."""
        return self._job

    def squeeze(self) -> Squeeze:
        """End this run now, decide, and hand over what there is to tell. The next record begins a new run."""
        return self._job.end()

    def run(self) -> AbstractContextManager[None]:
        """A context manager: one unit of work of a program that never ends is one run."""
        return self._job.unit()

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        """Use a formatter for the records' text. A plain one is applied when the run is folded, off the hot path."""
        super().setFormatter(fmt)
        self._choose(fmt)

    def _choose(self, fmt: logging.Formatter | None) -> None:
        """Work out, once and for all records, what a formatter makes necessary."""
        self._has_layout = is_chosen(fmt)
        self._layout: Layout | None = describe(fmt) if self._has_layout else None
        self._set_by = 0 if self._layout is None else self._number
        self._needs_more = self._has_layout and (self._layout is None or bool(self._layout.needs))
        self._adopted: Journal | None = None

    def handle(self, record: logging.LogRecord) -> Any:
        """Filter and emit, without the handler's lock: one write needs none."""
        if not self.filters:
            self.emit(record)
            return record
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record into the journal. What it returned from survives ``kill -9``."""
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - a record may be made by hand, and its fields raise whatever they like
            self.handleError(record)
            line = self._bare_line(record)
        job = self._job
        try:
            # A run may end between two steps, in another thread; then the record goes into the next one.
            while True:
                run = job.journal
                # What nearly every record finds is looked at here: a call costs more than the looking.
                if run is None or job.units or monotonic() >= job.cut_at:
                    run = job.current(record)
                if run is not self._adopted:
                    self._adopt(run)
                if run.write(line):
                    break
            if run.trouble is not None:
                job.notice(run)
        except Exception:  # noqa: BLE001 - logging's rule: whatever is wrong with a record, the program goes on
            self.handleError(record)

    def _adopt(self, run: Journal) -> None:
        """Describe the formatter in a journal that does not know it yet, before any record in it needs that."""
        if self._layout is not None:
            fmt, datefmt, style, _ = self._layout
            run.write(journal.line(k="layout", i=self._number, fmt=fmt, datefmt=datefmt, style=style))
        self._adopted = run

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a message's arguments may raise whatever they like
            message = self._in_parts(record)
        source = record.__dict__.get("source")
        name = current_source.get() if source is None else str(source)
        if (
            self._needs_more
            or record.exc_info
            or record.exc_text
            or record.stack_info
            or (self._set_by and record.levelname != level_name(record.levelno))
        ):
            return self._whole_line(record, message, name)
        # What nearly every record is.
        return (
            f"[{record.created!r},{+record.levelno},{quoted(record.name)},"
            f"{quoted(message)},{quoted(name)},{self._set_by}]\n"
        ).encode("ascii")

    def _whole_line(self, record: logging.LogRecord, message: str, source: str) -> bytes:
        tail = f',"s":{quoted(source)}' if source else ""
        if self._has_layout:
            tail += self._laid_out(record, message)
        elif record.exc_info or record.exc_text or record.stack_info:
            tail += _detail(record)
        return (
            f'{{"t":{record.created!r},"l":{+record.levelno},"n":{quoted(record.name)},'
            f'"m":{quoted(message)}{tail}}}\n'
        ).encode("ascii")

    def _bare_line(self, record: logging.LogRecord) -> bytes:
        """The least there is to say of a record that holds what no record should."""
        try:
            message = str(record.getMessage())
        except Exception:  # noqa: BLE001 - as above
            message = self._in_parts(record)
        level = record.levelno if isinstance(record.levelno, int) else logging.ERROR
        name = record.name if isinstance(record.name, str) else _shown(record.name)
        return journal.line(t=time.time(), l=level, n=name, m=message)

    def _in_parts(self, record: logging.LogRecord) -> str:
        """A message that cannot be put together; logging tells so on standard error."""
        self.handleError(record)
        return f"{_shown(record.msg)}, whose arguments cannot be put in: {_shown(record.args)}"

    def _laid_out(self, record: logging.LogRecord, message: str) -> str:
        """What the formatter needs later, or what it makes now if it cannot be described."""
        if self._layout is None or not keeps(self._layout, record):
            return f',"x":{quoted(self._formatted(record, message))}'
        tail = f',"y":{self._number}'
        if self._layout.needs:
            fields = {name: record.__dict__[name] for name in self._layout.needs if name in record.__dict__}
            tail += f',"a":{journal.line(**fields)[:-1].decode("ascii")}'
        if record.exc_info or record.exc_text or record.stack_info:
            tail += _detail(record)
        return tail

    def _formatted(self, record: logging.LogRecord, message: str) -> str:
        try:
            return self.format(record)
        except Exception:  # noqa: BLE001 - a formatter is anybody's code; the record itself must not be lost
            self.handleError(record)
            return message


def _server(
    given: Given, credentials: Sequence[str] | None, secure: object
) -> tuple[MailHost, Sequence[str] | None]:
    """The mail host with its user and its wish for TLS, and the login to be kept in memory."""
    host = parse_mailhost(given)
    login: Credentials | None = login_for(host, credentials)
    if login is not None:
        host = host._replace(user=login.user)
    if secure is not None and not host.starttls:
        host = host._replace(starttls="require")
    return host, login


def _seconds(every: str) -> float:
    """How long a run may be; infinite for never. Raises UsageError that says what ``every`` can be."""
    if isinstance(every, str) and every.strip().lower() == "never":
        return math.inf
    try:
        seconds = duration(every)
    except UsageError as error:
        raise UsageError(f'every {every!r}: {error}, or "never"') from error
    if seconds <= 0:
        raise UsageError(f'every {every!r}: a run needs some time; say "30 min", "1 hour", or "never"')
    return seconds


def _shown(thing: object) -> str:
    try:
        return repr(thing)
    except Exception as error:  # noqa: BLE001 - as above
        return f"something of which {type(error).__name__} is all that can be said"


def _detail(record: logging.LogRecord) -> str:
    """The traceback and the stack. Kept on the record, as logging does, so that the next handler need not redo it."""
    if record.exc_info and not record.exc_text:
        record.exc_text = _formatter.formatException(record.exc_info)
    parts = (record.exc_text, record.stack_info)
    return f',"e":{quoted(chr(10).join(part for part in parts if part))}'
