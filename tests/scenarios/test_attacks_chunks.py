"""Row "SMTP smuggling ... and the same around BDAT": the octets of a chunk are counted, and are never commands.

Neither when the message in it is refused, nor when the chunk is too large, nor when nobody asked for one. What cannot
be counted ends the session. And a chunk may hold nothing that a server behind this one could take for an end of data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from test_attacks_smuggling import FORGED

from kit.attacks import Post, Splitter, Wire, splits
from kit.false_ends import FALSE_ENDS

SIZE = 2000
LIMITS = f"message_size = {SIZE}\nerrors = 1000000"
ENVELOPE = b"MAIL FROM:<a@attacker.example>\r\nRCPT TO:<you@example.org>\r\n"
TRUE_END = b"\r\n.\r\n"


@pytest.fixture(autouse=True)
def nothing_forged(post: Post) -> Iterator[None]:
    """Whatever a test here does, nothing gets to the one whom the forged messages are for."""
    yield
    assert post.letters("me") == []


def bdat(*chunks: bytes) -> bytes:
    """A message in these chunks."""
    lines = [b"BDAT %d" % len(chunk) for chunk in chunks]
    lines[-1] += b" LAST"
    return b"".join(line + b"\r\n" + chunk for line, chunk in zip(lines, chunks, strict=True))


def test_chunks_are_offered(connect: Callable[[], Wire]) -> None:
    assert "250-CHUNKING\r\n" in connect().hello()


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_in_a_chunk_spoils_the_message_wherever_it_is_split(
    splitter: Splitter, post: Post, false_end: bytes
) -> None:
    for pieces in splits(ENVELOPE + bdat(b"Hello" + false_end + FORGED) + b"RSET\r\n"):
        splitter.send(*pieces)

        assert splitter.wire.codes(4) == [250, 250, 550, 250], pieces
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_in_two_chunks_spoils_the_message(
    connect: Callable[[], Wire], post: Post, false_end: bytes
) -> None:
    wire = connect()
    for one, two in splits(false_end):
        wire.send(ENVELOPE + bdat(b"Hello" + one, two + FORGED) + b"RSET\r\n")

        assert wire.codes(5) in ([250, 250, 250, 550, 250], [250, 250, 550, 503, 250]), (one, two)
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_in_two_chunks_spoils_the_message_wherever_it_is_split(
    splitter: Splitter, post: Post, false_end: bytes
) -> None:
    middle = len(false_end) // 2
    chunks = bdat(b"Hello" + false_end[:middle], false_end[middle:] + FORGED)
    for pieces in splits(ENVELOPE + chunks + b"RSET\r\n"):
        splitter.send(*pieces)

        assert splitter.wire.codes(5)[-3:] in ([250, 550, 250], [550, 503, 250]), pieces
    assert post.letters("you") == []


@pytest.mark.parametrize("end", [*FALSE_ENDS, TRUE_END])
def test_nothing_in_a_chunk_past_the_size_limit_is_a_command(
    splitter: Splitter, post: Post, end: bytes
) -> None:
    padding = b"x" * SIZE
    for one, two in splits(end + FORGED):
        chunk = padding + one + two
        splitter.send(ENVELOPE + b"BDAT %d LAST\r\n" % len(chunk) + padding + one, two + b"RSET\r\n")

        assert splitter.wire.codes(4) == [250, 250, 552, 250], (one, two)
    assert post.letters("you") == []


@pytest.mark.parametrize("end", [*FALSE_ENDS, TRUE_END])
def test_nothing_in_chunks_that_get_past_the_size_limit_together_is_a_command(
    connect: Callable[[], Wire], post: Post, end: bytes
) -> None:
    wire = connect()
    wire.send(ENVELOPE + bdat(b"x" * (SIZE - 2), end + FORGED, FORGED) + b"RSET\r\n")

    assert wire.codes(6) == [250, 250, 250, 552, 503, 250]
    assert post.letters("you") == []


@pytest.mark.parametrize("end", [*FALSE_ENDS, TRUE_END])
@pytest.mark.parametrize(
    ("before", "codes"),
    [
        (b"", [503]),
        (b"MAIL FROM:<>\r\n", [250, 554]),
        (b"MAIL FROM:<>\r\nRCPT TO:<guess@example.org>\r\n", [250, 550, 554]),
    ],
    ids=["no transaction", "no recipient", "no recipient here"],
)  # fmt: skip
def test_nothing_in_a_chunk_that_nobody_wanted_is_a_command(
    splitter: Splitter, before: bytes, codes: list[int], end: bytes
) -> None:
    for one, two in splits(bdat(end + FORGED) + b"RSET\r\n"):
        splitter.send(before + one, two)

        assert splitter.wire.codes(len(codes) + 1) == [*codes, 250], (one, two)


def test_the_true_end_of_data_is_content_in_a_chunk(splitter: Splitter, post: Post) -> None:
    message = b"Subject: dots\r\n\r\n..\r\n" + TRUE_END + FORGED
    stream = ENVELOPE + bdat(message) + b"NOOP\r\n"
    for pieces in splits(stream):
        splitter.send(*pieces)

        assert splitter.wire.codes(4) == [250, 250, 250, 250], pieces
    kept = post.letters("you")
    assert len(kept) == len(stream) - 1
    assert all(letter.endswith(message) for letter in kept)


@pytest.mark.parametrize(
    "line",
    [
        b"BDAT\r\n",
        b"BDAT LAST\r\n",
        b"BDAT -1 LAST\r\n",
        b"BDAT +9 LAST\r\n",
        b"BDAT 0x9 LAST\r\n",
        b"BDAT 1_0 LAST\r\n",
        b"BDAT 9LAST\r\n",
        b"BDAT 9 LAST LAST\r\n",
        b"BDAT 9 9 LAST\r\n",
        b"BDAT 9 FIRST\r\n",
        b"BDAT " + b"9" * 100 + b" LAST\r\n",
        b"BDAT " + "٩".encode() + b" LAST\r\n",
        b"BDAT \xff LAST\r\n",
        b"BDAT 9\0 LAST\r\n",
        b"BDAT\t9 LAST\r\n",
        b"BDAT 9 LAST\n",
        b"BDAT 9 LAST\r",
        b"BDAT 9 LAST" + b" " * 5000 + b"\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"", ENVELOPE], ids=["outside", "inside"])
def test_after_a_chunk_that_cannot_be_counted_nothing_is_a_command(
    connect: Callable[[], Wire], before: bytes, line: bytes
) -> None:
    wire = connect()
    wire.send(before + line + b"\r\n" + FORGED + TRUE_END + b"QUIT\r\n")

    assert wire.codes(before.count(b"\r\n")) == [250] * before.count(b"\r\n")
    assert wire.codes(1)[0] in (421, 500, 501)
    assert wire.closed()


def test_a_message_that_began_in_chunks_does_not_go_on_as_data(
    connect: Callable[[], Wire], post: Post
) -> None:
    wire = connect()
    wire.send(ENVELOPE + b"BDAT 5\r\nHello" + b"DATA\r\n")

    assert wire.codes(4) == [250, 250, 250, 503]
    assert wire.code(b"RSET") == 250
    assert post.letters("you") == []
