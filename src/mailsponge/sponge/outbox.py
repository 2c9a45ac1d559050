"""The outbox: mails that were decided and not yet handed over. A mail is marked sent after the server's answer, so at
worst it goes twice with the same Message-ID; it is never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from mailsponge.clock import Clock, Deadline
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import Mail, Outcome

Send = Callable[[Mail, Deadline], Outcome]
"""Hands one mail over: :func:`.transport.hand_over` with a server, or a test's."""


class Drained(NamedTuple):
    """What became of the outbox."""

    sent: tuple[Mail, ...] = ()
    refused: tuple[Mail, ...] = ()
    """Mails that the server said never to; they are kept."""
    waiting: int = 0
    """How many still wait, tried or not."""
    put_off: tuple[Mail, ...] = ()
    """Those of them that were tried."""
    trouble: str = ""
    """Why mails wait."""

    @property
    def tried(self) -> tuple[Mail, ...]:
        """Every mail that was tried, as it stands now."""
        return self.sent + self.refused + self.put_off

    def and_then(self, later: Drained) -> Drained:
        """What became of these mails and of more."""
        return Drained(
            self.sent + later.sent,
            self.refused + later.refused,
            self.waiting + later.waiting,
            self.put_off + later.put_off,
            later.trouble or self.trouble,
        )

    def __str__(self) -> str:
        parts = [f"{counted(len(self.sent))} handed over"] if self.sent else []
        parts += (
            [f"{counted(len(self.refused))} refused for good: {self.refused[-1].last_reply}"]
            if self.refused
            else []
        )
        parts += [f"{counted(self.waiting)} waiting: {self.trouble}"] if self.waiting else []
        return "; ".join(parts)


def drain(
    ledger: Ledger, send: Send, deadline: Deadline, now: Clock, only: Set[str] | None = None
) -> Drained:
    """Hand over what waits, oldest first, until the deadline. Raises StateError and OSError.

    Args:
        ledger: the job's memory.
        send: hands one mail over.
        deadline: for all of them.
        now: the clock.
        only: the Message-IDs of those to hand over; None: all that wait.

    Whoever finds another process at it leaves at once. So whoever has been at it looks again once the lock is free: a
    mail that was decided meanwhile is not to wait for the next run. No transaction is open while the network is waited
    for.
    """
    drained = Drained()
    tried: set[str] = set()
    while True:
        with ledger.outbox_lock() as mine:
            if not mine:
                return drained._replace(trouble=drained.trouble or "another process is handing them over")
            waiting = _waiting(ledger, tried, only)
            drained = drained.and_then(_drain(waiting, ledger, send, deadline, now))
            tried.update(mail.message_id for mail in waiting)
        if not _waiting(ledger, tried, only):
            return drained


def _waiting(ledger: Ledger, tried: Set[str], only: Set[str] | None) -> list[Mail]:
    with ledger.transaction():
        waiting = ledger.mails("waiting")
    asked_for = [mail for mail in waiting if only is None or mail.message_id in only]
    return [mail for mail in asked_for if mail.message_id not in tried]


def _drain(waiting: Sequence[Mail], ledger: Ledger, send: Send, deadline: Deadline, now: Clock) -> Drained:
    sent: list[Mail] = []
    refused: list[Mail] = []
    put_off: list[Mail] = []
    trouble = ""
    for mail in waiting:
        outcome = _try(mail, send, deadline)
        tried = _after(mail, outcome, now())
        with ledger.transaction():
            ledger.put_mail(tried)
        if outcome.status == "sent":
            sent.append(tried)
        elif outcome.status == "refused":
            refused.append(tried)
        else:
            put_off.append(tried)
            trouble = outcome.reply
            if not outcome.server_is_there:
                break
    left = len(waiting) - len(sent) - len(refused)
    return Drained(tuple(sent), tuple(refused), left, tuple(put_off), trouble)


def _try(mail: Mail, send: Send, deadline: Deadline) -> Outcome:
    if deadline.left() <= 0:
        return Outcome("waiting", "no time was left to hand it over", server_is_there=False)
    return send(mail, deadline)


def _after(mail: Mail, outcome: Outcome, at: float) -> Mail:
    return replace(
        mail,
        toaddrs=outcome.left or mail.toaddrs,
        status=outcome.status,
        attempts=mail.attempts + 1,
        last_attempt_at=at,
        last_reply=outcome.reply,
    )


def counted(mails: int) -> str:
    """``1 mail``, ``2 mails``."""
    return f"{mails} mail{'' if mails == 1 else 's'}"
