"""LOGIN: name and password, asked for one after the other. Never a standard, and the only thing that some clients know.

The challenges are those of draft-murchison-sasl-login, which every client goes by; their words are not looked at.
"""

from __future__ import annotations

from mailsponge.auth.credentials import credentials
from mailsponge.auth.exchange import MESSAGE_LIMIT, OVER, TOO_LONG, Challenge, Step


class Login:
    """The server's side of one exchange."""

    __slots__ = ("_name", "_over")

    def __init__(self) -> None:
        self._name: bytes | None = None
        self._over = False

    def begin(self, initial: bytes | None) -> Step:
        """Ask for the name, if it did not come with AUTH."""
        return Challenge(b"Username:") if initial is None else self.respond(initial)

    def respond(self, data: bytes) -> Step:
        """Take the name, then the password."""
        if self._over:
            return OVER
        if len(data) > MESSAGE_LIMIT:
            self._over = True
            return TOO_LONG
        if self._name is None:
            self._name = data
            return Challenge(b"Password:")
        self._over = True
        return credentials(self._name, data)
