"""A driver for the engine, as small as one can be: it answers every question and writes down what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from mailsponge.mail.reply import Reply
from mailsponge.smtp import NEED_DATA, Closed, Content, EndOfData, Event, Limits, Offer, Question, Server

Decide = Callable[[Question], Reply]


def own_answer(question: Question) -> Reply:
    """What the protocol itself would say."""
    return question.reply


class Session:
    """One session and what came of it; adjacent Content is merged, for its pieces depend on how the bytes came."""

    def __init__(self, limits: Limits, decide: Decide, offer: Offer = Offer()) -> None:  # noqa: B008 - immutable
        self.server = Server("mail.example.org", limits, offer)
        self._lmtp = offer.lmtp
        self.events: list[Event] = []
        self.answers: list[Reply] = []
        self.said = self.server.greet()
        self._decide = decide

    def say(self, data: bytes, decide: Decide | None = None) -> list[Event]:
        """Hand bytes over, answer what is asked; returns the events that came of it."""
        before = len(self.events)
        if Closed() in self.events:
            return []
        self.server.receive_data(data)
        while (event := self.server.next_event()) is not NEED_DATA:
            self._note(event)
            if isinstance(event, Closed):
                break
            if isinstance(event, Question):
                answer = (decide or self._decide)(event)
                self.answers.append(answer)
                if self._lmtp and isinstance(event, EndOfData):
                    self.said += self.server.send_each([answer] * self.server.recipients)
                else:
                    self.said += self.server.send(answer)
        return self.events[before:]

    def ask(self, line: str | bytes) -> Reply:
        """Say one command line, and return its answer."""
        self.say((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.answers[-1]

    def _note(self, event: Event) -> None:
        last = self.events[-1] if self.events else None
        if isinstance(event, Content) and isinstance(last, Content):
            self.events[-1] = Content(last.data + event.data)
        else:
            self.events.append(event)

    def events_of(self, kind: type) -> list[Event]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class Sessions:
    """Makes sessions."""

    def open(
        self,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        decide: Decide = own_answer,
        offer: Offer = Offer(),  # noqa: B008 - immutable
    ) -> Session:
        """A session that is greeted."""
        return Session(limits, decide, offer)

    def ready(
        self,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        decide: Decide = own_answer,
        offer: Offer = Offer(),  # noqa: B008 - immutable
    ) -> Session:
        """A session that has said EHLO, or LHLO; events and answers begin after it."""
        session = Session(limits, own_answer, offer)
        session.say(b"LHLO client.example\r\n" if offer.lmtp else b"EHLO client.example\r\n")
        session.events.clear()
        session.answers.clear()
        session.said = b""
        session._decide = decide
        return session

    def in_data(self, limits: Limits = Limits(), decide: Decide = own_answer) -> Session:  # noqa: B008 - immutable
        """A session whose client may send its message now."""
        session = self.ready(limits)
        session.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
        session.events.clear()
        session.answers.clear()
        session._decide = decide
        return session

    def after(self, chunks: Iterable[bytes], limits: Limits = Limits()) -> Session:  # noqa: B008 - immutable
        """A session that was given these bytes in these chunks, and then left by its client."""
        session = Session(limits, own_answer)
        for chunk in chunks:
            if chunk:
                session.say(chunk)
        session.say(b"")
        return session


@pytest.fixture(scope="session")
def sessions() -> Sessions:
    """Makes sessions; it keeps nothing, so one serves all tests."""
    return Sessions()
