"""The account of a soak finds what it is there to find."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from audit import Found, account, messages
from letters import Letter, Letters

from mailsponge.data_place import DataPlace
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance
from mailsponge.store.sqlite import SqliteStore

TRACE = (
    b"Return-Path: <>\r\nReceived: from x ([127.0.0.2])\r\n\tby y with ESMTP id 1;\r\n\tSat, 31 Jan 2026\r\n"
)
BOTH = frozenset(("p0", "p1"))


class Post:
    """One letter to two people, offered and taken once, and what is found of it."""

    def __init__(self) -> None:
        self.letters = Letters()
        self.letter, self.content = self.write()

    def write(self, offered: int = 1, taken: int = 1) -> tuple[Letter, bytes]:
        letter, content = self.letters.write(random.Random(1), 500, BOTH, "test")
        letter.offered, letter.taken = offered, taken
        return letter, content

    def found(self, content: bytes | None = None, mailboxes: frozenset[str] = BOTH) -> Found:
        return Found(1, TRACE + (self.content if content is None else content), mailboxes)


@pytest.fixture
def post() -> Post:
    return Post()


def test_what_was_taken_and_is_there_is_all_right(post: Post) -> None:
    assert account(post.letters, [post.found()]) == (1, 1, [], 0, [])


def test_what_was_taken_and_is_not_there_is_lost(post: Post) -> None:
    assert account(post.letters, []).lost == ["test-0 to p0, p1: 250 was said 1 times, 0 are there"]


def test_what_was_taken_twice_and_is_there_once_is_lost(post: Post) -> None:
    post.letter.offered = post.letter.taken = 2

    assert account(post.letters, [post.found()]).lost


def test_a_letter_that_is_there_in_half_is_a_fault_and_lost(post: Post) -> None:
    outcome = account(post.letters, [post.found(post.content[:-3])])

    assert outcome.lost
    assert outcome.faults[0].startswith("message 1: test-0 is not as it was:")


def test_a_letter_that_is_missing_in_one_mailbox_is_a_fault_and_lost(post: Post) -> None:
    outcome = account(post.letters, [post.found(mailboxes=frozenset(("p0",)))])

    assert outcome.lost
    assert outcome.faults == ["message 1: test-0 lies in p0, not in p0, p1"]


def test_a_letter_that_nobody_was_told_of_may_be_there_or_not(post: Post) -> None:
    post.letter.taken = 0

    assert account(post.letters, []) == (0, 0, [], 0, [])
    assert account(post.letters, [post.found()]) == (0, 1, [], 0, [])


def test_a_letter_that_was_sent_again_may_be_there_twice(post: Post) -> None:
    post.letter.offered = 2

    assert account(post.letters, [post.found(), post.found()]) == (1, 2, [], 1, [])


def test_a_letter_that_is_there_more_often_than_it_was_sent_is_a_fault(post: Post) -> None:
    outcome = account(post.letters, [post.found(), post.found()])

    assert outcome.faults == ["test-0 was sent whole 1 times and lies there 2 times"]


def test_a_letter_that_was_smuggled_is_a_fault(post: Post) -> None:
    _, forged = post.write(offered=0, taken=0)

    assert account(post.letters, [post.found(), post.found(forged)]).faults


def test_what_nobody_wrote_is_a_fault(post: Post) -> None:
    outcome = account(post.letters, [post.found(), post.found(b"Subject: who?\r\n\r\n")])

    assert outcome.faults == ["message 1: nobody wrote this: b'Subject: who?\\r\\n\\r\\n'"]


def test_what_has_no_trace_on_top_is_a_fault(post: Post) -> None:
    assert account(post.letters, [Found(1, post.content, BOTH)]).faults == ["message 1: no trace on top"]


def test_it_reads_what_the_store_keeps(post: Post, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    incoming = store.incoming()
    incoming.write(TRACE + post.content)
    incoming.accept(Acceptance(Envelope(None, ()), ("p0", "p1"), 0.0, "", "", ()), lambda error: None)
    store.close()

    assert account(post.letters, messages(DataPlace(tmp_path))) == (1, 1, [], 0, [])
