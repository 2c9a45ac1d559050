"""Rules of what a user's password in the configuration can be."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.auth.verifiers import Argon2id, Scram, Verifiers, parse
from mailsponge.errors import UsageError

ARGON2 = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBhcmdvbjI$cHJvYmFibHkgbm90aGluZywganVzdCAzMiBieXRlcyE"
# The verifier that PostgreSQL's documentation and tests write in the same form.
SCRAM = (
    "SCRAM-SHA-256$4096:VLK4RMaQLCvNtQ==$"
    "6YtlR4t69SguDiwFvbVgVZtuz6gpJQQqUMZ7IQJK5yI=:ps75jrHeYU4lXCcXI4O8oIdJ3eO8o2jirjruw9phBTo="
)


@pytest.mark.parametrize("text", [ARGON2, SCRAM])
def test_what_is_read_is_written_the_same(text):
    assert str(parse(text)) == text


def test_an_argon2id_hash_is_taken_apart():
    found = parse(ARGON2)

    assert isinstance(found, Argon2id)
    assert (found.memory, found.passes, found.lanes, found.salt) == (19456, 2, 1, b"salt of argon2")
    assert len(found.digest) == 32


def test_a_scram_verifier_is_taken_apart():
    found = parse(SCRAM)

    assert isinstance(found, Scram)
    assert (found.iterations, len(found.salt), len(found.stored_key), len(found.server_key)) == (
        4096,
        10,
        32,
        32,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "only its hash"),
        ("hunter2", "only its hash"),
        ("$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "not known here"),
        ("$2b$12$abcdefghijklmnopqrstuv", "not known here"),
        ("{SHA}hunter2", "not known here"),
        ("SCRAM-SHA-1$4096:c2FsdHNhbHQ=$a:b", "not known here"),
        ("$argon2id$", "is none"),
        (ARGON2.replace("v=19", "v=16"), "is none"),
        (ARGON2 + "\n", "is none"),
        (ARGON2[:-30], "copied"),
        (ARGON2[:-1], "copied"),
        (ARGON2.replace("m=19456", "m=4000000000"), "is none"),
        (ARGON2.replace("m=19456", "m=99999999"), "m is from"),
        (ARGON2.replace("m=19456", "m=7"), "m is from"),
        (ARGON2.replace("t=2", "t=0"), "t from 1"),
        (ARGON2.replace("t=2", "t=65"), "t from 1"),
        (ARGON2.replace("p=1", "p=0"), "p=0"),
        (ARGON2.replace("p=1", "p=65"), "p=65"),
        (ARGON2.replace("c2FsdCBvZiBhcmdvbjI", "c2FsdA"), "salt has 4 octets"),
        (SCRAM[:-1], "ServerKey is no base64"),
        (SCRAM[:-4], "ServerKey has"),
        (SCRAM.replace("4096", "4095"), "from 4096 to"),
        (SCRAM.replace("4096", "1000001"), "from 4096 to"),
        (SCRAM.replace("VLK4RMaQLCvNtQ==", "VLK4"), "salt has 3 octets"),
        (SCRAM.replace("VLK4RMaQLCvNtQ==", "VL 4"), "salt is no base64"),
        ("SCRAM-SHA-256$4096", "is none"),
    ],
)
def test_what_cannot_be_is_told_without_showing_it(text, told):
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert ARGON2[-30:-20] not in str(caught.value)
    assert SCRAM[-30:-20] not in str(caught.value)


@given(st.text())
def test_any_text_is_one_or_is_told(text):
    for begin in ("", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:"):
        with suppress(UsageError):
            assert parse(begin + text)


@given(
    st.builds(
        Argon2id,
        st.integers(512, 2**20),
        st.integers(1, 64),
        st.integers(1, 64),
        st.binary(min_size=8, max_size=64),
        st.binary(min_size=32, max_size=64),
    )
    | st.builds(
        Scram,
        st.integers(4096, 10**6),
        st.binary(min_size=8, max_size=64),
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=32, max_size=32),
    )
)
def test_whatever_one_holds_it_is_read_as_it_was_written(verifier):
    assert parse(str(verifier)) == verifier


def test_printing_one_shows_no_secret():
    shown = repr(Verifiers.parse([ARGON2, SCRAM]))

    assert "19456" in shown
    assert "salt" not in shown
    assert b64encode(b"probably")[:8].decode() not in shown
    assert "ps75" not in shown


@pytest.mark.parametrize("texts", [[ARGON2, SCRAM], [SCRAM, ARGON2]])
def test_a_user_may_have_one_of_each_kind_in_any_order(texts):
    found = Verifiers.parse(texts)

    assert str(found.argon2id) == ARGON2
    assert str(found.scram) == SCRAM
    assert found.for_passwords is found.argon2id


def test_one_is_enough():
    assert Verifiers.parse([ARGON2]).scram is None
    assert str(Verifiers.parse([SCRAM]).for_passwords) == SCRAM


@pytest.mark.parametrize(("texts", "told"), [([], "empty"), ([ARGON2, ARGON2], "two of the same kind")])
def test_none_and_two_of_a_kind_are_told(texts, told):
    with pytest.raises(UsageError, match=told):
        Verifiers.parse(texts)
