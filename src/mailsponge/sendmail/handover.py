"""Hands a letter over to the server, and tells what became of it, recipient by recipient.

Whom the server refuses for good, the sender hears of at once; the others get the letter all the same. Whom it cannot
take now, it gets from the pickup directory, where that part of the letter waits.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from mailsponge.sendmail.letter import Letter
from mailsponge.sendmail.wire import TAKEN_WITHIN, NoAnswer, Reply, Wire

Told = tuple[str, Reply]
"""A recipient, and what the server said of them."""


class Outcome:
    """What became of a letter."""

    def __init__(self, left: Sequence[str] = (), why: str = "") -> None:
        self.taken: list[Reply] = []
        """What the server said of what it took: one reply for each transaction."""
        self.refused: list[Told] = []
        """Those who will not get it."""
        self.left = list(left)
        """Those who may get it later."""
        self.why_left = why

    def not_for(self, recipients: Sequence[str], said: Reply) -> None:
        """Note what the server said of recipients whom it did not take."""
        if said.final:
            self.refused += [(recipient, said) for recipient in recipients]
        else:
            self.leave(recipients, f"the server says {said}")

    def leave(self, recipients: Sequence[str], why: str) -> None:
        """Note that they may get it later."""
        self.left += recipients
        self.why_left = why


def hand_over(letter: Letter, wire: Wire) -> Outcome:
    """Hand it over, in as many transactions as the server needs for its recipients. What it did not answer for is
    left: it may have taken that, and then takes it twice, but none is lost.
    """
    outcome = Outcome()
    for part in letter.parts(wire.most_recipients):
        waiting = list(part.recipients)
        try:
            _transaction(part, wire, outcome, waiting)
        except NoAnswer as error:
            outcome.leave(waiting, str(error))
    return outcome


def _transaction(letter: Letter, wire: Wire, outcome: Outcome, waiting: list[str]) -> None:
    """Hand over one part, and take those off ``waiting`` for whom the server has answered. Raises NoAnswer."""
    said = wire.say(letter.mail(wire.extensions))
    if said.positive:
        for recipient in letter.recipients:
            said = wire.say(letter.rcpt(recipient, wire.extensions))
            if not said.positive:
                waiting.remove(recipient)
                outcome.not_for([recipient], said)
        if not waiting:
            wire.say(b"RSET\r\n")
            return
        said = wire.say(b"DATA\r\n")
        if said.code == 354:
            said = wire.say(letter.data(), TAKEN_WITHIN)
    if said.positive:
        outcome.taken.append(said)
    else:
        outcome.not_for(waiting, said)
    waiting.clear()


def verified(letter: Letter, wire: Wire) -> list[Told]:
    """What the server would say of each recipient. Raises NoAnswer."""
    said = wire.say(letter.mail(wire.extensions))
    if not said.positive:
        return [(recipient, said) for recipient in letter.recipients]
    return [(each, wire.say(letter.rcpt(each, wire.extensions))) for each in letter.recipients]


def status(reply: Reply) -> int:
    """What a refusal is in the words of sysexits.h."""
    if reply.positive:
        return os.EX_OK
    if not reply.final:
        return os.EX_TEMPFAIL
    enhanced = reply.status
    if enhanced.startswith("5.7."):
        return os.EX_NOPERM
    if reply.code in (501, 553) or enhanced in ("5.1.3", "5.1.7"):  # it is no address
        return os.EX_DATAERR
    if enhanced.startswith("5.1."):
        return os.EX_NOUSER
    if enhanced.startswith("5.6.") or reply.code in (552, 554):  # too large, or not what a message may be
        return os.EX_DATAERR
    return os.EX_UNAVAILABLE
