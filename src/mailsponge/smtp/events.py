"""What the engine tells its driver: one small object for each thing that happened.

An event that is a :class:`Question` waits for an answer: hand ``event.reply``, which is what the protocol itself would
say, or any reply of your own to :meth:`mailsponge.smtp.server.Server.send`. The others ask for nothing.
"""

from __future__ import annotations

from typing import ClassVar, Final, final

from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.smtp import replies


class Event:
    """What all events share: they compare by what they hold, and print it."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Event) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        held = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({held})"


class Question(Event):
    """An event that waits for an answer."""

    __slots__ = ()

    reply: Reply
    """The answer that the protocol itself would give."""


@final
class Hello(Question):
    """EHLO or HELO. Taken, it drops the transaction that was open, if any."""

    __slots__ = ("extended", "name", "reply")

    def __init__(self, name: str, extended: bool, reply: Reply) -> None:
        self.name = name
        """What the client calls itself: printable ASCII without a space, unproven."""
        self.extended = extended
        """It was EHLO."""
        self.reply = reply


@final
class Mail(Question):
    """MAIL: a transaction begins."""

    __slots__ = ("eight_bit", "reverse_path", "size", "smtputf8")
    reply = replies.SENDER_TAKEN

    def __init__(
        self, reverse_path: Address | None, size: int | None, eight_bit: bool, smtputf8: bool
    ) -> None:
        self.reverse_path = reverse_path
        """None is the null reverse-path, ``<>``."""
        self.size = size
        """Octets the client announced (RFC 1870), within the limit; None when it did not say."""
        self.eight_bit = eight_bit
        """BODY=8BITMIME was given (RFC 6152)."""
        self.smtputf8 = smtputf8
        """SMTPUTF8 was given (RFC 6531)."""


@final
class Recipient(Question):
    """RCPT: one more recipient. ``address.domain`` is empty for the bare ``<postmaster>``."""

    __slots__ = ("address",)
    reply = replies.RECIPIENT_TAKEN

    def __init__(self, address: Address) -> None:
        self.address = address


@final
class Data(Question):
    """DATA, with at least one recipient taken. Answered 354, all that follows is the message."""

    __slots__ = ()
    reply = replies.SEND_MESSAGE


@final
class Content(Event):
    """A part of the message, as large as it came: without stuffed dots, its CRLFs kept, never empty."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


@final
class EndOfData(Question):
    """The message is complete. With a ``fault`` it must be dropped, and only a 4yz or 5yz may answer it."""

    __slots__ = ("fault", "reply")

    def __init__(self, fault: Reply | None) -> None:
        self.fault = fault
        """Why the message cannot be taken: too large, or a bare CR, a bare LF or a NUL inside."""
        self.reply = fault or replies.MESSAGE_TAKEN


@final
class Reset(Question):
    """RSET: the transaction that is open, if any, is dropped."""

    __slots__ = ()
    reply = replies.FORGOTTEN


@final
class Noop(Question):
    """NOOP: nothing is to be done."""

    __slots__ = ()
    reply = replies.NOTHING_DONE


@final
class Verify(Question):
    """VRFY. The protocol's own answer tells nothing, so that nobody can try out names."""

    __slots__ = ("name",)
    reply = replies.NOT_TOLD

    def __init__(self, name: str) -> None:
        self.name = name
        """Whom the client asked about, as it wrote it."""


@final
class Help(Question):
    """HELP: how to send a mail."""

    __slots__ = ()
    reply = replies.HELP


@final
class Quit(Question):
    """QUIT: the answer ends the session."""

    __slots__ = ()
    reply = replies.GOODBYE


@final
class Bad(Question):
    """A line that was not carried out: its syntax, its order or a limit. Only a 4yz or 5yz may answer it."""

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@final
class Closed(Event):
    """The session is over: the client went away, or it was closed by QUIT or 421. No event follows.

    What the client had begun and not ended is void: a message without an :class:`EndOfData` must be dropped.
    """

    __slots__ = ()


@final
class NeedData(Event):
    """Nothing more can be told before more bytes come."""

    __slots__ = ()


NEED_DATA: Final = NeedData()
