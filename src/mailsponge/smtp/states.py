"""Where a session stands, and where each command leads: every transition of the server, in one table.

A cell of the table is a :class:`Step` (the command may come now; what follows when it is taken, and when it is
refused), the :class:`~mailsponge.mail.reply.Reply` that says why it may not come now, or, for BDAT, an
:class:`Unwanted`.

    CONNECTED ──greeting──> GREETED ──EHLO──> READY ──MAIL──> SENDER ──RCPT──> RECIPIENTS ──DATA──> CONTENT
                               ^              │ ^ │             │                   │                  │
               TLS has started │   ┌─STARTTLS─┘ │ └─AUTH, 334─┐ │                   │BDAT              │
                               │   v            │             v │BDAT               v                  │
                            SECURING            │  AUTHENTICATING                 CHUNK <──BDAT── CHUNKED
                                                │    (until 235 or 5yz)             │ └─end of chunk─^ │
                                                │               v                   │refused           │
                                                │             SPOILT <──────────────┘                  │
                                                └───────── end of data, RSET, EHLO ────────────────────┘
    QUIT leads to CLOSED, and so does the reply 421, at any time (RFC 5321 section 3.8).

In LMTP (RFC 2033) the same holds with LHLO instead of EHLO and HELO: see :data:`LMTP_TABLE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mailsponge.mail.reply import Reply
from mailsponge.smtp.replies import (
    AUTH_BEFORE_MAIL,
    CHUNKS_BEGUN,
    CHUNKS_SPOILT,
    HELLO_FIRST,
    LHLO_FIRST,
    LMTP_NO_RECIPIENT,
    MAIL_FIRST,
    NO_RECIPIENT,
    ONE_AT_A_TIME,
    SAY_EHLO,
    SAY_LHLO,
    TLS_BEFORE_MAIL,
)


class State(StrEnum):
    """Where a session stands."""

    CONNECTED = "connected"  # nobody has said anything
    GREETED = "greeted"  # 220 is out; the client has not said hello
    READY = "ready"  # hello is said; there is no transaction
    SENDER = "sender"  # a transaction with a reverse-path
    RECIPIENTS = "recipients"  # ... and at least one recipient
    CONTENT = "content"  # 354 is out: all that comes is the message, until its end
    CHUNK = "chunk"  # BDAT has come: so many octets are the message's
    CHUNKED = "chunked"  # a chunk has come, and another must
    SPOILT = "spoilt"  # a chunk was refused: nothing can come of this transaction
    SECURING = "securing"  # 220 to STARTTLS is out: nothing is read before TLS has started
    AUTHENTICATING = "authenticating"  # 334 is out: a line of base64 comes
    CLOSED = "closed"


class Verb(StrEnum):
    """What moves a session. Commands first; a client cannot type those in parentheses."""

    EHLO = "EHLO"
    HELO = "HELO"
    LHLO = "LHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BDAT = "BDAT"
    RSET = "RSET"
    NOOP = "NOOP"
    VRFY = "VRFY"
    HELP = "HELP"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    QUIT = "QUIT"
    GREETING = "(greeting)"
    RESPONSE = "(response)"
    TLS_STARTED = "(TLS started)"
    END_OF_CHUNK = "(end of chunk)"
    END_OF_DATA = "(end of data)"


COMMANDS = tuple(verb for verb in Verb if verb.isalpha())


class Step(NamedTuple):
    """A command that may come now."""

    taken: State
    """Where the session stands once it was answered 2yz or 354."""
    refused: State
    """... once it was answered 4yz or 5yz."""
    asked: State | None = None
    """... once it was answered 334, which only AUTH can be."""


class Unwanted(NamedTuple):
    """A BDAT that may not come now. Its octets come all the same, are thrown away, and answered then.

    RFC 3030 section 2: the server must accept and discard them before it says 4yz or 5yz.
    """

    reply: Reply
    then: State
    """Where the session stands afterwards."""


Cell = Step | Unwanted | Reply
Row = Mapping[str, Cell]
"""One state's cells, by verb. A plain ``str`` finds them too."""


def _at_any_time(here: State) -> dict[str, Cell]:
    """The commands that never depend on what came before (RFC 5321 section 4.1.4)."""
    stay = Step(here, here)
    return {
        Verb.LHLO: SAY_EHLO,  # RFC 2033 section 4.1: LHLO is no command of SMTP
        Verb.NOOP: stay,  # RFC 5321 section 4.1.1.9: affects nothing
        Verb.VRFY: stay,  # RFC 5321 section 4.1.1.6: affects nothing
        Verb.HELP: stay,  # RFC 5321 section 4.1.1.8: affects nothing
        Verb.QUIT: Step(State.CLOSED, State.CLOSED),  # RFC 5321 section 4.1.1.10: the answer ends the session
    }


def _in_transaction(here: State) -> dict[str, Cell]:
    """... and those that mean the same wherever a transaction is open."""
    return {
        **_at_any_time(here),
        # RFC 5321 section 4.1.4: a hello that is taken drops the transaction; one that is refused does not.
        Verb.EHLO: Step(State.READY, here),
        Verb.HELO: Step(State.READY, here),
        # RFC 5321 section 4.1.4: MAIL only when no transaction is open.
        Verb.MAIL: ONE_AT_A_TIME,
        # RFC 5321 section 4.1.1.5: RSET drops the transaction.
        Verb.RSET: Step(State.READY, here),
        # RFC 3207 section 4.2 would forget the transaction: better that nobody relies on what becomes of it.
        Verb.STARTTLS: TLS_BEFORE_MAIL,
        # RFC 4954 section 4: not during a transaction.
        Verb.AUTH: AUTH_BEFORE_MAIL,
    }


GREETING = Step(State.GREETED, State.CLOSED)
"""RFC 5321 section 3.1: the server speaks first."""
END_OF_DATA = Step(State.READY, State.READY)
"""RFC 5321 section 4.1.1.4: the end of data uses the transaction up, whatever the answer."""
BDAT = Step(State.CHUNK, State.CLOSED)
"""RFC 3030 section 2: its octets follow at once. Refused means that nobody can tell how many they are: what follows
cannot be told from commands, so nothing of it may be read."""
END_OF_CHUNK = Step(State.CHUNKED, State.SPOILT)
"""RFC 3030 section 2: refused, the message has failed."""
RESPONSE = Step(State.READY, State.READY, State.AUTHENTICATING)
"""RFC 4954 section 4: 334 asks on, anything else ends the exchange."""
TLS_STARTED = Step(State.GREETED, State.CLOSED)
"""RFC 3207 section 4.2: everything that was said is forgotten. Refused: bytes came in the clear before TLS."""

TABLE: Mapping[State, Row] = {
    State.CONNECTED: {Verb.GREETING: GREETING},
    State.GREETED: {
        **_at_any_time(State.GREETED),
        # RFC 5321 section 4.1.1.1; refused, it leaves everything as it was (section 4.1.4).
        Verb.EHLO: Step(State.READY, State.GREETED),
        Verb.HELO: Step(State.READY, State.GREETED),
        # RFC 5321 section 4.1.4: a transaction needs a session.
        Verb.MAIL: HELLO_FIRST,
        Verb.RCPT: HELLO_FIRST,
        Verb.DATA: HELLO_FIRST,
        Verb.BDAT: Unwanted(HELLO_FIRST, State.GREETED),
        # RFC 3207 section 4 and RFC 4954 section 3: they come after the EHLO that offers them.
        Verb.STARTTLS: HELLO_FIRST,
        Verb.AUTH: HELLO_FIRST,
        # RFC 5321 section 4.1.4: RSET needs none.
        Verb.RSET: Step(State.GREETED, State.GREETED),
    },
    State.READY: {
        **_at_any_time(State.READY),
        # RFC 5321 section 4.1.4: hello may be said again.
        Verb.EHLO: Step(State.READY, State.READY),
        Verb.HELO: Step(State.READY, State.READY),
        # RFC 5321 section 4.1.1.2: MAIL opens a transaction.
        Verb.MAIL: Step(State.SENDER, State.READY),
        # RFC 5321 section 3.3: out of order is 503, and the state stays.
        Verb.RCPT: MAIL_FIRST,
        Verb.DATA: MAIL_FIRST,
        # RFC 3030 section 2: so is a BDAT after the last one, or after DATA.
        Verb.BDAT: Unwanted(MAIL_FIRST, State.READY),
        # RFC 3207 section 4: 220, and TLS comes next; 454, and all is as it was.
        Verb.STARTTLS: Step(State.SECURING, State.READY),
        # RFC 4954 section 4: 235 at once, or 334 for more; once taken, it is not offered again.
        Verb.AUTH: RESPONSE,
        Verb.RSET: Step(State.READY, State.READY),
    },
    State.SENDER: {
        **_in_transaction(State.SENDER),
        # RFC 5321 section 4.1.1.3: a recipient more; refused, there are those there were.
        Verb.RCPT: Step(State.RECIPIENTS, State.SENDER),
        # RFC 5321 section 3.3: no recipient was taken.
        Verb.DATA: NO_RECIPIENT,
        # ... and as the first chunk is lost, no message can come of the next ones (RFC 3030 section 2).
        Verb.BDAT: Unwanted(NO_RECIPIENT, State.SPOILT),
    },
    State.RECIPIENTS: {
        **_in_transaction(State.RECIPIENTS),
        Verb.RCPT: Step(State.RECIPIENTS, State.RECIPIENTS),
        # RFC 5321 section 4.1.1.4: 354 makes everything that follows the message; refused, nothing changes.
        Verb.DATA: Step(State.CONTENT, State.RECIPIENTS),
        Verb.BDAT: BDAT,
    },
    State.CONTENT: {Verb.END_OF_DATA: END_OF_DATA},
    State.CHUNK: {Verb.END_OF_CHUNK: END_OF_CHUNK, Verb.END_OF_DATA: END_OF_DATA},
    State.CHUNKED: {
        **_in_transaction(State.CHUNKED),
        # RFC 3030 section 2: the envelope is complete, and DATA and BDAT exclude each other.
        Verb.RCPT: CHUNKS_BEGUN,
        Verb.DATA: CHUNKS_BEGUN,
        Verb.BDAT: BDAT,
    },
    State.SPOILT: {
        **_in_transaction(State.SPOILT),
        # RFC 3030 section 2: RSET comes next; chunks that were on their way already are thrown away.
        Verb.MAIL: CHUNKS_SPOILT,
        Verb.RCPT: CHUNKS_SPOILT,
        Verb.DATA: CHUNKS_SPOILT,
        Verb.BDAT: Unwanted(CHUNKS_SPOILT, State.SPOILT),
    },
    State.SECURING: {Verb.TLS_STARTED: TLS_STARTED},
    # RFC 4954 section 4: "*" and whatever is not base64 are refused.
    State.AUTHENTICATING: {Verb.RESPONSE: RESPONSE},
    State.CLOSED: {},
}


def _lmtp(row: Row) -> Row:
    """The same row in LMTP."""
    if Verb.EHLO not in row:
        return row
    changed: dict[str, Cell] = {
        # RFC 2033 section 4.1: LHLO has the meaning of EHLO, and the other two must be refused.
        Verb.LHLO: row[Verb.EHLO],
        Verb.EHLO: SAY_LHLO,
        Verb.HELO: SAY_LHLO,
    }
    said = {verb: _lmtp_cell(cell) for verb, cell in row.items()}
    return {**said, **changed}


def _lmtp_cell(cell: Cell) -> Cell:
    if isinstance(cell, Unwanted):
        return Unwanted(_LMTP_REPLIES.get(cell.reply, cell.reply), cell.then)
    return _LMTP_REPLIES.get(cell, cell) if isinstance(cell, Reply) else cell


_LMTP_REPLIES = {
    HELLO_FIRST: LHLO_FIRST,
    # RFC 2033 section 4.2: DATA without a recipient that was taken must be 503.
    NO_RECIPIENT: LMTP_NO_RECIPIENT,
}


LMTP_TABLE: Mapping[State, Row] = {state: _lmtp(row) for state, row in TABLE.items()}
"""RFC 2033: what LMTP changes, and nothing else."""
