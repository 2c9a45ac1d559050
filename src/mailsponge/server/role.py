"""What an address that is listened on is for: decided once, when it opens, by which settings named it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Role(NamedTuple):
    """One of the ways in."""

    name: str
    """In the log and in what ``mailsponge serve`` says when it is ready."""
    tls_first: bool = False
    """TLS from the first byte (RFC 8314 section 3.3), without STARTTLS."""
    login: bool = False
    """Nothing is taken before the client has logged in (RFC 6409 section 4.3)."""
    knows_users: bool = False
    """The peer is a program on this machine, and the kernel says whose."""


SMTP: Final = Role("smtp")
"""From other servers: for those who live here, and nobody else."""
SUBMISSION: Final = Role("submission", login=True)
SUBMISSIONS: Final = Role("submissions", tls_first=True, login=True)
LOCAL: Final = Role("local", knows_users=True)
