"""Rows "bytes after STARTTLS in the clear" and "pipelining where it is not allowed".

RFC 2920 lets a client send on without waiting, but not after EHLO, DATA, STARTTLS and AUTH: what comes behind those
means something else once they are answered. Who does it all the same is told, and dropped; nothing of it is carried
out. What came in the clear is never read as if it had come inside TLS (CVE-2011-0411), and nothing said in the clear
counts inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kit.attacks import Post, Splitter, Wire, plain, secured, splits

MAIL = b"MAIL FROM:<evil@attacker.example>\r\n"
ENVELOPE = MAIL + b"RCPT TO:<me@example.org>\r\n"


@pytest.fixture(autouse=True)
def nothing_arrives(post: Post) -> Iterator[None]:
    """Whatever a test here does, nobody gets a message."""
    yield
    assert post.letters("me") == []


@pytest.mark.parametrize("hello", [b"EHLO x\r\n", b"HELO x\r\n"])
def test_behind_hello_nothing_is_carried_out(connect: Callable[[], Wire], hello: bytes) -> None:
    wire = connect()
    wire.send(hello + ENVELOPE + b"DATA\r\nforged\r\n.\r\n")

    assert wire.codes(1) == [503]
    assert wire.closed()


def test_behind_data_nothing_is_content(connect: Callable[[], Wire]) -> None:
    wire = connect()
    wire.send(ENVELOPE + b"DATA\r\nforged\r\n.\r\n")

    assert wire.codes(3) == [250, 250, 503]
    assert wire.closed()


def test_behind_data_that_is_refused_nothing_is_content(connect: Callable[[], Wire]) -> None:
    wire = connect()
    wire.send(MAIL + b"DATA\r\nRSET\r\n" + ENVELOPE + b"NOOP\r\n")

    assert wire.codes(6) == [250, 554, 250, 250, 250, 250]  # each is a command, as it would be without DATA


def test_behind_a_message_the_next_may_come_at_once(connect: Callable[[], Wire]) -> None:
    wire = connect()
    wire.envelope()
    wire.send(b"a\nb\r\n.\r\n" + ENVELOPE + b"RSET\r\n")

    assert wire.codes(4) == [550, 250, 250, 250]


@pytest.mark.parametrize("injected", [MAIL, b"EHLO x\r\n", b"\0", b"\x16\x03\x01", b"\r\n"], ids=repr)
def test_what_comes_with_starttls_is_not_heard_inside_tls(post: Post, injected: bytes) -> None:
    with plain(post.server) as wire:
        assert "250-STARTTLS\r\n" in wire.hello()
        wire.send(b"STARTTLS\r\n" + injected)

        assert wire.codes(1) == [503]
        assert wire.closed()


def test_what_comes_between_starttls_and_the_handshake_is_not_heard_inside_tls(post: Post) -> None:
    with plain(post.server) as wire:
        wire.hello()
        assert wire.code(b"STARTTLS") == 220
        wire.send(MAIL)

        with pytest.raises(OSError):  # noqa: PT011 - an SSLError or a reset, as the bytes meet
            secured(wire)


def test_what_was_said_in_the_clear_does_not_count_inside_tls(post: Post) -> None:
    with plain(post.server) as wire:
        wire.hello()
        assert wire.code(MAIL.rstrip()) == 250
        assert wire.code(b"RSET") == 250
        assert wire.code(b"STARTTLS") == 220
        with secured(wire) as inside:
            assert inside.code(MAIL.rstrip()) == 503  # it wants a hello of its own
            assert "STARTTLS" not in inside.hello()
            assert inside.code(b"STARTTLS") == 503


def test_starttls_is_refused_inside_a_transaction(post: Post) -> None:
    with plain(post.server) as wire:
        wire.hello()
        wire.envelope(last=b"")

        assert wire.code(b"STARTTLS") == 503


@pytest.mark.parametrize("line", [b"STARTTLS now", b"STARTTLSX", b"STARTTLS\0"])
def test_starttls_stands_alone(post: Post, line: bytes) -> None:
    with plain(post.server) as wire:
        wire.hello()

        assert 500 <= wire.code(line) < 504
        assert wire.code(b"NOOP") == 250  # still in the clear, and still in step


@pytest.mark.parametrize("login", [b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\n", b"AUTH PLAIN AG1lAHB3\r\n"])
def test_behind_auth_nothing_is_carried_out(connect: Callable[[], Wire], login: bytes) -> None:
    wire = connect()
    auth = "AUTH" in wire.hello()
    wire.send(login + ENVELOPE + b"NOOP\r\n")
    code = int(wire.reply()[:3])

    # Dropped; or, where nobody can log in, refused, and what follows are commands like any other.
    assert code == (503 if auth else 502)
    assert wire.closed() if auth else wire.codes(3) == [250, 250, 250]


@pytest.mark.parametrize("hello", [b"EHLO x\r\n", b"HELO x\r\n"])
def test_a_hello_that_comes_in_pieces_is_one_hello(splitter: Splitter, hello: bytes) -> None:
    for pieces in splits(hello):
        splitter.send(*pieces)

        assert splitter.wire.codes(1) == [250]
