"""Rules of making verifiers and comparing passwords with them."""

from __future__ import annotations

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge.auth import hashing, saslprep
from mailsponge.auth.verifiers import Verifier, parse
from mailsponge.errors import UsageError

SALT = b"sixteen octets.."
MAKERS = pytest.mark.parametrize("make", [hashing.argon2id, hashing.scram])


@MAKERS
def test_the_password_matches_and_another_does_not(make):
    verifier: Verifier = parse(str(make("correct horse", SALT)))

    assert hashing.matches(verifier, "correct horse")
    assert not hashing.matches(verifier, "correct hors")
    assert not hashing.matches(verifier, "")


@MAKERS
def test_a_password_is_the_same_however_it_is_typed(make):
    assert hashing.matches(make("caf\u00e9", SALT), saslprep.query("cafe\u0301"))


@MAKERS
@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "empty"),
        ("\u00ad", "count for nothing"),
        ("a" * 1025, "1024 octets"),
        ("\u00e9" * 513, "1024 octets"),
        ("a\0b", "control character"),
        ("\udcff", "half a character"),
        ("\U0001f600", "Unicode 3.2"),
    ],
)
def test_a_password_that_cannot_be_is_told(make, password, told):
    with pytest.raises(UsageError, match=told):
        make(password, SALT)


def test_the_argon2_programs_know_the_hash():
    assert argon2.PasswordHasher().verify(str(hashing.argon2id("correct horse", SALT)), "correct horse")


def test_a_hash_of_the_argon2_programs_is_known():
    made = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=2).hash("correct horse")

    assert hashing.matches(parse(made), "correct horse")


def test_the_keys_are_those_of_rfc_7677():
    salt = b"[m\x99h\x9d\x125\x8e\xec\xa0K\x14\x126\xfa\x81"
    # From the exchange in RFC 7677 section 3; the keys as other servers write them for it.
    assert str(hashing.scram("pencil", salt, 4096)) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


@given(st.text(max_size=50), st.text(max_size=50))
@settings(max_examples=50, deadline=None)
def test_two_passwords_are_one_only_if_they_are_prepared_alike(one, other):
    try:
        verifier = hashing.scram(one, SALT, 1)
        typed = saslprep.query(other)
    except UsageError:
        return
    assert hashing.matches(verifier, typed) is (saslprep.stored(one) == typed)
