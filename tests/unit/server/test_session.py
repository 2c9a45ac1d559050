"""Rules of a session that only show in what it does to its transport."""

from __future__ import annotations

import asyncio

import pytest

from mailsponge.server.listener import Listener
from mailsponge.server.role import SMTP
from mailsponge.server.session import Session
from mailsponge.store.memory import MemoryStore


class Transport:
    """A transport that remembers what was done to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.reading = True
        self.closed = False

    def get_extra_info(self, name):
        return {"peername": ("192.0.2.1", 4711)}.get(name)

    def write(self, data) -> None:
        self.written.append(data)

    def write_eof(self) -> None:
        self.written.append(b"(eof)")

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0


class Waiting:
    """Carries callbacks of the store when the test says so, after the loop has turned."""

    def __init__(self) -> None:
        self.callbacks = []

    def __call__(self, callback) -> None:
        self.callbacks.append(callback)

    async def carry(self) -> None:
        await asyncio.sleep(0)
        while self.callbacks:
            self.callbacks.pop(0)()


@pytest.fixture
def play(rules):
    """Runs ``scene(session, transport, waiting)`` in an event loop, past the greeting and EHLO."""

    def run(scene, store=None) -> None:
        async def main() -> None:
            waiting = Waiting()
            listener = Listener(rules, store or MemoryStore(call=waiting))
            session, transport = Session(listener, SMTP), Transport()
            session.connection_made(transport)
            session.data_received(b"EHLO c\r\n")
            transport.written.clear()
            await scene(session, transport, waiting)
            session.connection_lost(None)

        asyncio.run(main())

    return run


GROUP = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<me@example.org>\r\nDATA\r\n"


def test_the_replies_of_a_group_go_out_in_one_write(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(GROUP)

        assert len(transport.written) == 1
        assert [line[:3] for line in transport.written[0].splitlines()] == [b"250", b"250", b"354"]

    play(scene)


def test_nothing_is_said_before_the_commit_is_done(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(GROUP)
        transport.written.clear()
        session.data_received(b"x\r\n.\r\n")
        assert transport.written == []

        await waiting.carry()
        assert transport.written == [b"250 2.0.0 Taken as 1\r\n"]

    play(scene)


def test_while_a_commit_is_under_way_the_peer_is_not_read(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(GROUP)
        session.data_received(b"x\r\n.\r\n")
        assert transport.reading
        session.data_received(b"NOOP\r\n")
        assert not transport.reading

        await waiting.carry()
        assert transport.reading
        assert b"".join(transport.written[1:]).startswith(b"250 2.0.0 Taken as 1\r\n250 2.0.0 ")

    play(scene)


def test_messages_that_end_in_one_turn_of_the_loop_are_handed_over_together(play):
    store = MemoryStore()

    async def scene(session, transport, waiting) -> None:
        session.data_received(GROUP)
        session.data_received(b"x\r\n.\r\n")
        assert store.mails() == []

        await waiting.carry()
        assert len(store.mails()) == 1

    play(scene, store)


def test_a_peer_that_does_not_read_is_not_read(play):
    async def scene(session, transport, waiting) -> None:
        session.pause_writing()
        session.data_received(b"NOOP\r\n")
        assert not transport.reading
        assert transport.written == []

        session.resume_writing()
        assert transport.reading
        assert transport.written[0].startswith(b"250")

    play(scene)


def test_many_replies_are_written_in_portions(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(b"NOOP\r\n" * 1000)

        assert len(transport.written) == 5

    play(scene)


def test_after_quit_the_connection_closes_at_once(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(b"QUIT\r\n")

        assert transport.written[0].startswith(b"221")
        assert transport.closed

    play(scene)


def test_after_a_last_word_the_peer_did_not_ask_for_it_may_read_it_first(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(b"EHLO c\r\nNOOP\r\n")

        assert transport.written[0].startswith(b"503")
        assert transport.written[1] == b"(eof)"
        assert not transport.closed
        session.data_received(b"MAIL FROM:<a@b.example>\r\n")
        assert len(transport.written) == 2
        assert session.eof_received() is False  # which closes the transport

    play(scene)


def test_what_was_begun_is_dropped_when_the_connection_is_lost(play):
    store = MemoryStore()

    async def scene(session, transport, waiting) -> None:
        session.data_received(GROUP)
        session.data_received(b"half\r\n")
        session.connection_lost(None)

    play(scene, store)
    assert store.mails() == []


def test_a_commit_that_ends_after_the_connection_was_lost_is_told_to_nobody(play):
    async def scene(session, transport, waiting) -> None:
        session.data_received(GROUP)
        session.data_received(b"x\r\n.\r\n")
        written = list(transport.written)
        session.connection_lost(None)
        await waiting.carry()

        assert transport.written == written

    play(scene)
