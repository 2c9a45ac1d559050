"""What must hold of the server's engine, whatever a client sends and however it comes.

The same input is played twice, in one piece and in many, with the same answers of a driver that means well. What is
checked: no exception; the same events and the same replies; a driver's answer fits each question, once; no more is kept
than the limits allow; a message that is taken is sound, complete and within its limits; and Closed is final.

What offer, limits and answers a session has is drawn from the input itself, so the input alone repeats it.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple
from zlib import crc32

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import (
    NEED_DATA,
    Authenticate,
    AuthResponse,
    Chunk,
    Closed,
    Content,
    Data,
    EndOfChunk,
    EndOfData,
    Event,
    Limits,
    Offer,
    Question,
    Server,
    State,
    challenge,
)

TLS = b"\xf0TLS\xf0"
"""Stands in an input for the moment at which a client that behaves begins with TLS."""

_OFFERS = (
    Offer(),
    Offer(starttls=True),
    Offer(auth=("PLAIN", "LOGIN")),
    Offer(starttls=True, auth=("SCRAM-SHA-256", "PLAIN")),
    Offer(starttls=True, auth=("PLAIN",), auth_required=True),
    Offer(auth=("PLAIN", "LOGIN"), auth_required=True),
    Offer(lmtp=True),
    Offer(lmtp=True, starttls=True, auth=("PLAIN",)),
)
_LIMITS = (
    Limits(),
    Limits(errors=1000),
    Limits(
        message_size=60,
        recipients=2,
        command_line=64,
        errors=6,
        header_size=25,
        auth_line=30,
        auth_failures=2,
    ),
    Limits(message_size=9, recipients=1, command_line=40, errors=50, header_size=100, auth_line=100),
)
_REFUSALS = (
    Reply(450, "4.2.0", "Later"),
    Reply(550, "5.1.1", "Nobody"),
    Reply(554, None, "No"),
    Reply(421, "4.3.2", "Stopping"),
)
_OTHER_LOGINS = (
    challenge(b""),
    challenge(b"more"),
    Reply(235, "2.7.0", "Welcome"),
    Reply(454, "4.7.0", "Later"),
)
_CLOSED = Closed()


class Broken(AssertionError):
    """The engine did what it must never do."""


class _Scene(NamedTuple):
    """All that chance decides about a session."""

    limits: Limits
    offer: Offer
    answers: list[float]
    """One number a question, from 0 to 1; they are used again from the beginning if they do not suffice."""


def check(data: bytes) -> int:
    """Play an input; returns how many events came of it. Raises Broken."""
    rng = Random(crc32(data))
    random = rng.random
    scene = _Scene(_LIMITS[int(random() ** 2 * 4)], _offer(data, random()), [random() for _ in range(23)])
    whole, said = _Play(scene).through(data, [])
    cuts = sorted({int(random() * len(data)) for _ in range(1 + int(random() ** 2 * 12))}) if data else []
    again, said_again = _Play(scene).through(data, cuts)
    if whole != again or said != said_again:
        raise Broken(f"in pieces it means something else (cut at {cuts}): {whole} {again}")
    return len(whole)


def _offer(data: bytes, chance: float) -> Offer:
    """Mostly one that the client hopes for, or nothing would come of what it says."""
    if chance < 0.15:
        return _OFFERS[int(chance / 0.15 * len(_OFFERS))]
    starttls = b"STARTTLS" in data
    auth = ("SCRAM-SHA-256", "PLAIN", "LOGIN") if b"AUTH " in data else ()
    return Offer(starttls, auth, lmtp=b"LHLO" in data[:30], auth_required=bool(auth) and chance > 0.9)


class _Play:
    """One session and its driver."""

    def __init__(self, scene: _Scene) -> None:
        self._scene = scene
        self._server = Server("mail.example.org", scene.limits, scene.offer)
        self._most_held = max(scene.limits.command_line, scene.limits.auth_line)
        self._events: list[Event] = []
        self._said = [self._server.greet()]
        self._asked = 0
        self._content: list[bytes] | None = None  # of the message that is being read

    def through(self, data: bytes, cuts: list[int]) -> tuple[list[Event], bytes]:
        """Play it all, cut there and wherever TLS begins, and then leave."""
        at = 0
        for part in data.split(TLS):
            end = at + len(part)
            edges = [at, *[cut for cut in cuts if at < cut < end], end]
            for begin, stop in zip(edges, edges[1:]):  # noqa: B905, RUF007
                if begin < stop:
                    self._feed(data[begin:stop])
            if self._server.state is State.SECURING:
                self._server.tls_started()
            at = end + len(TLS)
        self._feed(b"")
        return self._events, b"".join(self._said)

    def _feed(self, data: bytes) -> None:
        server = self._server
        over = bool(self._events) and self._events[-1] == _CLOSED
        if over and not data:
            return
        server.receive_data(data)
        while (event := server.next_event()) is not NEED_DATA:
            if type(event) is Closed:
                self._close(over)
                return
            if over:
                raise Broken(f"{event} after Closed")
            if type(event) is Content:
                self._keep(event)
            else:
                self._events.append(event)
                if isinstance(event, Question):
                    self._answer(event)
                elif type(event) is Chunk and event.first:
                    self._content = []
        if server.held > self._most_held:
            raise Broken(f"{server.held} octets are held")

    def _close(self, over: bool) -> None:
        if not over:
            self._events.append(_CLOSED)
        if self._server.held or self._server.state is not State.CLOSED:
            raise Broken("closed, and something is left")

    def _keep(self, event: Content) -> None:
        """Content belongs to a message; adjacent pieces are merged, for they depend on how the bytes came."""
        if self._content is None or not event.data:
            raise Broken(f"{event} outside a message")
        self._content.append(event.data)
        last = self._events[-1]
        if type(last) is Content:
            self._events[-1] = Content(last.data + event.data)
        else:
            self._events.append(event)

    def _answer(self, question: Question) -> None:
        server = self._server
        answers = self._scene.answers
        chance = answers[self._asked % len(answers)]
        self._asked += 1
        if chance < 0.02:
            self._must_wait(question)
        reply = _decided(question, chance)
        if type(question) is EndOfData:
            self._complete(question)
            if self._scene.offer.lmtp and reply.code != 421:
                self._said.append(server.send_each([reply] * server.recipients))
                return
        self._said.append(server.send(reply))
        if type(question) is Data and reply.code == 354:
            self._content = []
        elif type(question) is EndOfChunk and not reply.positive:
            self._content = None

    def _must_wait(self, question: Question) -> None:
        try:
            event = self._server.next_event()
        except ProtocolError:
            return
        raise Broken(f"{event} came before the answer to {question}")

    def _complete(self, end: EndOfData) -> None:
        """A message is complete: is it what it may be?"""
        if self._content is None:
            raise Broken("the end of a message that never began")
        message = b"".join(self._content)
        self._content = None
        limits = self._scene.limits
        if len(message) > limits.message_size:
            raise Broken(f"{len(message)} octets came out")
        bare = message.replace(b"\r\n", b"")
        if b"\r" in bare.removesuffix(b"\r") or b"\n" in bare or b"\0" in bare:
            raise Broken(f"a bare newline came out: {message!r}")
        if end.fault is None:
            header = (b"\r\n" + message).partition(b"\r\n\r\n")[0]
            if message and not message.endswith(b"\r\n"):
                raise Broken(f"a message without an end was sound: {message!r}")
            if len(header) > limits.header_size + 4:
                raise Broken(f"a header of {len(header)} octets was taken")


def _decided(question: Question, chance: float) -> Reply:
    """What a driver says: mostly what the protocol would, sometimes something else that fits."""
    if isinstance(question, Authenticate | AuthResponse) and chance < 0.8:
        return _OTHER_LOGINS[int(chance * 5)]
    if chance < 0.94:
        return question.reply
    return _REFUSALS[min(3, int((chance - 0.94) * 54))]
