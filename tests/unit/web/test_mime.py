"""Rules of taking a message apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import hostile
from mailsponge.web import mime

MAILS = hostile.mails()


def multipart(kind: str, *parts: bytes) -> bytes:
    held = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n".encode() + held + b"--b--\r\nafterwards"


PLAIN = b"Content-Type: text/plain\r\n\r\nplain"
HTML = b"Content-Type: text/html\r\n\r\n<p>html</p>"
PICTURE = b"Content-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"


def held(content: bytes) -> list[tuple[str, bytes]]:
    return [(part.kind, mime.data(content, part)) for part in mime.taken_apart(content).parts]


def test_a_message_without_parts_is_one():
    assert held(PLAIN) == [("text/plain", b"plain")]


def test_what_does_not_say_what_it_is_is_text():
    assert held(b"Subject: x\r\n\r\nhello") == [("text/plain", b"hello")]


def test_a_message_that_begins_with_an_empty_line_has_no_headers():
    assert held(b"\r\nContent-Type: text/html\r\n\r\nx") == [
        ("text/plain", b"Content-Type: text/html\r\n\r\nx")
    ]


def test_headers_alone_have_an_empty_text():
    assert held(b"Subject: x\r\n") == [("text/plain", b"")]


def test_parts_lie_between_boundaries():
    assert held(multipart("mixed", PLAIN, PICTURE)) == [("text/plain", b"plain"), ("image/png", b"\0\0\0")]


def test_line_ends_without_cr_are_understood():
    content = multipart("mixed", PLAIN, HTML).replace(b"\r\n", b"\n")

    assert held(content) == [("text/plain", b"plain"), ("text/html", b"<p>html</p>")]


def test_the_last_part_may_lack_its_end():
    assert held(multipart("mixed", PLAIN).partition(b"\r\n--b--")[0]) == [("text/plain", b"plain")]


def test_what_only_begins_like_a_boundary_is_text():
    assert held(multipart("mixed", PLAIN + b"\r\n--bb\r\n-- b\r\n--b x")) == [
        ("text/plain", b"plain\r\n--bb\r\n-- b\r\n--b x")
    ]


def test_parts_within_parts_are_found():
    inner = multipart("alternative", PLAIN, HTML).replace(b"--b", b"--inner").replace(b"=b", b"=inner")

    taken = mime.taken_apart(multipart("related", inner, PICTURE))

    assert taken.plain is not None
    assert taken.html is not None
    assert [part.kind for part in taken.attachments] == ["image/png"]


def test_a_letter_within_a_letter_is_one_attachment():
    forwarded = b"Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n<p>x"

    assert [part.kind for part in mime.taken_apart(multipart("mixed", PLAIN, forwarded)).attachments] == [
        "message/rfc822"
    ]


def test_a_text_that_is_attached_is_not_what_is_read():
    attached = b"Content-Disposition: attachment; filename=log.txt\r\n\r\nlong log"
    taken = mime.taken_apart(multipart("mixed", attached, PLAIN))

    assert taken.plain is not None
    assert [part.name for part in taken.attachments] == ["log.txt"]


def test_a_name_may_be_written_in_either_way():
    rfc2231 = b"Content-Disposition: attachment; filename*=UTF-8''gr%C3%BCn.txt\r\n\r\n"
    rfc2047 = b'Content-Disposition: attachment; filename="=?utf-8?q?gr=C3=BCn=2Etxt?="\r\n\r\n'

    assert [part.name for part in mime.taken_apart(multipart("mixed", rfc2231, rfc2047)).parts] == [
        "grün.txt"
    ] * 2


def test_a_part_is_found_by_its_number():
    taken = mime.taken_apart(multipart("mixed", PLAIN, PICTURE))

    assert [taken.part(part.number) for part in taken.parts] == list(taken.parts)
    assert taken.part(99) is None


def test_spoilt_base64_gives_what_there_is():
    spoilt = PICTURE.replace(b"AAAA", b"AA!AAA\r\n==A")

    assert held(spoilt) == [("image/png", b"\0\0\0")]


@pytest.mark.parametrize("charset", ["no-such-charset", "utf-8", "rot13", "idna", "unicode-escape", ""])
def test_a_charset_that_makes_no_sense_is_read_as_utf_8(charset: str):
    content = f'Content-Type: text/plain; charset="{charset}"\r\n\r\n'.encode() + "grün".encode()
    part = mime.taken_apart(content).parts[0]

    assert mime.words(content, part, 100) == "grün"


def test_of_very_many_parts_some_are_left_out():
    taken = mime.taken_apart(MAILS["many_parts"])

    assert len(taken.parts) < mime.MOST_PARTS
    assert not taken.is_whole


def test_parts_within_parts_end_somewhere():
    assert len(mime.taken_apart(MAILS["nested_parts"]).parts) == 1


@pytest.mark.parametrize("name", MAILS)
def test_hostile_mail_is_taken_apart(name: str):
    content = MAILS[name]

    for part in mime.taken_apart(content).parts:
        mime.words(content, part, 1000).encode()


@given(st.binary(max_size=300))
def test_nothing_in_a_message_raises(content: bytes):
    for part in mime.taken_apart(content).parts:
        mime.words(content, part, 100).encode()


@given(
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: ",
                b"multipart/mixed; boundary=b",
                b"multipart/digest; boundary=b",
                b"text/html",
                b"\r\n",
                b"\n",
                b"--b",
                b"--",
                b"Content-Disposition: attachment; filename*=x'y'%ff",
                b"Content-Transfer-Encoding: base64",
                b"charset=utf-16",
                b"; ",
                b"\xff",
                b"A",
                b"boundary*0=b",
                b'"',
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
def test_parts_never_leave_the_message_nor_overlap(content: bytes):
    parts = mime.taken_apart(content).parts

    places = [0, *(place for part in parts for place in (part.start, part.end)), len(content)]
    assert places == sorted(places)
