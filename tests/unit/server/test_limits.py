"""Rules that keep the server standing: slow clients, deaf clients, too many of them, a store that is behind."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from mailsponge.store import database
from mailsponge.store.memory import MemoryIncoming, MemoryStore
from mailsponge.store.sqlite import SqliteStore


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


def test_a_message_that_comes_too_slowly_is_dropped(open_post, rules):
    slow = rules._replace(command_deadline=0.3, least_data_rate=100_000.0)
    with open_post(slow) as post, post.greeted() as client:
        client.envelope()
        told = threading.Event()
        dripping = threading.Thread(target=_drip, args=(client, b"drip\r\n", told))
        dripping.start()
        reply = client.reply()
        told.set()
        dripping.join()

        assert reply.startswith("421 4.4.2 The message came too slowly")
        assert post.store.mails() == []


def test_a_message_that_comes_fast_enough_may_take_many_windows(open_post, rules):
    with (
        open_post(rules._replace(command_deadline=0.2, least_data_rate=10.0)) as post,
        post.greeted() as client,
    ):
        client.envelope()
        pause = threading.Event()
        for _ in range(20):
            client.send(b"drip\r\n")
            pause.wait(0.05)

        assert client.say(".").startswith("250")


def test_a_header_that_is_larger_than_it_may_be_is_refused(open_post, rules):
    short = rules._replace(limits=rules.limits._replace(header_size=1000))
    line = "x" * 900
    with open_post(short) as post, post.greeted() as client:
        assert client.post(f"Subject: {line}\r\nX: {line}\r\n\r\nhello\r\n").startswith("552 5.3.4")
        assert client.post(f"Subject: hello\r\n\r\n{line}\r\n{line}\r\n").startswith("250")


def test_who_is_silent_is_left_sooner_while_most_connections_are_in_use(open_post, rules):
    crowded = rules._replace(connections=2, command_deadline_under_load=0.2)
    with open_post(crowded) as post, post.greeted() as silent, post.client() as busy:
        busy.reply()

        assert silent.reply() == "421 4.4.2 Nothing came for 0.2 seconds; closing the connection\r\n"


def test_after_the_crowd_there_is_time_again(open_post, rules):
    crowded = rules._replace(connections=2, command_deadline_under_load=0.1)
    with open_post(crowded) as post:
        with post.greeted() as one, post.client() as other:
            other.reply()
            assert one.reply().startswith("421")
            assert other.reply().startswith("421")
        with post.greeted() as later:
            threading.Event().wait(0.3)
            assert later.say("NOOP").startswith("250")


def test_no_message_begins_while_memory_is_used_up_and_then_again(open_post, rules):
    with open_post(rules._replace(memory=1000)) as post, post.greeted() as large, post.greeted() as small:
        large.envelope()
        large.send(b"x" * 998 + b"\r\n" + b"y" * 500)
        _until(lambda: post.store.held > 1000)
        assert small.say("MAIL FROM:<a@b.example>").startswith("452 4.3.1 Too much mail")

        assert large.say("\r\n.").startswith("250")
        assert small.post().startswith("250")


def test_messages_under_way_spill_to_the_disk_when_memory_is_used_up(open_post, rules, tmp_path):
    def on_disk(call) -> SqliteStore:
        return SqliteStore(tmp_path, call=call)

    def spilt() -> int:
        with closing(database.connect(tmp_path / "store.db")) as connection:
            return connection.execute("SELECT total(length(content)) FROM part").fetchall()[0][0]

    with open_post(rules._replace(memory=100_000), make_store=on_disk) as post, post.greeted() as client:
        client.envelope()
        client.send(b"\r\n" + b"x" * 398_000 + b"\r\n")
        _until(lambda: spilt() > 250_000)
        _until(lambda: post.store.held < 100_000)
        with post.greeted() as other:
            assert other.post().startswith("250")

        assert client.say(".").startswith("250")
        assert [mail.size > 398_000 for mail in post.store.mails()] == [False, True]


def test_no_message_begins_on_a_disk_that_is_nearly_full_and_then_again(open_post, rules):
    room = [50]
    with open_post(rules._replace(least_free=100), free=lambda: room[0]) as post, post.greeted() as client:
        assert client.say("MAIL FROM:<a@b.example>").startswith("452 4.3.1 The disk here is nearly full")
        room[0] = 10_000
        _until(lambda: client.say("MAIL FROM:<a@b.example>").startswith("250"))
        client.say("RSET")
        assert client.say("MAIL FROM:<a@b.example> SIZE=9000").startswith("250")
        client.say("RSET")
        assert client.say("MAIL FROM:<a@b.example> SIZE=9950").startswith("452 4.3.1")


def _until(happens) -> None:
    """Wait until it does."""
    pause, tries = threading.Event(), 2000
    while not happens():
        tries -= 1
        assert tries, "it never happened"
        pause.wait(0.01)


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
    with (
        open_post(rules._replace(command_deadline=0.4, least_data_rate=20.0)) as post,
        post.greeted() as client,
    ):
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
            _until(lambda: sum(counts.dismissed["deaf"] for counts in post.listener.counts.values()) == 1)
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
