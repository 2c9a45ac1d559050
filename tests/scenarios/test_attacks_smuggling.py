"""Row "SMTP smuggling": a message in another's inside, hidden behind what some server might take for the end of data.

Only CRLF.CRLF ends data. With a bare CR, a bare LF or a NUL the message is read on to that end and refused; nothing in
it is a command, wherever the network cuts the bytes, and not past the size limit either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kit.attacks import Post, Splitter, Wire, splits
from kit.false_ends import FALSE_ENDS

SIZE = 2000
LIMITS = f"message_size = {SIZE}\nerrors = 1000000"
FORGED = b"MAIL FROM:<evil@attacker.example>\r\nRCPT TO:<me@example.org>\r\nDATA\r\nforged\r\n"
END = b"\r\n.\r\nNOOP\r\n"
PADDING = (b"x" * 98 + b"\r\n") * (SIZE // 100 + 1)


@pytest.fixture(autouse=True)
def nothing_forged(post: Post) -> Iterator[None]:
    """Whatever a test here does, nothing gets to the one whom the forged messages are for."""
    yield
    assert post.letters("me") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing(connect: Callable[[], Wire], post: Post, false_end: bytes) -> None:
    wire = connect()
    wire.envelope()
    wire.send(b"Hello" + false_end + FORGED + END)

    assert wire.reply().startswith("550 5.6.0 ")
    assert wire.reply().startswith("250 ")  # to NOOP: the next thing that was a command
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_wherever_it_is_split(
    splitter: Splitter, post: Post, false_end: bytes
) -> None:
    for pieces in splits(b"Hello" + false_end + FORGED + END):
        splitter.wire.envelope()
        splitter.send(*pieces)

        assert splitter.wire.codes(2) == [550, 250], pieces
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_when_bytes_come_one_by_one(
    splitter: Splitter, post: Post, false_end: bytes
) -> None:
    whole = b"Hello" + false_end + FORGED + END
    splitter.wire.envelope()
    splitter.send(*(whole[at : at + 1] for at in range(len(whole))))

    assert splitter.wire.codes(2) == [550, 250]
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_message_may_begin_with_a_false_end(splitter: Splitter, post: Post, false_end: bytes) -> None:
    for pieces in splits(false_end + FORGED + END):
        splitter.wire.envelope()
        splitter.send(*pieces)

        assert splitter.wire.codes(2) == [550, 250], pieces
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_past_the_size_limit_wherever_it_is_split(
    splitter: Splitter, post: Post, false_end: bytes
) -> None:
    for one, two in splits(false_end + FORGED + END):
        splitter.wire.envelope()
        splitter.send(PADDING + one, two)

        assert splitter.wire.codes(2) == [552, 250], (one, two)
    assert post.letters("you") == []


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_ends_nothing_across_the_size_limit(
    connect: Callable[[], Wire], post: Post, false_end: bytes
) -> None:
    wire = connect()
    for room in range(len(false_end) + 2):
        wire.envelope()
        wire.send(b"x" * (SIZE - room) + false_end + FORGED + END)

        assert wire.codes(2) in ([550, 250], [552, 250])
    assert post.letters("you") == []


def test_the_true_end_ends_a_message_wherever_it_is_split(splitter: Splitter, post: Post) -> None:
    message = b"Subject: dots\r\n\r\n..\r\n...\r\n..hidden\r\n"
    for pieces in splits(message + b".\r\nNOOP\r\n"):
        splitter.wire.envelope()
        splitter.send(*pieces)

        assert splitter.wire.codes(2) == [250, 250], pieces
    kept = post.letters("you")
    assert len(kept) == len(message + b".\r\nNOOP\r\n") - 1
    assert all(letter.endswith(b"Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\n") for letter in kept)


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\n\r", b"\0\n", b"\r\r\n"])
def test_nothing_but_crlf_ends_a_command(splitter: Splitter, newline: bytes) -> None:
    group = b"MAIL FROM:<evil@attacker.example>" + newline + b"RCPT TO:<me@example.org>\r\n"
    for pieces in splits(group):
        splitter.send(*pieces)
        splitter.wire.send(b"VRFY the.end\r\n")
        codes = list(iter(lambda: splitter.wire.codes(1)[0], 252))

        assert codes, pieces
        assert min(codes) >= 500, pieces
