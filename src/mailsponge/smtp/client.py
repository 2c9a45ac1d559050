"""The client's side of one SMTP or LMTP session, sans I/O: bytes in, events out; intentions in, bytes out (RFC 5321).

The program that drives it owns the socket and decides what to do next::

    client = Client()
    while True:
        event = client.next_event()
        if event is NEED_DATA:
            client.receive_data(read())                   # b"" once the server has gone
        elif isinstance(event, Send):
            send(event.data)
        elif isinstance(event, Greeted):
            send(client.hello("client.example.org"))
        elif isinstance(event, Offered):
            send(client.begin(Outgoing(sender, recipients)))
        elif isinstance(event, WantContent):
            send(client.end_content(message))             # or piece by piece: send_content()
        elif isinstance(event, Settled):
            keep(event.outcomes)
            send(client.quit())
        elif isinstance(event, Ended):
            break

What is to be sent is returned by the method that says it, or comes as a Send where it follows from an answer. One thing
is said at a time; within a transaction the engine pipelines by itself. It never raises for anything a server sends:
what does not fit becomes an outcome or an :class:`Ended`. ProtocolError means that the driving program made a mistake,
and a UsageError (a ValueError) that what it handed in cannot be said.
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque

from mailsponge.errors import ContentError, ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import client_commands as commands
from mailsponge.smtp.client_auth import Distrust, Login, Mechanism, Plain, ScramSha256, decoded
from mailsponge.smtp.client_events import (
    NEED_DATA,
    Authenticated,
    Done,
    Ended,
    Ending,
    Event,
    Greeted,
    Handshake,
    Offered,
    Refused,
    Send,
    Settled,
    WantContent,
)
from mailsponge.smtp.client_states import INSTEAD, TABLE, Said, State, fits
from mailsponge.smtp.client_transaction import Transaction
from mailsponge.smtp.offers import NOTHING, Offers, offered
from mailsponge.smtp.outcomes import Outcome, Result, words
from mailsponge.smtp.outgoing import ForwardPath, Notify, Outgoing, Return, Transfer
from mailsponge.smtp.reply_reader import Malformed, ReplyLimits, ReplyReader
from mailsponge.smtp.sending import Encoder

__all__ = [
    "NEED_DATA",
    "Authenticated",
    "Client",
    "Done",
    "Ended",
    "Ending",
    "Event",
    "ForwardPath",
    "Greeted",
    "Handshake",
    "Login",
    "Mechanism",
    "Notify",
    "Offered",
    "Offers",
    "Outcome",
    "Outgoing",
    "Plain",
    "Refused",
    "ReplyLimits",
    "Result",
    "Return",
    "Said",
    "ScramSha256",
    "Send",
    "Settled",
    "State",
    "Transfer",
    "WantContent",
]

_DEFAULTS = ReplyLimits()
_NO_EHLO = (500, 502, 504)
_OPEN_AT_SERVER = (State.SENDER, State.RECIPIENTS)
_HELLOS = (Said.EHLO, Said.HELO, Said.LHLO)
_CONNECTION_LOST = "4.4.2"
_PROTOCOL_ERROR = "4.5.0"
_UNSOUND_CONTENT = "5.6.0"


class Client:
    """One session, from the greeting to its end. Not to be shared between threads."""

    __slots__ = (
        "_encoder",
        "_ended",
        "_events",
        "_gone",
        "_heard",
        "_lmtp",
        "_mechanism",
        "_name",
        "_offers",
        "_owed",
        "_reader",
        "_secure",
        "_state",
        "_transaction",
        "_unasked",
    )

    def __init__(self, *, secure: bool = False, limits: ReplyLimits = _DEFAULTS) -> None:
        """``secure``: nobody can read along: TLS from the first byte on, or a Unix socket.

        Raises ProtocolError for a limit below 1.
        """
        if min(limits) < 1:
            raise ProtocolError(f"each limit must be at least 1: {limits}")
        self._secure = secure
        self._reader = ReplyReader(limits)
        self._state = State.CONNECTED
        self._owed: deque[Said] = deque((Said.GREETING,))  # what is not answered yet, in order
        self._events: deque[Event] = deque()
        self._ended: Ended | None = None
        self._gone = False  # the server
        self._heard = 0  # replies
        self._unasked = False  # the next reply came before what it would be the answer to
        self._lmtp = False
        self._name = ""
        self._offers = NOTHING
        self._mechanism: Mechanism | None = None
        self._transaction: Transaction | None = None
        self._encoder: Encoder | None = None  # there is one exactly while content is wanted

    @property
    def state(self) -> State:
        """Where the session stands, by what has been read (:mod:`mailsponge.smtp.client_states`)."""
        return self._state

    @property
    def offers(self) -> Offers:
        """What the server offers, since the last hello: nothing before it, and nothing again after STARTTLS."""
        return self._offers

    @property
    def secure(self) -> bool:
        """Nobody can read along."""
        return self._secure

    @property
    def wants_content(self) -> bool:
        """``send_content()`` and ``end_content()`` may be called. False again once nobody is to get the message."""
        return self._encoder is not None

    @property
    def awaited(self) -> Said | None:
        """What has been said and is to be answered next; None if nothing is. Each answer has a patience of its own (RFC
        5321 section 4.5.3.2).
        """
        return self._owed[0] if self._owed else None

    @property
    def heard(self) -> int:
        """How many replies have been read: by this a driver sees that a server gets on, and does not only drip."""
        return self._heard

    def receive_data(self, data: bytes) -> None:
        """Take what came from the server; ``b""`` says that it has gone and nothing more will come."""
        if not data:
            self._gone = True
        elif self._gone:
            raise ProtocolError("data came after the server had gone")
        elif self._ended is None:
            self._reader.feed(data)

    def next_event(self) -> Event:
        """What happened next, or NEED_DATA. After :class:`Ended`, that again."""
        while not self._events:
            if self._ended is not None:
                self._state = State.CLOSED
                return self._ended
            reply = self._reader.next_reply()
            if isinstance(reply, Reply):
                self._take(reply)
            elif reply is not None:
                self._misunderstood(reply)
            elif self._gone:
                self._lost()
            else:
                return NEED_DATA
        return self._events.popleft()

    def hello(self, name: str) -> bytes:
        """EHLO, and HELO by itself if the server does not know EHLO (RFC 5321 section 3.2).

        ``name``: this host's name, or its address as ``[192.0.2.1]``; UsageError if it cannot be one.
        """
        return self._greet(Said.EHLO, name)

    def lhlo(self, name: str) -> bytes:
        """LHLO: as :meth:`hello`, to an LMTP server, which answers for each recipient (RFC 2033)."""
        return self._greet(Said.LHLO, name)

    def starttls(self) -> bytes:
        """STARTTLS (RFC 3207). Raises ProtocolError if the server does not offer it, or TLS is there already."""
        self._may(Said.STARTTLS)
        if self._secure:
            raise ProtocolError("the connection is secure already; go on without STARTTLS")
        if "STARTTLS" not in self._offers and not self._over:
            raise ProtocolError("the server does not offer STARTTLS; look at offers before")
        return self._say(Said.STARTTLS, b"STARTTLS\r\n")

    def tls_started(self) -> None:
        """The TLS handshake is made: from here on ``receive_data`` gets what was decrypted. Say hello anew.

        Nothing from before counts any more. Bytes that came in the clear behind the answer to STARTTLS end the session
        (CVE-2021-38371).
        """
        self._may(Said.TLS)
        if self._reader.pending:
            self._injected()
        if not self._over:
            self._secure = True
            self._state = TABLE[self._state][Said.TLS].taken

    def authenticate(self, mechanism: Mechanism) -> bytes:
        """AUTH (RFC 4954); what follows goes by itself until Authenticated or Refused.

        Raises ProtocolError for a mechanism that is not offered, and for one that would show the password on a
        connection that is not secure.
        """
        self._may(Said.AUTH)
        if mechanism.name not in self._offers.auth and not self._over:
            raise ProtocolError(f"the server does not offer {mechanism.name}; look at offers.auth before")
        if mechanism.shows_password and not self._secure:
            raise ProtocolError(
                f"{mechanism.name} would show the password on the network; starttls() first, or use SCRAM-SHA-256"
            )
        first = mechanism.begin()
        self._mechanism = mechanism
        # A response that is empty is written "=", and one that is not there is not (RFC 4954 section 4).
        response = b"" if first is None else b" " + (b64encode(first) or b"=")
        return self._say(Said.AUTH, b"AUTH " + mechanism.name.encode() + response + b"\r\n")

    def begin(self, message: Outgoing) -> bytes:
        """A transaction. It ends with :class:`Settled`; :class:`WantContent` comes before, if anybody is to get it.

        What the server cannot be told, because it does not offer what that takes, is settled at once. A transaction
        that is still open at the server is dropped with RSET. Raises UsageError for what cannot stand in a command.
        """
        reset = self._state in _OPEN_AT_SERVER
        self._may(Said.RSET if reset else Said.MAIL)
        transaction = Transaction(message, self._offers, lmtp=self._lmtp, reset=reset, secure=self._secure)
        self._transaction = transaction
        if self._ended is not None:
            self._settle_without_answer(transaction, self._ended.why)
            return b""
        return self._go_on(transaction)

    def send_content(self, data: bytes) -> bytes:
        """The next piece of the message, as large as is handy; returns what to send, which may be nothing yet.

        Raises ContentError for a bare CR, a bare LF or a NUL: then part of a message is out that must not be completed,
        so the session is over, and the recipients are refused for good.
        """
        return self._content(data, last=False)

    def end_content(self, data: bytes = b"") -> bytes:
        """The end of the message, with its last piece. CRLF is added if it does not end so. Raises ContentError."""
        return self._content(data, last=True)

    def reset(self) -> bytes:
        """RSET: whatever transaction the server has open is dropped."""
        self._may(Said.RSET)
        return self._say(Said.RSET, b"RSET\r\n")

    def noop(self) -> bytes:
        """NOOP: see whether the server is still there."""
        self._may(Said.NOOP)
        return self._say(Said.NOOP, b"NOOP\r\n")

    def quit(self) -> bytes:
        """QUIT: then read on until :class:`Ended`, or close the connection at once."""
        self._may(Said.QUIT)
        return self._say(Said.QUIT, b"QUIT\r\n")

    # What is said

    @property
    def _over(self) -> bool:
        """The session is over, and the driver may not have heard of it yet. What it says then goes nowhere."""
        return self._ended is not None

    def _may(self, said: Said) -> None:
        if self._over and self._state is not State.CLOSED:
            return
        if self._owed or self._transaction is not None:
            raise ProtocolError(f"{said} cannot be said before all is answered; read on with next_event()")
        if said not in TABLE[self._state]:
            raise ProtocolError(f"{said} cannot be said now; {INSTEAD[self._state]}")

    def _greet(self, said: Said, name: str) -> bytes:
        line = commands.hello(said, name)
        self._may(said)
        self._name = name
        self._lmtp = said is Said.LHLO
        return self._say(said, line)

    def _say(self, said: Said, line: bytes) -> bytes:
        if not self._in_turn():
            return b""
        self._owed.append(said)
        return line

    def _in_turn(self) -> bool:
        """Whether the server has kept silent while nothing was asked. What it says before that is no answer."""
        if not self._owed and self._reader.pending:
            self._unasked = True
        return not (self._unasked or self._over)

    def _content(self, data: bytes, last: bool) -> bytes:
        encoder, transaction = self._encoder, self._transaction
        if encoder is None or transaction is None:
            raise ProtocolError("no content is wanted now; wait for WantContent, and look at wants_content")
        if not self._in_turn():
            self._encoder = None
            return b""
        try:
            encoded = encoder.finish(data) if last else encoder.encode(data)
        except ContentError as error:
            transaction.fail(Result.PERMANENT, _UNSOUND_CONTENT, self._waiting_for(), str(error))
            self._end(Ending.UNSOUND, None, str(error))
            raise
        if last:
            self._encoder = None
            self._owed.append(Said.LAST if transaction.chunked else Said.END_OF_DATA)
        elif transaction.chunked and encoded:
            self._owed.append(Said.BDAT)
        return encoded

    # What is heard

    def _take(self, reply: Reply) -> None:
        """One reply, whatever it answers."""
        self._heard += 1
        if reply.code == 421:  # RFC 5321 section 3.8: at any time, asked or not
            self._refuse_open(reply)
            self._end(Ending.CLOSING, reply, f"the server ends the session: {words(reply)}")
            return
        if self._unasked or not self._owed:
            self._not_asked(reply)
            return
        said = self._owed[0]
        if not fits(said, reply.code):
            self._end(
                Ending.OUT_OF_STEP, reply, f"{reply.code} cannot be the answer to {said}: {words(reply)}"
            )
            return
        if self._transaction is not None:
            self._take_in_transaction(self._transaction, said, reply)
            return
        self._owed.popleft()
        if reply.code == 334:
            self._challenged(reply)
        elif reply.positive:
            self._step(said, reply)
            self._succeeded(said, reply)
        elif said is Said.EHLO and reply.code in _NO_EHLO:
            self._react(Said.HELO, commands.hello(Said.HELO, self._name))
        elif said is Said.QUIT:
            self._end(Ending.QUIT, reply, "QUIT was said")
        else:
            self._step(said, reply)
            self._mechanism = None
            self._events.append(Refused(said, reply))

    def _succeeded(self, said: Said, reply: Reply) -> None:
        """Something other than a part of a transaction was taken."""
        if said is Said.GREETING:
            self._events.append(Greeted(reply))
        elif said in _HELLOS:
            self._offers = NOTHING if said is Said.HELO else offered(reply)
            self._events.append(Offered(self._offers, reply))
        elif said is Said.STARTTLS:
            self._offers = NOTHING
            if self._reader.pending:
                self._injected()
            else:
                self._events.append(Handshake(reply))
        elif said is Said.AUTH:
            self._authenticated(reply)
        elif said is Said.QUIT:
            self._end(Ending.QUIT, reply, "QUIT was said")
        else:
            self._events.append(Done(said, reply))

    def _challenged(self, reply: Reply) -> None:
        """334: the server wants to know more (RFC 4954 section 4)."""
        mechanism = self._mechanism
        assert mechanism is not None
        try:
            answer = mechanism.answer(decoded("".join(reply.lines)))
        except Distrust as why:
            self._distrust(str(why))
        else:
            self._react(Said.AUTH, b64encode(answer) + b"\r\n")

    def _authenticated(self, reply: Reply) -> None:
        mechanism, self._mechanism = self._mechanism, None
        if mechanism is not None and mechanism.believes:
            self._offers = self._offers.without("AUTH")  # RFC 4954 section 4: once a session
            self._events.append(Authenticated(reply))
        else:
            self._distrust("it does not prove that it knows the password")

    def _take_in_transaction(self, transaction: Transaction, said: Said, reply: Reply) -> None:
        if said is Said.RSET and not reply.positive:
            # What was open stays open, and what comes next would be taken for a part of it.
            self._end(Ending.OUT_OF_STEP, reply, f"the server does not take RSET: {words(reply)}")
            return
        if transaction.heard(said, reply):
            self._owed.popleft()
            self._step(said, reply)
        if transaction.settled:
            self._encoder = None
        if self._state is State.VOID and said is Said.DATA:
            self._end_void()
        data = self._go_on(transaction)
        if data:
            # What there is to send comes before what is wanted next.
            self._events.appendleft(Send(data))
        if said is Said.DATA and self._state is State.CONTENT:
            self._want(transaction)

    def _go_on(self, transaction: Transaction) -> bytes:
        """Say what can be said now; see whether content is wanted, or all is over."""
        data = b""
        group = transaction.lines(len(self._owed))
        if group and self._in_turn():
            self._owed.extend(said for said, _ in group)
            data = b"".join(line for _, line in group)
        if self._unasked or self._over:
            return b""
        if transaction.settled and not self._owed:
            self._settle(transaction)
        elif transaction.wants_chunks(len(self._owed)):
            self._want(transaction)
        return data

    def _want(self, transaction: Transaction) -> None:
        transaction.wanted = True
        self._encoder = transaction.new_encoder()
        self._events.append(WantContent())

    def _end_void(self) -> None:
        """354 although nobody was taken: a lone dot (RFC 2920 section 3.1). In LMTP nothing would answer it."""
        if self._lmtp:
            self._end(
                Ending.OUT_OF_STEP, None, "the server wants a message although it has taken no recipient"
            )
        else:
            self._react(Said.END_OF_DATA, b".\r\n")

    def _react(self, said: Said, line: bytes) -> None:
        """Say something that follows from an answer."""
        data = self._say(said, line)
        if data:
            self._events.append(Send(data))

    def _step(self, said: Said, reply: Reply) -> None:
        step = TABLE[self._state][said]
        self._state = step.taken if reply.positive else step.refused

    # The end

    def _not_asked(self, reply: Reply) -> None:
        """A reply that answers nothing: from here on nobody can say which reply belongs to what."""
        if self._state is State.HANDSHAKE:
            self._injected()
            return
        if self._state is State.CONTENT and not reply.positive:
            self._refuse_open(reply)  # too soon, and a refusal all the same; an acceptance would be none
        self._end(Ending.UNASKED, reply, f"the server said something that answers nothing: {words(reply)}")

    def _misunderstood(self, malformed: Malformed) -> None:
        self._end(Ending.MALFORMED, None, f"the server cannot be understood: {malformed.why}")

    def _lost(self) -> None:
        if self._owed and self._owed[0] is Said.QUIT:
            self._end(Ending.QUIT, None, "QUIT was said")
            return
        waiting = self._owed or self._transaction is not None
        before = f" before {self._waiting_for()} was answered" if waiting else ""
        self._end(Ending.GONE, None, f"the connection was lost{before}")

    def _injected(self) -> None:
        self._end(
            Ending.INJECTED, None, "something came in the clear where TLS was to begin; this is an attack"
        )

    def _distrust(self, why: str) -> None:
        self._mechanism = None
        self._end(Ending.UNPROVEN, None, f"the server cannot be trusted with this login: {why}")

    def _end(self, ending: Ending, reply: Reply | None, why: str) -> None:
        """The session is over; whoever has no outcome yet is left for later."""
        if self._ended is not None:
            return
        self._ended = Ended(ending, reply, why)
        if self._transaction is not None:
            self._settle_without_answer(self._transaction, why)
        self._owed.clear()
        self._reader.clear()
        self._mechanism = None

    def _settle_without_answer(self, transaction: Transaction, why: str) -> None:
        gone = self._ended is not None and self._ended.ending in (Ending.GONE, Ending.CLOSING, Ending.QUIT)
        status = _CONNECTION_LOST if gone else _PROTOCOL_ERROR
        transaction.fail(Result.TEMPORARY, status, self._waiting_for(), why)
        self._settle(transaction)

    def _settle(self, transaction: Transaction) -> None:
        self._transaction = None
        self._encoder = None
        self._events.append(Settled(transaction.outcomes))

    def _refuse_open(self, reply: Reply) -> None:
        if self._transaction is not None:
            self._transaction.refuse(reply, self._waiting_for())

    def _waiting_for(self) -> Said:
        """What is to be answered next."""
        if self._owed:
            return self._owed[0]
        return Said.END_OF_DATA if self._state is State.CONTENT else Said.MAIL
