"""Where the client's side of a session stands, and where each answer leads: every transition, in one table.

What is followed is the *server's* state, as its replies tell it: a command that is on its way has no effect here until
its reply is read. So one table serves a dialogue step by step and a pipelined one alike.

    CONNECTED ──220──> GREETED ──EHLO──> READY ──MAIL──> SENDER ──RCPT──> RECIPIENTS ──DATA──> CONTENT
                          ^                │ ^                                │                   │
                          │             STARTTLS └────────── end of data, BDAT LAST, RSET ────────┘
                          └─ handshake ── HANDSHAKE
    QUIT leads to CLOSED, and so does the reply 421, at any time (RFC 5321 section 3.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a session stands."""

    CONNECTED = "connected"  # the greeting has not come
    UNWELCOME = "unwelcome"  # the server greeted with a refusal; there is nothing to do but to leave
    GREETED = "greeted"  # hello is to be said: for the first time, or again after the TLS handshake
    HANDSHAKE = "handshake"  # STARTTLS was taken; what follows is TLS
    READY = "ready"  # there is no transaction
    SENDER = "sender"  # the server has a reverse-path
    RECIPIENTS = "recipients"  # ... and at least one recipient
    CONTENT = "content"  # 354 has come: all that is sent is the message, until its end
    VOID = "void"  # 354 has come although nobody was taken: the message must end before it begins
    CLOSED = "closed"


class Said(StrEnum):
    """What a server answers."""

    GREETING = "the connection"
    EHLO = "EHLO"
    HELO = "HELO"
    LHLO = "LHLO"
    STARTTLS = "STARTTLS"
    TLS = "the TLS handshake"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END_OF_DATA = "the end of data"
    BDAT = "BDAT"
    LAST = "BDAT LAST"
    RSET = "RSET"
    NOOP = "NOOP"
    QUIT = "QUIT"


class Step(NamedTuple):
    """Something that may have been said in a state, and what its answer means."""

    taken: State
    """Where the session stands once it was taken: answered 2yz, or 354 in the case of DATA."""
    refused: State
    """... once it was answered 4yz or 5yz."""


Row = Mapping[Said, Step]


def _at_any_time(here: State) -> dict[Said, Step]:
    """What never depends on what came before (RFC 5321 section 4.1.4)."""
    return {
        Said.NOOP: Step(here, here),  # RFC 5321 section 4.1.1.9: affects nothing
        Said.QUIT: Step(
            State.CLOSED, State.CLOSED
        ),  # RFC 5321 section 4.1.1.10: whatever the answer, it is over
    }


def _hello(refused: State) -> dict[Said, Step]:
    """A hello that is taken drops the transaction that was open; one that is refused does not."""
    step = Step(State.READY, refused)
    return {
        Said.EHLO: step,  # RFC 5321 sections 4.1.1.1 and 4.1.4
        Said.HELO: step,
        Said.LHLO: step,  # RFC 2033 section 4.1: as EHLO
    }


TABLE: Mapping[State, Row] = {
    # RFC 5321 section 3.1: the server speaks first, and may refuse; then only QUIT is in place.
    State.CONNECTED: {Said.GREETING: Step(State.GREETED, State.UNWELCOME)},
    State.UNWELCOME: {Said.QUIT: Step(State.CLOSED, State.CLOSED)},
    State.GREETED: {
        **_at_any_time(State.GREETED),
        **_hello(State.GREETED),
        # RFC 5321 section 4.1.4: RSET needs no hello.
        Said.RSET: Step(State.GREETED, State.GREETED),
    },
    # RFC 3207 section 4.2: after the handshake the session begins anew; nothing that was known before counts.
    State.HANDSHAKE: {Said.TLS: Step(State.GREETED, State.CLOSED)},
    State.READY: {
        **_at_any_time(State.READY),
        **_hello(State.READY),
        # RFC 3207 section 4: refused, the session goes on in the clear, if the client wants it to.
        Said.STARTTLS: Step(State.HANDSHAKE, State.READY),
        # RFC 4954 section 4: not inside a transaction.
        Said.AUTH: Step(State.READY, State.READY),
        # RFC 5321 section 4.1.1.2: MAIL opens a transaction.
        Said.MAIL: Step(State.SENDER, State.READY),
        # RFC 2920 section 3.1: what was sent in one group with a MAIL that is refused is answered all the same. It
        # means nothing; but if 354 comes, the server waits for a message.
        Said.RCPT: Step(State.READY, State.READY),
        Said.DATA: Step(State.VOID, State.READY),
        Said.BDAT: Step(State.READY, State.READY),
        Said.LAST: Step(State.READY, State.READY),
        Said.RSET: Step(State.READY, State.READY),
    },
    State.SENDER: {
        **_at_any_time(State.SENDER),
        **_hello(State.SENDER),
        # RFC 5321 section 4.1.1.3: a recipient more; refused, there are those there were.
        Said.RCPT: Step(State.RECIPIENTS, State.SENDER),
        # RFC 2920 section 3.1: 354 although no recipient was taken.
        Said.DATA: Step(State.VOID, State.SENDER),
        # RFC 3030 section 2: chunks for nobody; the transaction has to be dropped with RSET.
        Said.BDAT: Step(State.SENDER, State.SENDER),
        Said.LAST: Step(State.READY, State.SENDER),
        # RFC 5321 section 4.1.1.5: RSET drops the transaction.
        Said.RSET: Step(State.READY, State.SENDER),
    },
    State.RECIPIENTS: {
        **_at_any_time(State.RECIPIENTS),
        **_hello(State.RECIPIENTS),
        Said.RCPT: Step(State.RECIPIENTS, State.RECIPIENTS),
        # RFC 5321 section 4.1.1.4: 354 makes everything that follows the message; refused, nothing changes.
        Said.DATA: Step(State.CONTENT, State.RECIPIENTS),
        # RFC 3030 section 2: a chunk; refused, nobody can say what the server has kept, so RSET must follow.
        Said.BDAT: Step(State.RECIPIENTS, State.RECIPIENTS),
        Said.LAST: Step(State.READY, State.RECIPIENTS),
        Said.RSET: Step(State.READY, State.RECIPIENTS),
    },
    # RFC 5321 section 4.1.1.4: the end of data uses the transaction up, whatever the answer.
    State.CONTENT: {Said.END_OF_DATA: Step(State.READY, State.READY)},
    State.VOID: {Said.END_OF_DATA: Step(State.READY, State.READY)},
    State.CLOSED: {},
}

INSTEAD: Mapping[State, str] = {
    State.CONNECTED: "the server speaks first; read its greeting with next_event()",
    State.UNWELCOME: "the server does not want this session; leave with quit()",
    State.GREETED: "say hello() first",
    State.HANDSHAKE: "make the TLS handshake, then call tls_started()",
    State.READY: "begin() a transaction first",
    State.SENDER: "a transaction is open at the server; reset() first",
    State.RECIPIENTS: "a transaction is open at the server; reset() first",
    State.CONTENT: "finish the message first, with end_content()",
    State.VOID: "the transaction is not over; read what became of it with next_event()",
    State.CLOSED: "the session is over; make a new Client for a new connection",
}
"""For each state: what to do instead of what may not be said in it."""


def fits(said: Said, code: int) -> bool:
    """Whether the code can be an answer to that at all (RFC 5321 section 4.3.2). What does not fit is no acceptance.

    The exchange that AUTH begins has answers of its own, 334, before the one that ends it (RFC 4954 section 4).
    """
    if code >= 400:
        return True
    if said is Said.DATA:
        return code == 354
    return code < 300 or (said is Said.AUTH and code == 334)
