"""The envelope: who a message is from and for, as said in the SMTP dialogue (RFC 5321 section 2.3.1)."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.mail.address import Address


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
