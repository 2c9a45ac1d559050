"""LMTP: LHLO, and one answer a recipient at the end of a message (RFC 2033)."""

from __future__ import annotations

import pytest

from mailsponge.errors import ProtocolError
from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.smtp import NEED_DATA, Bad, EndOfData, Hello, Offer, Question, Recipient, Server, State

LMTP = Offer(lmtp=True)
KEPT = Reply(250, "2.0.0", "Kept")
FULL = Reply(452, "4.2.2", "The mailbox is full")
BEGIN = b"MAIL FROM:<>\r\nRCPT TO:<a@example.net>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<a@example.net>\r\n"


def to_the_end(said: bytes) -> tuple[Server, bytes]:
    """A session that was told this, and answered as the protocol would as far as the end of data."""
    server = Server("mail.example.org", offer=LMTP)
    out = server.greet()
    server.receive_data(b"LHLO client.example\r\n" + said)
    while (event := server.next_event()) is not NEED_DATA:
        if isinstance(event, EndOfData):
            break
        if isinstance(event, Question):
            out += server.send(event.reply)
    return server, out


def test_the_greeting_and_hello_are_those_of_lmtp() -> None:
    server, out = to_the_end(b"")
    assert out.startswith(b"220 mail.example.org LMTP ")
    assert b"250-PIPELINING\r\n" in out
    assert b"250-ENHANCEDSTATUSCODES\r\n" in out  # RFC 2033 section 5 wants both
    assert server.state is State.READY


@pytest.mark.parametrize("hello", ["EHLO", "HELO"])
def test_hello_is_lhlo_and_nothing_else(sessions, hello) -> None:
    session = sessions.open(offer=LMTP)
    reply = session.ask(f"{hello} client.example")
    assert reply.code == 500
    assert "LHLO" in reply.lines[0]
    assert session.events_of(Hello) == []
    assert session.ask("MAIL FROM:<>").lines == ("Say hello first: LHLO your.host.name",)


def test_lhlo_is_extended(sessions) -> None:
    session = sessions.open(offer=LMTP)
    session.ask("LHLO client.example")
    assert session.events[-1].extended
    assert session.ask("MAIL FROM:<> SIZE=10").code == 250


@pytest.mark.parametrize("message", [b"DATA\r\nHi\r\n.\r\n", b"BDAT 1\r\nHBDAT 3 LAST\r\ni\r\n"])
def test_each_recipient_that_was_taken_has_an_answer_in_order(message) -> None:
    server, _ = to_the_end(BEGIN + message)
    assert server.recipients == 3
    assert server.send_each([KEPT, FULL, KEPT]) == KEPT.encoded + FULL.encoded + KEPT.encoded
    assert server.state is State.READY
    assert server.recipients == 0


def test_refused_recipients_have_none(sessions) -> None:
    refused = Recipient(Address("b", "example.net"))
    session = sessions.ready(offer=LMTP, decide=lambda event: FULL if event == refused else event.reply)
    session.say(BEGIN + b"DATA\r\nHi\r\n.\r\n")
    assert session.said.count(b"Message taken") == 2


@pytest.mark.parametrize("said", [b"DATA\r\n", b"BDAT 2\r\nHi"])
def test_without_a_recipient_it_is_503(sessions, said) -> None:
    session = sessions.ready(offer=LMTP)
    session.say(b"MAIL FROM:<>\r\n" + said)
    assert session.answers[-1].code == 503
    assert isinstance(session.events[-1], Bad)


@pytest.mark.parametrize("answers", [[], [KEPT], [KEPT] * 4])
def test_there_are_as_many_answers_as_recipients(answers) -> None:
    server, _ = to_the_end(BEGIN + b"DATA\r\nHi\r\n.\r\n")
    with pytest.raises(ProtocolError, match="3 recipients"):
        server.send_each(answers)
    server.send_each([KEPT] * 3)


@pytest.mark.parametrize("code", [354, 334, 421])
def test_an_answer_is_one_that_can_be(code) -> None:
    server, _ = to_the_end(BEGIN + b"DATA\r\nHi\r\n.\r\n")
    with pytest.raises(ProtocolError):
        server.send_each([KEPT, KEPT, Reply(code, None, "What?")])


def test_a_spoilt_message_is_refused_for_each() -> None:
    server, _ = to_the_end(BEGIN + b"DATA\r\nH\ni\r\n.\r\n")
    with pytest.raises(ProtocolError, match="only be refused"):
        server.send_each([FULL, FULL, KEPT])
    server.send_each([FULL, FULL, FULL])


def test_one_answer_for_all_is_not_lmtp() -> None:
    server, _ = to_the_end(BEGIN + b"DATA\r\nHi\r\n.\r\n")
    with pytest.raises(ProtocolError, match="send_each"):
        server.send(KEPT)
    assert server.send(Reply(421, "4.3.2", "Stopping")).startswith(b"421")


def test_in_smtp_there_is_one_answer_for_all(sessions) -> None:
    server = Server("mail.example.org")
    server.greet()
    server.receive_data(b"NOOP\r\n")
    server.next_event()
    with pytest.raises(ProtocolError, match="LMTP alone"):
        server.send_each([KEPT])


def test_lhlo_is_no_command_of_smtp(sessions) -> None:
    reply = sessions.open().ask("LHLO client.example")
    assert reply.code == 500
    assert "EHLO" in reply.lines[0]
