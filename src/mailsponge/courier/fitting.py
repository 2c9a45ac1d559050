"""A transaction as the server at hand can take it: what a message needs, and what may be changed for who offers less
(RFC 6152 section 3, RFC 6531 section 3.2).

A domain beyond ASCII has a name in ASCII. Octets beyond ASCII can be encoded, if the message says where they are. What
cannot be changed by such a rule the engine refuses, and the sender hears why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from mailsponge.courier.content import Content, laid_aside
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope, RecipientWishes
from mailsponge.mail.idn import in_ascii
from mailsponge.mail.seven_bit import seven_bit
from mailsponge.smtp.client import ForwardPath, Notify, Offers, Outgoing, Return
from mailsponge.store.protocol import Due

ENCODED_MOST: Final = 5_000_000
"""Octets of a message that is encoded for a server without 8BITMIME: for that it is in memory, some eight times."""

_NO_WISHES: Final = RecipientWishes()
_NOTHING: Final[frozenset[Notify]] = frozenset()


async def fitted(
    envelope: Envelope, dues: Sequence[Due], content: Content, offers: Offers
) -> tuple[Outgoing, Content]:
    """The transaction for these recipients, and its content. Raises StoreError if that cannot be read."""
    outgoing = _outgoing(envelope, dues, content)
    if outgoing.smtputf8 and "SMTPUTF8" not in offers:
        outgoing = _without_smtputf8(outgoing, content)
    if outgoing.eight_bit and "8BITMIME" not in offers and not outgoing.smtputf8:
        encoded = await _encoded(content)
        if encoded is not None:
            return outgoing._replace(eight_bit=False, size=encoded.size), encoded
    return outgoing, content


def _outgoing(envelope: Envelope, dues: Sequence[Due], content: Content) -> Outgoing:
    ret, envid = envelope.wishes
    return Outgoing(
        envelope.reverse_path,
        tuple(_forward_path(envelope, due) for due in dues),
        content.size,
        _has_eight_bits(envelope, content),
        envelope.smtputf8,
        None if ret is None else Return(ret),
        envid or "",
        envelope.require_tls,
    )


def _has_eight_bits(envelope: Envelope, content: Content) -> bool:
    """Looked for, where all of the message is at hand; else as its sender said."""
    return not content.head.isascii() if content.whole else envelope.eight_bit


def _forward_path(envelope: Envelope, due: Due) -> ForwardPath:
    """One recipient, with what was wished of reports about it. Where an alias led elsewhere, they tell of the recipient
    that the sender wrote to (RFC 3461 section 5.2.7.1).
    """
    notify, original = envelope.recipient_wishes[due.recipient] if envelope.recipient_wishes else _NO_WISHES
    if original is None and due.address == envelope.recipients[due.recipient]:
        return ForwardPath(due.address, _NOTHING if notify is None else _events(notify))
    kind, address = original or _written(envelope.recipients[due.recipient])
    return ForwardPath(due.address, _NOTHING if notify is None else _events(notify), f"{kind};{address}")


def _events(notify: frozenset[str]) -> frozenset[Notify]:
    return frozenset(map(Notify, notify))


def _written(address: Address) -> tuple[str, str]:
    text = str(address)
    return "rfc822" if text.isascii() else "utf-8", text


def _without_smtputf8(outgoing: Outgoing, content: Content) -> Outgoing:
    """In ASCII, as far as that can be: the engine finds what is left."""
    sender = outgoing.reverse_path
    return outgoing._replace(
        reverse_path=None if sender is None else in_ascii(sender) or sender,
        recipients=tuple(
            each._replace(address=in_ascii(each.address) or each.address) for each in outgoing.recipients
        ),
        smtputf8=not content.head.partition(b"\r\n\r\n")[0].isascii(),
    )


async def _encoded(content: Content) -> Content | None:
    """The message in seven bits, or None if it cannot be brought into them. Off the loop, for it may take a second."""
    return await asyncio.to_thread(_encode, content) if content.size <= ENCODED_MOST else None


def _encode(content: Content) -> Content | None:
    encoded = seven_bit(b"".join(content.pieces()))
    return None if encoded is None else laid_aside(encoded)
