"""AUTH: the words of it, its order, and that no secret is ever printed (RFC 4954)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import (
    Authenticate,
    AuthResponse,
    Bad,
    Closed,
    Hello,
    Limits,
    Offer,
    Question,
    State,
    challenge,
)

AUTH = Offer(auth=("SCRAM-SHA-256", "PLAIN", "LOGIN"))
SUBMISSION = Offer(starttls=True, auth=("PLAIN",), auth_required=True)
WELCOME = Reply(235, "2.7.0", "Welcome")
SECRET = b"\0me\0hunter2"
SECRET_64 = b64encode(SECRET).decode()


def login_of(answers: list[Reply]) -> Any:
    """Answers AUTH and what follows with these, and the rest as the protocol would."""
    wishes = iter(answers)

    def decide(question: Question) -> Reply:
        if isinstance(question, Authenticate | AuthResponse):
            return next(wishes, question.reply)
        return question.reply

    return decide


def test_it_is_offered_with_its_mechanisms_in_order(sessions: Any) -> None:
    assert "AUTH SCRAM-SHA-256 PLAIN LOGIN" in sessions.open(offer=AUTH).ask("EHLO x").lines
    assert not any("AUTH" in line for line in sessions.open().ask("EHLO x").lines)


def test_an_initial_response_may_be_enough(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([WELCOME]))
    assert session.ask(f"AUTH PLAIN {SECRET_64}") == WELCOME
    assert session.events == [Authenticate("PLAIN", SECRET)]
    assert session.server.authenticated
    assert session.server.state is State.READY


def test_challenges_and_responses_go_on_until_there_is_an_answer(sessions: Any) -> None:
    session = sessions.ready(
        offer=AUTH, decide=login_of([challenge(b"Username:"), challenge(b"Password:"), WELCOME])
    )
    assert session.ask("auth login").encoded == b"334 VXNlcm5hbWU6\r\n"
    assert session.ask("bWU=").encoded == b"334 UGFzc3dvcmQ6\r\n"
    assert session.ask("aHVudGVyMg==") == WELCOME
    assert session.events == [Authenticate("LOGIN", None), AuthResponse(b"me"), AuthResponse(b"hunter2")]


def test_an_empty_challenge_is_a_space(sessions: Any) -> None:
    assert challenge(b"").encoded == b"334 \r\n"


def test_an_empty_initial_response_is_an_equals_sign_and_an_empty_response_is_empty(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([challenge(b"")]))
    session.ask("AUTH PLAIN =")
    session.ask("")
    assert session.events == [Authenticate("PLAIN", b""), AuthResponse(b"")]


def test_commands_are_no_responses_and_responses_no_commands(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([challenge(b"")]))
    session.ask("AUTH PLAIN")
    assert session.ask("QUIT").code == 535  # four letters are base64, too
    assert session.events[-1] == AuthResponse(b"AB\x13")
    assert session.server.state is State.READY


def test_unless_the_driver_knows_better_nobody_gets_in(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH)
    reply = session.ask(f"AUTH PLAIN {SECRET_64}")
    assert (reply.code, reply.enhanced) == (535, "5.7.8")
    assert not session.server.authenticated


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("AUTH", "501 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH PLAIN  =", "501 5.5.2"),
        ("AUTH PLAIN x", "501 5.5.2"),
        ("AUTH PLAIN AA=A", "501 5.5.2"),
        ("AUTH PLAIN AAA", "501 5.5.2"),
        ("AUTH PLAIN AAAA AAAA", "501 5.5.2"),
        ("AUTH PLAIN A-_A", "501 5.5.2"),
        ("AUTH PLAIN é", "501 5.5.2"),
    ],
)
def test_what_is_no_login_is_bad(sessions: Any, line: str, status: str) -> None:
    session = sessions.ready(offer=AUTH)
    reply = session.ask(line)
    assert f"{reply.code} {reply.enhanced}" == status
    assert isinstance(session.events[-1], Bad)
    assert session.server.state is State.READY


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (b"*", "501 5.7.0"),
        (b"=", "501 5.5.2"),
        (b"x", "501 5.5.2"),
        (b"AA AA", "501 5.5.2"),
        (b"AAAA\0", "501 5.5.2"),
        (b"\xff", "501 5.5.2"),
        (b"A" * 12_287, "500 5.5.6"),
    ],
)
def test_a_response_that_is_none_ends_the_exchange(sessions: Any, response: bytes, status: str) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([challenge(b""), WELCOME]))
    session.ask("AUTH PLAIN")
    reply = session.ask(response)
    assert f"{reply.code} {reply.enhanced}" == status
    assert session.server.state is State.READY
    assert not session.server.authenticated
    assert session.ask("NOOP").code == 250


def test_a_response_may_be_longer_than_a_command(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([challenge(b""), WELCOME]))
    session.ask("AUTH PLAIN")
    assert session.ask(b"A" * 12_284) == WELCOME
    assert session.ask(b"NOOP " + b"x" * 3000).code == 500


def test_the_limit_of_a_response_is_an_argument(sessions: Any) -> None:
    session = sessions.ready(Limits(auth_line=10), offer=AUTH, decide=login_of([challenge(b"")] * 2))
    session.ask("AUTH PLAIN")
    assert session.ask("AAAAAAAA").code == 334
    assert session.ask("AAAAAAAAA").enhanced == "5.5.6"


def test_a_response_of_no_end_is_not_kept(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([challenge(b"")]))
    session.ask("AUTH PLAIN")
    for _ in range(100):
        session.say(b"A" * 5000)
        assert session.server.held < 12_288


def test_once_is_enough(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([WELCOME, WELCOME]))
    session.ask("AUTH PLAIN =")
    assert session.ask("AUTH PLAIN =").code == 503


def test_during_a_transaction_it_has_no_place(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH)
    session.ask("MAIL FROM:<a@example.org>")
    assert session.ask("AUTH PLAIN =").code == 503


def test_it_comes_after_ehlo(sessions: Any) -> None:
    session = sessions.open(offer=AUTH)
    assert session.ask("AUTH PLAIN =").code == 503
    session.ask("HELO x")
    assert session.ask("AUTH PLAIN =").code == 503


def test_hello_does_not_log_out(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([WELCOME]))
    session.ask("AUTH PLAIN =")
    session.ask("EHLO x")
    assert session.server.authenticated


def test_where_tls_can_be_had_there_are_no_passwords_before_it(sessions: Any) -> None:
    session = sessions.ready(offer=SUBMISSION)
    reply = session.ask(f"AUTH PLAIN {SECRET_64}")
    assert (reply.code, reply.enhanced) == (538, "5.7.11")
    assert session.events_of(Authenticate) == []
    assert session.ask("MAIL FROM:<a@example.org>").encoded.startswith(b"530 5.7.0 Send STARTTLS")


def test_submission_needs_a_login(sessions: Any) -> None:
    session = sessions.ready(offer=SUBMISSION, decide=login_of([WELCOME]))
    session.ask("STARTTLS")
    session.server.tls_started()
    assert "AUTH PLAIN" in session.ask("EHLO x").lines
    assert session.ask("MAIL FROM:<a@example.org>").encoded.startswith(b"530 5.7.0 Log in")
    session.ask("AUTH PLAIN =")
    assert session.ask("MAIL FROM:<a@example.org>").code == 250


def test_tls_logs_out(sessions: Any) -> None:
    session = sessions.ready(offer=SUBMISSION)
    session.server._authenticated = True  # nothing that a client can say leads here
    session.ask("STARTTLS")
    session.server.tls_started()
    assert not session.server.authenticated


def test_after_three_failures_the_next_login_ends_the_session(sessions: Any) -> None:
    session = sessions.ready(offer=AUTH)
    for _ in range(3):
        assert session.ask("AUTH PLAIN =").code == 535
    assert session.ask("NOOP").code == 250
    assert session.ask("AUTH PLAIN =").code == 421
    assert session.events[-1] == Closed()


def test_failures_count_across_mechanisms_and_through_tls_and_troubles_of_the_server_do_not(
    sessions: Any,
) -> None:
    trouble = Reply(454, "4.7.0", "Later")
    answers = [trouble, trouble, trouble, challenge(b""), Reply(535, "5.7.8", "No")]
    session = sessions.ready(Limits(auth_failures=1), offer=AUTH, decide=login_of(answers))
    for _ in range(3):
        assert session.ask("AUTH LOGIN").code == 454
    session.ask("AUTH LOGIN")
    session.ask("AAAA")
    assert session.ask("AUTH PLAIN =").code == 421


@pytest.mark.parametrize("event", [Authenticate("PLAIN", SECRET), AuthResponse(SECRET)])
def test_no_secret_is_printed(sessions: Any, event: Question) -> None:
    assert "hunter2" not in repr(event)
    assert "***" in repr(event)
    session = sessions.ready(offer=AUTH, decide=login_of([Reply(250, "2.0.0", "Fine")]))
    with pytest.raises(ProtocolError) as told:
        session.say(b"AUTH PLAIN " + SECRET_64.encode() + b"\r\n")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("line", ["NOOP", "MAIL FROM:<a@example.org>", "RSET"])
def test_234_and_235_belong_to_auth_alone(sessions: Any, line: str) -> None:
    session = sessions.ready(offer=AUTH, decide=lambda event: challenge(b""))
    with pytest.raises(ProtocolError):
        session.ask(line)


@given(st.binary(max_size=40))
def test_what_a_client_says_is_what_the_program_hears(sessions: Any, said: bytes) -> None:
    session = sessions.ready(offer=AUTH, decide=login_of([challenge(said)]))
    session.say(b"AUTH PLAIN " + (b64encode(said) or b"=") + b"\r\n" + b64encode(said) + b"\r\n")
    assert session.events == [Authenticate("PLAIN", said), AuthResponse(said)]
    assert session.answers[0].encoded == b"334 " + b64encode(said) + b"\r\n"


def test_hello_is_an_event_as_ever(sessions: Any) -> None:
    session = sessions.open(offer=AUTH)
    session.ask("EHLO x")
    assert isinstance(session.events[-1], Hello)
