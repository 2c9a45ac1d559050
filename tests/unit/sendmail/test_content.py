"""Rules of the message as it comes in: where it ends, where its header does, and what its lines end in."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sendmail.content import TooLarge, divided, read

MADE_OF = st.lists(
    st.sampled_from(
        [
            b"\r",
            b"\n",
            b"\r\n",
            b"\0",
            b".",
            b" ",
            b"\t",
            b":",
            b"Subject",
            b"Bcc: x@y",
            b"a",
            b"\xff",
            b"From ",
        ]
    ),
    max_size=30,
).map(b"".join)


@pytest.mark.parametrize("end", [b".\n", b".\r\n", b"."])
def test_a_lone_dot_ends_it(end):
    assert read(io.BytesIO(b"a\n" + end + b"b\n"), dot_ends=True).startswith(b"a\n")
    assert read(io.BytesIO(b"a\n" + end), dot_ends=True) == b"a\n"


def test_what_follows_the_dot_is_not_of_it():
    assert read(io.BytesIO(b"a\n.\nb\n"), dot_ends=True) == b"a\n"


def test_or_it_is_a_line_like_any_other():
    assert read(io.BytesIO(b"a\n.\nb\n"), dot_ends=False) == b"a\n.\nb\n"


@pytest.mark.parametrize("line", [b"..\n", b" .\n", b". \n", b".x\n"])
def test_no_other_line_ends_it(line):
    assert read(io.BytesIO(line), dot_ends=True) == line


def test_a_dot_at_the_beginning_of_a_piece_is_none_at_the_beginning_of_a_line():
    long = b"a" * (1 << 20) + b".\nb\n"
    assert read(io.BytesIO(long), dot_ends=True) == long


@pytest.mark.parametrize("dot_ends", [True, False])
def test_one_that_has_no_end_is_refused(dot_ends):
    with pytest.raises(TooLarge, match="more than 10 bytes"):
        read(io.BytesIO(b"a\n" * 6), dot_ends=dot_ends, most=10)


@pytest.mark.parametrize(
    ("raw", "header", "body"),
    [
        (b"Subject: x\n\nhello\n", b"Subject: x\r\n", b"hello\r\n"),
        (b"Subject: x\r\n\r\nhello\r\n", b"Subject: x\r\n", b"hello\r\n"),
        (b"Subject: x\n\nhello", b"Subject: x\r\n", b"hello\r\n"),
        (b"Subject: x\n", b"Subject: x\r\n", b""),
        (b"Subject: x", b"Subject: x\r\n", b""),
        (b"\nhello\n", b"", b"hello\r\n"),
        (b"hello\n", b"", b"hello\r\n"),
        (b"", b"", b""),
        (b"Subject: x\n  y\n\nhello\n", b"Subject: x\r\n  y\r\n", b"hello\r\n"),
        (b"  y\nhello\n", b"", b"  y\r\nhello\r\n"),
        (
            b"Subject: x\nhello: world, said he\nthen\n",
            b"Subject: x\r\nhello: world, said he\r\n",
            b"then\r\n",
        ),
        (b"From me Mon Jan  1\nSubject: x\n\nhello\n", b"Subject: x\r\n", b"hello\r\n"),
        (b"Subject: x\n\n\n\nhello\n", b"Subject: x\r\n", b"\r\n\r\nhello\r\n"),
    ],
)
def test_where_the_header_ends(raw, header, body):
    assert divided(raw) == (header, body)


def test_a_bare_cr_ends_a_line_of_the_body():
    assert divided(b"\n10%\r20%\rdone\n")[1] == b"10%\r\n20%\r\ndone\r\n"


def test_in_the_header_it_begins_no_other():
    assert divided(b"Subject: x\rBcc: y@z\n\n")[0] == b"Subject: x Bcc: y@z\r\n"


def test_a_nul_is_dropped_before_anything_is_looked_at():
    assert divided(b"Sub\0ject: x\n\0\nhel\0lo\n") == (b"Subject: x\r\n", b"hello\r\n")


@given(MADE_OF)
def test_whatever_comes_every_line_ends_in_crlf_and_holds_neither(raw):
    for part in divided(raw):
        assert re.fullmatch(rb"(?:[^\r\n\0]*\r\n)*", part)


@given(MADE_OF)
def test_a_header_has_a_name_in_each_field(raw):
    for line in divided(raw)[0].splitlines():
        assert line[:1] in (b" ", b"\t") or b":" in line
