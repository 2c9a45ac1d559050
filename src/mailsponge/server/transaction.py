"""One transaction, from MAIL to the end of its data: whom it is for, why, and the message on its way into the store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from mailsponge import clock
from mailsponge.admission import Admitted, Refused
from mailsponge.deliveries import MOST_DELIVERIES, Deliveries
from mailsponge.mail.address import Address
from mailsponge.mail.date import date
from mailsponge.mail.envelope import Envelope, EnvelopeWishes, RecipientWishes
from mailsponge.mail.trace_header import protocol, received, return_path
from mailsponge.server.unix import LocalUser
from mailsponge.smtp.events import Mail, Recipient
from mailsponge.store.protocol import Acceptance, Incoming, Step

REFUSALS_REMEMBERED = 5
"""Refused recipients that the log line tells; a client that tries out a thousand names is not given a thousand."""


_NO_WISHES = RecipientWishes()
_SAYS_NOTHING = EnvelopeWishes()


class Client(NamedTuple):
    """Who is at the other end."""

    peer: str
    """Its IP address, or which user of this machine it is."""
    helo: str = ""
    """What it calls itself: unproven."""
    extended: bool = False
    """It said EHLO."""
    tls: str = ""
    """How it is encrypted, in words; empty in the clear."""
    lmtp: bool = False
    """It said LHLO."""
    user: LocalUser | None = None
    """Whose program it is, if it came through the Unix socket."""
    login: str = ""
    """Who has logged in, as the configuration names them; empty: nobody."""


class Transaction:
    """What is known of one transaction so far."""

    __slots__ = (
        "_began_at",
        "_has_wishes",
        "_mail",
        "_protocol",
        "arrived_at",
        "deliveries",
        "incoming",
        "mailboxes",
        "reasons",
        "recipients",
        "refusals",
        "refused",
        "size",
        "wishes",
    )

    def __init__(self, mail: Mail, at: float) -> None:
        """It begins ``at`` this moment, in seconds since the epoch."""
        self._mail = mail
        self._began_at = at
        self._protocol = ""
        self._has_wishes = False
        self.recipients: list[Address] = []
        self.wishes: list[RecipientWishes] = []
        """What the sender wishes of reports about each."""
        self.mailboxes: dict[str, None] = {}
        """Those that the message is delivered into by being accepted: distinct, in the order they came."""
        self.deliveries: Deliveries | None = None
        """What is left to be done then; None: nothing, as for most mail."""
        self.reasons: list[str] = []
        """Why each recipient was admitted."""
        self.refused = 0
        """How many recipients were refused."""
        self.refusals: list[str] = []
        """Why the first few were."""
        self.incoming: Incoming | None = None
        self.arrived_at = 0.0
        self.size = 0
        """Bytes of the message, without the headers put on top."""

    @property
    def reverse_path(self) -> Address | None:
        """Where failures are reported to; None is the null reverse-path."""
        return self._mail.reverse_path

    def admit(self, recipient: Recipient, decision: Admitted) -> None:
        """One more recipient."""
        self.recipients.append(recipient.address)
        if recipient.notify is None and recipient.orcpt is None:
            self.wishes.append(_NO_WISHES)
        else:
            self.wishes.append(RecipientWishes(recipient.notify, recipient.orcpt))
            self._has_wishes = True
        self.reasons.append(decision.reason)
        if decision.deliveries or recipient.notify is not None or self.deliveries is not None:
            self._leave_to_do(recipient, decision)
        else:
            for mailbox in decision.mailboxes:
                self.mailboxes[mailbox] = None

    def would_be_too_much(self, decision: Admitted) -> bool:
        """Whether one more recipient would leave too much to be done."""
        more = len(decision.deliveries) + len(decision.mailboxes)
        return len(self.deliveries or ()) + more > MOST_DELIVERIES

    def _leave_to_do(self, recipient: Recipient, decision: Admitted) -> None:
        number = len(self.recipients) - 1
        deliveries = self.deliveries = self.deliveries or Deliveries()
        deliveries.add(number, recipient, decision)
        if recipient.notify is not None and "SUCCESS" in recipient.notify:
            deliveries.add_reported(number, recipient, decision.mailboxes)
            for mailbox in decision.mailboxes:
                self.mailboxes.pop(mailbox, None)
            return
        for mailbox in decision.mailboxes:
            if not deliveries.leads_to(mailbox):
                self.mailboxes[mailbox] = None

    def refuse(self, decision: Refused) -> None:
        """One recipient that was not taken."""
        self.refused += 1
        if self.refused <= REFUSALS_REMEMBERED:
            self.refusals.append(decision.reason)

    def begin(self, incoming: Incoming, client: Client, hostname: str, at: float) -> None:
        """The message itself begins: put the trace on top (RFC 5321 section 4.4)."""
        self.incoming = incoming
        self.arrived_at = at
        self._protocol = protocol(
            extended=client.extended,
            smtputf8=self._mail.smtputf8,
            tls=bool(client.tls),
            login=bool(client.login),
            lmtp=client.lmtp,
        )
        trace = received(
            helo=client.helo,
            peer=client.peer,
            by=hostname,
            protocol=self._protocol,
            id=incoming.id,
            at=_date(int(at)),
            recipient=self.recipients[0] if len(self.recipients) == 1 else None,
            tls=client.tls,
            user=client.user,
        )
        incoming.write(return_path(self._mail.reverse_path) + trace)

    def acceptance(self, client: Client, at: float) -> Acceptance:
        """What the store keeps with the message, which is complete ``at`` this moment."""
        mail = self._mail
        how = f"{self._protocol}, logged in as {client.login}" if client.login else self._protocol
        return Acceptance(
            Envelope(
                mail.reverse_path,
                tuple(self.recipients),
                mail.eight_bit,
                mail.smtputf8,
                _SAYS_NOTHING if mail.ret is mail.envid is None else EnvelopeWishes(mail.ret, mail.envid),
                tuple(self.wishes) if self._has_wishes else (),
                mail.require_tls,
            ),
            tuple(self.mailboxes),
            self.arrived_at,
            client.peer,
            client.helo,
            tuple(self.reasons),
            (
                Step(self._began_at, "came", how),
                *(self._refusals() if self.refused else ()),
                Step(at, "complete", "all of it has come"),
            ),
            tuple(self.deliveries or ()),
        )

    def _refusals(self) -> Iterator[Step]:
        """Those recipients that were not taken while the others were."""
        for reason in self.refusals:
            yield Step(self.arrived_at, "refused", reason)
        more = self.refused - len(self.refusals)
        if more:
            yield Step(self.arrived_at, "refused", f"{more} more recipients")

    def drop(self) -> None:
        """Forget the message, if one had begun."""
        if self.incoming is not None:
            self.incoming.discard()
            self.incoming = None


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """The moment for a trace header. A busy server asks a thousand times within the same second."""
    return date(clock.local(second))
