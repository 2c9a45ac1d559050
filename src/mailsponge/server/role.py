"""What an address that is listened on is for: decided once, when it opens, by which settings named it."""

from __future__ import annotations

from typing import Final, NamedTuple

from mailsponge.smtp.offer import Offer


class Role(NamedTuple):
    """One of the ways in."""

    name: str
    """In the log and in what ``mailsponge serve`` says when it is ready."""
    tls_first: bool = False
    """TLS from the first byte (RFC 8314 section 3.3), without STARTTLS."""
    login: bool = False
    """Nothing is taken before the client has logged in (RFC 6409 section 4.3)."""
    knows_users: bool = False
    """Who the peer is decides who it may send as: a program on this machine, and the kernel says whose."""
    lmtp: bool = False
    """LMTP (RFC 2033): another mail server on this machine, or near it, hands over what is for those who live here."""

    def offer(self, *, certificate: bool, mechanisms: tuple[str, ...] = ()) -> Offer:
        """What the engine offers here. ``certificate``: there is one to show; ``mechanisms``: how one can log in."""
        return Offer(
            starttls=certificate and not self.tls_first and not self.knows_users,
            auth=mechanisms if self.login else (),
            tls_first=self.tls_first,
            lmtp=self.lmtp,
            auth_required=self.login,
        )


SMTP: Final = Role("smtp")
"""From other servers: for those who live here, and nobody else."""
SUBMISSION: Final = Role("submission", login=True)
SUBMISSIONS: Final = Role("submissions", tls_first=True, login=True)
LOCAL: Final = Role("local", knows_users=True)
WEB: Final = Role("web")
"""Pages for browsers (`web/`): no mail comes in this way."""
PICKUP: Final = Role("pickup", knows_users=True)
"""What programs on this machine left while the server was down; the owner of a file is whose it is."""
LMTP: Final = Role("lmtp", lmtp=True)
