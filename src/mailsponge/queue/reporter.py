"""Reports on their way back: where to, what in them, and under which envelope they are accepted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from mailsponge import clock
from mailsponge.accounts import Kind
from mailsponge.errors import StoreError
from mailsponge.mail import report
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.notify import Action
from mailsponge.mail.report import About, Told
from mailsponge.mail.returned import taken
from mailsponge.queue.schedule import Schedule
from mailsponge.queue.verdict import Verdict
from mailsponge.store.headings import HEAD, headings, message_id
from mailsponge.store.protocol import Acceptance, Delivery, Due, Parcel, Report, Step


class WayBack(Protocol):
    """How a report gets to a sender, as for the only recipient of a message."""

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """The mailboxes here that it is delivered into by being accepted."""

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What else is to be done."""

    @property
    def reason(self) -> str:
        """Why it goes there, for its trace."""


WayBackFor = Callable[[Address], WayBack | None]
"""The way to a sender; None if there is none. Called in a thread."""


class DsnReporter:
    """Composes reports (RFC 3464)."""

    def __init__(
        self,
        hostname: str,
        way_back_for: WayBackFor,
        schedule: Schedule,
        unique: Callable[[], str],
        local: Callable[[float], datetime] = clock.local,
    ) -> None:
        """``unique`` draws some twenty letters and digits that nobody can guess; ``schedule`` is the queue's."""
        self._hostname = hostname
        self._way_back_for = way_back_for
        self._schedule = schedule
        self._unique = unique
        self._local = local

    def report(self, parcel: Parcel, action: Action, verdicts: Sequence[Verdict], at: float) -> Report | str:
        """A report of what deliveries of a message all came to at a moment, or why there can be none. May block."""
        sender = parcel.envelope.reverse_path
        if sender is None:
            return "it is a report itself"
        way = self._way_back_for(sender)
        if way is None or not (way.mailboxes or way.deliveries):
            return f"no mail can be sent to <{sender}> from here"
        composed = report.compose(
            self._about(parcel, action, verdicts, at),
            hostname=self._hostname,
            at=at,
            unique=self._unique(),
            local=self._local,
        )
        envelope = Envelope(None, (sender,), eight_bit=composed.eight_bit, smtputf8=composed.smtputf8)
        acceptance = self._acceptance(parcel, action, envelope, way, at)
        return Report(acceptance, composed.content, tuple(each.due.id for each in verdicts))

    def _about(self, parcel: Parcel, action: Action, verdicts: Sequence[Verdict], at: float) -> About:
        try:
            content = taken(parcel.content())
        except StoreError:  # its sender hears of it all the same
            content = b""
        head = content[:HEAD]
        return About(
            action=action,
            message=parcel.message,
            envelope=parcel.envelope,
            arrived_at=parcel.arrived_at,
            told=[
                Told(each.due.recipient, each.settlement.outcome, _is_sent_on(each.due, parcel.envelope))
                for each in verdicts
            ],
            tried_at=at,
            retry_until=parcel.arrived_at + self._schedule.lifetime,
            subject=headings(head).subject,
            message_id=message_id(head),
            content=content,
        )

    def _acceptance(
        self, parcel: Parcel, action: Action, envelope: Envelope, way: WayBack, at: float
    ) -> Acceptance:
        return Acceptance(
            envelope=envelope,
            mailboxes=way.mailboxes,
            arrived_at=at,
            peer="the queue",
            helo="",
            reasons=(way.reason,),
            steps=(Step(at, "came", f"its report on message {parcel.message}: {action}"),),
            deliveries=way.deliveries,
        )


def _is_sent_on(due: Due, envelope: Envelope) -> bool:
    """Whether the mail of a recipient here goes on to another server."""
    forwarded = due.next_hop == f"{Kind.FORWARD} {due.user}"
    return forwarded or (not due.user and due.address != envelope.recipients[due.recipient])
