"""What the client's engine tells its driver: one small object for each thing that happened.

None of them waits for an answer. Two ask for something to be done: :class:`Send`, and :class:`WantContent`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import final

from mailsponge.mail.reply import Reply
from mailsponge.smtp.client_states import Said
from mailsponge.smtp.events import NEED_DATA, Event, NeedData
from mailsponge.smtp.offers import Offers
from mailsponge.smtp.outcomes import Outcome

__all__ = [
    "NEED_DATA",
    "Authenticated",
    "Done",
    "Ended",
    "Ending",
    "Event",
    "Greeted",
    "Handshake",
    "NeedData",
    "Offered",
    "Refused",
    "Send",
    "Settled",
    "WantContent",
]


class Ending(StrEnum):
    """Why a session is over."""

    QUIT = "quit"  # the client said QUIT
    CLOSING = "closing"  # the server said 421
    GONE = "gone"  # the connection was lost
    MALFORMED = "malformed"  # what came is no reply
    UNASKED = "unasked"  # a reply came that nothing had asked for
    OUT_OF_STEP = "out of step"  # a reply came that cannot be the answer to what was said
    INJECTED = "injected"  # something came in the clear where TLS was to begin: an attack
    UNPROVEN = "unproven"  # the server did not prove that it knows the password: an impostor
    UNSOUND = "unsound"  # the message may not be sent as it is, and part of it is out


@final
class Greeted(Event):
    """The server is there. Say hello."""

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@final
class Offered(Event):
    """Hello was taken, and this is what the server offers. A transaction may begin."""

    __slots__ = ("offers", "reply")

    def __init__(self, offers: Offers, reply: Reply) -> None:
        self.offers = offers
        self.reply = reply


@final
class Handshake(Event):
    """STARTTLS was taken: make the TLS handshake, then call ``tls_started()``."""

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@final
class Authenticated(Event):
    """AUTH was taken, and the server has proven itself where the mechanism has it do so."""

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@final
class Done(Event):
    """RSET or NOOP was taken."""

    __slots__ = ("reply", "said")

    def __init__(self, said: Said, reply: Reply) -> None:
        self.said = said
        self.reply = reply


@final
class Refused(Event):
    """Something other than a transaction was refused, with 4yz or 5yz: the greeting, a hello, STARTTLS, AUTH, …"""

    __slots__ = ("reply", "said")

    def __init__(self, said: Said, reply: Reply) -> None:
        self.said = said
        self.reply = reply


@final
class Send(Event):
    """Send these bytes to the server: what follows from what it said."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        """Without the bytes, for they may be a password."""
        return f"Send(<{len(self.data)} octets>)"


@final
class WantContent(Event):
    """The message is wanted now: ``send_content()`` a piece at a time, then ``end_content()``."""

    __slots__ = ()


@final
class Settled(Event):
    """The transaction is over, and this is what became of each recipient, in the order they were given."""

    __slots__ = ("outcomes",)

    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        self.outcomes = outcomes


@final
class Ended(Event):
    """The session is over: close the connection. No other event follows.

    If a transaction was open, its :class:`Settled` came before this.
    """

    __slots__ = ("ending", "reply", "why")

    def __init__(self, ending: Ending, reply: Reply | None, why: str) -> None:
        self.ending = ending
        self.reply = reply
        """What the server said last, if that is what ended it."""
        self.why = why
        """One line for people."""
