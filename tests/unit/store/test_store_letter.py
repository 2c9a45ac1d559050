"""Rules of making a message readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.store.letter import Attachment, letter


def multipart(kind: str, *parts: bytes) -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n".encode() + body + b"--b--\r\n"


PLAIN = b"Content-Type: text/plain\r\n\r\nplain"
HTML = b"Content-Type: text/html\r\n\r\n<p>html</p>"


def test_of_alternatives_the_plain_text_is_read():
    assert letter(multipart("alternative", HTML, PLAIN)) == ("plain", [])


def test_html_alone_is_read_without_its_tags():
    head = b"<head><title>x</title><style>p{}</style></head>"
    html = (
        b"Content-Type: text/html\r\n\r\n"
        + head
        + b"<h1>One</h1><p>two &amp; <b>three</b><script>no()</script>"
    )

    assert letter(html).text == "One\ntwo & three"


def test_a_text_that_is_attached_is_not_what_is_read():
    attached = b"Content-Disposition: attachment; filename=log.txt\r\n\r\nlong log"

    assert letter(multipart("mixed", attached, PLAIN)) == ("plain", [Attachment("log.txt", "text/plain", 8)])


def test_a_mail_without_a_text_has_attachments_alone():
    image = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"

    assert letter(image) == ("", [Attachment("without a name", "image/png", 3)])


def test_a_report_is_read_and_what_it_is_about_is_attached_whole():
    status = b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\nAction: failed\r\n"
    about = b"Content-Type: message/rfc822\r\n\r\nSubject: Lunch\r\n\r\nOn Friday?\r\n"
    found = letter(multipart("report; report-type=delivery-status", PLAIN, status, about))

    assert found.text == "plain"
    assert [(each.kind, each.size > 20) for each in found.attachments] == [
        ("message/delivery-status", True),
        ("message/rfc822", True),
    ]


@pytest.mark.parametrize("charset", ["no-such-charset", "utf-8", "rot13", "idna", ""])
def test_a_charset_that_makes_no_sense_is_read_as_utf_8(charset):
    content = f'Content-Type: text/plain; charset="{charset}"\r\n\r\n'.encode() + "grün".encode()

    assert letter(content).text == "grün"


def test_parts_within_parts_end_somewhere():
    content = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(2000)
    )

    letter(content)


@given(st.binary(max_size=300))
def test_nothing_in_a_message_raises(content):
    letter(content)


@given(
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: ",
                b"multipart/mixed; boundary=b",
                b"multipart/report; boundary=b",
                b"message/rfc822",
                b"message/delivery-status",
                b"text/html",
                b"\r\n",
                b"--b",
                b"--",
                b"Content-Disposition: attachment; filename*=x'y'%ff",
                b"Content-Transfer-Encoding: base64",
                b"charset=utf-16",
                b"; ",
                b"<![x",
                b"&#0;",
                b"\xff",
                b"A",
            ]
        ),
        max_size=30,
    )
)
def test_nothing_that_looks_like_mail_raises(parts):
    letter(b"".join(parts))
