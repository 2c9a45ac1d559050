"""What a sender wishes of reports (RFC 3461), and whom it names with AUTH= (RFC 4954 section 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.smtp import Mail, Offer, Recipient, xtext

PLAIN = Offer(auth=("PLAIN",))


@pytest.mark.parametrize(
    ("parameters", "ret", "envid"),
    [
        ("RET=FULL", "FULL", None),
        ("ret=hdrs", "HDRS", None),
        ("ENVID=QQ314159", None, "QQ314159"),
        ("ENVID=a+2Bb+3Dc+20d", None, "a+b=c d"),
        ("RET=HDRS SIZE=10 ENVID=x", "HDRS", "x"),
        ("ENVID=" + "x" * 100, None, "x" * 100),
    ],
)
def test_mail_says_what_is_wished_of_the_whole(
    sessions: Any, parameters: str, ret: str | None, envid: str | None
) -> None:
    session = sessions.ready()
    assert session.ask(f"MAIL FROM:<a@example.org> {parameters}").code == 250
    (event,) = session.events_of(Mail)
    assert (event.ret, event.envid) == (ret, envid)


@pytest.mark.parametrize(
    "parameter",
    [
        "RET",
        "RET=",
        "RET=ALL",
        "RET=FULL RET=FULL",
        "ENVID",
        "ENVID=" + "x" * 101,
        "ENVID=a+",
        "ENVID=a+3d",  # hexadecimal digits are capitals
        "ENVID=a+GG",
        "ENVID=a+0D+0A",
        "ENVID=a+00",
        "ENVID=a+7F",
        "ENVID=a+E9",
        "ENVID=é",
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(sessions: Any, parameter: str) -> None:
    session = sessions.ready()
    reply = session.ask(f"MAIL FROM:<a@example.org> {parameter}")
    assert (reply.code, reply.enhanced) == (501, "5.5.4")


@pytest.mark.parametrize(
    ("parameters", "notify", "orcpt"),
    [
        ("NOTIFY=NEVER", {"NEVER"}, None),
        ("NOTIFY=success,Failure,DELAY", {"SUCCESS", "FAILURE", "DELAY"}, None),
        ("NOTIFY=DELAY", {"DELAY"}, None),
        ("ORCPT=rfc822;c@example.net", None, ("rfc822", "c@example.net")),
        ("ORCPT=RFC822;c+2Bd@example.net", None, ("rfc822", "c+d@example.net")),
        ("ORCPT=utf-8;c\\x{E9}@example.net", None, ("utf-8", "cé@example.net")),
        ("ORCPT=utf-8;cé@example.net", None, ("utf-8", "cé@example.net")),
        ("ORCPT=rfc822;c+C3+A9@example.net", None, ("utf-8", "cé@example.net")),  # as Postfix writes it
        ("NOTIFY=FAILURE ORCPT=x400;/a+3Db", {"FAILURE"}, ("x400", "/a=b")),
    ],
)
def test_rcpt_says_what_is_wished_of_one_recipient(
    sessions: Any, parameters: str, notify: set[str] | None, orcpt: tuple[str, str] | None
) -> None:
    session = sessions.ready()
    session.ask("MAIL FROM:<a@example.org> SMTPUTF8")
    assert session.ask(f"RCPT TO:<b@example.net> {parameters}").code == 250
    (event,) = session.events_of(Recipient)
    assert (event.notify, event.orcpt) == (notify, orcpt)


@pytest.mark.parametrize(
    "parameter",
    [
        "NOTIFY",
        "NOTIFY=",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=DELAY,",
        "NOTIFY=SOMETIMES",
        "ORCPT",
        "ORCPT=c@example.net",
        "ORCPT=;c@example.net",
        "ORCPT=rfc822;",
        "ORCPT=rfc822;c+0Ad",
        "ORCPT=rfc822;cé@example.net",
        "ORCPT=rfc822;c+E9@example.net",
        "ORCPT=rfc822;c+C2+85@example.net",
        "ORCPT=x400;c+C3+A9",
        "ORCPT=utf-8;c\\x{0A}",
        "ORCPT=utf-8;c\\x{D800}",
        "ORCPT=utf-8;c\\x{FFFFFF}",
        "ORCPT=rfc822;" + "x" * 494,
    ],
)
def test_a_wish_of_one_recipient_that_cannot_be_read_is_refused(sessions: Any, parameter: str) -> None:
    session = sessions.ready()
    session.ask("MAIL FROM:<a@example.org> SMTPUTF8")
    reply = session.ask(f"RCPT TO:<b@example.net> {parameter}")
    assert (reply.code, reply.enhanced) == (501, "5.5.4")


def test_wishes_need_ehlo(sessions: Any) -> None:
    session = sessions.open()
    session.ask("HELO client.example")
    assert session.ask("MAIL FROM:<a@example.org> RET=FULL").code == 555
    session.ask("MAIL FROM:<a@example.org>")
    assert session.ask("RCPT TO:<b@example.net> NOTIFY=NEVER").code == 555
    assert session.ask("RCPT TO:<b@example.net>").code == 250


@pytest.mark.parametrize(
    ("value", "who"),
    [("<>", "<>"), ("me@example.org", "me@example.org"), ("a+3Db@example.org", "a=b@example.org")],
)
def test_auth_names_whose_message_it_is(sessions: Any, value: str, who: str) -> None:
    session = sessions.ready(offer=PLAIN)
    assert session.ask(f"MAIL FROM:<a@example.org> AUTH={value}").code == 250
    assert session.events_of(Mail)[0].auth == who


@pytest.mark.parametrize("parameter", ["AUTH", "AUTH=+0A", "AUTH=a+b"])
def test_auth_that_names_nobody_is_refused(sessions: Any, parameter: str) -> None:
    reply = sessions.ready(offer=PLAIN).ask(f"MAIL FROM:<a@example.org> {parameter}")
    assert (reply.code, reply.enhanced) == (501, "5.5.4")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_xtext_is_read_as_it_was_written(said: str) -> None:
    assert xtext.decode(xtext.encode(said)) == said
    assert not set(xtext.encode(said)) & set(" =")


@given(st.text("+=0AaF \x00é~", max_size=12))
def test_whatever_xtext_says_is_printable_ascii(value: str) -> None:
    said = xtext.decode(value)
    assert said is None or (said.isascii() and said.isprintable())
