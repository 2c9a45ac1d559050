"""The bookkeeping of one transaction: what is still to be said, and what became of each recipient so far.

It knows the order of commands and what a reply means for whom, and nothing of the session around it. Every recipient
gets one outcome, the first that applies to it, and keeps it whatever the server says afterwards.
"""

from __future__ import annotations

from collections import deque

from mailsponge.errors import ProtocolError, UsageError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import client_commands as commands
from mailsponge.smtp.client_states import Said
from mailsponge.smtp.offers import Offers
from mailsponge.smtp.outcomes import Outcome, Result, answered, decided_here, refused_recipient
from mailsponge.smtp.outgoing import Outgoing, Transfer
from mailsponge.smtp.sending import Chunker, Encoder, Stuffer
from mailsponge.smtp.unsayable import unsayable

WINDOW = 100
"""Commands that may be without an answer at a time. RFC 2920 section 3.1 warns of two programs that both write and
do not read: this many fit into the buffers of any connection, the answers too."""
WITH_ENVELOPE = 65_536
"""Octets of a message that goes with its envelope in one group, if it goes in chunks. A larger one waits until it is
known that anybody is to get it."""

_RSET = (Said.RSET, b"RSET\r\n")
_DATA = (Said.DATA, b"DATA\r\n")


class Transaction:
    """One transaction, from its envelope to the last outcome."""

    __slots__ = (
        "_eager",
        "_ends",
        "_lmtp",
        "_next",
        "_open",
        "_outcomes",
        "_said_to",
        "_taken",
        "_to_say",
        "_window",
        "chunked",
        "message",
        "wanted",
    )

    def __init__(
        self, message: Outgoing, offers: Offers, *, lmtp: bool, reset: bool, secure: bool = False
    ) -> None:
        """``reset``: the server has a transaction open that must be dropped first. ``secure``: nobody can read along.

        Raises UsageError for what cannot be said in a command, ProtocolError for a transfer that is not offered.
        """
        if not message.recipients:
            raise UsageError("a message needs at least one recipient")
        self.message = message
        self.chunked = _chunked(message, offers)
        self.wanted = False  # the content has been asked for
        self._lmtp = lmtp
        self._outcomes = unsayable(message, offers, secure=secure)
        self._said_to = [at for at, outcome in enumerate(self._outcomes) if outcome is None]
        self._open = len(self._said_to)
        self._next = 0  # of those, the one that the next answer to RCPT is about
        self._taken: list[int] = []
        self._ends = 0  # answers to the end of data that have come
        self._window = WINDOW if "PIPELINING" in offers else 1
        self._eager = self.chunked and message.size is not None and message.size <= WITH_ENVELOPE
        self._to_say = deque([_RSET] if reset else ())
        self._to_say.append((Said.MAIL, commands.mail(message, offers)))
        for recipient, outcome in zip(message.recipients, self._outcomes, strict=True):
            line = commands.rcpt(recipient, offers)  # a mistake is found whether the server is asked or not
            if outcome is None:
                self._to_say.append((Said.RCPT, line))
        if not self.chunked:
            self._to_say.append(_DATA)

    @property
    def settled(self) -> bool:
        """Every recipient has its outcome."""
        return self._open == 0

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each recipient, once it is settled."""
        return tuple(outcome for outcome in self._outcomes if outcome is not None)

    def new_encoder(self) -> Encoder:
        """What the content goes through."""
        return Chunker() if self.chunked else Stuffer()

    def lines(self, unanswered: int) -> list[tuple[Said, bytes]]:
        """What to say now, while that many commands wait for their answers: nothing, one command, or a group."""
        if self.settled:
            self._to_say.clear()
        if unanswered > self._window // 2:  # a full group at a time, not a command for each answer
            return []
        count = min(len(self._to_say), self._window - unanswered)
        return [self._to_say.popleft() for _ in range(count)]

    def wants_chunks(self, unanswered: int) -> bool:
        """Whether the time has come for the first chunk."""
        ready = self.chunked and not (self.wanted or self._to_say or self.settled)
        return ready and (self._eager or not unanswered)

    def heard(self, said: Said, reply: Reply) -> bool:
        """Take the answer to one of the lines or to content; returns whether it was the last to that.

        Whether the reply fits what was said has been seen to.
        """
        if said is Said.RCPT:
            self._recipient(reply)
        elif said is Said.END_OF_DATA or said is Said.LAST:
            return self._end(said, reply)
        elif not reply.positive:
            self.refuse(reply, said)
        return True

    def refuse(self, reply: Reply, said: Said) -> None:
        """The server refuses whoever has no outcome yet."""
        for at, outcome in enumerate(self._outcomes):
            if outcome is None:
                self._decide(at, answered(self.message.recipients[at].address, reply, said))

    def fail(self, result: Result, code: str, said: Said, why: str) -> None:
        """Whoever has no outcome yet gets this one, which no server has given."""
        for at, outcome in enumerate(self._outcomes):
            if outcome is None:
                self._decide(at, decided_here(self.message.recipients[at].address, result, code, said, why))

    def _recipient(self, reply: Reply) -> None:
        at = self._said_to[self._next]
        self._next += 1
        if self._outcomes[at] is not None:  # the sender was refused: whatever this says, it has no meaning
            return
        if reply.positive:
            self._taken.append(at)
        else:
            address = self.message.recipients[at].address
            self._decide(at, refused_recipient(address, reply, bool(self._taken)))

    def _end(self, said: Said, reply: Reply) -> bool:
        """An answer to the whole message: one for all; in LMTP, one for each that was taken (RFC 2033 section 4.2)."""
        if not self._lmtp:
            for at in self._taken:
                self._accept_or_refuse(at, said, reply)
            return True
        if self._taken:
            self._accept_or_refuse(self._taken[self._ends], said, reply)
        self._ends += 1
        return self._ends >= len(self._taken)

    def _accept_or_refuse(self, at: int, said: Said, reply: Reply) -> None:
        if self._outcomes[at] is None:
            self._decide(at, answered(self.message.recipients[at].address, reply, said))

    def _decide(self, at: int, outcome: Outcome) -> None:
        self._outcomes[at] = outcome
        self._open -= 1


def _chunked(message: Outgoing, offers: Offers) -> bool:
    """Whether the content goes in chunks.

    They need no answer before the content, no dots, and no mark that could be mistaken for an end. Without pipelining
    each would cost a round trip.
    """
    possible = "CHUNKING" in offers and "PIPELINING" in offers
    if message.transfer is Transfer.BDAT and not possible:
        raise ProtocolError(
            "BDAT needs a server that offers CHUNKING and PIPELINING; leave transfer to the engine"
        )
    return possible and message.transfer is not Transfer.DATA
