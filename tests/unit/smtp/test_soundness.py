"""What a message may hold: the header's size above all, for bare newlines are DATA's and BDAT's tests already."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.smtp import EndOfData, Limits
from mailsponge.smtp.soundness import Soundness

CONTENT = st.lists(st.sampled_from([b"a", b"bcd", b"\r\n", b"\r\n\r\n", b": ", b"\n", b"\0"])).map(b"".join)


def followed(content: bytes, cuts: list[int], limit: int, header_limit: int) -> tuple[bytes, Any, int]:
    """What comes out of content that comes in pieces cut there, but never between CR and LF."""
    soundness = Soundness(limit, header_limit)
    edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    out = b""
    for begin, end in pairwise(e for e in edges if content[e - 1 : e + 1] != b"\r\n"):
        out += soundness.take(content[begin:end])
    return out, soundness.fault, soundness.size


@given(CONTENT, st.lists(st.integers(0)), st.integers(1, 30), st.integers(1, 30))
def test_in_whatever_pieces_it_comes_the_same_is_wrong(
    content: bytes, cuts: list[int], limit: int, header_limit: int
) -> None:
    assert followed(content, cuts, limit, header_limit) == followed(content, [], limit, header_limit)


@pytest.mark.parametrize(("size", "fits"), [(20, True), (21, False), (5000, False)])
@pytest.mark.parametrize("body", [b"", b"Hello\r\n" * 10])
def test_the_header_section_has_a_limit_and_the_body_not_this_one(
    sessions: Any, size: int, fits: bool, body: bytes
) -> None:
    header = b"Subject: ".ljust(size - 2, b"x") + b"\r\n"
    session = sessions.in_data(Limits(header_size=20))
    session.say(header + b"\r\n" + body + b".\r\n")
    (end,) = session.events_of(EndOfData)
    assert (end.fault is None) == fits
    if not fits:
        assert (end.fault.code, end.fault.enhanced) == (552, "5.3.4")
        assert "header" in end.fault.lines[0]


def test_a_message_without_a_header_has_none(sessions: Any) -> None:
    session = sessions.in_data(Limits(header_size=1))
    session.say(b"\r\n" + b"Hello\r\n" * 10 + b".\r\n")
    assert session.answers[-1].code == 250


def test_the_blank_line_is_found_wherever_the_bytes_are_split(sessions: Any) -> None:
    message = b"Subject: x\r\n\r\n" + b"Hello\r\n" * 5 + b".\r\n"
    for cut in range(1, len(message)):
        session = sessions.in_data(Limits(header_size=12))
        session.say(message[:cut])
        session.say(message[cut:])
        assert session.answers[-1].code == 250


def test_whatever_is_wrong_first_is_told() -> None:
    assert followed(b"a" * 9 + b"\0", [], 100, 5)[1].code == 552
    assert followed(b"a\0" + b"a" * 9, [], 100, 5)[1].code == 550
    assert "header" not in followed(b"a" * 99, [], 5, 50)[1].lines[0]


def test_an_octet_that_must_not_stand_alone_spoils_the_end() -> None:
    soundness = Soundness(10, 10)
    soundness.take(b"ab")
    soundness.spoil(13)
    assert soundness.fault is not None
    assert "bare CR at octet 2" in soundness.fault.lines[0]
