"""Nothing that looks much like the end of a message ends it, so that no message can be hidden in another."""

from __future__ import annotations

from typing import Any

import pytest

from kit.false_ends import FALSE_ENDS
from mailsponge.mail.address import Address
from mailsponge.smtp import Bad, EndOfData, Limits, Mail, Recipient, State

EVIL = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nForged\r\n"
BEGIN = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"
END = b"\r\n.\r\nQUIT\r\n"


def stream(false_end: bytes) -> bytes:
    """A dialogue whose message holds a false end and, behind it, another transaction."""
    return BEGIN + b"Hello" + false_end + EVIL + END


def assert_one_refused_message(session: Any) -> None:
    senders = session.events_of(Mail)
    assert [event.reverse_path for event in senders] == [Address("a", "example.org")]
    (end,) = session.events_of(EndOfData)
    assert end.fault is not None
    assert end.fault.code in (550, 552)
    assert session.events_of(Bad) == []
    assert session.server.state is State.CLOSED  # QUIT behind the true end was read as a command


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_and_spoils_the_message(sessions: Any, false_end: bytes) -> None:
    session = sessions.ready()
    session.say(stream(false_end))
    assert_one_refused_message(session)


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_wherever_the_bytes_are_split(sessions: Any, false_end: bytes) -> None:
    whole = stream(false_end)
    for cut in range(1, len(whole)):
        session = sessions.ready()
        session.say(whole[:cut])
        session.say(whole[cut:])
        assert_one_refused_message(session)


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_when_bytes_come_one_by_one(sessions: Any, false_end: bytes) -> None:
    session = sessions.ready()
    for octet in stream(false_end):
        session.say(bytes((octet,)))
    assert_one_refused_message(session)


@pytest.mark.parametrize("false_end", FALSE_ENDS)
@pytest.mark.parametrize("size", [1, 4, 5, 6, 7, 8, 9])
def test_a_false_end_ends_nothing_past_the_size_limit(sessions: Any, false_end: bytes, size: int) -> None:
    session = sessions.ready(Limits(message_size=size))
    session.say(stream(false_end))
    assert_one_refused_message(session)
    slow = sessions.ready(Limits(message_size=size))
    for octet in stream(false_end):
        slow.say(bytes((octet,)))
    assert_one_refused_message(slow)


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_message_that_begins_with_a_false_end_is_spoilt_too(sessions: Any, false_end: bytes) -> None:
    session = sessions.ready()
    session.say(BEGIN + false_end + EVIL + END)
    assert_one_refused_message(session)


def test_the_true_end_ends_a_message_wherever_the_bytes_are_split(sessions: Any) -> None:
    whole = BEGIN + b"Hello\r\n..\r\n.\r\nNOOP\r\n"
    for cut in range(1, len(whole)):
        session = sessions.ready()
        session.say(whole[:cut])
        session.say(whole[cut:])
        (end,) = session.events_of(EndOfData)
        assert end.fault is None
        assert session.events_of(Bad) == []
        assert session.server.state is State.READY


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\n\r"])
def test_a_bare_newline_never_ends_a_command(sessions: Any, newline: bytes) -> None:
    session = sessions.ready()
    session.say(b"MAIL FROM:<a@example.org>" + newline + b"RSET\r\n")
    assert session.events_of(Mail) == []
    assert session.server.state is State.READY


def test_the_program_cannot_take_a_spoilt_message_by_accident(sessions: Any) -> None:
    session = sessions.in_data(decide=lambda question: EndOfData(None).reply)
    with pytest.raises(Exception, match="can only be refused"):
        session.say(b"Hello\n.\r\n\r\n.\r\n")


# Around BDAT, whose octets are counted: a false end ends nothing there either, and spoils the message.


def chunked(false_end: bytes) -> bytes:
    """The same message in one chunk, with the false end and the forged commands inside."""
    message = b"Hello" + false_end + EVIL
    return BEGIN.replace(b"DATA\r\n", b"BDAT %d LAST\r\n" % len(message)) + message + b"QUIT\r\n"


def in_two_chunks(false_end: bytes, cut: int) -> bytes:
    """... in two, cut inside the false end; chunks after a refused one are read away, up to RSET."""
    one, two = b"Hello" + false_end[:cut], false_end[cut:] + EVIL
    first, second = b"BDAT %d\r\n" % len(one) + one, b"BDAT %d LAST\r\n" % len(two) + two
    return BEGIN.replace(b"DATA\r\n", first) + second + b"QUIT\r\n"


def assert_nothing_forged(session: Any) -> None:
    assert [event.reverse_path for event in session.events_of(Mail)] == [Address("a", "example.org")]
    refused = [answer for answer in session.answers if not answer.positive]
    assert refused[0].code in (550, 552)
    assert session.server.state is State.CLOSED


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_in_a_chunk_spoils_the_message_wherever_the_bytes_are_split(
    sessions: Any, false_end: bytes
) -> None:
    whole = chunked(false_end)
    for cut in range(1, len(whole)):
        session = sessions.ready()
        session.say(whole[:cut])
        session.say(whole[cut:])
        assert_one_refused_message(session)


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_across_two_chunks_spoils_the_message_wherever_the_bytes_are_split(
    sessions: Any, false_end: bytes
) -> None:
    for between in range(1, len(false_end)):
        whole = in_two_chunks(false_end, between)
        for cut in range(1, len(whole)):
            session = sessions.ready()
            session.say(whole[:cut])
            session.say(whole[cut:])
            assert_nothing_forged(session)


@pytest.mark.parametrize("false_end", FALSE_ENDS)
@pytest.mark.parametrize("size", [1, 5, 7, 9])
def test_a_false_end_in_a_chunk_past_the_size_limit_ends_nothing(
    sessions: Any, false_end: bytes, size: int
) -> None:
    session = sessions.ready(Limits(message_size=size))
    for octet in chunked(false_end):
        session.say(bytes((octet,)))
    assert_one_refused_message(session)


@pytest.mark.parametrize("false_end", [*FALSE_ENDS, b"\r\n.\r\n"])
def test_in_a_chunk_that_is_not_wanted_nothing_is_a_command(sessions: Any, false_end: bytes) -> None:
    inside = false_end + EVIL
    whole = b"BDAT %d LAST\r\n" % len(inside) + inside + b"QUIT\r\n"
    for cut in range(1, len(whole)):
        session = sessions.ready()
        session.say(whole[:cut])
        session.say(whole[cut:])
        assert session.events_of(Mail) == []
        assert [answer.code for answer in session.answers] == [503, 221]


def test_the_true_end_of_data_is_content_in_a_chunk(sessions: Any) -> None:
    session = sessions.ready()
    session.say(chunked(b"\r\n.\r\n"))
    assert [event.reverse_path for event in session.events_of(Mail)] == [Address("a", "example.org")]
    (end,) = session.events_of(EndOfData)
    assert end.fault is None


@pytest.mark.parametrize("false_end", FALSE_ENDS)
@pytest.mark.parametrize("header", [1, 5, 7, 9])
def test_a_false_end_ends_nothing_past_the_limit_of_the_header(
    sessions: Any, false_end: bytes, header: int
) -> None:
    session = sessions.ready(Limits(header_size=header))
    for octet in stream(false_end):
        session.say(bytes((octet,)))
    assert_one_refused_message(session)


RELAY = (
    "@[192.0.2.1]:to@dest.example",
    "@relay.example:to@dest.example",
    "@a.example,@b.example:to@dest.example",
    "to@dest.example@[192.0.2.1]",
    "to@dest.example@relay.example",
    '"to@dest.example',
    "to@dest.example.",
    "to",
)
LOOKED_UP = (
    "to@dest.example",
    "to%dest.example@[192.0.2.1]",
    "to%dest.example@relay.example",
    '"to@dest.example"@[192.0.2.1]',
    '"to@dest.example"@relay.example',
    '"to%dest.example"@relay.example',
    "dest.example!to@[192.0.2.1]",
    "dest.example!to@relay.example",
)


@pytest.mark.parametrize("path", RELAY)
def test_what_names_a_way_instead_of_a_mailbox_is_no_address(sessions: Any, path: str) -> None:
    session = sessions.ready()
    session.say(b"MAIL FROM:<>\r\n")
    assert session.ask(f"RCPT TO:<{path}>").code in (501, 553)
    assert session.events_of(Recipient) == []


@pytest.mark.parametrize("path", LOOKED_UP)
def test_percents_and_bangs_are_letters_and_the_domain_is_the_last_one(sessions: Any, path: str) -> None:
    session = sessions.ready()
    session.say(b"MAIL FROM:<>\r\n")
    session.ask(f"RCPT TO:<{path}>")
    (event,) = session.events_of(Recipient)
    assert event.address.domain == path.rpartition("@")[2]


@pytest.mark.parametrize(
    "line", ["XCLIENT ADDR=127.0.0.1", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2", "XFORWARD NAME=x"]
)
def test_nobody_can_say_who_they_are_but_by_hello_and_auth(sessions: Any, line: str) -> None:
    assert sessions.ready().ask(line).code == 500
