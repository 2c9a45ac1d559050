"""The server's side of one SMTP session, sans I/O: bytes in, events out; replies in, bytes out (RFC 5321).

The program that drives it owns the socket and decides who may send what to whom::

    server = Server("mail.example.org")
    send(server.greet())
    while True:
        event = server.next_event()
        if event is NEED_DATA:
            server.receive_data(read())             # b"" once the client has gone
        elif isinstance(event, Closed):
            break
        elif isinstance(event, Content):
            keep(event.data)
        elif isinstance(event, Question):
            send(server.send(decide(event)))        # event.reply, or a reply of its own

The engine keeps the order of commands, the syntax, the limits and the end of the message. It never raises for anything
a client sends; ProtocolError means that the driving program made a mistake.

Where bytes are read, and as what, depends on the state alone: a command line, the message after DATA, octets that BDAT
has counted, a line of base64, or nothing at all while TLS is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import replies, sasl, syntax
from mailsponge.smtp.buffer import ReceiveBuffer
from mailsponge.smtp.chunks import Chunks
from mailsponge.smtp.data import Decoder
from mailsponge.smtp.events import (
    NEED_DATA,
    Authenticate,
    AuthResponse,
    Bad,
    Chunk,
    Closed,
    Content,
    Data,
    EndOfChunk,
    EndOfData,
    Event,
    Hello,
    Mail,
    Question,
    Recipient,
    StartTls,
)
from mailsponge.smtp.limits import Limits
from mailsponge.smtp.offer import Offer
from mailsponge.smtp.states import (
    BDAT,
    END_OF_CHUNK,
    END_OF_DATA,
    GREETING,
    LMTP_TABLE,
    RESPONSE,
    TABLE,
    TLS_STARTED,
    Row,
    State,
    Step,
    Unwanted,
)

__all__ = ["Limits", "Offer", "Server"]

_DEFAULTS = Limits()
_NO_MORE = Offer()
_SESSION_OVER = Closed()
_SOUND_END = EndOfData(None)
_OUT_OF_STEP = Step(BDAT.refused, BDAT.refused)
# Reading a member off its enum is slow in Python 3.11, and these are needed at every command.
_SPOILT = State.SPOILT
_SECURING = State.SECURING
_CLOSED = State.CLOSED


class _Greeting(Question):
    """What the server owes before anything has come: it speaks first."""

    __slots__ = ()


class Server:
    """One session, from the greeting to its end. Not to be shared between threads."""

    __slots__ = (
        "_authenticated",
        "_buffer",
        "_chunks",
        "_decoder",
        "_errors",
        "_extended",
        "_failures",
        "_gone",
        "_hostname",
        "_limits",
        "_offer",
        "_over",
        "_owed",
        "_places",
        "_read",
        "_recipients",
        "_row",
        "_smtputf8",
        "_state",
        "_step",
        "_tls",
        "_unwanted",
        "_unwanted_left",
    )

    def __init__(self, hostname: str, limits: Limits = _DEFAULTS, offer: Offer = _NO_MORE) -> None:
        """``hostname``: what the server calls itself. Raises ProtocolError for a limit below 1."""
        if min(limits) < 1:
            raise ProtocolError(f"each limit must be at least 1: {limits}")
        self._hostname = hostname
        self._limits = limits
        self._offer = offer
        self._buffer = ReceiveBuffer(limits.command_line)
        self._state = State.CONNECTED
        self._places = _PLACES[offer.lmtp]
        self._row, self._read, _ = self._places[State.CONNECTED]
        self._owed: Question | None = _Greeting()  # the question that waits for its answer
        self._step: Step | None = GREETING  # where that answer leads; None: nowhere
        self._decoder: Decoder | None = None  # there is one exactly while the message after DATA is read
        self._chunks: Chunks | None = None  # ... from the first BDAT of a transaction to its last
        self._unwanted: Unwanted | None = None  # ... while the octets of a BDAT are thrown away
        self._unwanted_left = 0
        self._gone = False  # the client
        self._over = False  # no more bytes will be taken: it has gone, or the session is closed
        self._errors = 0
        self._failures = 0  # of AUTH
        self._tls = False  # started by STARTTLS
        self._authenticated = False
        self._extended = False
        self._smtputf8 = False
        self._recipients = 0

    @property
    def state(self) -> State:
        """Where the session stands (:mod:`mailsponge.smtp.states`)."""
        return self._state

    @property
    def pending(self) -> bool:
        """Bytes wait beyond the last event.

        With Hello, Data, StartTls, Authenticate and AuthResponse unanswered this means that the client pipelined where
        it must not (RFC 2920 section 3.1, RFC 3207 section 4, RFC 4954 section 4). A driver does well to drop it then.
        """
        return bool(self._buffer.data)

    @property
    def authenticated(self) -> bool:
        """AUTH has succeeded, and TLS has not started since."""
        return self._authenticated

    @property
    def recipients(self) -> int:
        """Recipients taken in this transaction: so many replies LMTP owes at the end of data."""
        return self._recipients

    @property
    def held(self) -> int:
        """Octets of the client's that are kept. Once all events are read, less than one line (:class:`Limits`)."""
        return (
            self._buffer.held
            + (self._decoder.held if self._decoder else 0)
            + (self._chunks.held if self._chunks else 0)
        )

    def greet(self) -> bytes:
        """The greeting, 220: once, before anything else."""
        if self._state is not State.CONNECTED:
            raise ProtocolError("the greeting is said once, first")
        return self.send(replies.greeting(self._hostname, self._offer.lmtp))

    def receive_data(self, data: bytes) -> None:
        """Take what came from the client; ``b""`` says that it has gone and nothing more will come."""
        if data and not self._over:
            if self._state is _SECURING:
                self._enter(TLS_STARTED.refused)  # RFC 3207 section 6: such bytes may be somebody else's
            else:
                self._buffer.feed(data)
        elif not data:
            self._gone = self._over = True
        elif self._gone:
            raise ProtocolError("data came after the client had gone")

    def next_event(self) -> Event:
        """What happened next, or NEED_DATA. Raises ProtocolError before the greeting, and while an answer is owed."""
        if self._owed is not None:
            raise ProtocolError(f"{self._owed!r} waits for its answer: call send() first")
        return self._read(self)

    def send(self, reply: Reply) -> bytes:
        """Answer the last question; returns what to send to the client.

        The code decides: 2yz and 3yz mean that the command is taken, 4yz and 5yz that it is not. 421 may be said at any
        time, asked or not, and ends the session. Raises ProtocolError when nothing was asked, and for a code that
        cannot be an answer to what was.
        """
        code = reply.code
        owed = self._owed
        if code == 421 or owed is None:
            return self._give_up(reply)
        if code < 400:
            self._take(owed, code)
        else:
            self._refuse(owed, code)
        self._owed = None
        step = self._step
        if step is not None:
            state = step.taken if code < 400 else step.refused
            if state is not self._state:
                self._enter(state)
        return reply.encoded

    def send_each(self, replies: Sequence[Reply]) -> bytes:
        """Answer the end of data in LMTP: one reply for each recipient that was taken, in their order (RFC 2033 4.2).

        Raises ProtocolError when that was not asked, when there are more or fewer replies than recipients, and for
        a code that cannot be an answer.
        """
        owed = self._owed
        if type(owed) is not EndOfData or not self._offer.lmtp:
            raise ProtocolError(f"send_each() answers the end of data in LMTP alone, and not {owed!r}")
        if len(replies) != self._recipients:
            raise ProtocolError(f"{self._recipients} recipients were taken; there are {len(replies)} replies")
        for reply in replies:
            if reply.code == 421:
                raise ProtocolError("421 ends the session: say it with send()")
            if reply.code < 400:
                self._check_end(owed, reply.code)
        self._owed = None
        self._enter(END_OF_DATA.taken)
        return b"".join(reply.encoded for reply in replies)

    def tls_started(self) -> None:
        """TLS is in place after STARTTLS: everything that was said in the clear is forgotten (RFC 3207 section 4.2).

        Raises ProtocolError when STARTTLS was not answered with 220 just before, and when anything has come in the
        clear since: the session is closed then, and nothing of it is read.
        """
        if self._state is not _SECURING or self._over:
            raise ProtocolError(
                "TLS can start only after 220 to STARTTLS, with nothing sent before the handshake; close it"
            )
        self._tls = True
        self._authenticated = self._extended = False
        self._enter(TLS_STARTED.taken)

    # What is read, state by state.

    def _read_line(self) -> Event:
        """The event that a command line means, in this state."""
        buffer = self._buffer
        line = buffer.line() if buffer.data else None
        if line is None:
            return self._wait()
        said = syntax.text(line) if isinstance(line, bytes) else line
        if isinstance(said, Reply):
            begun = line[:4] if isinstance(line, bytes) else self._buffer.refused
            if begun.upper() == b"BDAT":
                return self._mistake(replies.BDAT_SYNTAX, _OUT_OF_STEP)
            return self._mistake(said)
        verb = said[:4].upper()
        step = self._row.get(verb)
        # The fifth character is a space, or nothing. Beyond ASCII, upper() makes command letters of other letters.
        if step is None or said[4:5] not in " " or not (said.isascii() or said[:4].isascii()):
            if not syntax.is_starttls(said):
                return self._mistake(syntax.not_a_command(said))
            verb = "STARTTLS"
            step = self._row[verb]
        if isinstance(step, Reply):
            return self._mistake(step)
        if verb == "BDAT":
            return self._read_bdat(step, said[5:])
        event = self._question(verb, said[len(verb) + 1 :])
        if isinstance(event, Reply):
            return self._mistake(event)
        self._owed = event
        self._step = step  # type: ignore[assignment]  # only a BDAT can be Unwanted
        return event

    def _read_data(self) -> Event:
        decoder = self._decoder
        assert decoder is not None
        buffer = self._buffer
        while not decoder.ended:
            if not buffer.data:
                return self._wait()
            content, stop = decoder.decode(buffer.data, buffer.at)
            buffer.read_to(stop)
            if content:
                return Content(content)
        return self._end_of_data(decoder.fault)

    def _read_chunk(self) -> Event:
        chunks = self._chunks
        assert chunks is not None
        buffer = self._buffer
        while chunks.left:
            if not buffer.data:
                return self._wait()
            content, stop = chunks.decode(buffer.data, buffer.at)
            buffer.read_to(stop)
            if content:
                return Content(content)
        if not chunks.last:
            self._owed = EndOfChunk(chunks.size, chunks.fault)
            self._step = END_OF_CHUNK
            return self._owed
        content = chunks.end()
        return Content(content) if content else self._end_of_data(chunks.fault)

    def _read_unwanted(self) -> Event:
        unwanted = self._unwanted
        assert unwanted is not None
        buffer = self._buffer
        while self._unwanted_left:
            if not buffer.data:
                return self._wait()
            stop = min(len(buffer.data), buffer.at + self._unwanted_left)
            self._unwanted_left -= stop - buffer.at
            buffer.read_to(stop)
        self._unwanted = None
        self._read = self._places[self._state].read
        if (
            self._state is _SPOILT
        ):  # chunks on their way after a refused one are no mistake (RFC 3030 section 2)
            self._errors -= 1
        return self._mistake(unwanted.reply, Step(unwanted.then, unwanted.then))

    def _read_response(self) -> Event:
        """A line after 334 (RFC 4954 section 4)."""
        buffer = self._buffer
        line = buffer.line() if buffer.data else None
        if line is None:
            return self._wait()
        if line is replies.LINE_TOO_LONG:
            line = replies.AUTH_LINE_TOO_LONG
        event = line if isinstance(line, Reply) else sasl.response(line)
        if isinstance(event, Reply):
            return self._mistake(event, RESPONSE)
        self._owed = event
        self._step = RESPONSE
        return event

    def _wait(self) -> Event:
        """All that came has been read, or nothing may be."""
        if not self._over:
            return NEED_DATA
        self._close()
        return _SESSION_OVER

    # What commands ask.

    def _question(self, verb: str, argument: str) -> Question | Reply:
        """What the command asks. A limit reached is Bad at once, for it is no mistake; a Reply is one."""
        if verb == "RCPT":
            return self._recipient(argument)
        if verb == "MAIL":
            return self._mail(argument)
        simple = syntax.SIMPLE.get(verb)
        if simple is None:
            return self._authenticate(argument) if verb == "AUTH" else self._hello(argument, verb != "HELO")
        if verb == "STARTTLS":
            return self._no_starttls() or simple(argument)
        return simple(argument)

    def _hello(self, argument: str, extended: bool) -> Question | Reply:
        name = syntax.client_name(argument)
        if isinstance(name, Reply):
            return name
        if not extended:
            return Hello(name, False, replies.hello(self._hostname))
        limits = self._limits
        offered = replies.extensions(
            self._hostname,
            limits.message_size,
            limits.recipients,
            self._offer.starttls and not self._tls,
            self._offer.auth if self._auth_is_safe() else (),
            self._in_tls(),
        )
        return Hello(name, True, offered)

    def _mail(self, argument: str) -> Question | Reply:
        offer = self._offer
        if offer.auth_required and not self._authenticated:
            return replies.AUTH_REQUIRED if self._auth_is_safe() else replies.TLS_REQUIRED
        event = syntax.mail(argument, self._extended, self._beyond())
        if isinstance(event, Mail) and event.size is not None and event.size > self._limits.message_size:
            return Bad(replies.too_large(self._limits.message_size))  # RFC 1870 section 6.1
        return event

    def _recipient(self, argument: str) -> Question | Reply:
        event = syntax.recipient(argument, self._smtputf8, self._extended)
        if self._recipients >= self._limits.recipients and isinstance(event, Recipient):
            return Bad(replies.TOO_MANY_RECIPIENTS)  # RFC 5321 section 4.5.3.1.10
        return event

    def _no_starttls(self) -> Reply | None:
        """Why STARTTLS has no place in this session (RFC 3207 section 4); None if it has."""
        if not self._offer.starttls:
            return replies.not_offered("STARTTLS")
        return replies.TLS_ALREADY if self._tls else None

    def _beyond(self) -> tuple[str, ...]:
        """What MAIL may say just now beyond what it always may."""
        auth = ("AUTH",) if self._offer.auth and self._auth_is_safe() else ()
        return (*auth, "REQUIRETLS") if self._in_tls() else auth

    def _in_tls(self) -> bool:
        return self._tls or self._offer.tls_first

    def _auth_is_safe(self) -> bool:
        """Where TLS can be had, no password goes in the clear (RFC 4954 section 4)."""
        return self._tls or not self._offer.starttls

    def _authenticate(self, argument: str) -> Question | Reply:
        """AUTH (RFC 4954 section 4), as far as the session allows it."""
        if not self._offer.auth:
            return replies.not_offered("AUTH")
        if not self._auth_is_safe():
            return replies.TLS_BEFORE_AUTH
        if not self._extended:
            return replies.AUTH_AFTER_EHLO
        if self._authenticated:
            return replies.AUTH_ONCE
        if self._failures >= self._limits.auth_failures:
            return Bad(replies.TOO_MANY_FAILURES)
        return sasl.authenticate(argument, self._offer.auth)

    def _read_bdat(self, cell: Step | Unwanted, argument: str) -> Event:
        """BDAT (RFC 3030 section 2), whose octets follow whatever is said of it."""
        chunk = syntax.chunk(argument)
        if chunk is None:
            return self._mistake(replies.BDAT_SYNTAX, _OUT_OF_STEP)
        size, last = chunk
        if isinstance(cell, Unwanted):
            self._unwanted = cell
            self._unwanted_left = size
            self._read = Server._read_unwanted
            return self._read_unwanted()
        chunks = self._chunks
        first = chunks is None
        if chunks is None:
            chunks = self._chunks = Chunks(self._limits.message_size, self._limits.header_size)
        chunks.begin(size, last)
        self._enter(cell.taken)
        return Chunk(size, last, first)

    def _mistake(self, reply: Reply, step: Step | None = None) -> Question:
        """A line that is not carried out, and counts against the client."""
        self._errors += 1
        self._owed = Bad(reply if self._errors <= self._limits.errors else replies.TOO_MANY_ERRORS)
        self._step = step
        return self._owed

    def _end_of_data(self, fault: Reply | None) -> Question:
        self._decoder = None
        self._owed = _SOUND_END if fault is None else EndOfData(fault)
        self._step = END_OF_DATA
        return self._owed

    # What answers bring about.

    def _take(self, owed: Question, code: int) -> None:
        """What follows, beside the next state, when a command is answered 2yz or 3yz."""
        kind = type(owed)
        if (code >= 300 or kind in _FITTING) and code not in _FITTING.get(kind, ()):
            raise ProtocolError(f"{code} cannot be the answer to {owed!r}: {_FITTING_SAID}")
        if kind is Recipient:
            self._recipients += 1
        elif isinstance(owed, Mail):
            self._smtputf8 = owed.smtputf8
        elif kind is Data:
            self._decoder = Decoder(self._limits.message_size, self._limits.header_size)
        elif isinstance(owed, _ENDS):
            self._check_end(owed, code)
            self._check_each(owed)
        elif isinstance(owed, Hello):
            self._extended = owed.extended
        elif kind in _LOGINS:
            self._authenticated = code == 235
            if code == 334:
                self._step = _ASKED_ON
        elif kind is Bad:
            raise ProtocolError(_not_refused(owed, code))

    def _refuse(self, owed: Question, code: int) -> None:
        """... when it is answered 4yz or 5yz."""
        self._check_each(owed)
        if code >= 500 and type(owed) in _LOGINS:
            self._failures += 1

    def _check_end(self, owed: Question, code: int) -> None:
        """Nobody can take a message that has a fault."""
        if code >= 300 or (isinstance(owed, _ENDS) and owed.fault is not None):
            raise ProtocolError(_not_refused(owed, code))

    def _check_each(self, owed: Question) -> None:
        """LMTP has an answer of its own to the end of data."""
        if self._offer.lmtp and type(owed) is EndOfData:
            raise ProtocolError("LMTP owes one reply for each recipient at the end of data: call send_each()")

    def _enter(self, state: State) -> None:
        self._state = state
        self._row, self._read, at_entry = self._places[state]
        if at_entry is not None:
            at_entry(self)

    def _without_transaction(self) -> None:
        """READY: nothing of a transaction, or of a login, is left over."""
        self._recipients = 0
        self._smtputf8 = False
        self._chunks = None
        self._buffer.limit = self._limits.command_line

    def _without_message(self) -> None:
        """SPOILT: what came of the message is void."""
        self._chunks = None

    def _await_response(self) -> None:
        """AUTHENTICATING: lines may be longer than commands."""
        self._buffer.limit = self._limits.auth_line

    def _await_tls(self) -> None:
        """SECURING: whoever has sent something already has not waited for TLS."""
        if self._buffer.data:
            self._close()

    def _give_up(self, reply: Reply) -> bytes:
        """421, which ends a session at any time (RFC 5321 section 3.8), or an answer that nobody asked for."""
        if reply.code != 421 or self._state is _CLOSED:
            raise ProtocolError(f"nothing was asked, so there is no answer to give: {reply!r}")
        self._close()
        return reply.encoded

    def _close(self) -> None:
        self._state = _CLOSED
        self._over = True
        self._row, self._read, _ = self._places[_CLOSED]
        self._owed = None
        self._decoder = self._chunks = self._unwanted = None
        self._buffer.clear()


_LOGINS = (Authenticate, AuthResponse)
_ENDS = (EndOfData, EndOfChunk)
_ASKED_ON = Step(RESPONSE.asked or RESPONSE.taken, RESPONSE.refused)
_FITTING: Mapping[type[Question], tuple[int, ...]] = {
    Data: (354,),
    StartTls: (220,),
    Authenticate: (235, 334),
    AuthResponse: (235, 334),
}
"""Which codes below 400 can answer a question; all others are answered 2yz."""
_FITTING_SAID = "354 belongs to DATA alone, 220 to STARTTLS, 235 and 334 to AUTH"


def _not_refused(owed: Question, code: int) -> str:
    return f"{code} would say that {owed!r} was taken; it can only be refused, 4yz or 5yz"


class _Place(NamedTuple):
    """What holds in a state."""

    row: Row
    read: Callable[[Server], Event]
    at_entry: Callable[[Server], None] | None


_READERS: Mapping[State, Callable[[Server], Event]] = {
    State.CONTENT: Server._read_data,
    State.CHUNK: Server._read_chunk,
    State.AUTHENTICATING: Server._read_response,
    State.SECURING: Server._wait,
    State.CLOSED: Server._wait,
}
"""What is read where no command line is."""
_AT_ENTRY: Mapping[State, Callable[[Server], None]] = {
    State.READY: Server._without_transaction,
    State.SPOILT: Server._without_message,
    State.AUTHENTICATING: Server._await_response,
    State.SECURING: Server._await_tls,
    State.CLOSED: Server._close,
}


def _places(table: Mapping[State, Row]) -> dict[State, _Place]:
    return {
        state: _Place(row, _READERS.get(state, Server._read_line), _AT_ENTRY.get(state))
        for state, row in table.items()
    }


_PLACES = (_places(TABLE), _places(LMTP_TABLE))
"""What holds in each state, without LMTP and with it."""
