"""What became of a recipient, as a value: accepted, or refused for now or for good, and by whom.

Only a 2yz after the whole end of data is an acceptance. What a server did not say, because it went away or spoke
nonsense, is a refusal for now: the message is kept and tried again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.smtp.client_states import Said

TOO_MANY = "4.5.3"
"""Too many recipients (RFC 3463 section 3.6): for now."""


class Result(StrEnum):
    """What became of a recipient."""

    ACCEPTED = "accepted"  # the server answers for the message now
    TEMPORARY = "temporary"  # it may work later
    PERMANENT = "permanent"  # it will never work: tell the sender


class Outcome(NamedTuple):
    """What became of one recipient of a transaction."""

    recipient: Address
    result: Result
    status: str
    """The enhanced status code (RFC 3463): the server's, or the one that says most nearly the same."""
    reply: Reply | None
    """What the server said; None if this was decided here, as ``why`` explains."""
    at: Said
    """What that answers, or what was waited for."""
    why: str
    """One line for people."""
    overflow: bool = False
    """The server takes no more recipients in one transaction: this one may be sent at once, in another."""


def answered(recipient: Address, reply: Reply, at: Said) -> Outcome:
    """The outcome that a reply is. Of a positive one the caller knows that it comes after the whole message."""
    if reply.positive:
        result = Result.ACCEPTED
    elif reply.temporary:
        result = Result.TEMPORARY
    else:
        result = Result.PERMANENT
    return Outcome(recipient, result, status(reply), reply, at, words(reply))


def refused_recipient(recipient: Address, reply: Reply, others_taken: bool) -> Outcome:
    """The outcome of a RCPT that was refused.

    "Too many recipients" is 452, and 552 from servers older than RFC 5321; section 4.5.3.1.10 takes both for a refusal
    for now. With ``others_taken`` the rest may go in a transaction of its own, at once.
    """
    outcome = answered(recipient, reply, Said.RCPT)
    if not _too_many(reply):
        return outcome
    return outcome._replace(result=Result.TEMPORARY, status=TOO_MANY, overflow=others_taken)


def decided_here(recipient: Address, result: Result, status: str, at: Said, why: str) -> Outcome:
    """An outcome that no server was asked about, or gave no answer to."""
    return Outcome(recipient, result, status, None, at, why)


def status(reply: Reply) -> str:
    """The enhanced code of a reply, or x.0.0 of its class (RFC 3463 section 3.1)."""
    return reply.enhanced or f"{reply.code // 100}.0.0"


def words(reply: Reply) -> str:
    """A reply in one line, for people."""
    enhanced = f"{reply.enhanced} " if reply.enhanced else ""
    return f"{reply.code} {enhanced}{' '.join(reply.lines)}"


def _too_many(reply: Reply) -> bool:
    # With another enhanced code, 552 is a full mailbox, and 452 a full disk.
    return reply.code in (452, 552) and (reply.enhanced or "").partition(".")[2] in ("", "5.3")
