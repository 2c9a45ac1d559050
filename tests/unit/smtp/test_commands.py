"""What each command line means, and what is said of those that mean nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.address import Address
from mailsponge.smtp import Bad, Hello, Help, Limits, Mail, Noop, Quit, Recipient, Reset, Verify, syntax

ME = Address("me", "example.org")


def taken(session: Any, line: str) -> object:
    """The event of a line that is well-formed."""
    before = len(session.events)
    session.ask(line)
    return session.events[before]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("MAIL FROM:<me@example.org>", Mail(ME, None, False, False)),
        ("mail from:<me@example.org>", Mail(ME, None, False, False)),
        ("MAIL FROM: <me@example.org>", Mail(ME, None, False, False)),
        ("MAIL FROM:   <me@example.org>  ", Mail(ME, None, False, False)),
        ("MAIL FROM:<>", Mail(None, None, False, False)),
        ("MAIL FROM:<> SIZE=10", Mail(None, 10, False, False)),
        ("MAIL FROM:<me@example.org> SIZE=1000", Mail(ME, 1000, False, False)),
        ("MAIL FROM:<me@example.org> SIZE=0", Mail(ME, 0, False, False)),
        ("MAIL FROM:<me@example.org> size=1000 body=8bitmime", Mail(ME, 1000, True, False)),
        ("MAIL FROM:<me@example.org> BODY=7BIT", Mail(ME, None, False, False)),
        ("MAIL FROM:<me@example.org> SMTPUTF8 BODY=8BITMIME", Mail(ME, None, True, True)),
        ("MAIL FROM:<sø@blå.example> SMTPUTF8", Mail(Address("sø", "blå.example"), None, False, True)),
        ('MAIL FROM:<"a b>"@example.org> SIZE=3', Mail(Address("a b>", "example.org"), 3, False, False)),
        ("MAIL FROM:<me@[192.0.2.1]>", Mail(Address("me", "[192.0.2.1]"), None, False, False)),
        ("RSET", Reset()),
        ("rset  ", Reset()),
        ("NOOP", Noop()),
        ("NOOP whatever you like", Noop()),
        ("VRFY me", Verify("me")),
        ("HELP", Help()),
        ("HELP MAIL", Help()),
        ("QUIT", Quit()),
    ],
)
def test_a_command_that_is_understood(sessions: Any, line: str, event: object) -> None:
    session = sessions.ready()
    assert taken(session, line) == event
    assert session.answers[-1].positive


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("<me@example.org>", ME),
        (" <me@EXAMPLE.org>", ME),
        ("<postmaster>", Address("postmaster", "")),
        ("<Postmaster>", Address("postmaster", "")),
        ('<"m\\"e"@example.org>', Address('m"e', "example.org")),
        ("<me@[IPv6:::1]>", Address("me", "[ipv6:::1]")),
        ("<a%b@example.org>", Address("a%b", "example.org")),
        ("<b!a@example.org>", Address("b!a", "example.org")),
    ],
)
def test_a_recipient_that_is_understood(sessions: Any, path: str, address: Address) -> None:
    session = sessions.ready()
    session.ask("MAIL FROM:<>")
    assert taken(session, f"RCPT TO:{path}") == Recipient(address)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("", "500 5.5.2"),
        (" NOOP", "500 5.5.2"),
        ("FROB", "500 5.5.1"),
        ("NOOPS", "500 5.5.1"),
        ("NO", "500 5.5.1"),
        ("ÄHLO x", "500 5.5.1"),
        ("MA\u0131L FROM:<me@example.org> SMTPUTF8", "500 5.5.1"),  # upper() makes MAIL of it
        ("STARTTLS", "502 5.5.1"),
        ("AUTH PLAIN AG1lAHNlY3JldA==", "502 5.5.1"),
        ("EXPN list", "502 5.5.1"),
        ("NOOP\0", "500 5.5.2"),
        ("NO\0OP", "500 5.5.2"),
        ("NOOP \x1b[31m", "500 5.5.2"),
        ("NOOP\tx", "500 5.5.2"),
        ("NOOP\rQUIT", "500 5.5.2"),
        ("NOOP \x7f", "500 5.5.2"),
        ("NOOP é\x01", "500 5.5.2"),
        ("NOOP é", "501 5.6.7"),
        ("VRFY é", "501 5.6.7"),
        ("VRFY", "501 5.5.4"),
        ("RSET now", "501 5.5.4"),
        ("QUIT now", "501 5.5.4"),
        ("MAIL", "501 5.5.2"),
        ("MAIL FROM", "501 5.5.2"),
        ("MAIL FROM:", "501 5.5.2"),
        ("MAIL FROM :<me@example.org>", "501 5.5.2"),
        ("MAIL FROM:me@example.org", "501 5.5.2"),
        ("MAIL FROM:<me@example.org", "501 5.5.2"),
        ('MAIL FROM:<"me@example.org>', "501 5.5.2"),
        ("MAIL TO:<me@example.org>", "501 5.5.2"),
        ("MAIL FROM:<me>", "553 5.1.7"),
        ("MAIL FROM:<postmaster>", "553 5.1.7"),
        ("MAIL FROM:<postmaster> SIZE=1", "553 5.1.7"),
        ("MAIL FROM:<@relay.example:me@example.org>", "553 5.1.7"),
        ("MAIL FROM:<me@example.org.>", "553 5.1.7"),
        ("MAIL FROM:<me@here@there>", "553 5.1.7"),
        ("MAIL FROM:< >", "553 5.1.7"),
        ("MAIL FROM:<mé@example.org>", "553 5.6.7"),
        ("MAIL FROM:<mé@example.org> BODY=8BITMIME", "553 5.6.7"),
        ("MAIL FROM:<m\u202ee@example.org> SMTPUTF8", "553 5.1.7"),
        ("MAIL FROM:<me@example.org>SIZE=1", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=1  BODY=7BIT", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> =1", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> -A=1", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE==1", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=-1", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=ten", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=" + "9" * 21, "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=٣", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SIZE=1 SIZE=2", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> SMTPUTF8=yes", "501 5.5.4"),
        ("MAIL FROM:<me@example.org> BODY=BINARYMIME", "555 5.5.4"),
        ("MAIL FROM:<me@example.org> BODY", "555 5.5.4"),
        ("MAIL FROM:<me@example.org> AUTH=<>", "555 5.5.4"),
        ("MAIL FROM:<me@example.org> FOO=HDRS", "555 5.5.4"),
        ("LHLO client.example", "500 5.5.1"),
        ("MAIL FROM:<me@example.org> SIZE=50000001", "552 5.3.4"),
        ("MAIL FROM:<me@example.org> BODY=8BITMIME SIZE=99999999999999999999", "552 5.3.4"),
    ],
)
def test_a_line_that_means_nothing_is_bad(sessions: Any, line: str, status: str) -> None:
    session = sessions.ready()
    session.ask(line)
    (event,) = session.events
    assert isinstance(event, Bad)
    assert f"{event.reply.code} {event.reply.enhanced}" == status
    assert len(event.reply.lines[0]) > 20  # it says what to do in words


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("RCPT", "501 5.5.2"),
        ("RCPT TO:me@example.org", "501 5.5.2"),
        ("RCPT FROM:<me@example.org>", "501 5.5.2"),
        ("RCPT TO:<>", "553 5.1.3"),
        ("RCPT TO:<me>", "553 5.1.3"),
        ("RCPT TO:<@relay.example:me@example.org>", "553 5.1.3"),
        ("RCPT TO:<@a,@b:me@example.org>", "553 5.1.3"),
        ("RCPT TO:<me@here@there>", "553 5.1.3"),
        ('RCPT TO:<"me@example.org">', "553 5.1.3"),
        ("RCPT TO:<me@example.org.>", "553 5.1.3"),
        ("RCPT TO:<me@[192.0.2.1>", "553 5.1.3"),
        ("RCPT TO:<mé@example.org>", "553 5.6.7"),
        ("RCPT TO:<me@example.org> FOO=NEVER", "555 5.5.4"),
        ("RCPT TO:<me@example.org>NOTIFY=NEVER", "501 5.5.4"),
        ("DATA now", "503 5.5.1"),
    ],
)
def test_a_recipient_that_is_none_is_bad(sessions: Any, line: str, status: str) -> None:
    session = sessions.ready()
    session.ask("MAIL FROM:<>")
    reply = session.ask(line)
    assert isinstance(session.events[-1], Bad)
    assert f"{reply.code} {reply.enhanced}" == status if line != "DATA now" else reply.code == 554


@pytest.mark.parametrize(
    ("line", "name", "extended"),
    [
        ("EHLO client.example", "client.example", True),
        ("ehlo client.example", "client.example", True),
        ("HELO client.example", "client.example", False),
        ("EHLO [192.0.2.1]", "[192.0.2.1]", True),
        ("EHLO my_computer ", "my_computer", True),
    ],
)
def test_hello_takes_any_one_word(sessions: Any, line: str, name: str, extended: bool) -> None:
    session = sessions.open()
    session.ask(line)
    event = session.events[-1]
    assert isinstance(event, Hello)
    assert (event.name, event.extended) == (name, extended)


@pytest.mark.parametrize("line", ["EHLO", "HELO", "EHLO ", "EHLO two words", "EHLO é", "EHLO " + "x" * 256])
def test_hello_without_one_word_is_bad_and_its_answer_has_no_enhanced_code(sessions: Any, line: str) -> None:
    session = sessions.open()
    reply = session.ask(line)
    assert (reply.code, reply.enhanced) == (501, None)


def test_a_line_that_is_neither_ascii_nor_utf8_is_bad(sessions: Any) -> None:
    reply = sessions.ready().ask(b"MAIL FROM:<m\xe9@example.org> SMTPUTF8")
    assert (reply.code, reply.enhanced) == (501, "5.5.2")


def test_parameters_need_ehlo(sessions: Any) -> None:
    for parameter in ("SIZE=10", "BODY=8BITMIME", "SMTPUTF8"):
        session = sessions.open()
        session.ask("HELO client.example")
        reply = session.ask(f"MAIL FROM:<me@example.org> {parameter}")
        assert (reply.code, reply.enhanced) == (555, "5.5.4")
        assert "EHLO" in reply.lines[0]
        assert session.ask("MAIL FROM:<me@example.org>").code == 250


def test_recipients_beyond_ascii_come_after_smtputf8_and_no_later_than_its_transaction(sessions: Any) -> None:
    session = sessions.ready()
    session.ask("MAIL FROM:<me@example.org> SMTPUTF8")
    session.ask("RCPT TO:<mé@example.org>")
    assert session.events[-1] == Recipient(Address("mé", "example.org"))
    for line in ("RSET", "MAIL FROM:<me@example.org>"):
        session.ask(line)
    assert session.ask("RCPT TO:<mé@example.org>").enhanced == "5.6.7"


@pytest.mark.parametrize(
    ("line", "meant"), [("RSTE", "RSET"), ("NOPE", "NOOP"), ("HELLO x", "HELO"), ("DTAA", "DATA")]
)
def test_a_command_misspelt_is_answered_with_the_one_meant(sessions: Any, line: str, meant: str) -> None:
    assert f"did you mean {meant}?" in sessions.ready().ask(line).lines[0]


def test_a_command_far_from_all_is_answered_with_help(sessions: Any) -> None:
    assert "HELP" in sessions.ready().ask("xyzzy").lines[0]


@pytest.mark.parametrize("word", ["x" * 2000, "\u202e" * 600, "😀" * 500])
def test_no_answer_is_longer_than_a_reply_line_may_be(sessions: Any, word: str) -> None:
    session = sessions.ready()
    for line in (
        word,
        f"VRFY {word}",
        f"MAIL FROM:<{word}> SMTPUTF8",
        f"MAIL FROM:<> {word}={word}",
        f"EHLO {word}",
    ):
        session.ask(line)
    assert all(len(line) <= 512 for line in session.said.split(b"\r\n"))  # RFC 5321 section 4.5.3.1.5


@pytest.mark.parametrize(
    "line", ["GET / HTTP/1.1", "POST /x HTTP/1.1", "post /x HTTP/1.1", "OPTIONS * HTTP/1.1"]
)
def test_a_browser_is_sent_away_before_it_can_say_more(sessions: Any, line: str) -> None:
    session = sessions.open()
    session.say(line.encode() + b"\r\nHost: localhost:2525\r\n\r\nEHLO x\r\nMAIL FROM:<evil@example.org>\r\n")
    assert [answer.code for answer in session.answers] == [421]
    assert session.events_of(Hello) == session.events_of(Mail) == []


def test_a_message_announced_as_too_large_is_refused_before_it_is_sent(sessions: Any) -> None:
    session = sessions.ready(Limits(message_size=1000))
    assert session.ask("MAIL FROM:<me@example.org> SIZE=1001").enhanced == "5.3.4"
    assert session.ask("MAIL FROM:<me@example.org> SIZE=1000").code == 250


@given(
    st.text('aZ09.-+@%!"\\ []:<>', max_size=30),
    st.sampled_from(["", " SIZE=7", " SIZE=", " SMTPUTF8"]),
    st.booleans(),
)
def test_the_quick_way_and_the_step_by_step_way_agree(path: str, parameters: str, extended: bool) -> None:
    # A space after the colon is allowed, and always goes step by step.
    assert syntax.mail(f"FROM:<{path}>{parameters}", extended) == syntax.mail(
        f"FROM: <{path}>{parameters}", extended
    )
    assert syntax.recipient(f"TO:<{path}>{parameters}", False) == syntax.recipient(
        f"TO: <{path}>{parameters}", False
    )
