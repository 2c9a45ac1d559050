"""How long another mail server is waited for: the patience that RFC 5321 section 4.5.3.2 wants, and its end."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.smtp.client_states import Said


class Timeouts(NamedTuple):
    """All in seconds, but for the least rate. Each answer has a patience of its own, which begins anew when an answer
    is complete, and not when a byte of it has come: who drips is as slow as who is silent.
    """

    connect: float = 30.0
    """For one address. The next one is tried earlier (RFC 8305)."""
    greeting: float = 300.0
    hello: float = 300.0
    """Also for STARTTLS, RSET, NOOP and each step of AUTH."""
    handshake: float = 60.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    """For each piece of a message to be taken."""
    end: float = 600.0
    """For the answer to the whole message: whoever gives up too early sends it twice."""
    transaction: float = 3600.0
    """For one transaction in all, however busy the server seems; the time that its message takes is added."""
    least_rate: float = 1_000.0
    """Octets a second that a server takes of a message, on the whole. One that is slower has other troubles, and holds
    up what would go to others.
    """

    def patience(self, said: Said | None) -> float:
        """How long the answer to that may take."""
        match said:
            case Said.GREETING:
                return self.greeting
            case Said.MAIL:
                return self.mail
            case Said.RCPT:
                return self.rcpt
            case Said.DATA:
                return self.data
            case Said.BDAT:
                return self.block
            case Said.END_OF_DATA | Said.LAST:
                return self.end
            case _:
                return self.hello

    def most(self, octets: int) -> float:
        """How long a transaction with a message of that size may take."""
        return self.transaction + octets / self.least_rate
