"""One session with another mail server, SMTP or LMTP: the engine's side of it, a connection, and time.

    carrier ──deliver()──> Conversation ──bytes──> Tunnel (TLS) ──> socket
    carrier <──outcomes─── Conversation <──bytes── Tunnel (TLS) <── socket

It is a protocol of asyncio's rather than a pair of streams: a small message costs two wake-ups of the loop, and one
write for each group that the engine pipelines. What a server may do wrong ends in an outcome; what it holds up ends in
time; and no more of what it says is kept than the engine allows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar, cast

from mailsponge.courier.content import Content
from mailsponge.courier.timeouts import Timeouts
from mailsponge.courier.trouble import (
    BAD_TLS,
    LOST,
    NO_LOGIN,
    NO_TLS,
    SPOKE_NONSENSE,
    Trouble,
    refusal,
    shown_reply,
    tls_trouble,
    trouble,
)
from mailsponge.courier.trust import Trust
from mailsponge.errors import ContentError
from mailsponge.routes import Credentials, NextHop, Tls
from mailsponge.smtp.client import (
    NEED_DATA,
    Authenticated,
    Client,
    Ended,
    Ending,
    Event,
    Greeted,
    Handshake,
    Login,
    Mechanism,
    Offered,
    Offers,
    Outcome,
    Outgoing,
    Plain,
    Refused,
    Result,
    Said,
    ScramSha256,
    Send,
    Settled,
    WantContent,
)
from mailsponge.smtp.outcomes import decided_here
from mailsponge.wire.deadline import Deadline
from mailsponge.wire.tls import Tunnel, connecting

E = TypeVar("E", bound=Event)

_GONE: Final = (Ending.GONE, Ending.CLOSING, Ending.QUIT)
_NO_TLS_ADVICE: Final = "use another port of it: often 587, or 465 with smtps://"
_TLS_ADVICE: Final = "its certificate has to be valid here for the name in the configuration, and for now"
_LOGIN_ADVICE: Final = "check the user and the password of the route or of relay.smarthost"


class Caller(NamedTuple):
    """Who calls: what is the same in all conversations."""

    hostname: str
    """What this host calls itself."""
    trust: Trust
    timeouts: Timeouts
    nonce: Callable[[], str]
    """A new one for each login with SCRAM: ``secrets.token_urlsafe(24)``."""
    buffer: memoryview
    """Where what comes through TLS is read to, one read at a time."""


class _Secured(Event):
    """TLS is agreed on."""

    __slots__ = ()


class _NotSecured(Event):
    """It is not."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


def tls_with(hop: NextHop, *, local: bool) -> Tls:
    """What is asked of TLS: a password is for nobody but the host that was meant, so where it leaves this machine, and
    TLS is not ruled out, it has to be proven.
    """
    if hop.credentials is None or hop.tls is not Tls.TRY:
        return hop.tls
    return Tls.NEVER if local else Tls.REQUIRE


class Conversation(asyncio.Protocol):
    """One connection. Made by whoever connects; :meth:`open` it, then :meth:`deliver` again and again.

    Nothing is kept of a message once its outcomes are told.
    """

    __slots__ = (
        "_caller",
        "_content",
        "_deadline",
        "_due",
        "_ended",
        "_engine",
        "_events",
        "_gone",
        "_heard",
        "_hop",
        "_local",
        "_loop",
        "_out",
        "_resting",
        "_shaking",
        "_tls",
        "_transport",
        "_waiter",
        "_writable",
        "all_out",
        "carried",
        "host",
        "over",
        "why",
    )

    _transport: asyncio.Transport
    _deadline: Deadline

    def __init__(self, caller: Caller, host: str, hop: NextHop, *, local: bool) -> None:
        """``host``: whom this is with, by name. ``local``: what is said never leaves this machine."""
        self._caller = caller
        self._hop = hop
        self._local = local
        self._tls = tls_with(hop, local=local)
        self._engine = Client(secure=self._tls is Tls.FIRST or (local and self._tls is Tls.NEVER))
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque()  # what nobody has asked for yet
        self._waiter: asyncio.Future[Event] | None = None
        self._writable: asyncio.Future[None] | None = None  # there is one while the server does not read
        self._content: bytes | None = None  # the whole message, until it is wanted
        self._out: list[bytes] = []
        self._heard = 0
        self._ended: Event | None = None
        self._due = float("inf")  # by the loop's clock: when a transaction must be over
        self._shaking = False  # hands, for TLS
        self._resting = False
        self._gone: Callable[[Conversation], None] | None = None
        self.host = host
        self.carried = 0
        """How many transactions there were."""
        self.all_out = False
        """All of the last message was handed to the connection."""
        self.over = False
        """Nothing can be said any more."""
        self.why = ""
        """What ended it, if that was found out here."""

    @property
    def offers(self) -> Offers:
        """What the server offers."""
        return self._engine.offers

    # What the carrier asks for.

    async def open(self) -> None:
        """From the greeting to where a transaction may begin, by TLS and a login if the hop wants. Raises Trouble."""
        try:
            if self._tls is Tls.FIRST:
                await self._shake_hands()
            await self._expect(Greeted)
            await self._hello()
            await self._secure()
            if self._hop.credentials is not None:
                await self._log_in(self._hop.credentials)
        except BaseException:
            self.leave()
            raise

    async def deliver(self, outgoing: Outgoing, content: Content) -> tuple[Outcome, ...]:
        """One transaction; the outcome of each recipient, in order.

        Raises StoreError if the message cannot be read: then the server does not have it.
        """
        self.carried += 1
        self.all_out = False
        if self._ended is not None:
            why = self._trouble(self._ended).outcome.why
            return tuple(
                decided_here(each.address, Result.TEMPORARY, LOST, Said.MAIL, why)
                for each in outgoing.recipients
            )
        self._content = content.head if content.whole else None
        self._due = self._loop.time() + self._caller.timeouts.most(content.size)
        try:
            self._say(self._engine.begin(outgoing))
            event = await self._next()
            if type(event) is WantContent:
                await self._stream(content)
                event = await self._next()
        except BaseException:
            self.abort()
            raise
        finally:
            self._content = None
            self._due = float("inf")
        assert isinstance(event, Settled)
        return event.outcomes

    def rest(self, seconds: float, gone: Callable[[Conversation], None]) -> None:
        """Nothing is to be done for now: leave after so long, and tell ``gone`` once it is over, whoever ended it."""
        self._resting = True
        self._gone = gone
        self._deadline.set(self._loop.time() + seconds)

    def wake(self) -> None:
        """There is something to be done again."""
        self._resting = False
        self._gone = None

    def leave(self) -> None:
        """Say goodbye, where that can be said, and close."""
        if self.over:
            return
        if self._shaking or self._engine.awaited is not None:
            self.abort()
            return
        self._transport.write(self._engine.quit())
        self._finish()
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._finish()
        self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but descent
        patience = self._caller.timeouts.patience(self._engine.awaited)
        self._deadline = Deadline(self._loop, self._loop.time() + patience, self._missed)

    def data_received(self, data: bytes) -> None:
        """Take in what the server says."""
        if not self.over:
            self._engine.receive_data(data)
            self._pump()

    def eof_received(self) -> bool:
        """The server says no more, and nothing is left to say to it."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone. What is open is left for later."""
        if not self.over:
            self._engine.receive_data(b"")
            self._pump()
        self._finish()

    def pause_writing(self) -> None:
        """The server does not read."""
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It reads again."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # What the tunnel tells, beside the same as any transport.

    def secured(self, how: str) -> None:
        """TLS is agreed on."""
        self._shaking = False
        self._tell(_Secured())

    def not_secured(self, why: str) -> None:
        """TLS has failed, and the connection is closing."""
        if self._shaking:
            self._tell(_NotSecured(why))
        self._give_up(f"breaks TLS off: {why}")

    # Before the first transaction.

    async def _hello(self) -> None:
        name = self._caller.hostname
        self._ask(lambda: self._engine.lhlo(name) if self._hop.lmtp else self._engine.hello(name))
        await self._expect(Offered)

    async def _secure(self) -> None:
        """TLS, if it is wanted and is not there yet."""
        if self._tls not in (Tls.TRY, Tls.REQUIRE):
            return
        if "STARTTLS" not in self.offers:
            if self._tls is Tls.TRY:
                return
            raise tls_trouble(
                self.host,
                NO_TLS,
                f"does not offer STARTTLS, and mail may only go there within TLS{self._if_named(_NO_TLS_ADVICE)}",
            )
        self._ask(self._engine.starttls)
        event = await self._next()
        if not isinstance(event, Handshake):
            why = shown_reply(event.reply) if isinstance(event, Refused) else self._trouble(event).outcome.why
            raise tls_trouble(self.host, NO_TLS, f"offers STARTTLS and does not do it: {why}")
        await self._shake_hands()
        self._is_there()
        self._engine.tls_started()
        await self._hello()

    async def _shake_hands(self) -> None:
        trust = self._caller.trust
        context = trust.anyone if self._tls is Tls.TRY else trust.proven
        self._is_there()
        self._shaking = True
        self._deadline.set(self._loop.time() + self._caller.timeouts.handshake)
        tunnel = Tunnel(connecting(context, self.host), self._transport, self, self._caller.buffer)
        self._transport = tunnel
        tunnel.begin()
        event = await self._next()
        if isinstance(event, _Secured):
            self._be_patient()
            return
        why = event.why if isinstance(event, _NotSecured) else self.why or "the connection was lost"
        advice = self._if_named(_TLS_ADVICE) if context is trust.proven else ""
        raise tls_trouble(self.host, BAD_TLS, f"cannot be talked to within TLS: {why}{advice}")

    def _if_named(self, advice: str) -> str:
        """Advice for whoever has named this host in the configuration; nobody can do much about all others."""
        return "" if self._hop.mx else f"; {advice}"

    async def _log_in(self, credentials: Credentials) -> None:
        """AUTH. The host is known by now to be the one that was meant, or to be this machine."""
        if not (self._local or self._tls in (Tls.REQUIRE, Tls.FIRST)):
            raise trouble(
                self.host,
                NO_LOGIN,
                "is to be told a password, and that goes within TLS alone: let its route say starttls=require",
            )
        mechanism = self._mechanism(credentials)
        if mechanism is None:
            raise trouble(
                self.host,
                NO_LOGIN,
                "offers no way to log in that is known here (SCRAM-SHA-256, PLAIN, LOGIN); "
                "use another port of it, which is often 587, or leave the user out",
            )
        self._ask(lambda: self._engine.authenticate(mechanism))
        event = await self._next()
        if isinstance(event, Refused):
            raise trouble(
                self.host, NO_LOGIN, f"does not take this login ({shown_reply(event.reply)}); {_LOGIN_ADVICE}"
            )
        if not isinstance(event, Authenticated):
            raise self._trouble(event)

    def _mechanism(self, credentials: Credentials) -> Mechanism | None:
        """The best way to log in that is offered; the first shows the password to nobody."""
        user, password = credentials
        offered = self.offers.auth
        if ScramSha256.name in offered:
            return ScramSha256(user, password, self._caller.nonce())
        for shown in (Plain, Login):
            if shown.name in offered and self._engine.secure:
                return shown(user, password)
        return None

    def _ask(self, say: Callable[[], bytes]) -> None:
        """Say something, if the server is still there. Raises Trouble."""
        self._is_there()
        self._say(say())

    def _is_there(self) -> None:
        """Raises Trouble if the server has ended the session meanwhile."""
        if self._ended is not None:
            raise self._trouble(self._ended)

    async def _expect(self, kind: type[E]) -> E:
        """The next event, which should be of this kind. Raises Trouble."""
        event = await self._next()
        if isinstance(event, kind):
            return event
        raise self._trouble(event)

    def _trouble(self, event: Event) -> Trouble:
        """What it means that this happened before there was a transaction."""
        if isinstance(event, Refused):
            return refusal(self.host, event.said, event.reply)
        assert isinstance(event, Ended)
        if event.reply is not None and event.ending is Ending.CLOSING:
            return refusal(self.host, "the session", event.reply)
        code = LOST if event.ending in _GONE else SPOKE_NONSENSE
        return trouble(self.host, code, self.why or f"is of no use: {event.why}")

    # A message that is read while it is sent.

    async def _stream(self, content: Content) -> None:
        pieces = content.pieces()
        try:
            while self._give(await asyncio.to_thread(next, pieces, None)):
                await self._taken()
        except ContentError:  # the engine has settled it, and ended the session
            self._pump()

    def _give(self, piece: bytes | None) -> bool:
        """Send the next piece, None for the end; whether there is to be another."""
        engine = self._engine
        if not engine.wants_content:  # everybody has been refused meanwhile
            return False
        self.all_out = piece is None
        self._say(engine.end_content() if piece is None else engine.send_content(piece))
        return not self.all_out

    async def _taken(self) -> None:
        """Wait until the server has taken most of what was written."""
        due = self._loop.time() + self._caller.timeouts.block
        self._deadline.set(min(due, self._due))
        if self._writable is not None:
            await self._writable

    # Events.

    def _say(self, data: bytes) -> None:
        """Send something, and what follows from it at once."""
        self._out.append(data)
        self._pump()
        self._be_patient()

    def _pump(self) -> None:
        """Act on all that has come, in one write."""
        engine = self._engine
        next_event, out = engine.next_event, self._out
        while (event := next_event()) is not NEED_DATA:
            kind = type(event)
            if kind is Send:
                out.append(event.data)  # type: ignore[attr-defined]  # isinstance() costs more, and this is a hot path
            elif kind is WantContent and self._content is not None:
                self._hand_over(self._content)
            elif kind is Ended:
                self._end(event)
                break
            else:
                self._tell(event)
        if out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
        if engine.heard != self._heard:
            self._heard = engine.heard
            self._be_patient()

    def _hand_over(self, content: bytes) -> None:
        """The whole message, at once."""
        self._content = None
        self.all_out = True
        try:
            self._out.append(self._engine.end_content(content))
        except ContentError:  # the engine has settled it, and will end the session
            self._out.clear()

    def _end(self, event: Event) -> None:
        """The session is over."""
        self._ended = event
        self._out.clear()
        self._tell(event)
        self._finish()
        self._transport.close()

    def _tell(self, event: Event) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(event)
        else:
            self._events.append(event)

    async def _next(self) -> Event:
        """What happened next."""
        if self._events:
            return self._events.popleft()
        self._waiter = self._loop.create_future()
        return await self._waiter

    # Time, and the end.

    def _be_patient(self) -> None:
        """Give the server its time for the next answer."""
        if not self.over:
            due = self._loop.time() + self._caller.timeouts.patience(self._engine.awaited)
            self._deadline.set(due if due < self._due else self._due)

    def _missed(self) -> None:
        """A deadline has passed."""
        if self._resting:
            self.leave()
        else:
            self._give_up(self._what_took_too_long())
            self._transport.abort()

    def _what_took_too_long(self) -> str:
        if self._shaking:
            return "did not agree on TLS in time"
        if self._writable is not None and self._engine.wants_content:
            return "takes the message too slowly"
        if self._loop.time() >= self._due:
            return "did not come to the end of the transaction in time"
        awaited = self._engine.awaited
        return f"did not answer {awaited} within {self._caller.timeouts.patience(awaited):g} seconds"

    def _give_up(self, why: str) -> None:
        """Go on as if the server had gone: what is open is left for later."""
        if not self.over:
            self.why = why
            self._engine.receive_data(b"")
            self._pump()

    def _finish(self) -> None:
        """Nothing more is said or heard."""
        self.over = True
        self._deadline.cancel()
        self.resume_writing()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone(self)
