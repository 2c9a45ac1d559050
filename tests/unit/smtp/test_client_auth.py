"""Logging in: what is said, what is believed, and that no secret can be seen."""

from __future__ import annotations

import re

import pytest

from mailsponge.errors import UsageError
from mailsponge.smtp.client_auth import Distrust, Login, Mechanism, Plain, ScramSha256, decoded
from mailsponge.smtp.prepared import prepared

NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
SECRET = "correct horse"


def scram() -> ScramSha256:
    """The login that RFC 7677 section 3 shows."""
    mechanism = ScramSha256("user", "pencil", NONCE)
    assert mechanism.begin() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    return mechanism


def test_plain_says_everything_at_once() -> None:
    assert Plain("me", SECRET).begin() == b"\0me\0correct horse"
    assert Plain("mø", SECRET, "you").begin() == "you\0mø\0correct horse".encode()


def test_login_says_the_user_then_the_password() -> None:
    login = Login("me", SECRET)
    login.begin()
    assert [login.answer(b"Username:"), login.answer(b"Password:")] == [b"me", b"correct horse"]
    login.begin()
    assert login.answer(b"anything") == b"me"


def test_scram_is_that_of_the_rfc() -> None:
    mechanism = scram()
    assert mechanism.answer(SERVER_FIRST) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert not mechanism.believes
    assert mechanism.answer(SERVER_FINAL) == b""
    assert mechanism.believes


def test_scram_writes_a_comma_and_an_equals_sign_in_a_name_otherwise() -> None:
    assert ScramSha256("a=b,c", SECRET, NONCE).begin() == b"n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO"


def test_scram_begins_anew_unproven() -> None:
    mechanism = scram()
    mechanism.answer(SERVER_FIRST)
    mechanism.answer(SERVER_FINAL)
    mechanism.begin()
    assert not mechanism.believes
    mechanism.answer(SERVER_FIRST)
    mechanism.answer(SERVER_FINAL)
    assert mechanism.believes


@pytest.mark.parametrize(
    "final",
    [
        b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        b"v=AAAA",
        b"v=",
        b"v=!",
        b"e=invalid-proof",
        b"",
        b"\xff",
        b"x" + SERVER_FINAL,
    ],
)
def test_a_server_without_proof_is_not_believed(final: bytes) -> None:
    mechanism = scram()
    mechanism.answer(SERVER_FIRST)
    with pytest.raises(Distrust):
        mechanism.answer(final)
    assert not mechanism.believes


def test_a_proof_before_its_time_is_none() -> None:
    with pytest.raises(Distrust):
        scram().answer(SERVER_FINAL)
    with pytest.raises(Distrust):
        scram().answer(b"v=")


@pytest.mark.parametrize(
    ("first", "word"),
    [
        (SERVER_FIRST.replace(b"r=rOpr", b"r=sOpr"), "nonce"),
        (SERVER_FIRST.replace(b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b""), "nonce"),
        (SERVER_FIRST.replace(b"4096", b"4095"), "rounds"),
        (SERVER_FIRST.replace(b"4096", b"1000001"), "rounds"),
        (SERVER_FIRST.replace(b"4096", b"9999999999"), "not that of SCRAM"),
        (SERVER_FIRST.replace(b"4096", b"x"), "not that of SCRAM"),
        (SERVER_FIRST.replace(b"W22", b"W2"), "base64"),
        (b"m=new," + SERVER_FIRST, "not that of SCRAM"),
        (b"", "not that of SCRAM"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_challenge_that_is_not_as_it_must_be_is_not_answered(first: bytes, word: str) -> None:
    with pytest.raises(Distrust, match=word):
        scram().answer(first)


@pytest.mark.parametrize(
    "mechanism", [Plain("me", SECRET), Login("me", SECRET), ScramSha256("me", "pencil", NONCE)]
)
def test_a_server_that_asks_on_gets_no_answer(mechanism: Mechanism) -> None:
    mechanism.begin()
    with pytest.raises(Distrust):  # noqa: PT012 - how many answers there are is each mechanism's affair
        for challenge in (SERVER_FIRST, SERVER_FINAL, b"more", b"more"):
            mechanism.answer(challenge)


@pytest.mark.parametrize(
    "mechanism", [Plain("me", SECRET), Login("me", SECRET), ScramSha256("me", SECRET, NONCE)]
)
def test_a_secret_is_in_no_repr(mechanism: Mechanism) -> None:
    mechanism.begin()
    assert "me" in repr(mechanism)
    assert SECRET not in repr(mechanism)


@pytest.mark.parametrize("kind", [Plain, Login, lambda user, password: ScramSha256(user, password, NONCE)])
@pytest.mark.parametrize(
    ("user", "password"), [("", SECRET), ("me", ""), ("m\0e", SECRET), ("me", SECRET + "\0")]
)
def test_a_user_and_a_password_are_needed_and_the_error_does_not_show_it(kind, user, password) -> None:
    with pytest.raises(UsageError) as caught:
        kind(user, password)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "nonce", ["", "short", "x" * 15, "with,comma,in,the,middle", "with space in the middle", "ø" * 20]
)
def test_a_nonce_is_long_and_printable(nonce: str) -> None:
    with pytest.raises(UsageError):
        ScramSha256("me", SECRET, nonce)


@pytest.mark.parametrize("text", ["!", "A", "QQ=", "QQ==x", "QQ ==", "ø"])
def test_base64_is_read_strictly(text: str) -> None:
    with pytest.raises(Distrust):
        decoded(text)


# RFC 4013 section 3 shows the first six.
@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u0627\u0031\u0628", "\u0627\u0031\u0628"),
    ],
)
def test_passwords_are_spelt_in_one_way(text: str, spelt: str) -> None:
    assert prepared(text) == spelt


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "\u0627a\u0628", "a\u0627", "\ue000", "\u200e"])
def test_a_password_that_cannot_be_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        prepared(text)
    assert not re.search("[\u0600-\u06ff\u0007\ue000]", str(caught.value))
