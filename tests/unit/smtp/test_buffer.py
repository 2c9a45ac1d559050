"""Lines come out whole, in order, and an endless one costs next to nothing."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.reply import Reply
from mailsponge.smtp import Bad, Limits, Noop, Server
from mailsponge.smtp.buffer import ReceiveBuffer
from mailsponge.smtp.replies import BARE_NEWLINE, LINE_TOO_LONG

RAW = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"word", b"x" * 12])).map(b"".join)


def lines(pieces: list[bytes], limit: int, wait: bool) -> list[bytes | Reply]:
    """All lines of these pieces; ``wait``: they are taken only once everything has come."""
    buffer = ReceiveBuffer(limit)
    taken = []
    for piece in pieces:
        buffer.feed(piece)
        while not wait and (line := buffer.line()) is not None:
            taken.append(line)
    while (line := buffer.line()) is not None:
        taken.append(line)
    return taken


def test_a_line_is_what_stands_before_crlf() -> None:
    assert lines([b"one\r\ntwo\r\n\r\nthr"], 100, wait=False) == [b"one", b"two", b""]


def test_a_line_may_come_in_pieces() -> None:
    assert lines([b"o", b"ne\r", b"\ntw", b"o\r\n"], 100, wait=False) == [b"one", b"two"]


@pytest.mark.parametrize("raw", [b"one\n", b"\n", b"\r\r\n\n"])
def test_a_line_that_ends_in_a_bare_newline_is_no_line(raw: bytes) -> None:
    assert lines([raw], 100, wait=False)[-1] is BARE_NEWLINE


def test_the_limit_counts_the_crlf() -> None:
    assert lines([b"12345678\r\n"], 10, wait=False) == [b"12345678"]
    assert lines([b"123456789\r\n"], 10, wait=False) == [LINE_TOO_LONG]


def test_after_a_line_that_is_too_long_comes_the_next_line() -> None:
    assert lines([b"x" * 50, b"x" * 50, b"\r\nnext\r\n"], 10, wait=False) == [LINE_TOO_LONG, b"next"]


@given(RAW, st.lists(st.integers(0)), st.integers(1, 20), st.booleans())
def test_however_the_bytes_come_the_lines_are_the_same(
    raw: bytes, cuts: list[int], limit: int, wait: bool
) -> None:
    edges = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    pieces = [raw[a:b] for a, b in zip(edges, edges[1:])]  # noqa: B905, RUF007
    assert lines(pieces, limit, wait) == lines([raw] if raw else [], limit, wait=False)


def test_of_an_endless_line_less_than_the_limit_is_kept() -> None:
    buffer = ReceiveBuffer(100)
    for _ in range(1000):
        buffer.feed(b"x" * 60)
        assert buffer.line() is None
        assert len(buffer.data) < 100


def test_taking_a_line_off_a_large_buffer_copies_nothing_but_the_line() -> None:
    buffer = ReceiveBuffer(100)
    whole = b"NOOP\r\n" * 1000
    buffer.feed(whole)
    for _ in range(999):
        buffer.line()
        assert buffer.data is whole


def test_what_is_read_is_not_kept() -> None:
    buffer = ReceiveBuffer(100)
    buffer.feed(b"NOOP\r\n" * 1000 + b"QU")
    while buffer.line() is not None:
        pass
    assert buffer.data == b"QU"


def test_an_endless_command_costs_a_session_less_than_a_chunk_of_it() -> None:
    server = Server("mail.example.org")
    server.greet()
    chunk = b"x" * 65536
    tracemalloc.start()
    try:
        for _ in range(500):
            server.receive_data(chunk)
            server.next_event()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(chunk)


def test_a_session_stays_in_step_over_a_line_that_is_too_long(sessions: Any) -> None:
    session = sessions.ready(Limits(command_line=100))
    session.say(b"NOOP " + b"x" * 10_000 + b"\r\nNOOP\r\n")
    assert [type(event) for event in session.events] == [Bad, Noop]
    assert session.answers[0].code == 500


def test_a_session_stays_in_step_over_a_bare_newline(sessions: Any) -> None:
    session = sessions.ready()
    session.say(b"QUIT\nNOOP\r\n")
    assert [type(event) for event in session.events] == [Bad, Noop]
    assert "CRLF" in session.answers[0].lines[0]
