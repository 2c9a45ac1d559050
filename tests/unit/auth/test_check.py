"""Rules of checking a password: who gets in, the same work for everybody, and how many may wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest
from argon2.exceptions import HashingError
from auth_house import PASSWORDS, directory, only_argon2id, only_scram

from mailsponge.auth import hashing
from mailsponge.auth.check import DEFECT, FULL, NO_MEMORY, Checks, Verdict, check
from mailsponge.auth.exchange import CheckPassword, Denied, Granted
from mailsponge.auth.verifiers import Verifier


@pytest.mark.parametrize("make", [only_argon2id, only_scram])
def test_one_verifier_of_either_kind_is_enough(make):
    people = directory({"me": make("right")})

    assert check(people, CheckPassword("ME@example.org", "right")) == Granted("me")
    assert check(people, CheckPassword("me", "wrong")) == Denied("wrong password of me")
    assert check(people, CheckPassword("nobody", "right")) == Denied("nobody of that name can log in")


def test_another_users_password_is_a_wrong_one(everybody):
    assert isinstance(check(everybody, CheckPassword("me", PASSWORDS["You"])), Denied)


@pytest.mark.parametrize("name", ["nobody", "somebody", "team", "me@elsewhere.example"])
def test_who_cannot_log_in_costs_the_work_of_a_wrong_password(monkeypatch, everybody, name):
    worked: list[tuple[object, ...]] = []
    really = hashing._argon2

    def counted(password: bytes, salt: bytes, *costs: int) -> bytes:
        worked.append((len(salt), *costs))
        return really(password, salt, *costs)

    monkeypatch.setattr(hashing, "_argon2", counted)
    check(everybody, CheckPassword("me", "wrong"))
    check(everybody, CheckPassword(name, "wrong"))

    assert len(worked) == 2
    assert worked[0] == worked[1]


@pytest.mark.parametrize("error", [HashingError("Memory allocation error"), MemoryError()])
def test_without_memory_it_is_later_and_no_guess(monkeypatch, everybody, error):
    def fail(verifier: Verifier, password: str) -> bool:
        raise error

    monkeypatch.setattr(hashing, "matches", fail)

    assert check(everybody, CheckPassword("me", "x")) == NO_MEMORY


class Desk:
    """The thread that asks, and to which answers are carried."""

    def __init__(self, *, threads: int = 2, most: int = 64) -> None:
        self.told: list[Verdict] = []
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.checks = Checks(self._calls.put, threads=threads, most=most)

    def ask(self, name: str, password: str) -> None:
        self.checks.begin(directory(), CheckPassword(name, password), self.told.append)

    def carry(self, answers: int) -> None:
        """Wait for so many answers."""
        for _ in range(answers):
            self._calls.get(timeout=30)()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(threads=1, most=2)
    yield made
    made.checks.close()


@pytest.fixture
def gate(monkeypatch) -> Iterator[threading.Event]:
    """Holds every check up until it is set."""
    opened = threading.Event()
    really = hashing.matches

    def held(verifier: Verifier, password: str) -> bool:
        assert opened.wait(30)
        return really(verifier, password)

    monkeypatch.setattr(hashing, "matches", held)
    yield opened
    opened.set()


def test_who_asked_is_told_on_the_thread_that_asked(desk):
    desk.ask("me", PASSWORDS["me"])
    assert desk.told == []
    desk.carry(1)

    assert desk.told == [Granted("me")]


def test_when_too_many_wait_the_next_is_told_to_come_later(desk, gate):
    for _ in range(3):
        desk.ask("me", PASSWORDS["me"])
    assert desk.told == []
    desk.carry(1)
    assert desk.told == [FULL]

    gate.set()
    desk.carry(2)
    assert desk.told == [FULL, Granted("me"), Granted("me")]


def test_when_they_are_done_there_is_room_again(desk):
    for _ in range(3):
        desk.ask("me", PASSWORDS["me"])
        desk.carry(1)

    assert desk.told == [Granted("me")] * 3


def test_a_defect_is_logged_and_leaves_nobody_waiting(monkeypatch, desk, caplog):
    def fail(verifier: Verifier, password: str) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(hashing, "matches", fail)
    desk.ask("me", "my secret")
    desk.carry(1)

    assert desk.told == [DEFECT]
    assert "could not be checked" in caplog.text
    assert "my secret" not in caplog.text


def test_what_has_not_begun_is_dropped_at_the_end(desk, gate):
    desk.ask("me", PASSWORDS["me"])
    desk.ask("me", PASSWORDS["me"])
    desk.checks.close()
    gate.set()
    desk.carry(1)

    assert desk.told == [Granted("me")]
