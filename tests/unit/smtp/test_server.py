"""Whole dialogues, and what the program that drives the engine may and may not do."""

from __future__ import annotations

from typing import Any

import pytest

from mailsponge.errors import ProtocolError
from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.smtp import (
    NEED_DATA,
    Bad,
    Closed,
    Content,
    Data,
    EndOfData,
    Hello,
    Limits,
    Mail,
    Question,
    Quit,
    Recipient,
    Server,
    State,
)

NO = Reply(550, "5.1.1", "Nobody of that name lives here")


def test_a_mail_goes_through(sessions: Any) -> None:
    session = sessions.open()
    session.say(b"EHLO client.example\r\n")
    session.say(b"MAIL FROM:<a@example.org> SIZE=30\r\n")
    session.say(b"RCPT TO:<b@example.net>\r\n")
    session.say(b"DATA\r\n")
    session.say(b"Subject: hello\r\n\r\n..\r\n.\r\n")
    session.say(b"QUIT\r\n")
    hello, *others = session.events
    assert isinstance(hello, Hello)
    assert others == [
        Mail(Address("a", "example.org"), 30, False, False),
        Recipient(Address("b", "example.net")),
        Data(),
        Content(b"Subject: hello\r\n\r\n.\r\n"),
        EndOfData(None),
        Quit(),
        Closed(),
    ]
    assert [line[:4] for line in session.said.split(b"\r\n")] == [
        b"220 ", *[b"250-"] * 9, *[b"250 "] * 3, b"354 ", b"250 ", b"221 ", b""
    ]  # fmt: skip


def test_the_answer_to_ehlo_lists_what_is_offered(sessions: Any) -> None:
    session = sessions.open(Limits(message_size=12345))
    reply = session.ask("EHLO client.example")
    assert reply.lines[0].startswith("mail.example.org ")
    assert reply.lines[1:] == (
        "SIZE 12345",
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "DSN",
        "CHUNKING",
        "LIMITS RCPTMAX=1000",
        "HELP",
    )


def test_the_answer_to_helo_is_one_line_with_the_servers_name(sessions: Any) -> None:
    assert sessions.open().ask("HELO client.example").encoded == b"250 mail.example.org\r\n"


def test_enhanced_codes_are_everywhere_but_in_the_greeting_hello_and_354(sessions: Any) -> None:
    session = sessions.open()
    assert session.said.startswith(b"220 mail.example.org ")
    session.say(
        b"HELO x\r\nEHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nRSET\r\nNOOP\r\nVRFY x\r\nHELP\r\n"
    )
    session.say(b"FROB\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nDATA\r\n.\r\nQUIT\r\n")
    without = [answer.code for answer in session.answers if answer.enhanced is None]
    assert without == [250, 250, 354]


def test_a_group_of_commands_is_answered_in_order(sessions: Any) -> None:
    session = sessions.ready()
    session.say(
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nDATA\r\nHi\r\n.\r\n"
    )
    assert [answer.code for answer in session.answers] == [250, 250, 250, 354, 250]


def test_many_messages_in_one_session(sessions: Any) -> None:
    session = sessions.ready()
    one = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nHi\r\n.\r\n"
    session.say(one * 50)
    assert session.events_of(EndOfData) == [EndOfData(None)] * 50
    assert session.events_of(Bad) == []


def test_without_a_recipient_that_was_taken_there_is_no_message(sessions: Any) -> None:
    session = sessions.ready(decide=lambda event: NO if isinstance(event, Recipient) else event.reply)
    session.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    assert [answer.code for answer in session.answers] == [250, 550, 554]
    assert session.server.state is State.SENDER


def test_one_recipient_that_was_taken_is_enough(sessions: Any) -> None:
    session = sessions.ready(
        decide=lambda event: NO if event == Recipient(Address("no", "example.net")) else event.reply
    )
    session.say(
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<no@example.net>\r\nDATA\r\n"
    )
    assert [answer.code for answer in session.answers] == [250, 250, 550, 354]


def test_too_many_recipients_are_refused_for_now_and_the_rest_goes_on(sessions: Any) -> None:
    session = sessions.ready(Limits(recipients=2, errors=1))
    session.say(
        b"MAIL FROM:<a@example.org>\r\n" + b"RCPT TO:<b@example.net>\r\n" * 6 + b"DATA\r\nHi\r\n.\r\n"
    )
    assert [answer.code for answer in session.answers] == [250, 250, 250, 452, 452, 452, 452, 354, 250]
    assert session.answers[3].enhanced == "4.5.3"


def test_recipients_are_counted_a_transaction(sessions: Any) -> None:
    session = sessions.ready(Limits(recipients=1))
    for ending in (b"RSET\r\n", b"DATA\r\n.\r\n", b"EHLO again\r\n", b"RSET\r\n"):
        session.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n" + ending)
    assert all(answer.positive for answer in session.answers)


def test_refused_recipients_do_not_count(sessions: Any) -> None:
    session = sessions.ready(
        Limits(recipients=1), lambda event: NO if isinstance(event, Recipient) else event.reply
    )
    session.say(b"MAIL FROM:<a@example.org>\r\n" + b"RCPT TO:<b@example.net>\r\n" * 3)
    assert [answer.code for answer in session.answers] == [250, 550, 550, 550]


def test_after_too_many_mistakes_the_session_is_closed(sessions: Any) -> None:
    session = sessions.ready(Limits(errors=3))
    session.say(b"FROB\r\n" * 10)
    assert [answer.code for answer in session.answers] == [500, 500, 500, 421]
    assert session.server.state is State.CLOSED
    assert session.server.next_event() == Closed()


def test_after_quit_nothing_is_read(sessions: Any) -> None:
    session = sessions.ready()
    session.say(b"QUIT\r\nMAIL FROM:<a@example.org>\r\n")
    session.server.receive_data(b"NOOP\r\n")
    assert session.server.next_event() == Closed()
    assert not session.server.pending


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"NOO",
        b"NOOP\r",
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nHalf a mess",
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nAll but the end\r\n.\r",
        b"x" * 5000,
    ],
)
def test_a_client_that_goes_away_in_the_middle_leaves_no_message(sessions: Any, said: bytes) -> None:
    session = sessions.ready()
    if said:
        session.say(said)
    session.say(b"")
    assert session.events[-1] == Closed()
    assert session.events_of(EndOfData) == []
    assert session.server.state is State.CLOSED


def test_what_was_complete_before_the_client_went_away_is_carried_out(sessions: Any) -> None:
    session = sessions.in_data()
    session.server.receive_data(b"Hi\r\n.\r\nQUIT\r\n")
    session.say(b"")
    assert session.events == [Content(b"Hi\r\n"), EndOfData(None), Quit(), Closed()]


def test_pending_tells_of_bytes_beyond_the_last_event() -> None:
    server = Server("mail.example.org")
    server.greet()
    server.receive_data(b"EHLO client.example\r\n")
    hello = server.next_event()
    assert isinstance(hello, Hello)
    assert not server.pending
    server.receive_data(b"MAIL")
    assert server.pending
    server.send(hello.reply)
    assert server.next_event() is NEED_DATA
    assert server.pending


def test_pending_after_data_tells_that_the_client_did_not_wait() -> None:
    server = Server("mail.example.org")
    server.greet()
    server.receive_data(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nDATA\r\nToo early\r\n")
    while not isinstance(event := server.next_event(), Data):
        assert isinstance(event, Question)
        server.send(event.reply)
    assert server.pending


def test_a_message_of_one_dot_is_empty(sessions: Any) -> None:
    session = sessions.in_data()
    session.say(b".\r\n")
    assert session.events == [EndOfData(None)]


def test_large_content_comes_out_as_it_comes_in(sessions: Any) -> None:
    session = sessions.in_data()
    session.say(b"Subject: x\r\n\r\n")
    chunk = b"x" * 70 + b"\r\n"
    for _ in range(100):
        session.server.receive_data(chunk * 100)
        event = session.server.next_event()
        assert isinstance(event, Content)
        assert len(event.data) >= len(chunk) * 100 - 4
        assert session.server.next_event() is NEED_DATA


# What the driving program must not do.


def an_asking_server(line: bytes) -> tuple[Server, Question]:
    """A server with a transaction open, whose driver owes an answer to this line."""
    server = Server("mail.example.org")
    server.greet()
    server.receive_data(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\n" + line)
    for _ in range(3):
        event = server.next_event()
        assert isinstance(event, Question)
        server.send(event.reply)
    event = server.next_event()
    assert isinstance(event, Question)
    return server, event


def test_next_event_waits_for_the_answer() -> None:
    server, event = an_asking_server(b"NOOP\r\n")
    with pytest.raises(ProtocolError, match="send"):
        server.next_event()
    server.send(event.reply)
    assert server.next_event() is NEED_DATA


def test_there_is_one_answer_to_a_question() -> None:
    server, event = an_asking_server(b"NOOP\r\n")
    server.send(event.reply)
    with pytest.raises(ProtocolError, match="nothing was asked"):
        server.send(event.reply)


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"DATA\r\n", 250), (b"DATA\r\n", 334), (b"NOOP\r\n", 354), (b"RSET\r\n", 334), (b"FROB\r\n", 250)],
)
def test_an_answer_must_fit_its_question_and_may_be_given_again(line: bytes, code: int) -> None:
    server, event = an_asking_server(line)
    with pytest.raises(ProtocolError):
        server.send(Reply(code, None, "This does not fit"))
    server.send(event.reply)


def test_the_server_speaks_first_and_greets_once() -> None:
    server = Server("mail.example.org")
    server.receive_data(b"EHLO x\r\n")
    with pytest.raises(ProtocolError, match="Greeting"):
        server.next_event()
    server.greet()
    with pytest.raises(ProtocolError, match="once"):
        server.greet()


def test_no_data_comes_from_a_client_that_has_gone() -> None:
    server = Server("mail.example.org")
    server.greet()
    server.receive_data(b"")
    with pytest.raises(ProtocolError, match="gone"):
        server.receive_data(b"NOOP\r\n")


@pytest.mark.parametrize("limit", Limits._fields)
def test_a_limit_that_allows_nothing_is_refused(limit: str) -> None:
    with pytest.raises(ProtocolError, match="at least 1"):
        Server("mail.example.org", Limits()._replace(**{limit: 0}))


def test_sessions_know_nothing_of_each_other(sessions: Any) -> None:
    one, other = sessions.ready(), sessions.ready()
    one.ask("MAIL FROM:<a@example.org>")
    assert other.ask("RCPT TO:<b@example.net>").code == 503
