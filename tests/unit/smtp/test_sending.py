"""Content on its way out: what is sent comes out at the other end as it went in, and nothing bare ever goes out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.smtp_driver import cut
from mailsponge.errors import ContentError
from mailsponge.smtp.data import Decoder
from mailsponge.smtp.sending import Chunker, Encoder, Stuffer

LINES = st.lists(st.text("ab.. \t", max_size=6).map(str.encode))
RAW = st.lists(st.sampled_from([b"\r", b"\n", b".", b"x", b"\0", b"\r\n", b"\r\n.", b"\r\n.\r\n"])).map(
    b"".join
)
CUTS = st.lists(st.integers(0), max_size=20)


def encoded(encoder: Encoder, content: bytes, cuts: Sequence[int] = ()) -> bytes:
    pieces = cut(content, cuts)
    return b"".join(encoder.encode(piece) for piece in pieces) + encoder.finish()


def decoded(wire: bytes) -> bytes:
    decoder = Decoder(10_000)
    content, stop = decoder.decode(wire)
    assert decoder.ended
    assert decoder.fault is None
    assert stop == len(wire)
    return content


def unchunked(wire: bytes) -> bytes:
    """What chunks hold; the last, and it alone, says so."""
    content, last = b"", False
    while wire:
        assert not last
        head = re.match(rb"BDAT ([0-9]+)( LAST)?\r\n", wire)
        assert head is not None
        size, last = int(head[1]), head[2] is not None
        content += wire[head.end() :][:size]
        assert len(wire) >= head.end() + size
        wire = wire[head.end() + size :]
    assert last
    return content


def whole(content: bytes) -> bytes:
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def is_sound(content: bytes) -> bool:
    return not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", content)


@given(LINES, CUTS, st.sampled_from([b"", b"x", b".", b"\r\n"]))
def test_what_is_stuffed_comes_out_as_it_was(lines: list[bytes], cuts: list[int], rest: bytes) -> None:
    content = b"".join(line + b"\r\n" for line in lines) + rest
    assert decoded(encoded(Stuffer(), content, cuts)) == whole(content)


@given(LINES, CUTS, st.sampled_from([b"", b"x", b".", b"\r\n"]))
def test_what_goes_in_chunks_comes_out_as_it_was(lines: list[bytes], cuts: list[int], rest: bytes) -> None:
    content = b"".join(line + b"\r\n" for line in lines) + rest
    assert unchunked(encoded(Chunker(), content, cuts)) == whole(content)


@given(RAW, CUTS, st.sampled_from([Stuffer, Chunker]))
def test_what_holds_anything_bare_is_not_sent_however_it_is_cut(
    content: bytes, cuts: list[int], kind: type[Encoder]
) -> None:
    if is_sound(content):
        encoded(kind(), content, cuts)
    else:
        with pytest.raises(ContentError):
            encoded(kind(), content, cuts)


@given(RAW, CUTS, st.sampled_from([Stuffer, Chunker]))
def test_nothing_bare_ever_goes_out(content: bytes, cuts: list[int], kind: type[Encoder]) -> None:
    encoder = kind()
    sent = b""
    try:
        for piece in cut(content, cuts):
            sent += encoder.encode(piece)
        sent += encoder.finish()
    except ContentError:
        pass
    assert is_sound(sent)


@given(RAW, CUTS)
def test_the_end_is_at_the_end_and_nowhere_else(content: bytes, cuts: list[int]) -> None:
    if is_sound(content):
        wire = b"\r\n" + encoded(Stuffer(), content, cuts)
        assert wire.find(b"\r\n.\r\n") == len(wire) - 5


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"x", b"x\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a.\r\n..b\r\n", b"a.\r\n...b\r\n.\r\n"),
    ],
)
def test_a_line_that_begins_with_a_dot_gets_another_however_it_is_cut(content: bytes, wire: bytes) -> None:
    assert encoded(Stuffer(), content) == wire
    assert encoded(Stuffer(), content, list(range(len(content)))) == wire


@pytest.mark.parametrize(
    ("content", "what", "octet"),
    [
        (b"one\ntwo\r\n", "bare LF", 3),
        (b"one\rtwo\r\n", "bare CR", 3),
        (b"one\0two\r\n", "NUL", 3),
        (b"\none\r\n", "bare LF", 0),
        (b"one\r\r\n", "bare CR", 3),
        (b"one\r", "bare CR", 3),
        (b"..one\r\n\ntwo\r\n", "bare LF", 7),
    ],
)
@pytest.mark.parametrize("kind", [Stuffer, Chunker])
def test_the_error_says_what_is_wrong_and_where(
    kind: type[Encoder], content: bytes, what: str, octet: int
) -> None:
    for cuts in ((), range(len(content))):
        with pytest.raises(ContentError, match=f"a {what} at octet {octet} "):
            encoded(kind(), content, list(cuts))


def test_a_piece_that_needs_nothing_goes_out_uncopied() -> None:
    piece = b"nothing special in here\r\nnor here\r\n"
    assert Stuffer().encode(piece) is piece


def test_an_empty_piece_is_no_chunk_for_that_would_be_an_end_to_some() -> None:
    assert Chunker().encode(b"") == b""
    assert Chunker().encode(b"\r") == b""
    assert Chunker().finish() == b"BDAT 0 LAST\r\n"
    assert Chunker().finish(b"Hi\r\n") == b"BDAT 4 LAST\r\nHi\r\n"
