"""Where a session stands, and where each command leads: every transition of the server, in one table.

A cell of the table is either a :class:`Step` (the command may come now; what follows when it is taken, and when it is
refused) or the :class:`~mailsponge.mail.reply.Reply` that says why it may not come now.

    CONNECTED ──greeting──> GREETED ──EHLO──> READY ──MAIL──> SENDER ──RCPT──> RECIPIENTS ──DATA──> CONTENT
                                                ^                                                      │
                                                └──────────── end of data, RSET, EHLO ─────────────────┘
    QUIT leads to CLOSED, and so does the reply 421, at any time (RFC 5321 section 3.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mailsponge.mail.reply import Reply
from mailsponge.smtp.replies import HELLO_FIRST, MAIL_FIRST, NO_RECIPIENT, ONE_AT_A_TIME


class State(StrEnum):
    """Where a session stands."""

    CONNECTED = "connected"  # nobody has said anything
    GREETED = "greeted"  # 220 is out; the client has not said hello
    READY = "ready"  # hello is said; there is no transaction
    SENDER = "sender"  # a transaction with a reverse-path
    RECIPIENTS = "recipients"  # ... and at least one recipient
    CONTENT = "content"  # 354 is out: all that comes is the message, until its end
    CLOSED = "closed"


class Verb(StrEnum):
    """What moves a session. The first ten are commands; a client cannot type the last two."""

    EHLO = "EHLO"
    HELO = "HELO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    RSET = "RSET"
    NOOP = "NOOP"
    VRFY = "VRFY"
    HELP = "HELP"
    QUIT = "QUIT"
    GREETING = "(greeting)"
    END_OF_DATA = "(end of data)"


COMMANDS = tuple(verb for verb in Verb if verb.isalpha())


class Step(NamedTuple):
    """A command that may come now."""

    taken: State
    """Where the session stands once it was answered 2yz or 3yz."""
    refused: State
    """... once it was answered 4yz or 5yz."""


Row = Mapping[str, Step | Reply]
"""One state's cells, by verb. A plain ``str`` finds them too."""


def _at_any_time(here: State) -> dict[str, Step | Reply]:
    """The commands that never depend on what came before (RFC 5321 section 4.1.4)."""
    stay = Step(here, here)
    return {
        Verb.NOOP: stay,  # RFC 5321 section 4.1.1.9: affects nothing
        Verb.VRFY: stay,  # RFC 5321 section 4.1.1.6: affects nothing
        Verb.HELP: stay,  # RFC 5321 section 4.1.1.8: affects nothing
        Verb.QUIT: Step(State.CLOSED, State.CLOSED),  # RFC 5321 section 4.1.1.10: the answer ends the session
    }


GREETING = Step(State.GREETED, State.CLOSED)
"""RFC 5321 section 3.1: the server speaks first."""
END_OF_DATA = Step(State.READY, State.READY)
"""RFC 5321 section 4.1.1.4: the end of data uses the transaction up, whatever the answer."""

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
        Verb.RSET: Step(State.READY, State.READY),
    },
    State.SENDER: {
        **_at_any_time(State.SENDER),
        # RFC 5321 section 4.1.4: a hello that is taken drops the transaction; one that is refused does not.
        Verb.EHLO: Step(State.READY, State.SENDER),
        Verb.HELO: Step(State.READY, State.SENDER),
        # RFC 5321 section 4.1.4: MAIL only when no transaction is open.
        Verb.MAIL: ONE_AT_A_TIME,
        # RFC 5321 section 4.1.1.3: a recipient more; refused, there are those there were.
        Verb.RCPT: Step(State.RECIPIENTS, State.SENDER),
        # RFC 5321 section 3.3: no recipient was taken.
        Verb.DATA: NO_RECIPIENT,
        # RFC 5321 section 4.1.1.5: RSET drops the transaction.
        Verb.RSET: Step(State.READY, State.SENDER),
    },
    State.RECIPIENTS: {
        **_at_any_time(State.RECIPIENTS),
        Verb.EHLO: Step(State.READY, State.RECIPIENTS),
        Verb.HELO: Step(State.READY, State.RECIPIENTS),
        Verb.MAIL: ONE_AT_A_TIME,
        Verb.RCPT: Step(State.RECIPIENTS, State.RECIPIENTS),
        # RFC 5321 section 4.1.1.4: 354 makes everything that follows the message; refused, nothing changes.
        Verb.DATA: Step(State.CONTENT, State.RECIPIENTS),
        Verb.RSET: Step(State.READY, State.RECIPIENTS),
    },
    State.CONTENT: {Verb.END_OF_DATA: END_OF_DATA},
    State.CLOSED: {},
}
