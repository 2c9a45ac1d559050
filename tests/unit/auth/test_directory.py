"""Rules of who may log in, under which names, and with which mechanisms."""

from __future__ import annotations

import pytest
from auth_house import ACCOUNTS, SECRET, both, directory, only_argon2id, only_scram

from mailsponge.accounts import Accounts
from mailsponge.auth.directory import Directory
from mailsponge.auth.login import Login
from mailsponge.auth.mechanisms import begun, offered
from mailsponge.auth.plain import Plain
from mailsponge.auth.scram import ScramSha256
from mailsponge.errors import ConfigError


@pytest.mark.parametrize("name", ["you", "YOU", "You@example.org", "you@LOCALHOST"])
def test_a_user_is_found_by_name_and_by_address_and_named_as_configured(everybody, name):
    assert everybody.find(name) == ("You", everybody.find("you").verifiers)


@pytest.mark.parametrize(
    "name", ["nobody", "somebody", "team", "postmaster", "me+news", "me@elsewhere.example", "", "@", "a b"]
)
def test_nobody_else_is(everybody, name):
    assert everybody.find(name).user is None


def test_nobodys_verifiers_are_like_somebodys(everybody):
    found = everybody.find("nobody").verifiers
    real = everybody.find("me").verifiers

    assert repr(found) == repr(real)
    assert len(found.scram.salt) == len(real.scram.salt)
    assert len(found.argon2id.salt) == len(real.argon2id.salt)
    assert len(found.argon2id.digest) == len(real.argon2id.digest)
    assert {found.scram.salt, found.argon2id.salt} & {real.scram.salt, real.argon2id.salt} == set()


def test_nobodys_verifiers_are_the_same_after_a_restart_and_others_under_another_secret(everybody):
    again = Directory(ACCOUNTS, {"me": both("x")}, SECRET)
    elsewhere = Directory(ACCOUNTS, {"me": both("x")}, b"another")

    assert everybody.find("nobody").verifiers.scram.salt == again.find("NOBODY").verifiers.scram.salt
    assert everybody.find("nobody").verifiers.scram.salt != elsewhere.find("nobody").verifiers.scram.salt


def test_unknown_names_cost_what_some_user_costs():
    people = directory({"me": only_argon2id("x"), "You": only_scram("x")})
    kinds = {type(people.find(f"nobody{n}").verifiers.for_passwords) for n in range(40)}

    assert kinds == {type(people.find(user).verifiers.for_passwords) for user in ("me", "you")}


@pytest.mark.parametrize(
    ("passwords", "names"),
    [
        ({}, ()),
        ({"me": only_argon2id("x")}, ("PLAIN", "LOGIN")),
        ({"me": only_scram("x")}, ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
        ({"me": both("x"), "You": only_argon2id("x")}, ("PLAIN", "LOGIN")),
        ({"me": both("x"), "You": only_scram("x")}, ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
    ],
)
def test_scram_is_offered_when_all_who_have_a_password_can_use_it(passwords, names):
    assert offered(directory(passwords)) == names


def test_an_exchange_is_begun_by_the_name_of_its_mechanism(everybody):
    kinds = [type(begun(name, everybody, "nonce")) for name in offered(everybody)]

    assert kinds == [ScramSha256, Plain, Login]


@pytest.mark.parametrize("name", ["", "plain", "CRAM-MD5", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "EXTERNAL"])
def test_what_is_not_offered_is_not_begun(everybody, name):
    assert begun(name, everybody, "nonce") is None


def test_scram_that_is_not_offered_is_not_begun():
    assert begun("SCRAM-SHA-256", directory({"me": only_argon2id("x")}), "nonce") is None


def test_a_name_that_no_program_can_log_in_with_is_told_with_its_place():
    accounts = Accounts(["localhost"], ["a\u0221"])

    with pytest.raises(ConfigError, match=r"^users\.a\u0221 has a password and a name .*Unicode 3\.2"):
        directory({"a\u0221": both("x")}, accounts)


def test_two_names_that_programs_write_alike_are_told():
    accounts = Accounts(["localhost"], ["fi", "\ufb01"])

    with pytest.raises(ConfigError, match="the same name as fi"):
        directory({"fi": both("x"), "\ufb01": both("y")}, accounts)
