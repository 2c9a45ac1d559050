"""Nothing that looks much like the end of a message ends it, so that no message can be hidden in another."""

from __future__ import annotations

from typing import Any

import pytest

from mailsponge.mail.address import Address
from mailsponge.smtp import Bad, EndOfData, Limits, Mail, State

EVIL = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nForged\r\n"
FALSE_ENDS = [
    b"\n.\n",
    b"\r.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
]
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
