"""A message as its sender describes it to the engine: the envelope, and what a server has to offer to carry it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mailsponge.mail.address import Address


class Notify(StrEnum):
    """When a recipient's sender wants a report (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class Return(StrEnum):
    """How much of the message a report of its failure should bring back (RFC 3461 section 4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Transfer(StrEnum):
    """How content goes over the wire."""

    DATA = "DATA"
    BDAT = "BDAT"


class ForwardPath(NamedTuple):
    """One recipient."""

    address: Address
    notify: frozenset[Notify] = frozenset()
    """Empty: what the server does by default. NEVER stands alone."""
    original: str = ""
    """The recipient as the sender first wrote it, ``type;address`` (ORCPT, RFC 3461 section 4.2 and RFC 6533), as it is
    read: not encoded. Empty: not known."""


class Outgoing(NamedTuple):
    """One transaction. Its content is handed over afterwards."""

    reverse_path: Address | None
    """Where failures are reported to; None is the null reverse-path, ``<>``."""
    recipients: tuple[ForwardPath, ...]
    """At least one. Each gets an outcome of its own."""
    size: int | None = None
    """Octets of the content (RFC 1870 section 5); None if not known."""
    eight_bit: bool = False
    """The content has octets above 127: the server must offer 8BITMIME."""
    smtputf8: bool = False
    """The content has UTF-8 in its headers, or an address in it has: the server must offer SMTPUTF8."""
    ret: Return | None = None
    """RET, said if the server offers DSN."""
    envid: str = ""
    """ENVID (RFC 3461 section 4.4), printable ASCII, as it is read: not encoded. Said if the server offers DSN."""
    require_tls: bool = False
    """It may only go to those who keep it within TLS on its whole way (RFC 8689): the server must offer REQUIRETLS,
    within TLS. That its certificate proves the right name is for the driver to see to, for the engine sees none."""
    transfer: Transfer | None = None
    """None: BDAT if the server offers CHUNKING and PIPELINING, else DATA."""
