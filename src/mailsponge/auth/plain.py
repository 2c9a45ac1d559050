"""PLAIN (RFC 4616): name and password in one message, as they are. For use within TLS alone."""

from __future__ import annotations

from mailsponge.auth.credentials import credentials
from mailsponge.auth.exchange import MESSAGE_LIMIT, OVER, TOO_LONG, Challenge, Denied, Step


class Plain:
    """The server's side of one exchange."""

    __slots__ = ("_over",)

    def __init__(self) -> None:
        self._over = False

    def begin(self, initial: bytes | None) -> Step:
        """Ask for the message, if it did not come with AUTH."""
        return Challenge(b"") if initial is None else self.respond(initial)

    def respond(self, data: bytes) -> Step:
        """Take the message: ``[authzid] NUL authcid NUL password`` (RFC 4616 section 2)."""
        if self._over:
            return OVER
        self._over = True
        if len(data) > MESSAGE_LIMIT:
            return TOO_LONG
        parts = data.split(b"\0")
        if len(parts) != 3:
            return Denied("PLAIN takes a message of three parts, and this has another number")
        authzid, name, password = parts
        return credentials(name, password, authzid)
