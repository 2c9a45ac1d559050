"""A driver for the client's engine, as small as one can be, and two servers for it to talk to, all of it in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from mailsponge.mail.address import parse
from mailsponge.mail.reply import Reply
from mailsponge.smtp import NEED_DATA, Closed, Content, EndOfData, Hello, Question, Server
from mailsponge.smtp.client import (
    Authenticated,
    Client,
    Done,
    Ended,
    Event,
    ForwardPath,
    Greeted,
    Handshake,
    Offered,
    Outcome,
    Outgoing,
    Refused,
    Send,
    Settled,
    WantContent,
)

Intention = Callable[[Client], bytes]
IDLE = (Greeted, Offered, Authenticated, Done, Refused, Settled)
"""After these, the next thing may be said."""


def hello(client: Client) -> bytes:
    return client.hello("client.example")


def lhlo(client: Client) -> bytes:
    return client.lhlo("client.example")


def quit_(client: Client) -> bytes:
    return client.quit()


def begin(message: Outgoing) -> Intention:
    """A transaction with this envelope."""
    return lambda client: client.begin(message)


def to(*recipients: str, **rest: object) -> Outgoing:
    """An envelope from a@example.org to these."""
    paths = tuple(ForwardPath(parse(recipient, smtputf8=True)) for recipient in recipients)
    return Outgoing(parse("a@example.org"), paths, **rest)  # type: ignore[arg-type]


class Driver:
    """Says what it intends to, one thing after the other, and writes down what happened."""

    def __init__(
        self, *plan: Intention, content: Sequence[bytes] = (b"Hi\r\n",), client: Client | None = None
    ) -> None:
        self.client = client or Client()
        self.events: list[Event] = []
        """What was told, but for what was to be sent."""
        self.sent: list[bytes] = []
        """What was sent, as it was given out."""
        self._plan = list(plan)
        self._content = content

    def hear(self, data: bytes) -> list[Event]:
        """Hand bytes over, and do what is to be done; returns the events that came of it."""
        before = len(self.events)
        if self.ended:
            return []
        self.client.receive_data(data)
        while (event := self.client.next_event()) is not NEED_DATA:
            if isinstance(event, Send):
                self._send(event.data)
                continue
            self.events.append(event)
            if isinstance(event, Ended):
                break
            self._react(event)
        return self.events[before:]

    def hear_lines(self, *lines: str) -> list[Event]:
        """The same, a line each."""
        return self.hear("".join(f"{line}\r\n" for line in lines).encode())

    def say(self, intention: Intention) -> None:
        """Say something out of the plan."""
        self._send(intention(self.client))

    def taken(self) -> bytes:
        """All that was sent since this was last asked."""
        sent = b"".join(self.sent)
        self.sent.clear()
        return sent

    @property
    def ended(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], Ended)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Those of all transactions."""
        return tuple(o for event in self.events if isinstance(event, Settled) for o in event.outcomes)

    @property
    def results(self) -> list[str]:
        return [str(outcome.result) for outcome in self.outcomes]

    def _react(self, event: Event) -> None:
        if isinstance(event, Handshake):
            self.client.tls_started()
        if isinstance(event, WantContent):
            self._hand_over()
        elif isinstance(event, (*IDLE, Handshake)) and self._plan:
            self.say(self._plan.pop(0))

    def _hand_over(self) -> None:
        for piece in self._content[:-1]:
            if self.client.wants_content:
                self._send(self.client.send_content(piece))
        if self.client.wants_content:
            self._send(self.client.end_content(*self._content[-1:]))

    def _send(self, data: bytes) -> None:
        if data:
            self.sent.append(data)


def cut(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream in pieces, cut there; the cuts count around."""
    edges = sorted({0, len(stream), *(at % (len(stream) + 1) for at in cuts)})
    return [stream[begin:end] for begin, end in pairwise(edges)]


def play(driver: Driver, answers: Iterable[bytes], cuts: Sequence[int] = ()) -> Driver:
    """Let a server answer from a script: one part of it whenever the client has said something; then it goes away."""
    for answer in answers:
        for piece in cut(answer, cuts):
            driver.hear(piece)
            if driver.ended:
                return driver
        if not driver.taken():
            break
    driver.hear(b"")
    return driver


class Peer:
    """The server's engine with a decision for each question. It keeps the messages that it takes."""

    def __init__(self, decide: Callable[[Question], Reply] = lambda question: question.reply) -> None:
        self.server = Server("mail.example.org")
        self.messages: list[bytes] = []
        self.questions: list[Question] = []
        self.closed = False
        self._decide = decide
        self._content: list[bytes] = []

    def hear(self, data: bytes) -> bytes:
        """Take what the client sent; returns what to answer."""
        if self.closed:
            return b""
        self.server.receive_data(data)
        said = b""
        while (event := self.server.next_event()) is not NEED_DATA:
            if isinstance(event, Content):
                self._content.append(event.data)
            elif isinstance(event, Closed):
                self.closed = True
                break
            elif isinstance(event, Question):
                said += self._answer(event)
        return said

    def _answer(self, question: Question) -> bytes:
        self.questions.append(question)
        reply = self._decide(question)
        if isinstance(question, EndOfData):
            if reply.positive:
                self.messages.append(b"".join(self._content))
            self._content.clear()
        return self.server.send(reply)


def offering(*keywords: str) -> Callable[[Question], Reply]:
    """A decision: the server offers these alone, and takes all."""
    return lambda question: (
        Reply(250, None, "mail.example.org", *keywords) if isinstance(question, Hello) else question.reply
    )


def converse(driver: Driver, peer: Peer, cuts: Sequence[int] = ()) -> None:
    """Let the two talk, each other's bytes cut into pieces, until neither has anything to say."""
    to_client = peer.server.greet()
    while to_client:
        for piece in cut(to_client, cuts):
            driver.hear(piece)
        to_client = b"".join(peer.hear(piece) for piece in cut(driver.taken(), cuts))
