"""Putting a message that was accepted into one more mailbox: what every store does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_fixtures import LARGE, SMALL, Outcome, acceptance, hand_over, keep, whole

from mailsponge.errors import StoreError
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Store
from mailsponge.store.sqlite import SqliteStore


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "data")) as store:
        yield store


def put(store: Store, message_id: int, mailbox: str) -> StoreError | None:
    outcome = Outcome()
    store.put_into(message_id, mailbox, outcome)
    return outcome.wait()


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_message_that_lay_nowhere_lies_there(store: Store, content: bytes) -> None:
    incoming, accepted = hand_over(store, content, acceptance()._replace(mailboxes=()))
    accepted.wait()
    assert put(store, incoming.id, "me") is None
    assert [(entry.id, entry.mailbox, entry.seen) for entry in store.mails()] == [(incoming.id, "me", False)]
    assert whole(store, incoming.id) == content


def test_it_lies_there_beside_where_it_lay(store: Store) -> None:
    message_id = keep(store, SMALL, "you")
    assert put(store, message_id, "me") is None
    assert store.mailboxes() == ["me", "you"]
    message = store.message(message_id)
    assert message is not None
    assert message.mailboxes == ("me", "you")


def test_a_second_time_changes_nothing(store: Store) -> None:
    message_id = keep(store, SMALL, "you")
    put(store, message_id, "me")
    store.mark_seen(message_id, "me")
    assert put(store, message_id, "me") is None
    assert [(entry.mailbox, entry.seen) for entry in store.mails()] == [("me", True), ("you", False)]


def test_it_is_deleted_from_there_too(store: Store) -> None:
    message_id = keep(store, SMALL, "you")
    put(store, message_id, "me")
    store.delete(message_id)
    assert store.mails() == []


def test_a_message_that_is_gone_is_told(store: Store) -> None:
    message_id = keep(store)
    store.delete(message_id)
    fault = put(store, message_id, "me")
    assert fault is not None
    assert f"message {message_id}" in str(fault)
    assert store.mails() == []


def test_what_else_is_written_with_it_does_not_suffer_from_one_that_is_gone(store: Store) -> None:
    there, gone, outcomes = keep(store), keep(store), [Outcome(), Outcome()]
    store.delete(gone)
    for message_id, outcome in zip([gone, there], outcomes, strict=True):
        store.put_into(message_id, "you", outcome)
    assert [outcome.wait() is None for outcome in outcomes] == [False, True]
    assert [entry.id for entry in store.mails("you")] == [there]


def test_a_store_that_is_closed_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data")
    message_id = keep(store)
    store.close()
    assert isinstance(put(store, message_id, "me"), StoreError)


def test_it_outlives_the_server(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "data")) as store:
        message_id = keep(store, SMALL, "you")
        put(store, message_id, "me")
    with closing(SqliteStore(tmp_path / "data")) as store:
        assert [entry.id for entry in store.mails("me")] == [message_id]
