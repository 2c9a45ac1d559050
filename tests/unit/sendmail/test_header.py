"""Rules of the header: whom it names, what goes out of it, and what is put in."""

from __future__ import annotations

import email.header
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sendmail.addresses import BadAddress
from mailsponge.sendmail.header import Known, completed, fields, kept, recipients

KNOWN = Known("me@example.org", "Me Myself", "Sat, 31 Jan 2026 08:30:00 +0100", "<1@example.org>")
WHOLE = b"From: me@example.org\r\nTo: you@example.org\r\nDate: today\r\nMessage-ID: <2@x>\r\n"


def out(header: bytes, known: Known = KNOWN) -> str:
    return completed(fields(header), known).decode()


def test_to_cc_and_bcc_are_whom_it_is_for():
    header = b"To: a@x,\r\n b@x\r\nSubject: c@x\r\nCC: Dee <d@x>\r\nbcc: e@x\r\nTo: f@x\r\nReply-To: g@x\r\n"

    assert recipients(fields(header)) == ["a@x", "b@x", "d@x", "e@x", "f@x"]


def test_of_one_that_is_sent_again_it_is_those_of_the_second_time():
    header = b"To: a@x\r\nBcc: b@x\r\nResent-To: c@x\r\nResent-Cc: d@x\r\nResent-Bcc: e@x\r\n"

    assert recipients(fields(header)) == ["c@x", "d@x", "e@x"]


def test_what_is_no_address_is_told_with_its_place():
    with pytest.raises(BadAddress, match="the header Cc: <a b> is no address"):
        recipients(fields(b"To: a@x\r\nCc: a b\r\n"))


@pytest.mark.parametrize("name", ["Bcc", "BCC", "Resent-Bcc", "Return-Path", "bcc "])
def test_what_nobody_shall_see_is_taken_out(name):
    header = WHOLE + f"{name}: secret@x,\r\n hidden@x\r\n".encode() + b"Subject: x\r\n"

    for sent in (out(header), kept(fields(header)).decode()):
        assert "secret" not in sent
        assert "hidden" not in sent
        assert sent.endswith("Subject: x\r\n")


def test_what_is_missing_is_put_in():
    assert out(b"Subject: x\r\n") == (
        "Subject: x\r\n"
        'From: "Me Myself" <me@example.org>\r\n'
        "Date: Sat, 31 Jan 2026 08:30:00 +0100\r\n"
        "Message-ID: <1@example.org>\r\n"
        "To: undisclosed-recipients:;\r\n"
    )


def test_what_is_there_stays_as_it_is():
    assert out(WHOLE) == WHOLE.decode()


def test_to_is_not_missing_where_there_is_cc():
    assert "undisclosed" not in out(b"Cc: a@x\r\n")


def test_but_it_is_where_there_is_bcc_alone():
    assert "To: undisclosed-recipients:;\r\n" in out(b"Bcc: a@x\r\n")


def test_one_that_is_sent_again_says_by_whom_and_when():
    sent = out(WHOLE + b"Resent-To: c@x\r\n")

    assert sent.startswith(WHOLE.decode())
    assert 'Resent-From: "Me Myself" <me@example.org>\r\nResent-Date: Sat,' in sent
    assert "Resent-Message-ID: <1@example.org>\r\n" in sent


@pytest.mark.parametrize(
    "name",
    [
        "Me Myself",
        'a "b" \\ c',
        "Jürgen Größe",
        "田中",
        "é" * 200,
        "x\r\nBcc: y@z",
        "x\nTo: y@z",
        "\0",
        "",
        '"',
        "a\u2028b",
    ],
    ids=ascii,
)
def test_a_name_is_one_word_of_the_header_whatever_is_in_it(name):
    known = Known("me@example.org", name, "today", "<1@x>")
    header = fields(completed(fields(b""), known))

    assert [field.name for field in header] == ["from", "date", "message-id", "to"]
    shown, address = email.utils.parseaddr(header[0].value())
    assert address == "me@example.org"
    decoded = str(email.header.make_header(email.header.decode_header(shown)))
    assert (
        decoded.replace('\\"', '"').replace("\\\\", "\\").split()
        == "".join(c if c.isprintable() else " " for c in name[:200]).split()
    )
    assert all(len(line) < 78 for line in header[0].raw.split(b"\r\n"))


@given(
    st.lists(st.sampled_from([b"To: a\r\n", b" folded\r\n", b"\tb\r\n", b"X:\r\n", b": \r\n", b"x y: \r\n"]))
)
def test_taken_apart_and_joined_it_is_what_it_was(lines):
    header = b"".join(lines)

    assert b"".join(field.raw for field in fields(header)) == header
