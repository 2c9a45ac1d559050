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
    """What all events share: they compare by what they hold, and print it, but for secrets."""

    __slots__: ClassVar[tuple[str, ...]] = ()
    _secrets: ClassVar[tuple[str, ...]] = ()
    """What is never printed, and so comes into no log by accident."""

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Event) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        held = ", ".join(f"{name}={self._shown(name)}" for name in self.__slots__)
        return f"{type(self).__name__}({held})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        return "***" if name in self._secrets and value is not None else repr(value)


class Question(Event):
    """An event that waits for an answer."""

    __slots__ = ()

    reply: Reply
    """The answer that the protocol itself would give."""


@final
class Hello(Question):
    """EHLO, HELO or, in LMTP, LHLO. Taken, it drops the transaction that was open, if any."""

    __slots__ = ("extended", "name", "reply")

    def __init__(self, name: str, extended: bool, reply: Reply) -> None:
        self.name = name
        """What the client calls itself: printable ASCII without a space, unproven."""
        self.extended = extended
        """It was EHLO or LHLO."""
        self.reply = reply


@final
class Mail(Question):
    """MAIL: a transaction begins."""

    __slots__ = ("auth", "eight_bit", "envid", "require_tls", "ret", "reverse_path", "size", "smtputf8")
    reply = replies.SENDER_TAKEN

    def __init__(
        self,
        reverse_path: Address | None,
        size: int | None,
        eight_bit: bool,
        smtputf8: bool,
        auth: str | None = None,
        ret: str | None = None,
        envid: str | None = None,
        require_tls: bool = False,
    ) -> None:
        self.reverse_path = reverse_path
        """None is the null reverse-path, ``<>``."""
        self.size = size
        """Octets the client announced (RFC 1870), within the limit; None when it did not say."""
        self.eight_bit = eight_bit
        """BODY=8BITMIME was given (RFC 6152)."""
        self.smtputf8 = smtputf8
        """SMTPUTF8 was given (RFC 6531)."""
        self.auth = auth
        """AUTH= (RFC 4954 section 5): whose message it is by the word of the client, or ``<>``; None when not given."""
        self.ret = ret
        """RET (RFC 3461 section 4.3): a report of failure shall hold the message, FULL, or its headers, HDRS."""
        self.envid = envid
        """ENVID (RFC 3461 section 4.4), decoded: what the sender calls this envelope in reports."""
        self.require_tls = require_tls
        """REQUIRETLS (RFC 8689) was given: sent on, it may go within TLS alone."""


@final
class Recipient(Question):
    """RCPT: one more recipient. ``address.domain`` is empty for the bare ``<postmaster>``."""

    __slots__ = ("address", "notify", "orcpt")
    reply = replies.RECIPIENT_TAKEN

    def __init__(
        self,
        address: Address,
        notify: frozenset[str] | None = None,
        orcpt: tuple[str, str] | None = None,
    ) -> None:
        self.address = address
        self.notify = notify
        """NOTIFY (RFC 3461 section 4.1): NEVER alone, or any of SUCCESS, FAILURE and DELAY; None when not given."""
        self.orcpt = orcpt
        """ORCPT (RFC 3461 section 4.2): the type of the address that the sender wrote, and that, decoded."""


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
class Chunk(Event):
    """BDAT, with at least one recipient taken: Content follows, then EndOfChunk or, after the last, EndOfData."""

    __slots__ = ("first", "last", "size")

    def __init__(self, size: int, last: bool, first: bool) -> None:
        self.size = size
        """Octets of this chunk."""
        self.last = last
        """LAST was given: no other chunk follows."""
        self.first = first
        """The message begins here."""


@final
class EndOfChunk(Question):
    """A chunk is complete, and another will follow (RFC 3030 section 2). With a ``fault`` only a 4yz or 5yz answers it.

    Refused, the message must be dropped: no more of it will come.
    """

    __slots__ = ("fault", "reply", "size")

    def __init__(self, size: int, fault: Reply | None) -> None:
        self.size = size
        """Octets of this chunk."""
        self.fault = fault
        """Why the message cannot be taken, as in :class:`EndOfData`."""
        self.reply = fault or replies.chunk_taken(size)


@final
class EndOfData(Question):
    """The message is complete. With a ``fault`` it must be dropped, and only a 4yz or 5yz may answer it.

    In LMTP it is answered by :meth:`~mailsponge.smtp.server.Server.send_each`, a reply for each recipient.
    """

    __slots__ = ("fault", "reply")

    def __init__(self, fault: Reply | None) -> None:
        self.fault = fault
        """Why the message cannot be taken: it or its header is too large, or a bare CR, a bare LF or a NUL inside."""
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
class StartTls(Question):
    """STARTTLS (RFC 3207). Answered 220, nothing is read before the driver has called ``tls_started()``."""

    __slots__ = ()
    reply = replies.START_TLS


@final
class Authenticate(Question):
    """AUTH with a mechanism that is offered (RFC 4954). 334 asks for more, 235 says that the client is who it claims.

    The protocol alone knows nobody: its own answer is that the credentials are wrong.
    """

    __slots__ = ("initial", "mechanism")
    _secrets = ("initial",)
    reply = replies.NOT_AUTHENTICATED

    def __init__(self, mechanism: str, initial: bytes | None) -> None:
        self.mechanism = mechanism
        """In capitals."""
        self.initial = initial
        """The initial response, decoded; None when there was none, which is not the same as an empty one."""


@final
class AuthResponse(Question):
    """What the client answered to a 334, decoded. To be answered as :class:`Authenticate` is."""

    __slots__ = ("data",)
    _secrets = ("data",)
    reply = replies.NOT_AUTHENTICATED

    def __init__(self, data: bytes) -> None:
        self.data = data


@final
class Bad(Question):
    """A line that was not carried out: its syntax, its order or a limit. Only a 4yz or 5yz may answer it."""

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@final
class Closed(Event):
    """The session is over: the client went away, or it was closed by QUIT, 421 or a breach. No event follows.

    What the client had begun and not ended is void: a message without an :class:`EndOfData` must be dropped.
    """

    __slots__ = ()


@final
class NeedData(Event):
    """Nothing more can be told before more bytes come."""

    __slots__ = ()


NEED_DATA: Final = NeedData()
