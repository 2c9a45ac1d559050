"""What a list says about a message, out of bytes that anybody may have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge import clock
from mailsponge.store.headings import HEAD, LONGEST, Headings, date, headings, message_id, text


def test_the_four_headers_are_read() -> None:
    head = b"From: a@b\r\nTo: c@d\r\nSubject: hi\r\nDate: Thu, 01 Jan 1970 00:00:10 +0000\r\n\r\n"
    assert headings(head) == Headings("a@b", "c@d", "hi", 10.0)


def test_what_is_missing_is_empty() -> None:
    assert headings(b"X-Other: 1\r\n\r\n") == Headings("", "", "", None)
    assert headings(b"") == Headings("", "", "", None)


def test_case_and_space_before_the_colon_do_not_matter() -> None:
    assert headings(b"SUBJECT : hi\r\n\r\n").subject == "hi"


def test_the_body_has_no_say() -> None:
    assert headings(b"X: 1\r\n\r\nSubject: body\r\n").subject == ""
    assert headings(b"\r\nSubject: body\r\n").subject == ""


def test_lone_newlines_end_lines_here_too() -> None:
    assert headings(b"From: a\nSubject: hi\n\nTo: body\n") == Headings("a", "", "hi", None)


def test_of_two_headers_the_first_counts() -> None:
    assert headings(b"Subject: one\r\nSubject: two\r\n\r\n").subject == "one"


def test_a_header_that_only_ends_in_a_name_is_another() -> None:
    assert headings(b"X-Subject: no\r\nReply-To: no\r\n\r\n") == Headings("", "", "", None)


def test_a_folded_header_is_one_line() -> None:
    assert headings(b"Subject: one\r\n two\r\n\tthree\r\nTo: x\r\n\r\n").subject == "one two\tthree"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"=?utf-8?q?S=C3=B8ndag?= p=?utf-8?q?=C3=A5?= P1", "Søndag på P1"),
        (b"=?utf-8?b?8J+nvQ==?=", "🧽"),
        (b"=?iso-8859-1?q?caf=E9?=\r\n =?utf-8?q?_au_lait?=", "café au lait"),
        (b"Zo\xc3\xab", "Zoë"),
        (b"Zo\xeb", "Zo\ufffd"),
        (b"Zo\xc3\xab =?utf-8?q?=C3=A9?=", "Zoë é"),
        (b"=?nothing-known?q?caf=C3=A9?=", "café"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?utf-8?b?A?=", "=?utf-8?b?A?="),
        (b"=?zlib?q?x?=", "x"),
        (b"=?undefined?q?x?=", "x"),
        (b"=?utf-7?q?+2AA-?=", "?"),
        (b"=?utf-16?b?2AA=?=", None),
        (b"=?utf-8?q?one=0D=0ABcc:_two?=", "one Bcc: two"),
        (b"=?utf-8?q?=1B[31m?=", "\x1b[31m"),
    ],
)
def test_text_is_decoded_or_left_but_always_harmless(raw: bytes, shown: str | None) -> None:
    if shown is None:
        text(raw).encode()
    else:
        assert text(raw) == shown


def test_a_header_without_end_is_cut() -> None:
    shown = text(b"x" * 1_000_000)
    assert len(shown) == LONGEST + 1
    assert shown.endswith("x…")


def test_a_header_section_without_end_is_read_only_so_far() -> None:
    assert headings(b"X: y\r\n" * HEAD + b"Subject: far away\r\n\r\n").subject == ""


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (b" Thu, 01 Jan 1970 01:00:00 +0100", 0.0),
        (b"Thu, 01 Jan 1970 00:00:07 -0000", 7.0),
        (b"1 Jan 70 00:00:09 GMT", 9.0),
        (b"Thu, 01 Jan 1970 00:00:11 +0000 (a comment)", 11.0),
        (b"yesterday", None),
        (b"", None),
        (b"Thu, 99 Jan 1970 00:00:00 +0000", None),
        (b"Thu, 01 Jan 99999999999999999999 00:00:00 +0000", None),
        (b"Thu, 01 Jan 1970 00:00:00 +9999", None),
        (b"Fri, 31 Dec 9999 23:00:00 -2359", None),
        ("Thu, 01 Jän 1970 00:00:00 +0000".encode(), None),
    ],
)
def test_a_date_is_a_moment_or_nothing(raw: bytes, seconds: float | None) -> None:
    assert date(raw) == seconds


@given(st.binary(max_size=3000))
def test_no_bytes_at_all_do_any_harm(noise: bytes) -> None:
    for name in (b"From", b"To", b"Subject", b"Date"):
        said = headings(name + b": " + noise)
        for shown in (said.sender, said.to, said.subject):
            shown.encode("utf-8")
            assert "\n" not in shown
            assert "\r" not in shown
        if said.date is not None:
            clock.iso(said.date)


CHARSETS = [
    "utf-8",
    "utf-7",
    "utf-16",
    "idna",
    "punycode",
    "unicode_escape",
    "hz",
    "rot13",
    "zlib",
    "\x00",
    "a/../b",
    "mbcs",
]


@given(
    st.sampled_from(CHARSETS) | st.text(max_size=20),
    st.sampled_from("qbQBx"),
    st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.hex("=")),
    st.binary(max_size=20),
)
def test_no_encoded_word_does_any_harm(charset: str, encoding: str, encoded: str, around: bytes) -> None:
    word = f"=?{charset}?{encoding}?{encoded}?=".encode()
    shown = text(around + word + around + b" " + word)
    shown.encode("utf-8")
    assert "\n" not in shown
    assert "\r" not in shown


@given(st.text(alphabet="=?qb\r\n \t:utf-8", max_size=2500))
def test_no_tangle_of_encoded_words_does_any_harm(tangle: str) -> None:
    text(tangle.encode()).encode("utf-8")


@given(st.text(alphabet="0123456789+-:, JanFebGMT()", max_size=120))
def test_no_tangle_of_a_date_does_any_harm(tangle: str) -> None:
    at = date(tangle.encode())
    if at is not None:
        clock.iso(at)


def test_python_s_own_codecs_are_no_charsets() -> None:
    assert text(rb"=?unicode_escape?q?a\xd3b?=") == text(rb"=?utf-8?q?a\xd3b?=")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"Message-ID: <a@b>\r\n\r\n", "a@b"),
        (b"message-id:<a@b>\r\n\r\n", "a@b"),
        (b"X: y\r\nMessage-Id :\r\n\t<a@b>\r\n\r\n", "a@b"),
        (b"Message-ID: a@b\r\n\r\n", "a@b"),
        (b"Message-ID:\r\nSubject: <a@b>\r\n\r\n", ""),
        (b"Subject: Message-ID: <a@b>\r\n\r\n", ""),
        (b"\r\nMessage-ID: <a@b>\r\n", ""),
        (b"Message-ID: <\xff@b>\r\n\r\n", "\N{REPLACEMENT CHARACTER}@b"),
    ],
)
def test_a_message_id_is_read_without_its_brackets(head: bytes, found: str) -> None:
    assert message_id(head) == found


@given(st.binary(max_size=500))
def test_whatever_a_header_holds_its_message_id_is_text(raw: bytes) -> None:
    message_id(b"Message-ID:" + raw).encode()
