"""Whole dialogues: the session around the transactions, and what the program that drives the engine may not do."""

from __future__ import annotations

import base64

import pytest

from kit.smtp_driver import Driver, begin, hello, lhlo, play, quit_, to
from mailsponge.errors import ProtocolError, UsageError
from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.smtp.client import (
    NEED_DATA,
    Authenticated,
    Client,
    Done,
    Ended,
    Ending,
    ForwardPath,
    Greeted,
    Handshake,
    Login,
    Offered,
    Outgoing,
    Plain,
    Refused,
    ReplyLimits,
    Said,
    ScramSha256,
    Send,
    Settled,
    State,
    WantContent,
)
from mailsponge.smtp.client_auth import Mechanism

SECRET = "correct horse"
NONCE = "rOprNGfwEbeRWgbNEkqO"
SCRAM_FIRST = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SCRAM_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
ALL_AUTH = "AUTH PLAIN LOGIN SCRAM-SHA-256"


def ready(*offers: str, client: Client | None = None) -> Driver:
    """A driver whose server has said hello and offers these."""
    driver = Driver(hello, client=client)
    driver.hear_lines("220 mail.example.org")
    lines = ["mail.example.org", *offers]
    driver.hear_lines(*[f"250-{line}" for line in lines[:-1]], f"250 {lines[-1]}")
    driver.events.clear()
    driver.sent.clear()
    return driver


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def login(mechanism: Mechanism) -> Driver:
    """A driver that has begun to log in, over TLS."""
    driver = ready(ALL_AUTH, client=Client(secure=True))
    driver.say(lambda client: client.authenticate(mechanism))
    return driver


# Hello


def test_a_session_begins_with_the_servers_greeting() -> None:
    driver = Driver()
    assert driver.client.next_event() is NEED_DATA
    assert driver.hear_lines("220 mail.example.org ESMTP") == [
        Greeted(Reply(220, None, "mail.example.org ESMTP"))
    ]


def test_a_server_that_does_not_want_us_is_left() -> None:
    driver = Driver(quit_)
    assert driver.hear_lines("554 Not you") == [Refused(Said.GREETING, Reply(554, None, "Not you"))]
    assert driver.taken() == b"QUIT\r\n"
    [ended] = driver.hear_lines("221 Bye")
    assert isinstance(ended, Ended)
    assert ended.ending is Ending.QUIT


def test_ehlo_tells_what_is_offered() -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    assert driver.taken() == b"EHLO client.example\r\n"
    [offered] = driver.hear_lines("250-mail.example.org", "250-PIPELINING", "250 SIZE 1000")
    assert isinstance(offered, Offered)
    assert offered.offers is driver.client.offers
    assert offered.offers.keywords == {"PIPELINING": "", "SIZE": "1000"}


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_server_that_does_not_know_ehlo_is_said_helo(code: int) -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.taken()
    assert driver.hear_lines(f"{code} What?") == []
    assert driver.taken() == b"HELO client.example\r\n"
    assert driver.hear_lines("250-mail.example.org", "250 PIPELINING")[0].offers.keywords == {}  # type: ignore[attr-defined]
    assert driver.client.state is State.READY


@pytest.mark.parametrize("code", [421, 450, 501, 550, 554])
def test_a_hello_that_is_refused_for_another_reason_is_not_said_again(code: int) -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.taken()
    driver.hear_lines(f"{code} No")
    assert driver.taken() == b""


def test_helo_can_be_refused_too() -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("502 What?")
    assert driver.hear_lines("550 No") == [Refused(Said.HELO, Reply(550, None, "No"))]
    assert driver.client.state is State.GREETED


def test_lhlo_is_never_helo() -> None:
    driver = Driver(lhlo)
    driver.hear_lines("220 Hi")
    assert driver.taken() == b"LHLO client.example\r\n"
    assert driver.hear_lines("500 What?") == [Refused(Said.LHLO, Reply(500, None, "What?"))]
    assert driver.taken() == b""


# STARTTLS


def test_starttls_begins_the_session_anew() -> None:
    driver = Driver(hello, lambda client: client.starttls(), hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250-STARTTLS", "250 PIPELINING")
    driver.taken()
    assert driver.hear_lines("220 Go") == [Handshake(Reply(220, None, "Go"))]
    assert driver.client.secure
    assert driver.client.offers.keywords == {}
    assert driver.taken() == b"EHLO client.example\r\n"
    driver.hear_lines("250-x", "250 AUTH PLAIN")
    assert driver.client.offers.auth == {"PLAIN"}
    assert "STARTTLS" not in driver.client.offers


def test_starttls_that_is_refused_leaves_the_session_in_the_clear() -> None:
    driver = ready("STARTTLS")
    driver.say(lambda client: client.starttls())
    assert driver.hear_lines("454 4.7.0 Not now") == [Refused(Said.STARTTLS, Reply(454, "4.7.0", "Not now"))]
    assert not driver.client.secure
    assert driver.client.state is State.READY


def test_starttls_needs_a_server_that_offers_it_and_a_connection_in_the_clear() -> None:
    with pytest.raises(ProtocolError, match="offers"):
        ready("DSN").client.starttls()
    with pytest.raises(ProtocolError, match="secure already"):
        ready("STARTTLS", client=Client(secure=True)).client.starttls()


# AUTH


def test_plain() -> None:
    driver = login(Plain("me", SECRET))
    assert driver.taken() == f"AUTH PLAIN {encoded(chr(0) + 'me' + chr(0) + SECRET)}\r\n".encode()
    assert driver.hear_lines("235 2.7.0 Welcome") == [Authenticated(Reply(235, "2.7.0", "Welcome"))]


def test_login() -> None:
    driver = login(Login("me", SECRET))
    assert driver.taken() == b"AUTH LOGIN\r\n"
    assert driver.hear_lines(f"334 {encoded('Username:')}") == []
    assert driver.taken() == f"{encoded('me')}\r\n".encode()
    assert driver.hear_lines(f"334 {encoded('Password:')}") == []
    assert driver.taken() == f"{encoded(SECRET)}\r\n".encode()
    assert driver.hear_lines("235 Welcome") == [Authenticated(Reply(235, None, "Welcome"))]


def test_scram_needs_no_tls_for_it_shows_nothing() -> None:
    driver = ready(ALL_AUTH)
    driver.say(lambda client: client.authenticate(ScramSha256("user", "pencil", NONCE)))
    assert driver.taken() == f"AUTH SCRAM-SHA-256 {encoded(f'n,,n=user,r={NONCE}')}\r\n".encode()
    driver.hear_lines(f"334 {encoded(SCRAM_FIRST)}")
    assert base64.b64decode(driver.taken()).startswith(b"c=biws,r=")
    driver.hear_lines(f"334 {encoded(SCRAM_FINAL)}")
    assert driver.taken() == b"\r\n"
    assert driver.hear_lines("235 Welcome") == [Authenticated(Reply(235, None, "Welcome"))]


def test_a_password_that_is_wrong_may_be_tried_again() -> None:
    driver = login(Plain("me", SECRET))
    assert driver.hear_lines("535 5.7.8 No") == [Refused(Said.AUTH, Reply(535, "5.7.8", "No"))]
    driver.say(lambda client: client.authenticate(Login("me", SECRET)))
    driver.hear_lines("334 ")
    assert driver.hear_lines("501 Never mind") == [Refused(Said.AUTH, Reply(501, None, "Never mind"))]


def test_once_logged_in_nobody_logs_in_again() -> None:
    driver = login(Plain("me", SECRET))
    driver.hear_lines("235 Welcome")
    with pytest.raises(ProtocolError):
        driver.client.authenticate(Plain("you", SECRET))


@pytest.mark.parametrize("mechanism", [Plain("me", SECRET), Login("me", SECRET)])
def test_a_password_is_never_shown_in_the_clear(mechanism: Mechanism) -> None:
    with pytest.raises(ProtocolError, match="would show the password") as caught:
        ready(ALL_AUTH).client.authenticate(mechanism)
    assert SECRET not in str(caught.value)


def test_a_mechanism_that_is_not_offered_is_not_tried() -> None:
    with pytest.raises(ProtocolError, match=r"offers\.auth"):
        ready("AUTH LOGIN", client=Client(secure=True)).client.authenticate(Plain("me", SECRET))


@pytest.mark.parametrize(
    "answers",
    [
        ["235 Welcome"],
        [f"334 {encoded(SCRAM_FIRST)}", "235 Welcome"],
        [f"334 {encoded(SCRAM_FIRST)}", f"235 {encoded(SCRAM_FINAL)}"],
        [f"334 {encoded(SCRAM_FIRST)}", f"334 {encoded('v=AAAA')}"],
        [f"334 {encoded(SCRAM_FIRST)}", f"334 {encoded('e=other-error')}"],
        [f"334 {encoded(SCRAM_FIRST)}", f"334 {encoded(SCRAM_FINAL)}", "334 "],
        [f"334 {encoded(SCRAM_FINAL)}"],
        ["334 "],
        ["334 not base64"],
        [f"334-{encoded(SCRAM_FIRST)}\r\n334 x"],
    ],
)
def test_a_server_that_does_not_prove_itself_is_an_impostor(answers: list[str]) -> None:
    driver = login(ScramSha256("user", "pencil", NONCE))
    for answer in answers:
        driver.hear_lines(answer)
    assert isinstance(driver.events[-1], Ended)
    assert driver.events[-1].ending is Ending.UNPROVEN
    assert not any(isinstance(event, Authenticated) for event in driver.events)


def test_a_secret_is_in_no_repr() -> None:
    driver = login(Plain("me", SECRET))
    shown = [encoded(SECRET), SECRET, encoded(f"\0me\0{SECRET}")]
    driver.client.receive_data(b"334 \r\n")
    for thing in (driver.client.next_event(), driver.client, Send(driver.taken())):
        assert not any(secret in repr(thing) for secret in shown)


# The rest


def test_noop_and_reset_are_done() -> None:
    driver = ready("DSN")
    driver.say(lambda client: client.noop())
    assert driver.taken() == b"NOOP\r\n"
    assert driver.hear_lines("250 OK") == [Done(Said.NOOP, Reply(250, None, "OK"))]
    driver.say(lambda client: client.reset())
    assert driver.taken() == b"RSET\r\n"
    assert driver.hear_lines("250 OK") == [Done(Said.RSET, Reply(250, None, "OK"))]
    driver.say(lambda client: client.noop())
    assert driver.hear_lines("500 What?") == [Refused(Said.NOOP, Reply(500, None, "What?"))]


@pytest.mark.parametrize("answer", [b"221 Bye\r\n", b"250 OK\r\n", b"500 What?\r\n", b""])
def test_quit_ends_the_session_whatever_the_answer(answer: bytes) -> None:
    driver = ready("DSN")
    driver.say(quit_)
    [ended] = driver.hear(answer)
    assert isinstance(ended, Ended)
    assert ended.ending is Ending.QUIT
    assert driver.client.state is State.CLOSED


def test_after_the_end_there_is_only_the_end() -> None:
    driver = ready("DSN")
    [ended] = driver.hear(b"421 4.3.2 Bye\r\n")
    assert ended == Ended(
        Ending.CLOSING, Reply(421, "4.3.2", "Bye"), "the server ends the session: 421 4.3.2 Bye"
    )
    driver.client.receive_data(b"250 OK\r\n")
    assert driver.client.next_event() is ended
    with pytest.raises(ProtocolError, match="new Client"):
        driver.client.quit()


def test_an_end_that_the_program_has_not_heard_of_is_no_mistake_of_it() -> None:
    """Between two events the program may say what it likes: what came meanwhile is the server's doing."""
    driver = ready("DSN")
    client = driver.client
    driver.say(begin(to("b@example.net")))
    client.receive_data(b"421 Bye\r\n")
    assert isinstance(client.next_event(), Settled)
    assert client.begin(to("c@example.net")) == b""
    assert (client.quit(), client.noop(), client.hello("x"), client.reset()) == (b"", b"", b"", b"")
    settled = client.next_event()
    assert isinstance(settled, Settled)
    assert [outcome.recipient.local for outcome in settled.outcomes] == ["c"]
    assert settled.outcomes[0].result == "temporary"
    assert isinstance(client.next_event(), Ended)


def test_one_thing_is_said_at_a_time() -> None:
    driver = ready("DSN")
    driver.say(lambda client: client.noop())
    for attempt in (hello, quit_, begin(to("b@example.net"))):
        with pytest.raises(ProtocolError, match="before all is answered"):
            attempt(driver.client)


def test_content_is_handed_over_when_it_is_wanted() -> None:
    driver = ready("DSN")
    for attempt in (lambda: driver.client.send_content(b"x"), driver.client.end_content):
        with pytest.raises(ProtocolError, match="WantContent"):
            attempt()


def test_nothing_comes_after_the_server_has_gone() -> None:
    client = Client()
    client.receive_data(b"")
    with pytest.raises(ProtocolError):
        client.receive_data(b"220 Hi\r\n")


def test_limits_are_at_least_one() -> None:
    with pytest.raises(ProtocolError):
        Client(limits=ReplyLimits(lines=0))


@pytest.mark.parametrize(
    "message",
    [
        Outgoing(None, ()),
        Outgoing(Address("a\r\nRSET", "x"), (ForwardPath(Address("b", "c")),)),
        Outgoing(None, (ForwardPath(Address("b", "c")), ForwardPath(Address("b", "c> NOTIFY=NEVER")))),
        Outgoing(None, (ForwardPath(Address("b", "c")),), envid="\r\n"),
    ],
)
def test_what_cannot_be_said_is_found_before_a_byte_is_sent(message: Outgoing) -> None:
    driver = ready("DSN", "PIPELINING")
    with pytest.raises(UsageError):
        driver.client.begin(message)
    driver.say(begin(to("b@example.net")))
    assert driver.taken().startswith(b"MAIL FROM:<a@example.org>\r\n")


def test_a_whole_dialogue() -> None:
    driver = Driver(hello, begin(to("b@example.net")), quit_)
    play(
        driver,
        [
            b"220 Hi\r\n",
            b"250 x\r\n",
            b"250 OK\r\n",
            b"250 OK\r\n",
            b"354 Go\r\n",
            b"250 Thanks\r\n",
            b"221 Bye\r\n",
        ],
    )
    assert [type(event) for event in driver.events] == [Greeted, Offered, WantContent, Settled, Ended]
    assert driver.results == ["accepted"]


def test_a_driver_sees_what_is_awaited_and_whether_the_server_gets_on() -> None:
    driver = Driver(hello, begin(to("b@example.net")))
    seen = [(driver.client.awaited, driver.client.heard)]
    for line in (
        "220 mail.example.org",
        "250-mail.example.org",
        "250 PIPELINING",
        "250 ok",
        "250",
        "354 go",
        "250 ok",
    ):
        driver.hear_lines(line)
        seen.append((driver.client.awaited, driver.client.heard))

    assert seen == [
        (Said.GREETING, 0),
        (Said.EHLO, 1),
        (Said.EHLO, 1),
        (Said.MAIL, 2),
        (Said.RCPT, 3),
        (Said.DATA, 4),
        (Said.END_OF_DATA, 5),
        (None, 6),
    ]
