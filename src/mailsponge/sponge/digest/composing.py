"""From the news of a squeeze to one mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mailsponge import clean
from mailsponge.sponge.digest import attachment, gathered, sections, shell, words
from mailsponge.sponge.digest.as_html import html
from mailsponge.sponge.digest.as_text import text
from mailsponge.sponge.digest.letter import Letter, Section
from mailsponge.sponge.digest.message import Heading, Parts, assembled
from mailsponge.sponge.digest.records import Records
from mailsponge.sponge.digest.subject import subject
from mailsponge.sponge.model import Flip, Mail
from mailsponge.sponge.news import News
from mailsponge.sponge.settings import Settings

MOST_SOURCES: Final = 40
"""Sources told in full; the others are named. Nobody reads the forty-first, and a mail has to stay a mail."""
_MOST_NAMED: Final = 200
"""Sources that are named in the mail itself; of more, the rest is named in the attachment."""
_MANY: Final = 3
"""Up to so many sections are seen without an overview."""


def compose(
    settings: Settings, news: News, now: float, message_id: str, user_and_host: tuple[str, str]
) -> Mail:
    """One mail for all there is to tell: the flips in the order of their kinds, the digest, and refused mails."""
    fromaddr = settings.fromaddr or "@".join(user_and_host)
    letter = written(settings, news, user_and_host[1])
    packed = attachment.compressed(_whole_log(news, letter)) if letter.attached else None
    content = assembled(
        Heading(fromaddr, settings.toaddrs, letter.subject, settings.job, now, message_id, news.flips),
        Parts(text(letter), html(letter), packed, letter.attached),
    )
    return Mail(message_id, now, letter.subject, fromaddr, settings.toaddrs, content)


def written(settings: Settings, news: News, host: str) -> Letter:
    """What the mail says."""
    told, others = news.flips[:MOST_SOURCES], news.flips[MOST_SOURCES:]
    records = Records(len(told), settings.policy.fail_level)
    own = tuple(sections.of_flip(flip, settings.job, news, records) for flip in told)
    found = gathered.counts(news)
    digest = gathered.section(settings.digest, news, records, found) if found else None
    unnamed = max(len(others) - _MOST_NAMED, 0)
    is_long = records.is_much_hidden or unnamed or _hides_for_good((*own, *((digest,) if digest else ())))
    return Letter(
        subject(settings.subject or settings.job, news.flips, str(found or "")),
        own if len(own) > _MANY else (),
        own,
        tuple((words.name(flip.source), clean.line(flip.said)) for flip in others[:_MOST_NAMED]),
        unnamed,
        digest,
        sections.of_refused(news.refused),
        attachment.FILE_NAME if is_long else "",
        f"Sent by mailsponge for the job {words.label(settings.job)} on {clean.line(host)}.",
        tuple(shell.of_job(settings.job, len(news.flips) > _MANY)),
    )


def _hides_for_good(told: Sequence[Section]) -> bool:
    """Whether something is hidden that no command of the mail shows: of a digest, or of a name that cannot be typed."""
    return any(not log.is_whole for section in told if not section.commands for log in section.logs)


def _whole_log(news: News, letter: Letter) -> Iterator[str]:
    """All that the mail could not show."""
    yield f"{letter.subject}\n"
    for flip, section in zip(news.flips, letter.sections, strict=False):
        if any(not log.is_whole for log in section.logs):
            yield from _log_of(flip, news)
    if letter.gathered:
        yield attachment.heading(f"{letter.gathered.name} {letter.gathered.said}, since the last digest")
        yield from map(attachment.line, news.gathered())
    if letter.unnamed:
        yield attachment.heading("And")
        yield from _named(news.flips[MOST_SOURCES:])


def _log_of(flip: Flip, news: News) -> Iterator[str]:
    yield attachment.heading(f"{words.name(flip.source)} {clean.line(flip.said)}")
    yield from attachment.excerpt(news.log(flip, attachment.MOST_RECORDS, attachment.MOST_RECORDS))


def _named(flips: Sequence[Flip]) -> Iterable[str]:
    return (f"{words.name(flip.source)} {clean.line(flip.said)}\n" for flip in flips)
