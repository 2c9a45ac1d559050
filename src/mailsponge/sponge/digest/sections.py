"""One section for each flip, and one for the mails that were refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailsponge import clean
from mailsponge.sponge import patience
from mailsponge.sponge.digest import shell, words
from mailsponge.sponge.digest.letter import Command, Entry, Fact, Log, Section
from mailsponge.sponge.digest.records import FAILURES, FIRST_RECORDS, LAST_RECORDS, Records
from mailsponge.sponge.model import OK, Excerpt, Flip, Kind, Mail
from mailsponge.sponge.news import News

RECENT_RUNS: Final = 20
_MOST_REASON: Final = 500
_A_MINUTE: Final = 60.0
"""Seconds; what has lasted for less needs no length."""


def of_flip(flip: Flip, job: str, news: News, records: Records) -> Section:
    """What there is to know of one source."""
    recent = () if flip.kind is Kind.MISSED else tuple(news.recent(flip, RECENT_RUNS))
    fails = _fails(flip, recent)
    facts = [_since(flip), ("on", words.hosts(flip.hosts)), ("what happened:", clean.line(news.note(flip)))]
    facts.append(("why this mail:", clean.shortened(clean.line(flip.reason), _MOST_REASON)))
    commands = _commands(flip, job, fails)
    if not commands:
        facts.append(("no command to copy:", "its name is too long, or too strange, for a shell"))
    return Section(
        flip.kind.upper(),
        words.name(flip.source),
        clean.line(flip.said),
        tuple(Fact(label, value) for label, value in facts if value),
        recent,
        (_log(flip, news, records),) if fails else (),
        tuple(commands),
    )


def _fails(flip: Flip, recent: Sequence[int | None]) -> bool:
    """Whether the source fails now, so that what it logged is of interest."""
    if flip.kind is Kind.STEADY:
        return next((verdict for verdict in reversed(recent) if verdict is not None), OK) != OK
    return flip.kind in (Kind.NEW, Kind.STILL, Kind.FLAPPING)


def _since(flip: Flip) -> tuple[str, str]:
    began, zone = words.moment(flip.since), words.zone(flip.since)
    if flip.kind is Kind.MISSED:
        return "the last run began", f"{began} {zone}"
    if flip.kind is Kind.RECOVERED and flip.ended_at is not None:
        ended = words.zone(flip.ended_at)
        named = "" if ended == zone else f" {zone}"
        return "failed from", f"{began}{named} to {words.moment(flip.ended_at)} {ended}"
    if flip.kind in (Kind.FLAPPING, Kind.STEADY) and flip.since >= flip.at:
        return "", ""
    lasting = flip.at - flip.since if flip.kind is Kind.NEW else 0.0
    length = f", for {patience.length(lasting)} now" if lasting >= _A_MINUTE else ""
    return _LABELS.get(flip.kind, "since"), f"{began} {zone}{length}"


_LABELS: Final = {Kind.STEADY: "the trouble began", Kind.GONE: "failing since"}


def _commands(flip: Flip, job: str, fails: bool) -> list[Command]:
    if flip.kind is Kind.MISSED:
        return shell.of_missed(job)
    if flip.kind is Kind.GONE:
        return shell.of_gone(job, flip.source)
    return shell.of_failing(job, flip.source) if fails else shell.of_well(job, flip.source)


def _log(flip: Flip, news: News, records: Records) -> Log:
    """What the source logged in the run that last failed: all of a short log, the two ends of a long one."""
    excerpt = news.excerpt(flip, FIRST_RECORDS, LAST_RECORDS)
    if not excerpt.first:
        return Log("(this run left no records)", ())
    failures = [] if _shows_failure(excerpt, records.fail_level) else news.failures(flip, FAILURES)
    at = excerpt.first[0].at
    zone = words.zone(at)
    named = "" if zone == words.zone(flip.since) else f" {zone}"
    return records.log(
        f"The log of the run that failed last, {words.moment(at)}{named}:",
        flip.source,
        (excerpt.first, failures, excerpt.last),
        excerpt.hidden - len(failures),
        at,
    )


def _shows_failure(excerpt: Excerpt, fail_level: int) -> bool:
    """Whether the ends of a log show what is wrong; in a long one it may lie between them."""
    return not excerpt.hidden or any(r.level >= fail_level for r in (*excerpt.first, *excerpt.last))


# Mails that were refused

_MOST_REFUSED: Final = 10


def of_refused(mails: Sequence[Mail]) -> Section | None:
    """The mails that a server said never to, and what to do about them; None if there are none."""
    if not mails:
        return None
    told = mails[-_MOST_REFUSED:]
    said = (
        "was refused for good by the mail server"
        if len(mails) == 1
        else "were refused for good by the mail server"
    )
    facts = [("of them, only the last are shown:", str(len(told)) if len(told) < len(mails) else "")]
    return Section(
        "REFUSED",
        words.counted(len(mails), "mail"),
        said,
        tuple(Fact(label, value) for label, value in facts if value),
        logs=tuple(map(_refused, told)),
        commands=tuple(shell.of_refused(told)),
    )


def _refused(mail: Mail) -> Log:
    to = clean.shortened(clean.line(", ".join(mail.toaddrs)), _MOST_REASON)
    heading = f"{words.moment(mail.created_at)}, to {to}: {words.label(mail.subject)}"
    reply = clean.shortened(clean.line(mail.last_reply), _MOST_REASON)
    return Log(heading, (Entry("", (reply,), (), True),))
