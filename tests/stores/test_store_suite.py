"""What every store does, on disk or in memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_disks import SmallDisk, inserted
from store_fixtures import LARGE, PATIENCE, SMALL, Outcome, acceptance, hand_over, keep, whole

from mailsponge.errors import StoreError, StoreFull
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store.incoming import PART
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Call, Step, Store, direct
from mailsponge.store.sqlite import SqliteStore

Make = Callable[[Call], Store]


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a store of each kind."""
    if request.param == "memory":
        return lambda call: MemoryStore(call=call)
    if request.param == "postgres":
        from mailsponge.store.postgres.store import PostgresStore

        url = request.getfixturevalue("database")
        return lambda call: PostgresStore(url, node="test", call=call)
    return lambda call: SqliteStore(tmp_path / "data", call=call)


@pytest.fixture
def store(make: Make) -> Iterator[Store]:
    with closing(make(direct)) as store:
        yield store


def test_an_accepted_message_lies_in_each_of_its_mailboxes(store: Store) -> None:
    message_id = keep(store, SMALL, "me", "you")
    assert [(entry.id, entry.mailbox) for entry in store.mails()] == [(message_id, "me"), (message_id, "you")]
    assert store.mailboxes() == ["me", "you"]


def test_a_message_for_no_mailbox_is_kept_all_the_same(store: Store) -> None:
    incoming, outcome = hand_over(store, SMALL, acceptance()._replace(mailboxes=()))
    assert outcome.wait() is None
    assert store.mails() == []
    assert whole(store, incoming.id) == SMALL


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_nobody_sees_a_message_before_it_is_accepted(store: Store, content: bytes) -> None:
    incoming = store.incoming()
    incoming.write(content)
    keep(store, SMALL, "somebody else")  # whatever was handed over before is on the disk now
    assert store.message(incoming.id) is None
    assert [entry.mailbox for entry in store.mails()] == ["somebody else"]


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_discarded_message_was_never_there(store: Store, content: bytes) -> None:
    incoming = store.incoming()
    incoming.write(content)
    incoming.discard()
    keep(store, SMALL, "somebody else")
    assert store.message(incoming.id) is None
    with pytest.raises(StoreError, match="no message"):
        store.content(incoming.id)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 5])
def test_content_comes_back_as_it_was_written(store: Store, size: int) -> None:
    content = bytes(itertools.islice(itertools.cycle(range(256)), size))
    message_id = keep(store, content)
    assert whole(store, message_id) == content
    assert store.mails()[0].size == size


@pytest.mark.parametrize("length", [1, 1000, PART, PART + 1])
def test_the_chunks_of_a_message_are_of_no_account(store: Store, length: int) -> None:
    content = b"0123456789" * (70_000 if length > 1 else 100)
    incoming, outcome = store.incoming(), Outcome()
    for at in range(0, len(content), length):
        incoming.write(content[at : at + length])
    incoming.accept(acceptance("me"), outcome)
    assert outcome.wait() is None
    assert whole(store, incoming.id) == content


def test_content_is_read_in_pieces_that_fit_in_memory(store: Store) -> None:
    message_id = keep(store, b"x" * (5 * PART))
    assert max(map(len, store.content(message_id))) <= PART


def test_an_id_belongs_to_one_message_for_ever(store: Store) -> None:
    first = keep(store)
    store.delete(first)
    assert store.incoming().id > first


def test_the_newest_arrival_comes_first(store: Store) -> None:
    old, new, middle = (keep(store, arrived_at=at) for at in (10.0, 30.0, 20.0))
    assert [entry.id for entry in store.mails("me")] == [new, middle, old]


def test_of_two_that_arrived_together_the_later_begun_comes_first(store: Store) -> None:
    first, second = keep(store, arrived_at=10.0), keep(store, arrived_at=10.0)
    assert [entry.id for entry in store.mails()] == [second, first]


def test_a_mailbox_is_listed_by_itself(store: Store) -> None:
    keep(store, SMALL, "me")
    yours = keep(store, SMALL, "you")
    assert [entry.id for entry in store.mails("you")] == [yours]
    assert store.mails("nobody") == []


def test_a_list_shows_what_the_headers_say(store: Store) -> None:
    keep(
        store,
        b"Return-Path: <s@example.net>\r\nFrom: Zo\xc3\xab <z@example.com>\r\nTo: team@example.org\r\n"
        b"Subject: =?utf-8?q?S=C3=B8ndag?=\r\nDate: Thu, 01 Jan 1970 01:00:05 +0100\r\n\r\nSubject: no\r\n",
        arrived_at=7.0,
    )
    (entry,) = store.mails()
    assert (entry.sender, entry.to, entry.subject) == ("Zoë <z@example.com>", "team@example.org", "Søndag")
    assert (entry.date, entry.arrived_at, entry.seen) == (5.0, 7.0, False)


def test_where_the_headers_are_silent_the_envelope_speaks(store: Store) -> None:
    keep(store, b"\r\nno header at all", "me", "you")
    entry = store.mails("me")[0]
    assert (entry.sender, entry.to) == ("sender@example.net", "me@example.org, you@example.org")
    assert (entry.subject, entry.date) == ("", None)


def test_a_list_shows_the_headers_of_a_large_message(store: Store) -> None:
    keep(store, LARGE)
    assert store.mails()[0].subject == "hello"


def test_the_facts_of_the_acceptance_are_kept(store: Store) -> None:
    envelope = Envelope(
        reverse_path=Address('quoted "local" part', "example.net"),
        recipients=(Address("Müller", "bücher.example"), Address("postmaster", "")),
        eight_bit=True,
        smtputf8=True,
    )
    accepted = acceptance("you", "me")._replace(
        envelope=envelope, arrived_at=1.25, peer="[2001:db8::1]:25", helo="h", reasons=("an alias", "—")
    )
    incoming, outcome = hand_over(store, SMALL, accepted)
    assert outcome.wait() is None
    kept = store.message(incoming.id)
    assert kept is not None
    assert kept.envelope == envelope
    assert (kept.id, kept.size, kept.mailboxes) == (incoming.id, len(SMALL), ("me", "you"))
    assert (kept.arrived_at, kept.peer, kept.helo, kept.reasons) == (
        1.25,
        "[2001:db8::1]:25",
        "h",
        ("an alias", "—"),
    )


def test_the_null_reverse_path_stays_null(store: Store) -> None:
    accepted = acceptance("me")
    incoming, outcome = hand_over(
        store, b"\r\n", accepted._replace(envelope=accepted.envelope._replace(reverse_path=None))
    )
    assert outcome.wait() is None
    kept = store.message(incoming.id)
    assert kept is not None
    assert kept.envelope.reverse_path is None
    assert store.mails()[0].sender == ""


def test_a_message_that_is_not_there_is_none(store: Store) -> None:
    assert store.message(12345) is None


def test_one_reader_sees_a_message_and_another_does_not(store: Store) -> None:
    message_id = keep(store, SMALL, "me", "you")
    store.mark_seen(message_id, "me")
    assert {entry.mailbox: entry.seen for entry in store.mails()} == {"me": True, "you": False}


def test_only_what_lies_in_a_mailbox_can_be_seen_there(store: Store) -> None:
    message_id = keep(store, SMALL, "me")
    with pytest.raises(StoreError, match="does not lie in the mailbox 'you'"):
        store.mark_seen(message_id, "you")


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_deleted_message_is_gone_from_every_mailbox(store: Store, content: bytes) -> None:
    gone, kept = keep(store, content, "me", "you"), keep(store)
    store.delete(gone)
    assert [entry.id for entry in store.mails()] == [kept]
    assert store.message(gone) is None
    assert store.mailboxes() == ["me"]


def test_what_is_not_there_cannot_be_deleted(store: Store) -> None:
    with pytest.raises(StoreError, match="no message 99"):
        store.delete(99)


@pytest.mark.parametrize("end", ["accept", "discard"])
def test_a_message_that_has_ended_takes_no_more(store: Store, end: str) -> None:
    incoming = store.incoming()
    if end == "accept":
        incoming.accept(acceptance("me"), Outcome())
    else:
        incoming.discard()
    with pytest.raises(StoreError, match="accepted or discarded already"):
        incoming.write(b"more")
    with pytest.raises(StoreError, match="accepted or discarded already"):
        incoming.accept(acceptance("me"), Outcome())


def test_discarding_what_was_accepted_changes_nothing(store: Store) -> None:
    incoming, outcome = hand_over(store, LARGE, acceptance("me"))
    incoming.discard()
    assert outcome.wait() is None
    keep(store)
    assert whole(store, incoming.id) == LARGE


@pytest.mark.parametrize("content", [b"", SMALL, LARGE])
def test_who_waits_for_the_disk_is_called_when_it_has_caught_up(store: Store, content: bytes) -> None:
    incoming, written = store.incoming(), threading.Event()
    incoming.write(content)
    incoming.when_written(written.set)
    assert written.wait(PATIENCE)
    assert incoming.backlog == 0


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_what_is_in_memory_is_counted_until_it_is_on_the_disk(store: Store, content: bytes) -> None:
    incoming, outcome = store.incoming(), Outcome()
    incoming.write(content)
    assert 0 < store.held <= len(content)
    incoming.accept(acceptance("me"), outcome)
    outcome.wait()
    assert store.held == 0


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_what_was_discarded_is_not_in_memory(store: Store, content: bytes) -> None:
    incoming, written = store.incoming(), threading.Event()
    incoming.write(content)
    incoming.discard()
    incoming.when_written(written.set)
    assert written.wait(PATIENCE)
    assert store.held == 0


@pytest.mark.parametrize("content", [b"", b"x", SMALL, SMALL + b"x" * 50_000, LARGE])
def test_a_message_that_was_spilt_comes_back_as_it_was_written(store: Store, content: bytes) -> None:
    incoming, outcome = store.incoming(), Outcome()
    half = len(content) // 2
    for piece in content[:half], content[half:]:
        incoming.write(piece)
        incoming.spill()
    incoming.accept(acceptance("me"), outcome)
    assert outcome.wait() is None
    assert whole(store, incoming.id) == content
    assert store.held == 0


def test_mails_are_counted_as_they_are_listed(store: Store) -> None:
    assert store.count() == 0
    first = keep(store, SMALL, "me", "you")
    keep(store, SMALL, "me")
    assert store.count() == len(store.mails()) == 3
    store.delete(first)
    assert store.count() == 1


def test_commits_are_counted_with_the_messages_they_accept(store: Store) -> None:
    for _ in range(3):
        keep(store)
    commits = store.commits
    assert (commits.messages, commits.number, sum(commits.buckets), commits.failed) == (3, 3, 3, 0)


def told(store: Store, message_id: int) -> list[tuple[str, str]]:
    return [(step.what, step.why) for step in store.trace(message_id)]


def test_the_story_of_a_message_is_told_in_order(store: Store) -> None:
    steps = (
        Step(999.0, "came", "ESMTP"),
        Step(1000.0, "refused", "<x@example.org> unknown"),
        Step(1001.0, "complete", "all of it"),
    )
    incoming, outcome = hand_over(store, SMALL, acceptance("me", "you")._replace(steps=steps))
    assert outcome.wait() is None
    assert told(store, incoming.id) == [
        ("came", "from 192.0.2.1 by ESMTP, and called itself client.example.net"),
        ("sender", "<sender@example.net>"),
        ("admitted", "me lives here"),
        ("admitted", "you lives here"),
        ("refused", "<x@example.org> unknown"),
        ("complete", "all of it"),
        ("delivered", f"into the mailbox me, {len(SMALL)} bytes, by being accepted"),
        ("delivered", f"into the mailbox you, {len(SMALL)} bytes, by being accepted"),
    ]
    moments = [step.at for step in store.trace(incoming.id)]
    assert (moments[0], moments[-1], moments) == (999.0, 1001.0, sorted(moments))


def test_a_message_of_which_no_steps_are_kept_has_a_story_all_the_same(store: Store) -> None:
    assert [what for what, _ in told(store, keep(store))] == ["came", "sender", "admitted", "delivered"]


def test_who_opens_a_message_first_is_part_of_its_story(store: Store) -> None:
    message_id = keep(store, SMALL, "me", "you")
    for mailbox in ("you", "me", "you"):
        store.mark_seen(message_id, mailbox)
    assert told(store, message_id)[-2:] == [
        ("opened", "in the mailbox you"),
        ("opened", "in the mailbox me"),
    ]


def test_a_message_that_was_deleted_has_no_story(store: Store) -> None:
    message_id = keep(store)
    store.mark_seen(message_id, "me")
    store.delete(message_id)
    with pytest.raises(StoreError, match="no message"):
        store.trace(message_id)


@pytest.mark.parametrize("large", [b"", b"x" * 1_000_000])
def test_messages_are_found_by_their_message_id(store: Store, large: bytes) -> None:
    head = b"Subject: a@b.example\r\nMessage-ID: <a@b.example>\r\n\r\n" + large
    first, second = keep(store, head), keep(store, head)
    keep(store, b"Subject: <a@b.example>\r\n\r\nMessage-ID: <a@b.example>\r\n")
    assert store.with_message_id("<a@b.example>") == [second, first]
    assert store.with_message_id("a@b.example") == [second, first]


@pytest.mark.parametrize("text", ["", "<>", "b@b.example", "b.example", "'; DROP TABLE message; --"])
def test_what_is_no_messages_message_id_finds_none(store: Store, text: str) -> None:
    keep(store, b"Message-ID: <a@b.example>\r\n\r\n")
    assert store.with_message_id(text) == []


def test_every_outcome_comes_by_the_call_that_was_handed_in(make: Make) -> None:
    callbacks: list[Callable[[], None]] = []
    called = threading.Event()

    def call(callback: Callable[[], None]) -> None:
        callbacks.append(callback)
        called.set()

    with closing(make(call)) as store:
        _, outcome = hand_over(store, SMALL, acceptance("me"))
        assert called.wait(PATIENCE)
        assert not outcome.told
        for callback in callbacks:
            callback()
        assert outcome.wait() is None
    assert outcome.times == 1


def test_closing_a_store_keeps_and_tells_all_that_was_handed_over(make: Make) -> None:
    store = make(direct)
    outcomes = [hand_over(store, SMALL, acceptance("me"))[1] for _ in range(100)]
    store.close()
    assert [outcome.told and outcome.fault for outcome in outcomes] == [None] * 100


def test_a_closed_store_says_so_to_who_comes_late(make: Make) -> None:
    store = make(direct)
    late, outcome, written = store.incoming(), Outcome(), threading.Event()
    store.close()
    late.write(LARGE)
    late.when_written(written.set)
    late.accept(acceptance("me"), outcome)
    assert "closed" in str(outcome.wait())
    assert written.is_set()
    assert late.backlog == store.held == 0


def test_a_store_can_be_closed_twice(make: Make) -> None:
    store = make(direct)
    store.close()
    store.close()


def test_there_is_nothing_to_sweep_in_a_store_that_never_died(store: Store) -> None:
    keep(store, LARGE)
    assert store.sweep() == 0
    assert len(whole(store, store.mails()[0].id)) == len(LARGE)


class Limited:
    """A store whose room the test decides about."""

    def __init__(self, store: Store, limit: Callable[[int | None], None]) -> None:
        self.store = store
        self.limit = limit


@pytest.fixture(params=["sqlite", "memory"])
def limited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Limited]:
    if request.param == "memory":
        memory = MemoryStore()
        yield Limited(memory, lambda room: setattr(memory, "room", room))
        return
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        yield Limited(store, lambda room: setattr(disk, "room", room))


@pytest.mark.parametrize("content", [SMALL + b"x" * 50_000, LARGE])
def test_without_room_a_message_is_refused_whole_and_with_room_all_is_well_again(
    limited: Limited, content: bytes
) -> None:
    limited.limit(10_000)
    refused, outcome = hand_over(limited.store, content, acceptance("me"))
    assert isinstance(outcome.wait(), StoreFull)
    assert "no room" in str(outcome.fault)
    assert limited.store.message(refused.id) is None
    assert limited.store.mails() == []
    assert limited.store.held == 0
    assert limited.store.commits.failed > 0
    limited.limit(None)
    assert whole(limited.store, keep(limited.store, content)) == content
    assert len(limited.store.mails()) == 1


def test_a_small_message_still_finds_room_where_a_large_one_did_not(limited: Limited) -> None:
    limited.limit(100_000)
    _, outcome = hand_over(limited.store, LARGE, acceptance("me"))
    assert isinstance(outcome.wait(), StoreFull)
    assert whole(limited.store, keep(limited.store, SMALL)) == SMALL
