"""Rules of headers explained."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import hostile
from mailsponge.web.inbox import headers
from mailsponge.web.inbox.headers import Hop

MAILS = hostile.mails()

CAME = (
    b"Received: from mx (mx.example.net [192.0.2.1] (may be by a liar))\r\n\tby mail.example.org with ESMTPS id 17\r\n"
    b"\tfor <me@example.org>; Fri, 15 Jan 2027 08:00:10 +0000\r\n"
    b"Received: by mx.example.net; Fri, 15 Jan 2027 09:00:00 +0100\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Own: y\r\n\r\nSubject: of the body\r\n"
)


def test_each_field_has_its_words_and_what_it_is():
    fields = headers.headers(CAME).fields

    assert [field.name for field in fields] == ["Received", "Received", "Subject", "X-Own"]
    assert fields[2] == ("Subject", "Grüße", headers.MEANINGS["subject"])


def test_the_way_begins_where_the_message_did():
    assert headers.headers(CAME).hops == (
        Hop("", "mx.example.net", "", 1_800_000_000.0, None),
        Hop(
            "mx (mx.example.net [192.0.2.1] (may be by a liar))",
            "mail.example.org",
            "ESMTPS",
            1_800_000_010.0,
            10.0,
        ),
    )


def test_a_time_that_cannot_be_read_leaves_no_delay():
    content = CAME.replace(b"Fri, 15 Jan 2027 09:00:00 +0100", b"some day")

    assert [hop.after for hop in headers.headers(content).hops] == [None, None]


def test_a_name_nobody_knows_is_said_to_be_one():
    assert "no standard" in headers.meaning("X-Own")
    assert "not one" in headers.meaning("Own").lower()


def test_of_ten_thousand_headers_some_are_left_out():
    found = headers.headers(MAILS["many_headers"])

    assert len(found.fields) == headers.MOST
    assert not found.is_whole


def test_the_way_has_an_end():
    assert len(headers.headers(MAILS["many_received"]).hops) == headers.MOST_HOPS


def test_the_first_field_of_a_name_is_found_unfolded():
    assert headers.first(b"A: 1\r\nTo: a@b,\r\n c@d\r\nTo: e@f\r\n\r\n", "to") == "a@b, c@d"
    assert headers.first(b"A: 1\r\n\r\nTo: a@b\r\n", "to") == ""


@pytest.mark.parametrize("name", MAILS)
def test_hostile_headers_are_read(name: str):
    headers.headers(MAILS[name])


@given(st.binary(max_size=300))
def test_nothing_in_a_header_raises(content: bytes):
    headers.headers(content)
    headers.headers(b"Received: " + content.replace(b"\n", b" "))
