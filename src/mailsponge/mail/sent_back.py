"""A letter that could not be sent goes back to who left it: what is wrong, what to do, and how it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailsponge import clean
from mailsponge.mail.address import Address

_MOST_REFUSALS = 100
"""Refusals that are told; the number of the others follows."""


class Returned(NamedTuple):
    """What there is to tell."""

    refusals: Sequence[str]
    """What was wrong, a sentence each."""
    others_have_it: bool
    """It was taken for some."""
    began: bytes
    """How the message began."""
    left_at: str
    """When it was left, for people."""


def returned(news: Returned, *, to: Address, hostname: str, date: str, message_id: str) -> bytes:
    """The mail that tells it, in UTF-8, lines ending in CRLF.

    ``date`` is as RFC 5322 has it, ``message_id`` with its brackets.
    """
    text = "\n".join(
        (
            f"From: Mail at {hostname} <postmaster@{hostname}>",
            f"To: {to}",
            f"Subject: {'Not for all' if news.others_have_it else 'Not sent'}: a message that was left here",
            f"Date: {date}",
            f"Message-ID: {message_id}",
            "Auto-Submitted: auto-replied",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            *_told(news),
            "",
        )
    )
    return text.replace("\n", "\r\n").encode("utf-8", "replace")


def _told(news: Returned) -> list[str]:
    refusals = [f"  {clean.line(refusal)}" for refusal in news.refusals[:_MOST_REFUSALS]]
    more = len(news.refusals) - _MOST_REFUSALS
    return [
        f"A message that was left on {news.left_at}, while the mail server was down,",
        "could not be sent to all of its recipients:" if news.others_have_it else "could not be sent:",
        "",
        *refusals,
        *([f"  and {more} more"] if more > 0 else []),
        "",
        "The others have it; send it again to these alone."
        if news.others_have_it
        else "Correct that, and send it again.",
        "It began like this:",
        "",
        *(f"> {line}" for line in clean.block(news.began.decode("utf-8", "replace")).split("\n")),
    ]
