"""The part of a report that a person reads: what happened to their message, why, and what they can do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mailsponge import clean
from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Outcome
from mailsponge.mail.plain_words import CORRECTIONS, plain_words

LISTED: Final = 20
"""Recipients that are named; the count of the others follows, and all of them stand in the part for programs."""
WORDS_LIMIT: Final = 1000
"""Letters of what another server said that are quoted."""

_WIDTH: Final = 72
_LONGEST: Final = 220
"""Letters of a line that is not filled: at most four octets each, of 998 that a line of mail has."""
_EXPIRED: Final = ".4.7"

_HAPPENED: Final = {
    Action.FAILED: "could not be delivered to",
    Action.DELAYED: "has not been delivered yet to",
    Action.DELIVERED: "was delivered to",
    Action.RELAYED: "was handed on, to a server that does not tell what becomes of it, for",
    Action.EXPANDED: "was handed to a list, which sends it on, for",
}
_SUBJECT: Final = {
    Action.FAILED: "Your message could not be delivered",
    Action.DELAYED: "Your message has not been delivered yet",
    Action.DELIVERED: "Your message was delivered",
    Action.RELAYED: "Your message was handed on",
    Action.EXPANDED: "Your message was handed to a list",
}


_SENT_ON: Final = "Mail to it is sent on from here to another address, and what follows is about that one."
_TELL_THEM: Final = "Tell the recipient in some other way, so that they can put it right."


class Group(NamedTuple):
    """Recipients of one end."""

    outcome: Outcome
    recipients: Sequence[str]
    sent_on: bool = False
    """Their mail is sent on from here, and it is there that it came to this end."""


def subject(action: Action, recipients: Sequence[str]) -> str:
    """Of the report."""
    others = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    to = f": {recipients[0]}{others}" if len(recipients[0]) <= 100 else ""
    return clean.line(f"{_SUBJECT[action]}{to}")


def text(
    action: Action,
    groups: Sequence[Group],
    *,
    hostname: str,
    sent: str,
    about: str,
    until: str,
    whole: bool,
) -> str:
    """The part, its lines ended by LF.

    ``sent``: when the message came, ``until``: for how long it
    is tried, empty if it is not. ``about``: its subject. ``whole``: the message itself follows, not only its header.
    """
    paragraphs = [_filled(f"This is the mail server {hostname}. Your message")]
    paragraphs.append(_indented([f"Subject: {about}"] * bool(about) + [f"Sent:    {sent}"]))
    for number, group in enumerate(groups):
        paragraphs += _group(action, group, again=number > 0)
    paragraphs.append(_filled(_outlook(action, until)))
    paragraphs.append(_filled(_end(hostname, whole)))
    return "\n\n".join(paragraphs) + "\n"


def _group(action: Action, group: Group, *, again: bool) -> Iterator[str]:
    outcome, recipients, sent_on = group
    yield _filled(f"{'It ' if again else ''}{_HAPPENED[action]}")
    more = len(recipients) - LISTED
    yield _indented([*recipients[:LISTED], *([f"and {more} more"] if more > 0 else [])])
    if action in (Action.FAILED, Action.DELAYED):
        plain = plain_words(outcome.status)
        if sent_on:
            yield _filled(_SENT_ON)
        advice = _TELL_THEM if sent_on and plain.advice in CORRECTIONS else plain.advice
        yield _filled(f"{plain.matter} {advice}" if action is Action.FAILED else plain.matter)
        yield from _words(outcome, secret=sent_on)


def _words(outcome: Outcome, *, secret: bool) -> Iterator[str]:
    """What there is to be quoted: the other server's own words, or else this one's; of a long wait, both. This one's
    may name a place that is ``secret``.
    """
    if not secret and (not outcome.reply or outcome.status.endswith(_EXPIRED)):
        yield _filled("What this server noted:")
        yield _quoted(outcome.why)
    if outcome.reply:
        yield _filled(f"What {outcome.by or 'the other server'} said:")
        yield _quoted(outcome.reply)


def _quoted(words: str) -> str:
    said = clean.shortened(clean.line(words), WORDS_LIMIT)
    return _indented(textwrap.wrap(said, _WIDTH - 4, break_on_hyphens=False))


def _outlook(action: Action, until: str) -> str:
    if action is Action.FAILED:
        return "It is not tried any more."
    if action is Action.DELAYED:
        return (
            f"It is tried again and again until {until}. You need not send it again; you will hear of it if it "
            "cannot be delivered until then."
        )
    return "You hear of this because you, or your mail program, asked for it."


def _end(hostname: str, whole: bool) -> str:
    return (
        "What follows is for programs, and then comes "
        f"{'your message itself' if whole else 'the header of your message, so that you can tell which one it was'}. "
        f"A program wrote this; people read what is sent to postmaster@{hostname}."
    )


def _filled(paragraph: str) -> str:
    return textwrap.fill(clean.line(paragraph), _WIDTH, break_on_hyphens=False)


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"    {clean.shortened(clean.line(line), _LONGEST)}" for line in lines)
