"""BDAT: octets that are counted, and held to the same rules as those after DATA (RFC 3030)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.reply import Reply
from mailsponge.smtp import (
    Bad,
    Chunk,
    Closed,
    Content,
    Data,
    EndOfChunk,
    EndOfData,
    Limits,
    Noop,
    Quit,
    Recipient,
    State,
)

ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
NO = Reply(451, "4.3.0", "Not now")


def bdat(*chunks: bytes, last: bool = True) -> bytes:
    """A message in these chunks."""
    return b"".join(
        b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if last and number == len(chunks) else b"") + chunk
        for number, chunk in enumerate(chunks, 1)
    )


def codes(session: Any) -> list[int]:
    return [answer.code for answer in session.answers]


def message(session: Any) -> bytes:
    return b"".join(event.data for event in session.events_of(Content))


def test_a_message_in_one_chunk(sessions: Any) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b"Subject: x\r\n\r\nHi\r\n"))
    assert session.events[2:] == [
        Chunk(18, True, True),
        Content(b"Subject: x\r\n\r\nHi\r\n"),
        EndOfData(None),
    ]
    assert codes(session) == [250, 250, 250]
    assert session.server.state is State.READY


def test_a_message_in_several_chunks(sessions: Any) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b"Subject: ", b"x\r\n", b"") + b"NOOP\r\n")
    assert session.events[2:] == [
        Chunk(9, False, True),
        Content(b"Subject: "),
        EndOfChunk(9, None),
        Chunk(3, False, False),
        Content(b"x\r\n"),
        EndOfChunk(3, None),
        Chunk(0, True, False),
        EndOfData(None),
        Noop(),
    ]
    assert session.answers[2].encoded == b"250 2.0.0 9 octets received\r\n"


def test_dots_mean_nothing(sessions: Any) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b"\r\n.\r\n..\r\nQUIT\r\n.\r\n"))
    assert message(session) == b"\r\n.\r\n..\r\nQUIT\r\n.\r\n"
    assert session.server.state is State.READY


@pytest.mark.parametrize("chunks", [(b"\r\nHi",), (b"\r\nHi\r\n", b"Ho"), (b"\r\nHi", b"")])
def test_a_last_line_without_crlf_gets_one(sessions: Any, chunks: tuple[bytes, ...]) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(*chunks))
    assert message(session) == b"".join(chunks) + b"\r\n"
    assert session.events_of(EndOfData) == [EndOfData(None)]


def test_a_message_of_nothing_stays_one(sessions: Any) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b""))
    assert session.events[2:] == [Chunk(0, True, True), EndOfData(None)]


def test_a_cr_and_its_lf_may_come_in_two_chunks(sessions: Any) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b"Subject: x\r", b"\n\r", b"\nHi\r\n"))
    assert message(session) == b"Subject: x\r\n\r\nHi\r\n"
    assert session.events_of(EndOfData) == [EndOfData(None)]


@pytest.mark.parametrize(
    ("chunks", "what"),
    [
        ((b"a\nb\r\n",), "bare LF"),
        ((b"a\rb\r\n",), "bare CR"),
        ((b"a\0b\r\n",), "NUL"),
        ((b"a\r", b"b\r\n"), "bare CR"),
        ((b"a", b"\nb\r\n"), "bare LF"),
        ((b"a\r\n\r",), "bare CR"),
        ((b"a\r", b""), "bare CR"),
        ((b"\r",), "bare CR"),
        ((b"\n",), "bare LF"),
    ],
)
def test_what_data_would_refuse_bdat_refuses(sessions: Any, chunks: tuple[bytes, ...], what: str) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(*chunks))
    refused = session.answers[-1]
    assert (refused.code, refused.enhanced) == (550, "5.6.0")
    assert what in refused.lines[0]


def test_a_chunk_that_is_refused_spoils_the_transaction(sessions: Any) -> None:
    session = sessions.ready()
    session.say(
        ENVELOPE
        + bdat(b"a\nb\r\n", b"c\r\n", b"d\r\n")
        + b"MAIL FROM:<>\r\nDATA\r\nRCPT TO:<b@c.example>\r\n"
    )
    assert codes(session) == [250, 250, 550, 503, 503, 503, 503, 503]
    assert session.server.state is State.SPOILT
    assert message(session) == b"a"
    session.say(b"RSET\r\n" + ENVELOPE + bdat(b"e\r\n"))
    assert codes(session)[-4:] == [250, 250, 250, 250]


def test_a_program_that_refuses_a_chunk_spoils_the_transaction_too(sessions: Any) -> None:
    session = sessions.ready(decide=lambda event: NO if isinstance(event, EndOfChunk) else event.reply)
    session.say(ENVELOPE + bdat(b"a\r\n", b"b\r\n"))
    assert codes(session) == [250, 250, 451, 503]
    assert session.server.state is State.SPOILT


def test_chunks_on_their_way_after_a_refused_one_are_no_mistakes(sessions: Any) -> None:
    session = sessions.ready(Limits(errors=1))
    session.say(ENVELOPE + bdat(b"\n", *[b"x" * 10] * 50) + b"RSET\r\n")
    assert codes(session) == [250, 250, 550, *[503] * 50, 250]


@pytest.mark.parametrize("word", [b"", b" LAST"])
def test_a_misplaced_bdat_has_its_octets_thrown_away(sessions: Any, word: bytes) -> None:
    for before, code in ((b"", 503), (b"MAIL FROM:<>\r\n", 554)):
        session = sessions.ready()
        session.say(before + b"BDAT 6" + word + b"\r\nQUIT\r\nNOOP\r\n")
        assert codes(session)[-2:] == [code, 250]
        assert session.events_of(Quit) == []


def test_a_first_chunk_without_a_recipient_spoils_what_would_follow(sessions: Any) -> None:
    refuse_first = iter([Reply(550, "5.1.1", "Nobody")])
    session = sessions.ready(
        decide=lambda event: next(refuse_first, event.reply) if isinstance(event, Recipient) else event.reply
    )
    session.say(ENVELOPE + bdat(b"one\r\n", last=False) + b"RCPT TO:<c@example.net>\r\n" + bdat(b"two\r\n"))
    assert codes(session) == [250, 550, 554, 503, 503]
    assert session.events_of(EndOfData) == []


def test_the_answer_to_a_misplaced_bdat_comes_after_its_octets(sessions: Any) -> None:
    session = sessions.ready()
    session.say(b"BDAT 6\r\nQUIT\r")
    assert session.answers == []
    session.say(b"\n")
    assert codes(session) == [503]


def test_data_and_bdat_exclude_each_other(sessions: Any) -> None:
    session = sessions.ready()
    session.say(
        ENVELOPE + bdat(b"a\r\n", last=False) + b"DATA\r\nRCPT TO:<c@example.net>\r\n" + bdat(b"b\r\n")
    )
    assert codes(session) == [250, 250, 250, 503, 503, 250]
    session.say(ENVELOPE + b"DATA\r\na\r\n.\r\n" + bdat(b"b\r\n"))
    assert codes(session)[-3:] == [354, 250, 503]
    assert len(session.events_of(Data)) == 1


def test_nothing_comes_after_the_last_chunk(sessions: Any) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b"a\r\n") + bdat(b"b\r\n"))
    assert codes(session) == [250, 250, 250, 503]


@pytest.mark.parametrize("how", [b"RSET\r\n", b"EHLO again\r\n"])
def test_a_message_in_chunks_can_be_dropped(sessions: Any, how: bytes) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + bdat(b"a\r\n", last=False) + how + ENVELOPE + bdat(b"b\r\n"))
    assert all(answer.positive for answer in session.answers)
    assert [event.first for event in session.events_of(Chunk)] == [True, True]


@pytest.mark.parametrize(
    "line",
    [b"BDAT", b"BDAT ", b"BDAT x", b"BDAT -1", b"BDAT 1 2", b"BDAT 6 FIRST", b"BDAT 6 LAST x", b"bdat \xb2",
     b"BDAT 6\0", b"BDAT\t6", "BDAT ٣".encode(), b"BDAT " + b"9" * 21],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"", ENVELOPE])
def test_a_bdat_that_cannot_be_read_ends_the_session(sessions: Any, before: bytes, line: bytes) -> None:
    session = sessions.ready()
    session.say(before + line + b"\r\nQUIT\r\nMAIL FROM:<evil@example.org>\r\n")
    assert (session.answers[-1].code, session.answers[-1].enhanced) == (501, "5.5.4")
    assert isinstance(session.events[-2], Bad)
    assert session.events[-1] == Closed()


@pytest.mark.parametrize(
    "line",
    [b"BDAT 6 LAST\n", b"bdat 6\n", b"BDAT 6" + b" " * 3000 + b"\r\n", b"BDAT 6" + b" " * 3000 + b"\n"],
    ids=["a bare LF", "a bare LF, small letters", "too long", "too long, a bare LF"],
)
@pytest.mark.parametrize("before", [b"", ENVELOPE])
def test_a_bdat_in_a_line_that_is_none_ends_the_session_too(
    sessions: Any, before: bytes, line: bytes
) -> None:
    whole = line + b"MAIL FROM:<evil@example.org>\r\n"
    for cut in (*range(1, 8), len(line) - 1, len(line), len(whole)):
        session = sessions.ready()
        session.say(before + whole[:cut])
        session.say(whole[cut:])
        assert session.answers[-1].code == 501
        assert session.events[-1] == Closed()


def test_a_line_that_is_none_ends_no_session_because_of_a_bdat_before_it(sessions: Any) -> None:
    session = sessions.ready()
    session.say(b"NOOP\nBDAT 1 LAST\r\nx" + b"N" * 3000 + b"\r\nNOOP\r\n")
    assert codes(session) == [500, 503, 500, 250]


@pytest.mark.parametrize("line", [b"BDAT 3 LAST", b"bdat 3 last", b"BDAT  3", b"BDAT 003  LAST"])
def test_spellings_of_bdat(sessions: Any, line: bytes) -> None:
    session = sessions.ready()
    session.say(ENVELOPE + line.replace(b"  3", b" 3") + b"\r\na\r\n")
    assert [event.size for event in session.events_of(Chunk)] == [3]


def test_a_chunk_too_large_is_known_before_it_comes_and_read_to_its_end(sessions: Any) -> None:
    session = sessions.ready(Limits(message_size=10))
    session.say(ENVELOPE + bdat(b"x" * 6, b"QUIT\r\n" * 100, b"y\r\n") + b"NOOP\r\n")
    assert codes(session) == [250, 250, 250, 552, 503, 250]
    assert message(session) == b"x" * 6


def test_the_crlf_that_is_put_to_the_end_counts_too(sessions: Any) -> None:
    for size, code in ((8, 250), (9, 552), (10, 552)):
        session = sessions.ready(Limits(message_size=10))
        session.say(ENVELOPE + bdat(b"x" * size))
        assert codes(session)[-1] == code
        assert len(message(session)) <= 10


def test_a_client_that_goes_away_between_chunks_leaves_no_message(sessions: Any) -> None:
    for said in (bdat(b"a\r\n", last=False), b"BDAT 10 LAST\r\nhalf"):
        session = sessions.ready()
        session.say(ENVELOPE + said)
        session.say(b"")
        assert session.events[-1] == Closed()
        assert session.events_of(EndOfData) == []


@given(st.lists(st.text("ab.\r\n\0", max_size=6).map(str.encode), min_size=1, max_size=5), st.integers(1, 7))
def test_by_bdat_or_by_data_the_same_is_taken_and_the_same_comes_out(
    sessions: Any, chunks: list[bytes], step: int
) -> None:
    whole = b"".join(chunks)
    by_bdat = sessions.ready()
    stream = ENVELOPE + bdat(*chunks)
    for at in range(0, len(stream), step):
        by_bdat.say(stream[at : at + step])
    by_data = sessions.in_data()
    ended = whole + (b"" if whole.endswith(b"\r\n") or not whole else b"\r\n")
    stuffed = (b"\r\n" + ended).replace(b"\r\n.", b"\r\n..")[2:]
    by_data.say(stuffed + b".\r\n")
    assert by_bdat.answers[-1].positive == by_data.answers[-1].positive
    if by_data.answers[-1].positive:
        assert message(by_bdat) == message(by_data)
