"""Flips and their records become one mail that says in its subject what is the matter, and in its body what to know."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from mailsponge import clean, clock
from mailsponge.sponge.model import JOB_ITSELF, Excerpt, Flip, Kind, Mail, Record, level_name
from mailsponge.sponge.news import News
from mailsponge.sponge.settings import Settings

_MOST_SOURCES: Final = 40
"""Sources told in full; the others are named. Nobody reads the forty-first, and a mail has to stay a mail."""
FIRST_RECORDS: Final = 3
LAST_RECORDS: Final = 7
"""How many records of a long log are shown of each end."""
_MOST_TEXT: Final = 2000
"""Characters of a record's first line."""
_MOST_LINES: Final = 40
_LONGEST_LINE: Final = 500
"""How many further lines of a record are shown, and how many characters of each."""
_LONGEST_SUBJECT: Final = 160
_LONGEST_NAME: Final = 100


def compose(
    settings: Settings,
    news: News,
    now: float,
    message_id: str,
    user_and_host: tuple[str, str],
) -> Mail:
    """One mail for all the flips of a squeeze, told in the order of their kinds."""
    flips = news.flips
    fromaddr = settings.fromaddr or "@".join(user_and_host)
    text = body(settings, news, user_and_host[1])
    subject_line = clean.shortened(clean.line(subject(settings, flips)), _LONGEST_SUBJECT)
    message = _message(settings, fromaddr, subject_line, text, now, message_id, flips)
    return Mail(message_id, now, subject_line, fromaddr, settings.toaddrs, message.as_bytes())


def _message(
    settings: Settings,
    fromaddr: str,
    subject_line: str,
    text: str,
    now: float,
    message_id: str,
    flips: Sequence[Flip],
) -> EmailMessage:
    # 7 bit on the wire: the next server may not know 8BITMIME. Only an address that is not ASCII asks for more.
    utf8 = not all(address.isascii() for address in (fromaddr, *settings.toaddrs))
    message = EmailMessage(policy=SMTP.clone(utf8=utf8, cte_type="7bit", refold_source="none"))
    # Put in as they are. Assigned, they would be decoded first: "=?utf-8?q?=0AX-Header:_1?=", the title of a feed as
    # like as not, would become a header of its own.
    message.set_raw("From", fromaddr)
    message.set_raw("To", ",\r\n ".join(settings.toaddrs))
    message.set_raw("Subject", encoded(subject_line))
    message["Date"] = format_datetime(clock.local(now))
    message["Message-ID"] = message_id
    threads = dict.fromkeys(flip.thread for flip in flips if flip.thread)
    if threads:
        message["References"] = " ".join(threads)
    # RFC 3834: no vacation message shall answer this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte=None if text.isascii() else "quoted-printable")
    return message


def encoded(text: str) -> str:
    """One line of text as a header's value, folded; what ASCII cannot say, or would be taken for code, as RFC 2047."""
    plain = text.isascii() and "=?" not in text and text == text.strip()
    return Header(text, "us-ascii" if plain else "utf-8", header_name="Subject").encode(linesep="\r\n")


def new_message_id(fromaddr: str | None, host: str, random: Callable[[], str]) -> str:
    """A Message-ID for a mail being composed; it stays, however often the mail is handed over."""
    domain = fromaddr.rpartition("@")[2] if fromaddr else host
    safe = "".join(c for c in domain if c.isascii() and (c.isalnum() or c in ".-")) or "localhost"
    return f"<{random()}@{safe}>"


def user_and_host() -> tuple[str, str]:
    """Who this is, without asking the network: the user's name and the host's, of what an address may be made of."""
    host = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return _addressable(_user()) or "mailsponge", _addressable(host) or "localhost"


def _addressable(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "-._+").strip(".")


def _user() -> str:
    """As getpass.getuser() finds it; a container's user may have no name at all."""
    named = next((os.environ[v] for v in ("LOGNAME", "USER", "USERNAME") if os.environ.get(v)), None)
    if named or not hasattr(os, "getuid"):
        return named or "mailsponge"
    import pwd  # not on every system

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"


# The subject


def subject(settings: Settings, flips: Sequence[Flip]) -> str:
    """What a person sees first: ``podcasts: Søndag på P1 has failed 3 runs in a row``."""
    told = [_subject_of(kind, [flip for flip in flips if flip.kind is kind]) for kind in Kind]
    return f"{settings.subject or settings.job}: {', '.join(part for part in told if part)}"


def _subject_of(kind: Kind, flips: Sequence[Flip]) -> str:
    if not flips:
        return ""
    if len(flips) == 1:
        return f"{name(flips[0].source)} {flips[0].said}"
    what = _SEVERAL[kind]
    return f"{len(flips)} sources {what}"


_SEVERAL: Final = {
    Kind.NEW: "keep failing",
    Kind.STILL: "still fail",
    Kind.RECOVERED: "work again",
    Kind.FLAPPING: "are flapping",
    Kind.STEADY: "are steady again",
    Kind.GONE: "are gone",
    Kind.MISSED: "have not run",
}


def name(source: str) -> str:
    """A source's name for people."""
    return "the job itself" if source == JOB_ITSELF else _name(source)


def _name(text: str) -> str:
    """A name that somebody gave, on a line with other things."""
    return clean.shortened(clean.line(text), _LONGEST_NAME)


# The body


def body(settings: Settings, news: News, host: str) -> str:
    """The text of the mail."""
    flips = news.flips
    parts = [_told(settings, flip, news) for flip in flips[:_MOST_SOURCES]]
    if others := flips[_MOST_SOURCES:]:
        parts.append("And:\n" + "".join(f"  {name(flip.source)} {flip.said}\n" for flip in others))
    parts.append(_signature(settings.job, host))
    return clean.block("\n\n".join(parts))


def _told(settings: Settings, flip: Flip, news: News) -> str:
    lines = [
        f"{flip.kind.upper()}  {name(flip.source)} {flip.said}",
        f"    since {_moment(flip.since)}",
        f"    why this mail: {clean.line(flip.reason)}",
    ]
    if flip.kind in (Kind.NEW, Kind.STILL):
        lines += ["", *_log(settings, news.excerpt(flip, FIRST_RECORDS, LAST_RECORDS))]
    return "\n".join(lines)


def _log(settings: Settings, log: Excerpt) -> list[str]:
    """What the source logged in the run that last failed: all of a short log, the two ends of a long one."""
    if not log.first:
        return ["    (this run left no records)"]
    shown = [f"    The log of the run that failed last, {_moment(log.first[0].at)}:", ""]
    shown += [line for record in log.first for line in _record(record)]
    if log.hidden:
        shown.append(f"    … {log.hidden} more, kept in the ledger of {_name(settings.job)} …")
    return shown + [line for record in log.last for line in _record(record)]


def _record(record: Record) -> list[str]:
    first, *rest = clean.block(record.text).rstrip("\n").split("\n")
    detail = clean.block(record.detail).rstrip().split("\n") if record.detail else []
    return [
        f"    {_prefix(record)}{clean.shortened(first, _MOST_TEXT)}",
        *(f"        {line}" for line in _two_ends(rest)),
        *(f"      {line}" for line in _two_ends(detail)),
    ]


def _two_ends(lines: list[str]) -> list[str]:
    """As many lines as a reader takes in. What went wrong is said at the end of a traceback, as often as not."""
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} lines …", *lines[-half:]]
    return [clean.shortened(line, _LONGEST_LINE) for line in lines]


def _prefix(record: Record) -> str:
    """When, how bad and by whom, unless the user's own layout has said what is to be said."""
    if record.laid_out:
        return ""
    moment = clock.local(record.at).strftime("%H:%M:%S")
    return f"{moment} {level_name(record.level)} {_name(record.logger)}: "


def _moment(at: float) -> str:
    return clock.local(at).strftime("%a %d %b %Y, %H:%M")


def _signature(job: str, host: str) -> str:
    return (
        f"-- \nSent by mailsponge for the job {_name(job)} on {clean.line(host)}.\n"
        f"See how all its sources stand: mailsponge status {clean.shortened(_shell_word(job), _MOST_TEXT)}\n"
    )


def _shell_word(text: str) -> str:
    plain = text and all(c.isascii() and (c.isalnum() or c in "-_./") for c in text)
    return text if plain else "'" + clean.line(text).replace("'", "'\\''") + "'"
