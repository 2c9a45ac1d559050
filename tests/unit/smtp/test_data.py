"""Where a message ends, and what it says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.reply import Reply
from mailsponge.smtp.data import Decoder

LINES = st.lists(st.text("ab.. \t", max_size=6).map(str.encode))
RAW = st.lists(st.sampled_from([b"\r", b"\n", b".", b"x", b"\0", b"\r\n", b"\r\n.", b"\r\n.\r\n"])).map(
    b"".join
)


def decoded(stream: bytes, cuts: list[int], limit: int = 10_000) -> tuple[bytes, Reply | None, bool, bytes]:
    """The content, the fault, whether it ended, and what came after the end; fed in pieces cut there."""
    decoder = Decoder(limit)
    content = b""
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for begin, end in pairwise(edges):
        if begin == end:
            continue
        piece, stop = decoder.decode(stream[:end], begin)
        content += piece
        if decoder.ended:
            return content, decoder.fault, True, stream[stop:]
    return content, decoder.fault, False, b""


def stuffed(lines: list[bytes]) -> bytes:
    """Lines as a client sends them (RFC 5321 section 4.5.2)."""
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


@given(LINES, st.lists(st.integers(0)))
def test_what_a_client_stuffs_comes_out_as_it_was(lines: list[bytes], cuts: list[int]) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    assert decoded(stuffed(lines) + b"NOOP\r\n", cuts) == (message, None, True, b"NOOP\r\n")


@given(RAW, st.lists(st.integers(0)), st.sampled_from([3, 10_000]))
def test_however_the_bytes_come_they_mean_the_same(raw: bytes, cuts: list[int], limit: int) -> None:
    assert decoded(raw, cuts, limit) == decoded(raw, [], limit)


@given(RAW)
def test_the_end_is_where_crlf_dot_crlf_stands_and_nowhere_else(raw: bytes) -> None:
    content, fault, ended, after = decoded(raw, [])
    at = (b"\r\n" + raw).find(b"\r\n.\r\n")
    assert ended == (at >= 0)
    if ended:
        message = (b"\r\n" + raw)[2 : at + 2]
        assert after == (b"\r\n" + raw)[at + 5 :]
        bare = message.replace(b"\r\n", b"")
        sound = not any(octet in bare for octet in (b"\r", b"\n", b"\0"))
        assert sound == (fault is None)
        assert not sound or content == b"\r\n".join(
            line[1:] if line.startswith(b".") else line for line in message.split(b"\r\n")
        )


@given(RAW, st.lists(st.integers(0)))
def test_no_more_than_the_beginning_of_an_end_is_held_back(raw: bytes, cuts: list[int]) -> None:
    decoder = Decoder(10_000)
    fed, out = b"", b""
    for octet in raw:
        piece, _ = decoder.decode(bytes((octet,)))
        fed += bytes((octet,))
        out += piece
        if decoder.ended or decoder.fault:
            return
        assert len(fed) - len(out) - fed.count(b"\r\n.") - fed.startswith(b".") <= 4


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b".x\r\n.\r\n", b"x\r\n"),
        (b"a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n"),
        (b"a.\r\n.b.\r\n.\r\n", b"a.\r\nb.\r\n"),
        (b"a\r\n. \r\n.\r\n", b"a\r\n \r\n"),
        (b"\x80\xff\r\n.\r\n", b"\x80\xff\r\n"),
    ],
)
def test_one_dot_at_the_beginning_of_a_line_is_taken_off(stream: bytes, content: bytes) -> None:
    assert decoded(stream, []) == (content, None, True, b"")
    assert decoded(stream, list(range(len(stream)))) == (content, None, True, b"")


@pytest.mark.parametrize(
    ("message", "what", "octet"),
    [
        (b"one\ntwo\r\n", "bare LF", 3),
        (b"one\rtwo\r\n", "bare CR", 3),
        (b"one\0two\r\n", "NUL", 3),
        (b"\none\r\n", "bare LF", 0),
        (b"one\r\r\n", "bare CR", 3),
        (b"one\n\r\n", "bare LF", 3),
        (b"..one\r\n\ntwo\r\n", "bare LF", 6),
    ],
)
def test_the_fault_says_what_is_wrong_and_where(message: bytes, what: str, octet: int) -> None:
    content, fault, ended, _ = decoded(message + b".\r\n", [])
    assert ended
    assert fault is not None
    assert (fault.code, fault.enhanced) == (550, "5.6.0")
    assert f"a {what} at octet {octet}," in fault.lines[0]
    assert len(content) == octet  # nothing after it comes out


@pytest.mark.parametrize("size", [9, 10])
def test_up_to_its_limit_a_message_is_whole(size: int) -> None:
    message = b"x" * (size - 2) + b"\r\n"
    assert decoded(message + b".\r\n", [], limit=10) == (message, None, True, b"")


def test_beyond_its_limit_a_message_is_read_on_to_its_end_and_refused() -> None:
    content, fault, ended, after = decoded(b"x" * 100 + b"\r\n.\r\nNOOP\r\n", [], limit=10)
    assert content == b"x" * 10
    assert fault is not None
    assert (fault.code, fault.enhanced) == (552, "5.3.4")
    assert ended
    assert after == b"NOOP\r\n"


def test_stuffed_dots_do_not_count_against_the_limit() -> None:
    assert decoded(b"..12345678\r\n.\r\n", [], limit=11)[1] is None


def test_a_piece_without_anything_special_comes_out_uncopied() -> None:
    decoder = Decoder(10_000)
    decoder.decode(b"first")
    piece = b"nothing special in here"
    content, _ = decoder.decode(piece)
    assert content is piece
