"""What a server offers beyond what it always does: decided by who listens where, told in the answer to hello."""

from __future__ import annotations

from typing import NamedTuple


class Offer(NamedTuple):
    """What one session is offered. SIZE, PIPELINING, 8BITMIME, SMTPUTF8, DSN, CHUNKING and the like always are."""

    starttls: bool = False
    """STARTTLS (RFC 3207). As long as it is offered and TLS has not started, AUTH is not: no password in the clear."""
    auth: tuple[str, ...] = ()
    """The mechanisms of AUTH (RFC 4954) in the order they are offered, in capitals: ``("SCRAM-SHA-256", "PLAIN")``."""
    tls_first: bool = False
    """TLS from the first byte (RFC 8314 section 3.3). Within TLS, REQUIRETLS is offered (RFC 8689)."""
    lmtp: bool = False
    """LMTP (RFC 2033): hello is LHLO, and the end of a message is answered once for each recipient."""
    auth_required: bool = False
    """Submission (RFC 6409 section 4.3): MAIL is refused with 530 until AUTH has succeeded."""
