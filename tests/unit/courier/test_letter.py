"""What a message looks like when it is laid down for its recipient."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.courier.letter import IN_MEMORY, laid_out, letter, read, unix_lines
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Parcel

SENDER = Address("you", "example.net")
CONTENT = b"Return-Path: <you@example.net>\r\nReceived: from there\r\n\r\nHello.\r\n"


def parcel(reverse_path: Address | None = SENDER, content: bytes = CONTENT) -> Parcel:
    return Parcel(
        1, Envelope(reverse_path, ()), 1000.0, len(content), (), lambda: iter((content[:40], content[40:]))
    )


def test_return_path_comes_first_and_delivered_to_next():
    assert b"".join(letter(parcel(), "me@example.org")) == (
        b"Return-Path: <you@example.net>\r\nDelivered-To: me@example.org\r\nReceived: from there\r\n\r\nHello.\r\n"
    )


def test_the_null_reverse_path_stays_null():
    content = CONTENT.replace(b"you@example.net", b"")
    assert b"".join(letter(parcel(None, content), "me@example.org")).startswith(
        b"Return-Path: <>\r\nDelivered-To:"
    )


def test_the_header_is_not_torn_into_many_pieces():
    assert next(letter(parcel(), "me@example.org")).endswith(b"Received")


def pieces_of(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    return [whole[begin:end] for begin, end in pairwise(places)]


@given(st.lists(st.sampled_from([b"a", b"", b"From x", b"\xff"])), st.lists(st.integers(0, 60)))
def test_lines_get_unixs_ends_wherever_pieces_end(lines: list[bytes], cuts: list[int]):
    whole = b"".join(line + b"\r\n" for line in lines)
    assert b"".join(unix_lines(pieces_of(whole, cuts))) == b"".join(line + b"\n" for line in lines)


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n"])), st.lists(st.integers(0, 60)))
def test_only_what_ends_a_line_changes(parts: list[bytes], cuts: list[int]):
    whole = b"".join(parts)
    assert b"".join(unix_lines(pieces_of(whole, cuts))) == whole.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("size", [10, IN_MEMORY + 1])
def test_a_letter_is_read_from_its_beginning_as_often_as_one_likes(size: int):
    with laid_out([b"x" * (size - 3), b"abc"], size) as descriptor:
        assert b"".join(read(descriptor)) == b"".join(read(descriptor))
        assert os.fstat(descriptor).st_size == size
        assert os.read(descriptor, 1) == b"x"
