"""The envelope: who a message is from and for, as said in the SMTP dialogue (RFC 5321 section 2.3.1)."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.mail.address import Address


class EnvelopeWishes(NamedTuple):
    """What the sender wishes of reports about the whole envelope (RFC 3461 sections 4.3 and 4.4)."""

    ret: str | None = None
    """A report of failure shall hold the message, ``FULL``, or its headers, ``HDRS``; None: as the server likes."""
    envid: str | None = None
    """What the sender calls this envelope."""


class RecipientWishes(NamedTuple):
    """What the sender wishes of reports about one recipient (RFC 3461 sections 4.1 and 4.2)."""

    notify: frozenset[str] | None = None
    """``NEVER`` alone, or any of ``SUCCESS``, ``FAILURE`` and ``DELAY``; None: of failure, perhaps of delay."""
    orcpt: tuple[str, str] | None = None
    """The type of the address that the sender wrote, and that: it tells them whom a report is about."""


class Envelope(NamedTuple):
    """One transaction's envelope, complete once DATA is accepted."""

    reverse_path: Address | None
    """Where failures are reported to; None is the null reverse-path, ``<>``: a report itself, never to be bounced."""
    recipients: tuple[Address, ...]
    """The forward-paths that were accepted, in the order they came."""
    eight_bit: bool = False
    """BODY=8BITMIME was declared (RFC 6152)."""
    smtputf8: bool = False
    """SMTPUTF8 was declared (RFC 6531): addresses and headers may be UTF-8."""
    wishes: EnvelopeWishes = EnvelopeWishes()
    """What the sender wishes of reports."""
    recipient_wishes: tuple[RecipientWishes, ...] = ()
    """... about each recipient, in their order; empty when nothing was wished of any."""
    require_tls: bool = False
    """REQUIRETLS was declared (RFC 8689): it goes on within TLS alone, to those who promise the same, or not at all."""
