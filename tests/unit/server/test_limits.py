"""Rules that keep the server standing: slow clients, deaf clients, too many of them, a store that is behind."""

from __future__ import annotations

import threading

import pytest

from mailsponge.store.memory import MemoryIncoming, MemoryStore


def test_a_client_that_says_nothing_is_told_and_left(open_every_way, rules):
    with open_every_way(rules._replace(command_deadline=0.2)) as post, post.client() as client:
        client.reply()

        assert client.reply() == "421 4.4.2 Nothing came for 0.2 seconds; closing the connection\r\n"
        assert client.closed()


def test_bytes_that_make_no_command_buy_no_time(open_every_way, rules):
    with open_every_way(rules._replace(command_deadline=0.3)) as post, post.client() as client:
        client.reply()
        told = threading.Event()
        dripping = threading.Thread(target=_drip, args=(client, b"N", told))
        dripping.start()
        reply = client.reply()
        told.set()
        dripping.join()

        assert reply.startswith("421 4.4.2")


def test_a_message_that_drips_for_ever_is_dropped(open_every_way, rules):
    with open_every_way(rules._replace(message_deadline=0.3)) as post, post.greeted() as client:
        client.envelope()
        told = threading.Event()
        dripping = threading.Thread(target=_drip, args=(client, b"drip\r\n", told))
        dripping.start()
        reply = client.reply()
        told.set()
        dripping.join()

        assert reply == "421 4.4.2 The message did not come in time and was dropped; please connect again\r\n"
        assert post.store.mails() == []


def _drip(client, drop, told) -> None:
    """Send a drop every few milliseconds until told to stop, or cut off."""
    try:
        while not told.wait(0.02):
            client.send(drop)
    except OSError:
        told.set()


def test_a_client_that_is_busy_enough_keeps_its_connection(open_post, rules):
    with open_post(rules._replace(command_deadline=0.4)) as post, post.client() as client:
        client.reply()
        pause = threading.Event()
        for _ in range(4):
            pause.wait(0.15)
            assert client.say("NOOP").startswith("250")


def test_a_message_that_will_be_refused_may_take_its_time_like_any_other(open_post, rules):
    with open_post(rules._replace(command_deadline=0.4)) as post, post.greeted() as client:
        client.envelope()
        pause = threading.Event()
        for _ in range(4):
            client.send(b"a bare LF\n")
            pause.wait(0.15)

        assert client.say("\r\n.").startswith("550 5.6.0")


def test_a_client_that_does_not_read_its_replies_is_not_read_either_and_cut_off(open_every_way, rules):
    with open_every_way(rules._replace(command_deadline=0.5)) as post, post.client() as client:
        lines = b"HELP\r\n" * 10_000
        sent = 0
        try:
            while sent < 100_000_000:
                client.send(lines)
                sent += len(lines)
        except OSError:
            assert sent < 50_000_000
        else:
            pytest.fail("the server took it all, and kept the replies")


def test_connections_from_one_address_are_limited(open_post, rules):
    with (
        open_post(rules._replace(connections_per_address=2)) as post,
        post.greeted(),
        post.greeted() as second,
    ):
        with post.client() as third:
            assert third.reply().startswith("421 4.7.0")
            assert third.closed()
        second.say("QUIT")
        assert second.closed()

        with post.greeted() as again:
            assert again.say("NOOP").startswith("250")


def test_connections_in_all_are_limited(open_post, rules):
    with open_post(rules._replace(connections=1)) as post, post.greeted(), post.client() as second:
        assert second.reply().startswith("421 4.3.2")
        assert second.closed()


class _BehindIncoming(MemoryIncoming):
    """A message on its way to a disk that has not written a byte of it yet."""

    _given = 0

    @property
    def backlog(self) -> int:
        return self._given if self._store.behind else 0

    def write(self, chunk) -> None:
        self._given += len(chunk)
        super().write(chunk)

    def when_written(self, then) -> None:
        self._store.then = then
        self._store.asked.set()


class _BehindStore(MemoryStore):
    """A store on a disk that is behind until it catches up."""

    def __init__(self, call) -> None:
        super().__init__(call=call)
        self.behind = True
        self.asked = threading.Event()

    def incoming(self) -> _BehindIncoming:
        return _BehindIncoming(next(self._ids), self)

    def catch_up(self) -> None:
        self.behind = False
        self._call(self.then)


def test_a_sender_waits_for_a_store_that_is_behind(open_every_way):
    line = b"x" * 998 + b"\r\n"
    with open_every_way(make_store=_BehindStore) as post, post.greeted() as client:
        client.envelope()
        sending = threading.Thread(target=client.send, args=(b"\r\n" + line * 45_000 + b".\r\n",))
        sending.start()
        assert post.store.asked.wait(20)
        assert sending.is_alive()

        post.store.catch_up()
        sending.join()
        assert client.reply().startswith("250")
    assert len(post.content()) > 45_000_000
