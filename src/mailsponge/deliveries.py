"""What is left to be done when a message is accepted: the deliveries of one transaction, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mailsponge.accounts import Kind
from mailsponge.admission import Admitted, next_hop_of
from mailsponge.mail.address import Address
from mailsponge.smtp.events import Recipient
from mailsponge.store.protocol import Delivery

MOST_DELIVERIES: Final = 10_000
"""Of one transaction. Recipients are limited as they come; this limits what aliases make of them. A single recipient
never makes more (`accounts.expansion`), so that whoever comes again with the others gets through.
"""

Notify = frozenset[str] | None
Key = tuple[str, Address | str, Notify]


class Deliveries:
    """They are collected while recipients come.

    Two recipients may lead to the same place. It is delivered there once, unless the sender wishes to hear different
    things of the two; then there is one delivery for each wish.
    """

    __slots__ = ("_found", "_reported")

    def __init__(self) -> None:
        self._found: dict[Key, Delivery] = {}
        self._reported: set[str] = set()

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._found.values())

    @property
    def next_hops(self) -> list[str]:
        """Each once, in the order they came."""
        return list(dict.fromkeys(delivery.next_hop for delivery in self._found.values()))

    def add(self, number: int, recipient: Recipient, decision: Admitted) -> None:
        """What is to be done for one recipient, ``number`` of the envelope's, beside its mailboxes."""
        for delivery in decision.deliveries:
            _, address, user, next_hop = delivery
            # At which of our domains somebody is written to makes no other place of theirs.
            key = next_hop, address.local if user else address, recipient.notify
            self._found.setdefault(key, Delivery(number, address, user, next_hop))

    def add_reported(self, number: int, recipient: Recipient, mailboxes: Iterable[str]) -> None:
        """The same for mailboxes of a recipient of whom the sender wishes to hear that the message is there (RFC 3461
        section 4.1): what is delivered like this is reported.
        """
        for mailbox in mailboxes:
            next_hop = next_hop_of(Kind.MAILBOX, mailbox)
            self._reported.add(mailbox)
            # The address as it was written: who is behind an alias is not told.
            delivery = Delivery(number, recipient.address, mailbox, next_hop)
            self._found.setdefault((next_hop, "", recipient.notify), delivery)

    def leads_to(self, mailbox: str) -> bool:
        """Whether one of these deliveries is into that mailbox."""
        return mailbox in self._reported
