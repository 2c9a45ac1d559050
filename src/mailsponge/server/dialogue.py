"""What the server answers: the engine's events on one side, admission and the store on the other.

    Recipient ──> admission          Content ──> incoming.write
    Data, Chunk ─> store.incoming    EndOfData ─> house.accept ··· (the commit) ··· _done ──> 250

Nothing here knows of sockets or deadlines; :mod:`mailsponge.server.session` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mailsponge.admission import Refused, at_home, local_sender, recipient, recipient_anywhere, sender
from mailsponge.auth.mechanisms import offered
from mailsponge.errors import StoreError, StoreFull, StoreReadOnly
from mailsponge.mail.reply import Reply
from mailsponge.server import held
from mailsponge.server.house import House
from mailsponge.server.login import Login
from mailsponge.server.role import Role
from mailsponge.server.transaction import Client, Transaction
from mailsponge.smtp.events import (
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
    Quit,
    Recipient,
    Reset,
    StartTls,
)
from mailsponge.smtp.replies import TOO_MANY_ERRORS
from mailsponge.smtp.server import Server
from mailsponge.store.protocol import Incoming

PIPELINED: Final = Reply(
    503, "5.5.0", "Wait for the reply to that before you send more; closing the connection"
)
NO_ROOM: Final = Reply(452, "4.3.1", "The disk here is full; please send the message again later")
READ_ONLY: Final = Reply(
    452, "4.3.0", "Nothing can be written to the disk here just now; please send the message again later"
)
NO_STORE: Final = Reply(451, "4.3.0", "The message could not be kept just now; please send it again later")
TOO_LARGE: Final = "5.3.4"
"""The enhanced code (RFC 3463) of a message that is larger than it may be."""
TOO_MANY: Final = Reply(
    452, "4.5.3", "That address leads to many, too many together; send to it in another transaction"
)
NO_CERTIFICATE: Final = Reply(454, "4.7.0", "TLS is not to be had any more; please connect again")

BACKLOG: Final = 8_000_000
"""Bytes of one message that the store may be behind before its sender has to wait."""
LOOK_EVERY: Final = 500_000
"""Bytes of one message after which the store is asked how far behind it is."""


Answer = Reply | int | None
"""A reply; or a reason to hold the session up (:mod:`mailsponge.server.held`); or nothing to be said."""


class Dialogue:
    """One session's side of the talk."""

    __slots__ = (
        "_answered",
        "_house",
        "_login",
        "_looked_at",
        "_refusal",
        "_refused",
        "_role",
        "_witness",
        "client",
        "engine",
        "quit",
        "rules",
        "send",
        "transaction",
    )

    def __init__(self, house: House, role: Role, client: Client, answered: Callable[[Reply], None]) -> None:
        """``answered`` gets the reply where the answer was :data:`held.COMMITTING` or :data:`held.LOGGING_IN`."""
        self._house = house
        self._role = role
        self._witness = house.witness_of(role.name)
        self._answered = answered
        self.rules = house.rules
        mechanisms = offered(self.rules.directory) if role.login else ()
        offer = role.offer(certificate=house.certificate is not None, mechanisms=mechanisms)
        self.engine = Server(self.rules.hostname, self.rules.limits, offer)
        self.send = self.engine.send
        """Turns an answer into bytes for the peer."""
        self.client = client
        self.transaction: Transaction | None = None
        self._login: Login | None = None
        self.quit = False
        self._refused = 0  # recipients, since the last message that was taken
        self._refusal: Reply | None = None  # why the chunks that come cannot be kept
        self._looked_at = 0  # the size of the message when the store's backlog was last asked for

    @property
    def in_message(self) -> bool:
        """Between DATA, or the first BDAT, and the end of the message."""
        return self.transaction is not None and self.transaction.incoming is not None

    def answer(self, event: Event) -> Answer:
        """Decide about one event."""
        decide = _DECISIONS.get(type(event))
        if decide is not None:
            return decide(self, event)
        assert isinstance(event, Question)
        return event.reply

    def secured(self, how: str) -> bytes:
        """TLS is agreed on, ``how`` in words. Returns what the server says first, if it is its turn."""
        self.client = Client(self.client.peer, tls=how, user=self.client.user)
        if self._role.tls_first:
            return self.engine.greet()
        self.forget("starttls")
        self.engine.tls_started()
        return b""

    def forget(self, why: str) -> None:
        """Drop the transaction, if there is one; ``why`` is a word for the log."""
        transaction = self.transaction
        if transaction is not None:
            self.transaction = None
            transaction.drop()
            self._witness.given_up(self.client, transaction, why)

    def dismiss(self, why: str, last_word: Reply | None) -> None:
        """Drop the transaction, if there is one, for the session ends; ``why`` is a word for the log."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.drop()
        self._witness.dismissed(self.client, transaction, why, last_word)

    def too_slow(self, waited: float) -> Reply:
        """What a client is told whose deadline has passed; ``waited`` is in seconds."""
        if self.in_message:
            return Reply(
                421, "4.4.2", "The message did not come in time and was dropped; please connect again"
            )
        return Reply(421, "4.4.2", f"Nothing came for {waited:g} seconds; closing the connection")

    def hang_up(self, *, committing: bool) -> None:
        """The connection is lost: drop what is not complete. A commit under way goes on, with nobody to tell."""
        if not committing:
            self.forget("connection-lost")
        self._give_up_login()
        self._answered = _nobody_waits

    def when_store_is_ready(self, then: Callable[[], None]) -> None:
        """Call ``then`` once the store has caught up with what it was given of the message so far."""
        self._message()[1].when_written(then)

    def _hello(self, event: Hello) -> Answer:
        if self.engine.pending:
            return PIPELINED
        self.forget("hello")
        self.client = self.client._replace(helo=event.name, extended=event.extended, lmtp=self._role.lmtp)
        return event.reply

    def _start_tls(self, event: StartTls) -> Answer:
        if self.engine.pending:  # in the clear, and perhaps somebody else's (RFC 3207 section 6)
            return PIPELINED
        return NO_CERTIFICATE if self._house.certificate is None else held.SHAKING_HANDS

    def _authenticate(self, event: Authenticate) -> Answer:
        rules = self.rules
        self._login = Login(
            self._house.logins, rules.directory, self.client, self._witness, self._granted, self._owed
        )
        return self._login.begin(event.mechanism, event.initial, rules.login_failures)

    def _auth_response(self, event: AuthResponse) -> Answer:
        assert self._login is not None
        return self._login.respond(event.data)

    def _granted(self, user: str) -> None:
        self.client = self.client._replace(login=user)

    def _owed(self, reply: Reply) -> None:
        self._answered(reply)

    def _give_up_login(self) -> None:
        if self._login is not None:
            self._login.give_up()
            self._login = None

    def _mail(self, event: Mail) -> Answer:
        refused = self._refused_sender(event)
        transaction = Transaction(self._from_home(event), self._house.clock())
        if refused is not None:
            self._witness.sender_refused(self.client, refused)
            return refused.reply
        shortage = self._house.shortage(event.size or 0)
        if shortage is not None:
            self._witness.not_taken(self.client, transaction, shortage)
            return shortage
        self.transaction = transaction
        return event.reply

    def _refused_sender(self, event: Mail) -> Refused | None:
        """Why who has logged in, or a program on this machine, may not send in this name."""
        client, rules = self.client, self.rules
        if client.login:
            decision = sender(rules.accounts, client.login, event.reverse_path)
        elif self._role.knows_users and client.user is not None and client.user.uid not in rules.trusted:
            decision = local_sender(rules.accounts, self._hosts, client.user.name, event.reverse_path)
        else:
            return None
        return decision if isinstance(decision, Refused) else None

    @property
    def _hosts(self) -> tuple[str, ...]:
        """What this machine is called."""
        return (self.rules.hostname, *self.rules.hostnames)

    def _from_home(self, event: Mail) -> Mail:
        """MAIL as it is meant: a program on this machine may name the machine."""
        sender = event.reverse_path
        if sender is None or not self._role.knows_users:
            return event
        home = at_home(self.rules.accounts, self._hosts, sender)
        return Mail(home, event.size, event.eight_bit, event.smtputf8, event.auth, event.ret, event.envid)

    def _to_home(self, event: Recipient) -> Recipient:
        """RCPT as it is meant, likewise."""
        if not self._role.knows_users:
            return event
        home = at_home(self.rules.accounts, self._hosts, event.address)
        return Recipient(home, event.notify, event.orcpt)

    @property
    def _belongs_here(self) -> bool:
        """Whether we know whose mail it is: who has logged in, or a program on this machine, which the kernel names."""
        client = self.client
        return bool(client.login) or (self._role.knows_users and client.user is not None)

    def _recipient(self, event: Recipient) -> Answer:
        transaction = self.transaction
        assert transaction is not None
        rules = self.rules
        event = self._to_home(event)
        decide = recipient_anywhere if self._belongs_here else recipient
        decision = decide(rules.accounts, rules.routes, event.address)
        if not isinstance(decision, Refused):
            if transaction.deliveries is not None and transaction.would_be_too_much(decision):
                transaction.refuse(Refused(TOO_MANY, f"<{event.address}> would lead to too many together"))
                return TOO_MANY
            transaction.admit(event, decision)
            return event.reply
        transaction.refuse(decision)
        self._witness.recipient_refused(decision)
        self._refused += 1
        # Who is known need not guess names; they have a long list with old ones in it.
        within = self._role.knows_users or self._refused <= self.rules.limits.errors
        return decision.reply if within else self._too_many_errors()

    def _data(self, event: Data) -> Answer:
        if self.engine.pending:
            return PIPELINED
        return self._begin() or event.reply

    def _chunk(self, event: Chunk) -> Answer:
        if event.first:
            self._refusal = self._begin()
        return None

    def _begin(self) -> Reply | None:
        """The message begins; returns why it cannot be kept, if it cannot."""
        assert self.transaction is not None
        try:
            incoming = self._house.store.incoming()
        except StoreError as error:
            return _store_reply(error)
        self._refusal = None
        self._looked_at = 0
        self.transaction.begin(incoming, self.client, self.rules.hostname, self._house.clock())
        return None

    def _content(self, event: Content) -> Answer:
        if self._refusal is not None:
            return None
        transaction, incoming = self._message()
        incoming.write(event.data)
        transaction.size += len(event.data)
        if self._house.store.held > self.rules.memory:
            incoming.spill()
            return held.STORE_BEHIND
        if transaction.size - self._looked_at < LOOK_EVERY:
            return None
        self._looked_at = transaction.size
        return held.STORE_BEHIND if incoming.backlog > BACKLOG else None

    def _end_of_chunk(self, event: EndOfChunk) -> Answer:
        return self._not_taken(event.fault) or event.reply

    def _end_of_data(self, event: EndOfData) -> Answer:
        refusal = self._not_taken(event.fault)
        if refusal is not None:
            return refusal
        transaction, incoming = self._message()
        self._house.accept(incoming, transaction.acceptance(self.client, self._house.clock()), self._done)
        return held.COMMITTING

    def _not_taken(self, fault: Reply | None) -> Reply | None:
        """Drop a message that has a fault, or that the store had no room for; returns which."""
        refusal = fault or self._refusal
        transaction = self.transaction
        if refusal is not None and transaction is not None:
            self.transaction = self._refusal = None
            transaction.drop()
            self._witness.not_taken(self.client, transaction, refusal)
        return refusal

    def _done(self, error: StoreError | None) -> None:
        """The store has the message on disk, or could not keep it."""
        transaction, incoming = self._message()
        self.transaction = None
        if error is None:
            self._refused = 0
            reply = Reply(250, "2.0.0", f"Taken as {incoming.id}")
            self._witness.taken(self.client, transaction, incoming.id)
        else:
            reply = _store_reply(error)
            self._witness.not_kept(self.client, transaction, reply, error)
        self._answered(reply)

    def _reset(self, event: Reset) -> Answer:
        self.forget("reset")
        return event.reply

    def _quit(self, event: Quit) -> Answer:
        self.forget("quit")
        self.quit = not self.engine.pending
        return event.reply

    def _bad(self, event: Bad) -> Answer:
        self._give_up_login()  # if it was one that is cancelled
        if event.reply is TOO_MANY_ERRORS:
            return self._too_many_errors()
        if event.reply.enhanced == TOO_LARGE:
            self._witness.not_begun(self.client, event.reply)
        return event.reply

    def _too_many_errors(self) -> Reply:
        self.dismiss("errors", TOO_MANY_ERRORS)
        return TOO_MANY_ERRORS

    def _closed(self, event: Closed) -> Answer:
        self.forget("closed")
        return held.LEAVING

    def _message(self) -> tuple[Transaction, Incoming]:
        transaction = self.transaction
        assert transaction is not None
        assert transaction.incoming is not None
        return transaction, transaction.incoming


class LmtpDialogue(Dialogue):
    """The same in LMTP, where the end of a message is answered for each recipient (RFC 2033 section 4.2).

    All of them get the same answer, for one commit takes the message for all.
    """

    __slots__ = ("_at_the_end",)

    def __init__(self, house: House, role: Role, client: Client, answered: Callable[[Reply], None]) -> None:
        super().__init__(house, role, client, answered)
        self._at_the_end = False
        self.send = self._send_each

    def answer(self, event: Event) -> Answer:
        """Decide about one event."""
        self._at_the_end = type(event) is EndOfData
        return super().answer(event)

    def _send_each(self, reply: Reply) -> bytes:
        if self._at_the_end and reply.code != 421:
            return self.engine.send_each((reply,) * self.engine.recipients)
        return self.engine.send(reply)


def _nobody_waits(reply: Reply) -> None:
    """Take a reply whose connection is lost; the store has logged what became of the message."""


def _store_reply(error: StoreError) -> Reply:
    match error:
        case StoreFull():
            return NO_ROOM
        case StoreReadOnly():
            return READ_ONLY
        case _:
            return NO_STORE


_DECISIONS: Final[dict[type[Event], Callable[[Dialogue, Any], Answer]]] = {
    Hello: Dialogue._hello,
    StartTls: Dialogue._start_tls,
    Authenticate: Dialogue._authenticate,
    AuthResponse: Dialogue._auth_response,
    Mail: Dialogue._mail,
    Recipient: Dialogue._recipient,
    Data: Dialogue._data,
    Chunk: Dialogue._chunk,
    Content: Dialogue._content,
    Bad: Dialogue._bad,
    EndOfChunk: Dialogue._end_of_chunk,
    EndOfData: Dialogue._end_of_data,
    Reset: Dialogue._reset,
    Quit: Dialogue._quit,
    Closed: Dialogue._closed,
}
"""What is decided here; all other events get the engine's own answer."""
