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
"""

from __future__ import annotations

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import replies, syntax
from mailsponge.smtp.buffer import ReceiveBuffer
from mailsponge.smtp.data import Decoder
from mailsponge.smtp.events import (
    NEED_DATA,
    Bad,
    Closed,
    Content,
    Data,
    EndOfData,
    Event,
    Hello,
    Mail,
    Question,
    Recipient,
)
from mailsponge.smtp.limits import Limits
from mailsponge.smtp.states import END_OF_DATA, GREETING, TABLE, State, Step

__all__ = ["Limits", "Server"]

_DEFAULTS = Limits()
_SESSION_OVER = Closed()
_SOUND_END = EndOfData(None)
# Reading a member off its enum is slow in Python 3.11, and these are needed at every command.
_READY = State.READY
_CLOSED = State.CLOSED


class _Greeting(Question):
    """What the server owes before anything has come: it speaks first."""

    __slots__ = ()


class Server:
    """One session, from the greeting to its end. Not to be shared between threads."""

    __slots__ = (
        "_buffer",
        "_decoder",
        "_errors",
        "_extended",
        "_gone",
        "_hostname",
        "_limits",
        "_over",
        "_owed",
        "_recipients",
        "_row",
        "_smtputf8",
        "_state",
        "_step",
    )

    def __init__(self, hostname: str, limits: Limits = _DEFAULTS) -> None:
        """``hostname``: what the server calls itself. Raises ProtocolError for a limit below 1."""
        if min(limits) < 1:
            raise ProtocolError(f"each limit must be at least 1: {limits}")
        self._hostname = hostname
        self._limits = limits
        self._buffer = ReceiveBuffer(limits.command_line)
        self._state = State.CONNECTED
        self._row = TABLE[State.CONNECTED]
        self._owed: Question | None = _Greeting()  # the question that waits for its answer
        self._step: Step | None = GREETING  # where that answer leads; None: nowhere
        self._decoder: Decoder | None = None  # there is one exactly while content is read
        self._gone = False  # the client
        self._over = False  # no more bytes will be taken: it has gone, or the session is closed
        self._errors = 0
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

        With Hello and Data unanswered this means that the client pipelined where it must not (RFC 2920 section 3.1).
        """
        return bool(self._buffer.data)

    def greet(self) -> bytes:
        """The greeting, 220: once, before anything else."""
        if self._state is not State.CONNECTED:
            raise ProtocolError("the greeting is said once, first")
        return self.send(replies.greeting(self._hostname))

    def receive_data(self, data: bytes) -> None:
        """Take what came from the client; ``b""`` says that it has gone and nothing more will come."""
        if data and not self._over:
            self._buffer.feed(data)
        elif not data:
            self._gone = self._over = True
        elif self._gone:
            raise ProtocolError("data came after the client had gone")

    def next_event(self) -> Event:
        """What happened next, or NEED_DATA. Raises ProtocolError before the greeting, and while an answer is owed."""
        if self._owed is not None:
            raise ProtocolError(f"{self._owed!r} waits for its answer: call send() first")
        if self._decoder is not None:
            return self._read_content(self._decoder)
        buffer = self._buffer
        line = buffer.line() if buffer.data else None
        if line is not None:
            return self._read_command(line)
        return self._wait() if self._over else NEED_DATA

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
        self._owed = None
        step = self._step
        if step is not None:
            state = step.taken if code < 400 else step.refused
            if state is not self._state:
                self._enter(state)
        return reply.encoded

    def _read_command(self, line: bytes | Reply) -> Question:
        """The event that a line means, in this state."""
        said = syntax.text(line) if isinstance(line, bytes) else line
        if isinstance(said, Reply):
            return self._mistake(said)
        verb = said[:4].upper()
        step = self._row.get(verb)
        # The fifth character is a space, or nothing. Beyond ASCII, upper() makes command letters of other letters.
        if step is None or said[4:5] not in " " or not (said.isascii() or said[:4].isascii()):
            return self._mistake(syntax.not_a_command(said))
        if isinstance(step, Reply):
            return self._mistake(step)
        event = self._question(verb, said[5:])
        if isinstance(event, Reply):
            return self._mistake(event)
        self._owed = event
        self._step = step
        return event

    def _question(self, verb: str, argument: str) -> Question | Reply:
        """What the command asks. A limit reached is Bad at once, for it is no mistake; a Reply is one."""
        if verb == "RCPT":
            return self._recipient(argument)
        if verb == "MAIL":
            return self._mail(argument)
        simple = syntax.SIMPLE.get(verb)
        return self._hello(argument, verb == "EHLO") if simple is None else simple(argument)

    def _hello(self, argument: str, extended: bool) -> Question | Reply:
        name = syntax.client_name(argument)
        if isinstance(name, Reply):
            return name
        offered = replies.extensions(self._hostname, self._limits.message_size)
        return Hello(name, extended, offered if extended else replies.hello(self._hostname))

    def _mail(self, argument: str) -> Question | Reply:
        event = syntax.mail(argument, self._extended)
        if isinstance(event, Mail) and event.size is not None and event.size > self._limits.message_size:
            return Bad(replies.too_large(self._limits.message_size))  # RFC 1870 section 6.1
        return event

    def _recipient(self, argument: str) -> Question | Reply:
        event = syntax.recipient(argument, self._smtputf8)
        if self._recipients >= self._limits.recipients and isinstance(event, Recipient):
            return Bad(replies.TOO_MANY_RECIPIENTS)  # RFC 5321 section 4.5.3.1.10
        return event

    def _mistake(self, reply: Reply) -> Question:
        """A line that is not carried out, and counts against the client."""
        self._errors += 1
        self._owed = Bad(reply if self._errors <= self._limits.errors else replies.TOO_MANY_ERRORS)
        self._step = None
        return self._owed

    def _read_content(self, decoder: Decoder) -> Event:
        if not decoder.ended:
            buffer = self._buffer
            if not buffer.data:
                return self._wait()
            content, stop = decoder.decode(buffer.data, buffer.at)
            buffer.read_to(stop)
            if content:
                return Content(content)
            if not decoder.ended:
                return self._read_content(decoder)
        self._decoder = None
        self._owed = _SOUND_END if decoder.fault is None else EndOfData(decoder.fault)
        self._step = END_OF_DATA
        return self._owed

    def _wait(self) -> Event:
        """All that came has been read."""
        if not self._over:
            return NEED_DATA
        self._close()
        return _SESSION_OVER

    def _take(self, owed: Question, code: int) -> None:
        """What follows, beside the next state, when a command is answered 2yz or 3yz."""
        if (code != 354) if type(owed) is Data else (code >= 300):
            raise ProtocolError(f"{code} cannot be the answer to {owed!r}; 354 belongs to DATA alone")
        if type(owed) is Recipient:
            self._recipients += 1
        elif type(owed) is Mail:
            self._smtputf8 = owed.smtputf8
        elif type(owed) is Data:
            self._decoder = Decoder(self._limits.message_size)
        elif type(owed) is Hello:
            self._extended = owed.extended
        elif type(owed) is Bad or (type(owed) is EndOfData and owed.fault is not None):
            raise ProtocolError(
                f"{code} would say that {owed!r} was taken; it can only be refused, 4yz or 5yz"
            )

    def _enter(self, state: State) -> None:
        self._state = state
        self._row = TABLE[state]
        if state is _READY:  # where no transaction is
            self._recipients = 0
            self._smtputf8 = False
        elif state is _CLOSED:
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
        self._row = TABLE[_CLOSED]
        self._owed = None
        self._decoder = None
        self._buffer.clear()
