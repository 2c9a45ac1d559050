"""The nouns of the sponge: record, run, attempt, verdict, state, incident, flip. Values alone; nothing here acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

JOB_ITSELF: Final = ""
"""The source that stands for the job itself: what fails outside every ``with source(...)``."""

DEBUG: Final = 10
INFO: Final = 20
WARNING: Final = 30
ERROR: Final = 40
CRITICAL: Final = 50

LEVELS: Final = {"DEBUG": DEBUG, "INFO": INFO, "WARNING": WARNING, "ERROR": ERROR, "CRITICAL": CRITICAL}

OK: Final = 0
"""A verdict is a number: the level a source failed at, or OK. A source without one was NOT SEEN."""


def level_name(level: int) -> str:
    """The standard name of a level, or ``Level 35`` as the logging module says it."""
    return _NAMES.get(level) or f"Level {level}"


_NAMES: Final = {number: name for name, number in LEVELS.items()}


def storable(text: str) -> str:
    """The text with lone surrogates made visible: UTF-8, and so every store and mail, can take it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


class Record(NamedTuple):
    """One log record, as the ledger keeps it."""

    source: str
    at: float
    level: int
    logger: str
    text: str
    """The message; with a formatter of the user's, what that formatter made of the record."""
    detail: str
    """The traceback and the stack, if there were any; empty otherwise."""
    laid_out: bool = False
    """The text is what the user's formatter made, to be shown as it is."""


class Excerpt(NamedTuple):
    """The two ends of a log, however long it is."""

    first: list[Record]
    last: list[Record]
    """Empty if the first are all."""
    hidden: int
    """How many records lie between them."""


class Ending(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    CRASHED = "crashed"
    """An uncaught exception ended the program."""
    INTERRUPTED = "interrupted"
    """Ctrl-C ended it, or a task was cancelled: nobody's failure."""
    DIED = "died"
    """The process went away without saying so: kill -9, a power loss, ``os._exit``."""
    STRAY = "stray"
    """What a child process went on to log after the run it belonged to had ended."""


class Run(NamedTuple):
    """One unit of unattended work."""

    id: str
    number: int
    """Its place in the order of the job's runs, drawn when it began."""
    host: str
    began_at: float
    ended_at: float
    ending: Ending
    records: int
    """How many records were logged in it."""
    folded_at: float = 0.0
    """When it was folded, and decided upon."""


@dataclass(slots=True)
class Attempt:
    """What one run showed of one source, before anything is judged."""

    highest: int = 0
    """The highest level of its records; 0 without any."""
    raised: bool = False
    """An exception left its block."""
    entered: bool = False
    """A ``with source(...)`` block was entered, so that the program names it even when all is well."""
    broken_off: bool = False
    """Its block was last left by Ctrl-C, ``sys.exit()`` or a cancelled task: nobody knows how it would have ended."""
    lowest: int = CRITICAL + 1
    """The lowest level of its records."""


class Status(StrEnum):
    """Where a source stands."""

    OK = "ok"
    SOFT = "soft"
    """Failing, and patience lasts."""
    HARD = "hard"
    """Failing, and patience is over: told, unless something mutes it."""
    RECOVERING = "recovering"
    """Good again after that, but not yet for long enough."""


class Failures(NamedTuple):
    """The failed runs of a streak that failed at one level."""

    level: int
    runs: int
    first_at: float
    """When the first of them began."""


class Judged(NamedTuple):
    """One verdict of the past."""

    verdict: int
    at: float
    """When its run began."""


class SourceState(NamedTuple):
    """What the policy remembers of one source on one host from run to run, whatever the patience is."""

    status: Status = Status.OK
    streak: tuple[Failures, ...] = ()
    """The failed runs since the last OK, a row a level."""
    window: tuple[Judged, ...] = ()
    """The last verdicts since the last recovery, oldest first; as many as the patience looks back on."""
    since: float | None = None
    """When the run began with which the trouble began."""
    last_verdict: int | None = None
    last_run_at: float | None = None
    """When the last run began that gave a verdict."""
    failed_run: str | None = None
    """The id of the last run that failed."""
    failed_at: float | None = None
    """When that run began."""
    good_runs: int = 0
    """OK verdicts in a row while it recovers."""
    only_fails: bool = True
    """Its program has never named it except in a failure."""
    seen_at: float | None = None
    """When the last run began that named it."""
    unseen: int = 0
    """Finished runs since then that did not name it."""
    changes: int = 0
    """Which of the last verdicts differed from the one before: a bit each, the newest the lowest."""
    flapping: bool = False
    number: int = 0
    """The number of the run that gave the last verdict: one that began before it and is folded later is history."""
    reason: str = ""
    """Why it stands where it does, in words."""

    @property
    def runs_failed(self) -> int:
        """The length of the streak."""
        return sum(part.runs for part in self.streak)


class Incident(NamedTuple):
    """What of one source, on whatever hosts, concerns its reader: what is wrong with it, and what was told of that.

    The default is the incident of a source that is well and of which nothing is left to be said.
    """

    failing: tuple[str, ...] = ()
    """The hosts on which patience is over, and whose last verdict was FAILED."""
    recovering: tuple[str, ...] = ()
    """The hosts on which it was over, and which have been good since, but not for long enough."""
    soft: tuple[str, ...] = ()
    """The hosts that fail, and on which patience lasts."""
    flapping: tuple[str, ...] = ()
    """The hosts on which it is now good, now bad."""
    since: float | None = None
    """When the trouble began."""
    ended_at: float | None = None
    """When it was over, as long as that is still to be told."""
    is_gone: bool = False
    """It was over because no run names the source any more."""
    level: int = OK
    """The highest level it failed at meanwhile."""
    runs_failed: int = 0
    """How many failed runs in a row there were, on the host where it failed last."""
    failed_run: str | None = None
    """The id of the last run that failed."""
    said: str = ""
    """What happened, for the mail that tells of it: ``has failed 3 runs in a row``."""
    reason: str = ""
    """Why that matters, in words."""
    told_at: float | None = None
    """When the mail about it was put into the outbox."""
    mailed_at: float | None = None
    """When it was last mailed about: told, or reminded of."""
    failed_since_mail: bool = False
    flapping_told: bool = False
    acknowledged: int | None = None
    """Somebody knows of failures at this level and below."""
    acknowledged_because: str = ""
    """What they said of it, if anything."""
    is_worse: bool = False
    """It was acknowledged, and has failed at a higher level since; that is still to be told."""
    thread: str | None = None
    """The Message-ID of the mail that told of it; the mails that follow refer to it."""
    anew_since: float | None = None
    """What was told was over, which could not be told as it was muted, and this began then: another incident."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where the trouble is."""
        return tuple(sorted({*self.failing, *self.recovering, *self.flapping}))

    @property
    def is_over(self) -> bool:
        """Whether no host is in trouble, or on its way out of it."""
        return not self.failing and not self.recovering


class Silence(NamedTuple):
    """For a while, nothing is mailed about the sources that a pattern matches. All is recorded as ever."""

    pattern: str
    """A source's name, or a pattern as file names have it: ``*`` for all of the job."""
    since: float
    until: float
    because: str = ""


class Kind(StrEnum):
    """What a flip says, in the order in which a mail says it."""

    NEW = "new"
    STILL = "still"
    RECOVERED = "recovered"
    FLAPPING = "flapping"
    STEADY = "steady"
    GONE = "gone"
    MISSED = "missed"


class Flip(NamedTuple):
    """A change that somebody must hear of."""

    kind: Kind
    source: str
    at: float
    since: float
    """When the trouble began."""
    said: str
    """What happened, to be put after the source's name: ``has failed 3 runs in a row``."""
    failed_run: str | None
    """The run whose records show the failure."""
    thread: str | None
    reason: str
    hosts: tuple[str, ...] = ()
    """Where; empty on a ledger that hosts do not share."""
    ended_at: float | None = None
    """When the trouble was over, if it is: long before it is told, if that was muted."""


class Gathered(NamedTuple):
    """What was logged of one source since the last digest."""

    source: str
    records: int
    """How many records there are, of the level that the digest counts."""
    oldest: float
    """When the first of them was logged."""


class Memory(NamedTuple):
    """All that the policy decides by besides the run itself."""

    states: Mapping[str, SourceState]
    """On the run's host."""
    incidents: Mapping[str, Incident]
    silences: Sequence[Silence] = ()


class Decision(NamedTuple):
    """What the policy made of one run, or of the time that passed."""

    states: dict[str, SourceState]
    """The states that changed."""
    incidents: dict[str, Incident]
    """The incidents that changed."""
    flips: list[Flip]
    verdicts: dict[str, int]
    note: str
    """What is worth saying of the run as a whole, such as a common cause."""
    forgotten: tuple[str, ...] = ()
    """Sources that were well, and had to make room for others."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was decided: a row of the outbox."""

    message_id: str
    created_at: float
    subject: str
    fromaddr: str
    toaddrs: tuple[str, ...]
    """Whom it is still to be handed over for."""
    content: bytes = field(repr=False)
    status: str = "waiting"
    """waiting, sent, refused (the server said never), or mentioned (refused, and a later mail has told so)."""
    attempts: int = 0
    last_attempt_at: float | None = None
    last_reply: str = ""

    @property
    def id(self) -> str:
        """What a person calls it by: the Message-ID before its @."""
        return self.message_id.strip("<>").partition("@")[0]

    def mentioned(self) -> Mail:
        """The same mail, after another has told that it was refused."""
        return replace(self, status="mentioned")

    def waiting_again(self) -> Mail:
        """The same mail, to be tried once more."""
        return replace(self, status="waiting")


class Outcome(NamedTuple):
    """What became of a mail."""

    status: str
    """sent, waiting (the same may work later) or refused (the server said never)."""
    reply: str
    server_is_there: bool = True
    """Whether it makes sense to try the next mail with the same server now."""
    left: tuple[str, ...] = ()
    """The recipients that it waits for, if it was sent to the others; empty: all of them."""


class Squeeze(NamedTuple):
    """What one squeeze did."""

    mails: tuple[Mail, ...] = ()
    """The mails that it decided on, one at the most, as they are after handing over was tried."""
    flips: tuple[Flip, ...] = ()
    saved: bool = False
    """Whether the runs that had ended are in the ledger now; if not, their journals wait for the next squeeze."""
    reason: str = ""
    """Why there is a mail or none, and what became of it."""
    warnings: tuple[str, ...] = ()
    """What somebody should look at: a damaged ledger, a mail that could not be handed over."""
    decided: str = ""
    """Why there is a mail or none, without what became of it."""
    folded: int = 0
    """How many runs were folded."""
    sent: int = 0
    waiting: int = 0
    refused: int = 0
    """How many mails of the outbox were handed over now, wait, and were refused now."""
