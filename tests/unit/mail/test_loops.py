"""Rules of mail that goes in circles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.address import Address
from mailsponge.mail.loops import HEAD, MOST_HOPS, fault, head_of, hops

ME = Address("Me", "example.org")
RECEIVED = b"Received: from a.example\r\n\tby b.example; Sat, 31 Jan 2026 08:30:00 +0100\r\n"


def message(head: bytes, body: bytes = b"Hello.\r\n") -> list[bytes]:
    return [head + b"\r\n" + body]


def test_the_servers_are_counted_by_their_lines():
    assert hops(head_of(message(RECEIVED * 3 + b"Subject: x\r\n"))) == 3


@pytest.mark.parametrize("line", [b"RECEIVED: x\r\n", b"received:x\r\n", b"Received:\r\n x\r\n"])
def test_however_they_are_written(line):
    assert hops(line) == 1


@pytest.mark.parametrize(
    "line", [b"X-Received: x\r\n", b"Subject: a\r\n Received: b\r\n", b"Received-SPF: pass\r\n"]
)
def test_what_only_looks_like_one_does_not_count(line):
    assert hops(line) == 0


def test_what_stands_in_the_body_does_not_count():
    assert hops(head_of(message(b"Subject: x\r\n", RECEIVED * 60))) == 0


def test_fifty_servers_are_not_too_many():
    assert fault(RECEIVED * MOST_HOPS, [None, ME]) == ()


def test_more_are():
    assert (
        fault(RECEIVED * (MOST_HOPS + 1), [None, ME])
        == ("it went through more than 50 servers, so it goes in circles",) * 2
    )


@pytest.mark.parametrize("line", [b"Delivered-To: me@example.org\r\n", b"delivered-to: <ME@EXAMPLE.ORG>\r\n"])
def test_what_was_delivered_here_before_comes_back(line):
    assert fault(line, [None, ME, Address("you", "example.org")]) == (
        "",
        "it was delivered to <Me@example.org> before, so it goes in circles",
        "",
    )


def test_what_others_delivered_it_to_is_no_concern_of_ours():
    assert fault(b"Delivered-To: me@elsewhere.example\r\n", [None, ME]) == ()


def test_no_more_is_read_than_the_header_section():
    def pieces():
        yield b"Subject: x\r\n\r"
        yield b"\nbody"
        raise AssertionError("read on")

    assert head_of(pieces()) == b"Subject: x\r\n"


@given(st.binary(max_size=300), st.integers(1, 20))
def test_it_does_not_matter_where_pieces_end(content, size):
    pieces = [content[at : at + size] for at in range(0, len(content), size)]

    assert head_of(pieces) == head_of([content])


def test_endless_heads_are_looked_at_as_far_as_the_limit():
    assert len(head_of([b"x" * (HEAD + 5)])) == HEAD
