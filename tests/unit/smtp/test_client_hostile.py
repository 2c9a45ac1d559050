"""A server that lies, attacks, talks nonsense or goes away: an outcome for now or an end, never an acceptance."""

from __future__ import annotations

import pytest

from kit.smtp_driver import Driver, begin, hello, lhlo, to
from mailsponge.smtp.client import Client, Ended, Ending, Handshake, Plain, Result, Said, Settled, WantContent

TWO = to("b@example.net", "c@example.net")
ENVELOPE = "250 OK\r\n250 OK\r\n250 OK\r\n354 Go\r\n"


def opened(*offers: str, way=hello, message=TWO) -> Driver:
    """A driver that has just begun a transaction with a server that offers this."""
    driver = Driver(way, begin(message))
    driver.hear_lines("220 Hi")
    driver.hear_lines(*[f"250-{line}" for line in ("x", *offers)], "250 HELP")
    driver.events.clear()
    driver.taken()
    return driver


def ending(driver: Driver) -> Ending:
    ended = driver.events[-1]
    assert isinstance(ended, Ended)
    return ended.ending


# Acceptance


def test_taken_before_the_message_is_out_is_not_taken() -> None:
    driver = opened("PIPELINING")
    driver.hear(ENVELOPE.encode() + b"250 2.0.0 Taken\r\n")
    assert driver.results == ["temporary", "temporary"]
    assert ending(driver) is Ending.UNASKED
    assert not driver.taken().endswith(b"\r\n.\r\n")


def test_refused_before_the_message_is_out_is_refused() -> None:
    driver = opened("PIPELINING")
    driver.hear(ENVELOPE.encode() + b"552 5.3.4 Too large\r\n")
    assert [(o.result, o.status) for o in driver.outcomes] == [(Result.PERMANENT, "5.3.4")] * 2
    assert ending(driver) is Ending.UNASKED


def test_taken_while_the_message_goes_out_is_not_taken() -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250 PIPELINING")
    client = driver.client
    client.begin(TWO)
    client.receive_data(ENVELOPE.encode())
    assert client.next_event() == WantContent()
    assert client.send_content(b"first\r\n") == b"first\r\n"
    client.receive_data(b"250 2.0.0 Taken\r\n")
    assert client.send_content(b"second\r\n") == b""
    assert not client.wants_content
    settled = client.next_event()
    assert isinstance(settled, Settled)
    assert [o.result for o in settled.outcomes] == ["temporary", "temporary"]


@pytest.mark.parametrize(
    ("replies", "what"),
    [
        ("354 Go", Said.MAIL),
        ("334 Go", Said.MAIL),
        ("250 OK\r\n354 Go", Said.RCPT),
        ("250 OK\r\n250 OK\r\n250 OK\r\n250 OK", Said.DATA),
        ("250 OK\r\n250 OK\r\n250 OK\r\n334 Go", Said.DATA),
        ("250 OK\r\n550 No\r\n550 No\r\n250 OK", Said.DATA),
    ],
)
def test_a_positive_answer_to_something_else_ends_the_session_and_accepts_nobody(
    replies: str, what: Said
) -> None:
    driver = opened("PIPELINING")
    driver.hear_lines(replies)
    assert ending(driver) is Ending.OUT_OF_STEP
    assert str(what) in driver.events[-1].why  # type: ignore[attr-defined]
    assert "accepted" not in driver.results
    assert len(driver.results) == 2


def test_354_to_the_end_of_data_is_no_acceptance() -> None:
    driver = opened("PIPELINING")
    driver.hear(ENVELOPE.encode())
    driver.hear_lines("354 Go on")
    assert driver.results == ["temporary", "temporary"]


def test_in_lmtp_more_answers_than_recipients_end_the_session() -> None:
    driver = opened("PIPELINING", way=lhlo)
    driver.hear(ENVELOPE.encode())
    driver.hear_lines("250 One", "250 Two", "250 Three")
    assert driver.results == ["accepted", "accepted"]
    assert ending(driver) is Ending.UNASKED


def test_without_pipelining_an_answer_to_what_is_not_said_yet_is_none() -> None:
    driver = opened("DSN")
    driver.hear_lines("250 Sender", "250 Recipient")
    assert driver.taken() == b""
    assert driver.results == ["temporary", "temporary"]
    assert ending(driver) is Ending.UNASKED


# Out of turn


@pytest.mark.parametrize("reply", ["250 OK", "550 No", "220 Hi", "354 Go"])
def test_what_nobody_asked_for_ends_the_session(reply: str) -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250 x")
    driver.hear_lines(reply)
    assert ending(driver) is Ending.UNASKED


@pytest.mark.parametrize("early", ["250 OK", "550 No", "2"])
def test_what_came_before_it_was_asked_is_no_answer(early: str) -> None:
    """A 550 that lay there before MAIL was said is no refusal of the message."""
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250 x")
    driver.taken()
    driver.client.receive_data(early.encode())
    driver.say(begin(TWO))
    assert driver.taken() == b""
    driver.hear_lines(" x")
    assert driver.results == ["temporary", "temporary"]
    assert isinstance(driver.events[-1], Ended)


def test_two_greetings_are_one_too_many() -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi", "220 Hi")
    assert driver.taken() == b""
    assert ending(driver) is Ending.UNASKED


# The connection


@pytest.mark.parametrize("heard", range(5))
def test_a_server_that_goes_away_leaves_everybody_for_later(heard: int) -> None:
    driver = opened("DSN")
    for reply in ("250 OK", "250 OK", "250 OK", "354 Go")[:heard]:
        driver.hear_lines(reply)
    driver.hear(b"")
    assert [(o.result, o.status, o.reply) for o in driver.outcomes] == [(Result.TEMPORARY, "4.4.2", None)] * 2
    assert ending(driver) is Ending.GONE
    waited_for = (Said.MAIL, Said.RCPT, Said.RCPT, Said.DATA, Said.END_OF_DATA)[heard]
    assert {o.at for o in driver.outcomes} == {waited_for}
    assert f"before {waited_for} was answered" in driver.outcomes[0].why


def test_half_a_reply_is_no_reply() -> None:
    driver = opened("PIPELINING")
    driver.hear(ENVELOPE.encode())
    driver.hear(b"250 Taken")
    driver.hear(b"")
    assert driver.results == ["temporary", "temporary"]


def test_all_but_the_last_line_of_a_reply_is_no_reply() -> None:
    driver = opened("PIPELINING")
    driver.hear(ENVELOPE.encode())
    driver.hear(b"250-Taken\r\n")
    driver.hear(b"")
    assert driver.results == ["temporary", "temporary"]


@pytest.mark.parametrize("heard", range(5))
def test_421_leaves_everybody_for_later(heard: int) -> None:
    driver = opened("DSN")
    for reply in ("250 OK", "250 OK", "250 OK", "354 Go")[:heard]:
        driver.hear_lines(reply)
    driver.hear_lines("421 4.3.2 Shutting down")
    assert [(o.result, o.status) for o in driver.outcomes] == [(Result.TEMPORARY, "4.3.2")] * 2
    assert ending(driver) is Ending.CLOSING


def test_who_was_refused_before_421_stays_refused() -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "550 5.1.1 Nobody", "421 Bye")
    assert driver.results == ["permanent", "temporary"]


def test_nothing_is_kept_of_what_comes_behind_the_end() -> None:
    driver = opened("PIPELINING")
    driver.hear(b"421 Bye\r\n" + b"250 OK\r\n" * 100)
    assert ending(driver) is Ending.CLOSING
    assert not driver.client._reader.pending


# Nonsense


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250 OK\n",
        b"250-OK\r\n550 No\r\n",
        b"250" + b"x" * 5000,
        b"250-x\r\n" * 200,
        b"\x16\x03\x01\x02\x00\x01\r\n",
    ],
)
def test_what_is_no_reply_ends_the_session(nonsense: bytes) -> None:
    driver = opened("PIPELINING")
    driver.hear(nonsense)
    assert driver.results == ["temporary", "temporary"]
    assert ending(driver) is Ending.MALFORMED


def test_a_bare_lf_in_a_reply_does_not_answer_for_the_server() -> None:
    """A server that repeats what it was told must not let that speak: what looks like a 250 here is text."""
    driver = opened("PIPELINING")
    driver.hear(ENVELOPE.encode())
    driver.hear(b"550-Refused, as it holds x\n250 Taken\r\n")
    assert "accepted" not in driver.results


def test_control_characters_of_a_server_are_shown_and_not_carried_out() -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "550 \x1b[2J\x9b no", "250 OK", "354 Go")
    driver.hear_lines("250 OK")
    assert driver.outcomes[0].why == "550 \\x1b[2J\\x9b no"
    assert driver.outcomes[0].reply is not None
    assert "\x1b" not in repr(driver.outcomes[0])


def test_an_endless_line_costs_no_memory() -> None:
    driver = Driver()
    for _ in range(1000):
        driver.hear(b"x" * 65_536)
        if driver.ended:
            break
    assert ending(driver) is Ending.MALFORMED
    for _ in range(100):
        driver.client.receive_data(b"x" * 65_536)
    assert not driver.client._reader.pending


# STARTTLS


def before_tls(server: bytes) -> Driver:
    """A driver that has said STARTTLS, and what its server said to that."""
    driver = Driver(hello, lambda client: client.starttls())
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250-STARTTLS", "250 AUTH PLAIN")
    driver.taken()
    driver.hear(server)
    return driver


@pytest.mark.parametrize(
    "injected", [b"2", b"250 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n", b"\r\n", b"421 Bye\r\n"]
)
def test_what_comes_in_the_clear_behind_starttls_is_an_attack(injected: bytes) -> None:
    driver = before_tls(b"220 Go\r\n" + injected)
    assert ending(driver) is Ending.INJECTED
    assert not any(isinstance(event, Handshake) for event in driver.events)
    assert not driver.client.secure
    assert driver.taken() == b""


@pytest.mark.parametrize("injected", [b"2", b"250 x\r\n"])
def test_what_comes_in_the_clear_before_the_handshake_is_an_attack(injected: bytes) -> None:
    client = Client()
    for say, answer in (
        (None, b"220 Hi\r\n"),
        (hello, b"250-x\r\n250 STARTTLS\r\n"),
        (Client.starttls, b"220 Go\r\n"),
    ):
        if say is not None:
            say(client)
        client.receive_data(answer)
        event = client.next_event()
    assert isinstance(event, Handshake)
    client.receive_data(injected)
    client.tls_started()
    ended = client.next_event()
    assert isinstance(ended, Ended)
    assert ended.ending is Ending.INJECTED
    assert not client.secure


def test_what_was_offered_in_the_clear_is_forgotten() -> None:
    client = before_tls(b"220 Go\r\n").client
    assert client.secure
    assert client.offers.keywords == {}
    assert client.hello("client.example") == b"EHLO client.example\r\n"


# Passwords


def test_the_end_of_a_login_tells_no_secret() -> None:
    client = Client(secure=True)
    driver = Driver(hello, lambda client: client.authenticate(Plain("me", "correct horse")), client=client)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250 AUTH PLAIN")
    driver.hear_lines("334 bW9yZQ==")
    assert ending(driver) is Ending.UNPROVEN
    assert "correct horse" not in repr(driver.events)
    assert "Y29ycmVjdCBob3JzZQ" not in repr(driver.events)
