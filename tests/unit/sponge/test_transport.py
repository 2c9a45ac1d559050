"""A mail leaves by SMTP: whole, once, to the right addresses; and what a server answers decides what becomes of it."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from kit.smtp_server import SmtpServer, hangs_up, says_nothing
from mailsponge.clock import Deadline
from mailsponge.sponge.mailhost import Credentials, parse
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.transport import hand_over

CONTENT = b"Message-ID: <1@example.net>\r\nSubject: hello\r\n\r\nOne line.\r\n"

MAIL = Mail("<1@example.net>", 0.0, "hello", "a@example.net", ("b@example.org",), CONTENT)


def handed(
    server: SmtpServer,
    mail: Mail = MAIL,
    query: str = "",
    login: Credentials | None = None,
    seconds: float = 20,
) -> Outcome:
    return hand_over(mail, parse(server.url + query), login, Deadline(seconds))


def test_a_mail_arrives_as_it_was_composed():
    content = CONTENT + b".\r\n..\r\n.dot\r\n" + b"x" * 900 + b"\r\n\r\n\r\n"
    with SmtpServer() as server:
        outcome = handed(server, replace(MAIL, content=content))

    assert (outcome.status, outcome.reply) == ("sent", f"handed to 127.0.0.1:{server.port}")
    (received,) = server.mails
    assert received.content == content
    assert (received.sender, received.recipients) == ("a@example.net", ["b@example.org"])


def test_every_recipient_is_named():
    with SmtpServer() as server:
        handed(server, replace(MAIL, toaddrs=("b@example.org", "c@example.org")))

    assert server.mails[0].recipients == ["b@example.org", "c@example.org"]


def test_the_client_takes_its_leave():
    with SmtpServer() as server:
        handed(server)

    assert server.commands[-1].upper() == "QUIT"


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "end of data"])
@pytest.mark.parametrize(
    ("reply", "status"), [("451 4.3.0 not now", "waiting"), ("554 5.6.0 never", "refused")]
)
def test_what_the_server_says_of_the_mail_decides(step, reply, status):
    with SmtpServer({step: reply}) as server:
        outcome = handed(server)

    assert outcome.status == status
    assert reply in outcome.reply
    assert outcome.server_is_there


@pytest.mark.parametrize("step", ["greeting", "EHLO"])
@pytest.mark.parametrize("reply", ["421 4.3.0 not now", "554 5.3.0 never"])
def test_what_the_server_says_of_itself_makes_a_mail_wait(step, reply):
    """It is no word about this mail: the administrator may mend it."""
    with SmtpServer({step: reply, "HELO": reply}) as server:
        outcome = handed(server)

    assert outcome.status == "waiting"
    assert reply in outcome.reply
    assert not outcome.server_is_there


def test_a_server_that_knows_only_helo_will_do():
    with SmtpServer({"EHLO": "502 5.5.1 what?"}) as server:
        assert handed(server).status == "sent"


@pytest.mark.parametrize("quit_answer", [hangs_up, "500 no", "421 closing"])
def test_what_happens_after_the_mail_was_taken_does_not_matter(quit_answer):
    with SmtpServer({"QUIT": quit_answer}) as server:
        assert handed(server).status == "sent"


def test_a_server_that_does_not_say_goodbye_is_not_waited_for_beyond_the_deadline():
    with SmtpServer({"QUIT": says_nothing}) as server:
        assert handed(server, seconds=0.5).status == "sent"


def test_an_address_that_is_not_ascii_asks_for_smtputf8():
    with SmtpServer(extensions=["SMTPUTF8", "8BITMIME"]) as server:
        outcome = handed(server, replace(MAIL, toaddrs=("søren@example.org",)))

    assert outcome.status == "sent"
    assert server.mails[0].recipients == ["søren@example.org"]
    assert any("SMTPUTF8" in command for command in server.commands)


def test_an_address_that_is_not_ascii_waits_for_a_server_that_takes_it():
    with SmtpServer() as server:
        outcome = handed(server, replace(MAIL, toaddrs=("søren@example.org",)))

    assert outcome.status == "waiting"
    assert server.mails == []


def test_an_address_the_server_refuses_for_good_holds_up_no_other_and_is_named():
    with SmtpServer({"RCPT gone@example.org": "550 5.1.1 nobody here"}) as server:
        outcome = handed(server, replace(MAIL, toaddrs=("gone@example.org", "b@example.org")))

    assert outcome.status == "sent"
    assert server.mails[0].recipients == ["b@example.org"]
    assert "gone@example.org: 550 5.1.1 nobody here" in outcome.reply


def test_an_address_the_server_puts_off_goes_on_waiting_alone():
    both = replace(MAIL, toaddrs=("later@example.org", "b@example.org"))
    with SmtpServer({"RCPT later@example.org": ["450 4.2.0 greylisted", "250 2.1.5 ok"]}) as server:
        first = handed(server, both)
        second = handed(server, replace(both, toaddrs=first.left))

    assert (first.status, first.left) == ("waiting", ("later@example.org",))
    assert "450 4.2.0 greylisted" in first.reply
    assert first.server_is_there
    assert second.status == "sent"
    assert [mail.recipients for mail in server.mails] == [["b@example.org"], ["later@example.org"]]


def test_addresses_all_refused_are_each_named():
    with SmtpServer({"RCPT": "550 5.1.1 nobody here"}) as server:
        outcome = handed(server, replace(MAIL, toaddrs=("b@example.org", "c@example.org")))

    assert outcome.status == "refused"
    assert outcome.reply.count("550 5.1.1 nobody here") == 2


def test_addresses_of_which_one_may_yet_be_taken_wait():
    with SmtpServer({"RCPT": "550 5.1.1 no", "RCPT b@example.org": "450 4.2.0 later"}) as server:
        outcome = handed(server, replace(MAIL, toaddrs=("b@example.org", "c@example.org")))

    assert outcome.status == "waiting"


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\x00b", "\u202eright to left", "x" * 5000])
def test_what_a_server_says_is_harmless_and_short_when_it_is_shown(text):
    with SmtpServer({"end of data": f"451 {text}"}) as server:
        outcome = handed(server)

    assert outcome.status == "waiting"
    assert outcome.reply.isprintable()
    assert len(outcome.reply) <= 1000


def test_the_right_password_is_given_and_only_under_tls():
    with SmtpServer(extensions=["STARTTLS", "AUTH PLAIN"], password="secret") as server:
        outcome = handed(server, query="?starttls=try", login=Credentials("me", "secret"))

    assert outcome.status == "sent"
    assert server.mails[0].login == ("me", "secret")
    assert server.mails[0].encrypted


def test_a_wrong_password_makes_a_mail_wait_and_is_not_shown():
    with SmtpServer(extensions=["STARTTLS", "AUTH PLAIN"], password="secret") as server:
        outcome = handed(server, query="?starttls=try", login=Credentials("me", "hunter2"))

    assert outcome.status == "waiting"
    assert "535 5.7.8 wrong password" in outcome.reply
    assert "hunter2" not in outcome.reply
    assert server.mails == []


def test_a_server_without_login_makes_a_mail_wait():
    with SmtpServer() as server:
        outcome = handed(server, query="?starttls=never", login=Credentials("me", "secret"))

    assert outcome.status == "waiting"
    assert not any("AUTH" in command for command in server.commands)


def test_a_second_address_is_tried_when_nobody_answers_at_the_first():
    """Localhost has two; here only the second has a server."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with SmtpServer(host="::1") as server:
        outcome = hand_over(MAIL, parse(("localhost", server.port)), None, Deadline(20))

    assert outcome.status == "sent"
