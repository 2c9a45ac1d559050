"""Rules of PLAIN (RFC 4616) and LOGIN: what a client may say, and what comes of anything else."""

from __future__ import annotations

import base64
import smtplib

import pytest
from auth_house import PASSWORDS, says
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.auth.check import check
from mailsponge.auth.directory import Directory
from mailsponge.auth.exchange import Challenge, CheckPassword, Denied, Exchange, Granted
from mailsponge.auth.login import Login
from mailsponge.auth.plain import Plain


def test_the_message_of_rfc_4616_is_taken_apart():
    # Section 4, the first example.
    assert Plain().begin(b"\0tim\0tanstaaftanstaaf") == CheckPassword("tim", "tanstaaftanstaaf")


def test_acting_as_somebody_else_is_refused():
    # Section 4, the second example: Kurt acts as Ursel.
    assert isinstance(Plain().begin(b"Ursel\0Kurt\0xipj3plmq"), Denied)


@pytest.mark.parametrize("authzid", ["", "tim"])
def test_acting_as_oneself_may_be_said(authzid):
    assert Plain().begin(f"{authzid}\0tim\0x".encode()) == CheckPassword("tim", "x")


def test_plain_asks_for_the_message_if_it_did_not_come_with_auth():
    exchange = Plain()

    assert exchange.begin(None) == Challenge(b"")
    assert exchange.respond(b"\0tim\0x") == CheckPassword("tim", "x")


def test_login_asks_for_the_name_and_the_password():
    exchange = Login()

    assert exchange.begin(None) == Challenge(b"Username:")
    assert exchange.respond(b"tim") == Challenge(b"Password:")
    assert exchange.respond(b"x") == CheckPassword("tim", "x")


def test_the_name_may_come_with_auth_login():
    exchange = Login()

    assert exchange.begin(b"tim") == Challenge(b"Password:")
    assert exchange.respond(b"x") == CheckPassword("tim", "x")


def test_what_is_typed_in_two_ways_is_one():
    assert Plain().begin("\0jose\u0301\0a\u00a0b".encode()) == CheckPassword("jos\u00e9", "a b")


HOSTILE = [
    b"",
    b"\0",
    b"\0\0",
    b"\0\0\0",
    b"a",
    b"a\0b",
    b"\0\0x",
    b"\0a\0",
    b"\0a\0b\0",
    b"\0a\0b\0c",
    b"\0a\n\0b",
    b"\0a\0b\r",
    b"\0\xff\0b",
    b"\0a\0\xc3",
    b"\0\xed\xa0\x80\0b",
    b"\0a\0\xc2\xad",
    b"\0" + b"a" * 1025 + b"\0b",
    b"\0a\0" + b"b" * 1025,
    b"a" * 1025 + b"\0a\0b",
    b"x" * 1_000_000,
    b"\0" * 1_000_000,
]


@pytest.mark.parametrize("message", HOSTILE, ids=lambda message: repr(message[:12]))
def test_a_message_that_is_none_is_denied(message):
    assert isinstance(Plain().begin(message), Denied)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (b"", b"x"),
        (b"a", b""),
        (b"\xff", b"x"),
        (b"a", b"\xff"),
        (b"a\0", b"x"),
        (b"a", b"x\0"),
        (b"a" * 1025, b"x"),
    ],
)
def test_a_name_or_a_password_that_cannot_be_is_denied(name, password):
    exchange = Login()

    assert exchange.begin(name) == Challenge(b"Password:")
    assert isinstance(exchange.respond(password), Denied)


@pytest.mark.parametrize("huge", [0, 1])
def test_a_huge_answer_to_login_is_denied(huge):
    exchange = Login()
    answers = [b"a", b"b"]
    answers[huge] *= 1_000_000

    steps = [exchange.begin(None), *map(exchange.respond, answers)]
    assert isinstance(steps[-1], Denied)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.booleans())
def test_whatever_a_client_says_it_gets_a_step(messages, with_auth):
    for exchange in (Plain(), Login()):
        step = exchange.begin(messages[0] if with_auth else None)
        ended = 0
        for message in messages:
            ended += not isinstance(step, Challenge)
            step = exchange.respond(message)
            assert not ended or isinstance(step, Denied)


def test_nothing_typed_is_shown_by_what_is_logged():
    assert "secret" not in repr(Plain().begin(b"\0my secret name\0my secret"))
    assert "secret" not in str(Plain().begin(b"my secret\0me\0x"))


class Peer(smtplib.SMTP):
    """The client of the standard library, whose commands go to an exchange instead of a socket."""

    def __init__(self, exchange: Exchange, directory: Directory) -> None:
        super().__init__()
        self._exchange = exchange
        self._directory = directory

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        """Answer as the server would."""
        if cmd == "AUTH":
            _, _, initial = args.partition(" ")
            step = self._exchange.begin(base64.b64decode(initial) if initial else None)
        else:
            step = self._exchange.respond(base64.b64decode(cmd))
        if isinstance(step, CheckPassword):
            verdict = check(self._directory, step)
            return (235, b"") if isinstance(verdict, Granted) else (535, b"")
        return (334, base64.b64encode(step.data)) if isinstance(step, Challenge) else (535, b"")


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("mechanism", "kind"), [("plain", Plain), ("login", Login)])
def test_the_standard_librarys_client_gets_in_and_not_with_a_wrong_password(
    everybody, mechanism, kind, at_once
):
    def log_in(password: str) -> int:
        peer = Peer(kind(), everybody)
        peer.user, peer.password = "me@example.org", password
        authenticate = getattr(peer, f"auth_{mechanism}")
        return peer.auth(mechanism, authenticate, initial_response_ok=at_once)[0]

    assert log_in(PASSWORDS["me"]) == 235
    with pytest.raises(smtplib.SMTPAuthenticationError):
        log_in("wrong")


@pytest.mark.parametrize("name", ["nobody", "somebody", "team", "me@elsewhere.example"])
def test_who_cannot_log_in_and_a_wrong_password_get_the_same(everybody, name):
    def kinds(name: str) -> list[type]:
        return [type(step) for step in says(everybody, Login(), name.encode(), b"wrong")]

    assert kinds(name) == kinds("me") == [Challenge, Challenge, Denied]
