"""What is a reply, and what is none; and how much of a server that never comes to the point is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.smtp_driver import cut
from mailsponge.mail.reply import Reply
from mailsponge.smtp.reply_reader import Malformed, ReplyLimits, ReplyReader

DEFAULTS = ReplyLimits()
SMALL = ReplyLimits(line=20, lines=3, octets=45)
NOISE = st.lists(
    st.sampled_from([b"250", b"-", b" ", b"ok", b"\r", b"\n", b"\r\n", b"550 5.1.1 no", b"\xff"])
).map(b"".join)


def read(
    stream: bytes, cuts: tuple[int, ...] | list[int] = (), limits: ReplyLimits = DEFAULTS
) -> list[object]:
    """All that the stream holds, up to the first thing that is no reply."""
    reader = ReplyReader(limits)
    found: list[object] = []
    for piece in cut(stream, cuts):
        reader.feed(piece)
        while (reply := reader.next_reply()) is not None:
            found.append(reply)
            if isinstance(reply, Malformed):
                return found
    return found


@pytest.mark.parametrize(
    ("stream", "reply"),
    [
        (b"250 OK\r\n", Reply(250, None, "OK")),
        (b"250\r\n", Reply(250, None, "")),
        (b"250 \r\n", Reply(250, None, "")),
        (b"250-one\r\n250 two\r\n", Reply(250, None, "one", "two")),
        (b"250-\r\n250\r\n", Reply(250, None, "", "")),
        (b"550 5.1.1 Nobody\r\n", Reply(550, "5.1.1", "Nobody")),
        (b"550 5.1.1\r\n", Reply(550, "5.1.1", "")),
        (b"550-5.1.1 No\r\n550 5.1.1 body\r\n", Reply(550, "5.1.1", "No", "body")),
        (b"550-5.1.1 No\r\n550 body\r\n", Reply(550, "5.1.1", "No", "body")),
    ],
)
def test_a_reply_is_a_code_and_lines_of_text(stream: bytes, reply: Reply) -> None:
    assert read(stream) == [reply]
    assert read(stream)[0].lines == reply.lines  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["4.1.1 Nobody", "5.1 Nobody", "5.1.1Nobody", "5.1234.1 x", "6.0.0 x"])
def test_an_enhanced_code_of_another_class_or_form_is_text(text: str) -> None:
    [reply] = read(b"550 " + text.encode() + b"\r\n")
    assert (reply.enhanced, reply.lines) == (None, (text,))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stream", "word"),
    [
        (b"250 OK\n", "bare LF"),
        (b"250 a\n250 b\r\n", "bare LF"),
        (b"\r\n", "reply code"),
        (b"OK\r\n", "reply code"),
        (b"25 OK\r\n", "reply code"),
        (b"2500 OK\r\n", "reply code"),
        (b"150 OK\r\n", "reply code"),
        (b"650 OK\r\n", "reply code"),
        (b"250_OK\r\n", "reply code"),
        (b" 250 OK\r\n", "reply code"),
        (b"250-one\r\n251 two\r\n", "different"),
        (b"250-one\r\n550 two\r\n", "different"),
        (b"x" * 5000, "longer"),
        (b"250 " + b"x" * 5000 + b"\r\n", "longer"),
        (b"250-x\r\n" * 101, "lines"),
        ((b"250-" + b"x" * 4000 + b"\r\n") * 20, "octets"),
    ],
)
def test_what_is_no_reply_is_said_in_a_sentence_that_repeats_nothing(stream: bytes, word: str) -> None:
    *_, last = read(stream)
    assert isinstance(last, Malformed)
    assert word in last.why


def test_after_what_is_no_reply_nothing_is_read_any_more() -> None:
    reader = ReplyReader(ReplyLimits())
    reader.feed(b"nonsense\r\n250 OK\r\n")
    first = reader.next_reply()
    reader.feed(b"250 OK\r\n")
    assert isinstance(first, Malformed)
    assert reader.next_reply() is first


def test_a_line_as_long_as_the_limit_is_read_and_one_longer_is_not() -> None:
    assert read(b"250 " + b"x" * 14 + b"\r\n", limits=SMALL) == [Reply(250, None, "x" * 14)]
    assert isinstance(read(b"250 " + b"x" * 15 + b"\r\n", limits=SMALL)[0], Malformed)


def test_a_line_without_end_is_given_up_as_soon_as_it_is_too_long() -> None:
    reader = ReplyReader(SMALL)
    reader.feed(b"250 " + b"x" * 15)
    assert reader.next_reply() is None
    reader.feed(b"x")
    assert isinstance(reader.next_reply(), Malformed)
    assert not reader.pending


def test_text_is_harmless_and_its_letters_are_kept() -> None:
    [reply] = read("250 Grüße \x1b[2J\x00 \r x\r\n".encode() + b"")
    assert reply.lines == ("Grüße \\x1b[2J\\x00 \\r x",)  # type: ignore[attr-defined]
    [reply] = read(b"250 \xff\r\n")
    assert reply.lines == ("\\xff",)  # type: ignore[attr-defined]


def test_pending_is_anything_not_read_even_half_a_line() -> None:
    reader = ReplyReader(ReplyLimits())
    assert not reader.pending
    reader.feed(b"250 OK\r\n2")
    reader.next_reply()
    assert reader.pending
    reader.clear()
    assert not reader.pending


def test_pending_is_half_a_reply_too() -> None:
    reader = ReplyReader(ReplyLimits())
    reader.feed(b"250-one\r\n")
    assert reader.next_reply() is None
    assert reader.pending


@given(NOISE, st.lists(st.integers(0)), st.sampled_from([SMALL, ReplyLimits()]))
def test_however_the_bytes_come_they_mean_the_same(
    stream: bytes, cuts: list[int], limits: ReplyLimits
) -> None:
    assert read(stream, cuts, limits) == read(stream, (), limits)


@given(
    st.lists(st.tuples(st.integers(200, 599), st.text("abø", max_size=5)), max_size=5),
    st.lists(st.integers(0)),
)
def test_what_our_server_says_is_read_as_it_was_said(said: list[tuple[int, str]], cuts: list[int]) -> None:
    replies = [Reply(code, None, text, "more") for code, text in said]
    assert read(b"".join(reply.encoded for reply in replies), cuts) == replies
