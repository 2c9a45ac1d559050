"""Rules of ending: nothing half accepted, everyone told, and an end in seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from mailsponge.store.memory import MemoryStore


@pytest.fixture
def open_post(open_every_way) -> Callable:
    """These rules hold for every way in."""
    return open_every_way


@pytest.fixture
def post(open_post) -> Iterator:
    with open_post() as running:
        yield running


class _HeldStore(MemoryStore):
    """A store whose commits end when the test says so."""

    def __init__(self, call) -> None:
        super().__init__(call=self._hold_back)
        self._really_call = call
        self._kept_back = []
        self.committing = threading.Event()

    def _hold_back(self, callback) -> None:
        self._kept_back.append(callback)
        self.committing.set()

    def let_go(self) -> None:
        self._really_call(self._kept_back.pop())


def stopping(post) -> threading.Thread:
    thread = threading.Thread(target=post.stop)
    thread.start()
    return thread


def test_an_idle_client_is_told(post):
    with post.greeted() as client:
        thread = stopping(post)

        assert client.reply() == "421 4.3.2 This server is stopping; please come again in a minute\r\n"
        assert client.closed()
    thread.join()


def test_a_message_that_is_being_committed_gets_its_answer_first(open_post):
    with open_post(make_store=_HeldStore) as post, post.greeted() as client:
        client.envelope()
        client.send(b"x\r\n.\r\n")
        assert post.store.committing.wait(20)
        thread = stopping(post)
        post.store.let_go()

        assert client.reply().startswith("250 2.0.0")
        assert client.reply().startswith("421 4.3.2")
        assert client.closed()
        client.close()
        thread.join()


def test_a_message_that_is_not_complete_is_dropped(post):
    with post.greeted() as client:
        client.envelope()
        client.send(b"half a message\r\n")
        thread = stopping(post)

        assert client.reply().startswith("421 4.3.2")
        client.close()
        thread.join()
    assert post.store.mails() == []


def test_nobody_is_let_in_any_more(post):
    post.stop()

    with pytest.raises(ConnectionRefusedError):
        post.connect()


def test_a_client_that_does_not_go_is_cut_off(open_post):
    with open_post(make_store=_HeldStore) as post, post.greeted() as client:
        client.envelope()
        client.send(b"x\r\n.\r\n")
        assert post.store.committing.wait(20)

        post.stop(grace=0.1)

        assert client.closed()


def test_replies_are_owed_one_at_a_time_while_a_commit_is_under_way(open_post):
    with open_post(make_store=_HeldStore) as post, post.greeted() as client:
        client.envelope()
        client.send(b"x\r\n.\r\nNOOP\r\nQUIT\r\n")
        assert post.store.committing.wait(20)
        post.store.let_go()

        assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "221"]


def test_a_client_that_goes_during_the_commit_does_not_undo_it(open_post):
    with open_post(make_store=_HeldStore) as post:
        with post.greeted() as client:
            client.envelope()
            client.send(b"x\r\n.\r\n")
            assert post.store.committing.wait(20)
        post.store.let_go()

        with post.greeted() as another:
            assert another.say("NOOP").startswith("250")
        assert len(post.store.mails("me")) == 1
