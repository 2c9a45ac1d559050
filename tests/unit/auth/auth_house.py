"""A house with users, and a driver that does with an exchange what the server does."""

from __future__ import annotations

from functools import cache

from mailsponge.accounts import Accounts
from mailsponge.auth import hashing
from mailsponge.auth.check import check
from mailsponge.auth.directory import Directory
from mailsponge.auth.exchange import CheckPassword, Exchange, Step
from mailsponge.auth.verifiers import Verifiers

SECRET = b"nobody knows this" * 2
ACCOUNTS = Accounts(["example.org", "localhost"], ["me", "You", "somebody"], {"team": ["me", "you"]})
PASSWORDS = {"me": "correct horse", "You": "pencil"}
ITERATIONS = 4096


@cache
def both(password: str) -> Verifiers:
    """A verifier of each kind."""
    return Verifiers(only_argon2id(password).argon2id, only_scram(password).scram)


@cache
def only_argon2id(password: str) -> Verifiers:
    """What does not do for SCRAM."""
    return Verifiers(hashing.argon2id(password, b"salt of argon2id"), None)


@cache
def only_scram(password: str, iterations: int = ITERATIONS) -> Verifiers:
    """What does for SCRAM, and for passwords too."""
    return Verifiers(None, hashing.scram(password, b"salt of a SCRAM", iterations))


def directory(passwords: dict[str, Verifiers] | None = None, accounts: Accounts = ACCOUNTS) -> Directory:
    """Those who can log in; without a word of yours: me and You."""
    if passwords is None:
        passwords = {user: both(password) for user, password in PASSWORDS.items()}
    return Directory(accounts, passwords, SECRET)


def says(
    people: Directory, exchange: Exchange, *messages: bytes, initial: bytes | None = None
) -> list[object]:
    """Every step of an exchange, passwords checked."""
    steps: list[Step] = [exchange.begin(initial)]
    steps += [exchange.respond(message) for message in messages]
    return [check(people, step) if isinstance(step, CheckPassword) else step for step in steps]
