"""Received and Return-Path: complete, folded, and safe from what strangers say."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.address import Address
from mailsponge.mail.date import date
from mailsponge.mail.trace_header import protocol, received, return_path, without_return_path

AT = datetime(2026, 1, 31, 8, 30, 5, tzinfo=timezone(timedelta(hours=1)))


def a_received(**changes: object) -> str:
    facts = {
        "helo": "client.example",
        "peer": "192.0.2.1",
        "by": "mail.example.org",
        "protocol": "ESMTP",
        "id": 7,
        "at": date(AT),
    }
    return received(**{**facts, **changes}).decode()  # type: ignore[arg-type]


def test_received_says_who_gave_it_to_whom_how_and_when() -> None:
    assert a_received(recipient=Address("me", "example.org")) == (
        "Received: from client.example ([192.0.2.1])\r\n"
        "\tby mail.example.org with ESMTP id 7\r\n"
        "\tfor <me@example.org>;\r\n"
        "\tSat, 31 Jan 2026 08:30:05 +0100\r\n"
    )


def test_received_is_silent_about_recipients_unless_it_is_told_the_only_one() -> None:
    assert a_received() == (
        "Received: from client.example ([192.0.2.1])\r\n"
        "\tby mail.example.org with ESMTP id 7;\r\n"
        "\tSat, 31 Jan 2026 08:30:05 +0100\r\n"
    )


def test_an_ipv6_peer_is_written_as_its_literal_without_the_interface() -> None:
    assert "from client.example ([IPv6:fe80::1])\r\n" in a_received(peer="fe80::1%eth0")


def test_a_peer_without_an_ip_address_leaves_no_brackets() -> None:
    assert "from client.example\r\n" in a_received(peer="")


def test_a_name_that_is_an_address_literal_stays() -> None:
    assert "from [192.0.2.9] ([192.0.2.1])" in a_received(helo="[192.0.2.9]")


def test_a_recipient_beyond_ascii_is_utf8() -> None:
    assert "\tfor <søren@blåbær.example>;" in a_received(recipient=Address("søren", "blåbær.example"))


@given(st.text(max_size=400), st.text(max_size=60))
def test_whatever_the_client_called_itself_it_begins_no_header_and_no_clause(helo: str, peer: str) -> None:
    header = a_received(helo=helo, peer=peer)
    first, second, third, nothing = header.split("\r\n")
    assert first.startswith("Received: from ")
    assert second == "\tby mail.example.org with ESMTP id 7;"
    assert third == "\tSat, 31 Jan 2026 08:30:05 +0100"
    assert nothing == ""
    assert first.isascii()
    assert first.isprintable()
    assert first.removeprefix("Received: from ").count(" ") <= 1
    assert len(first) < 998


def test_return_path_of_a_sender_and_of_none() -> None:
    assert return_path(Address("me", "example.org")) == b"Return-Path: <me@example.org>\r\n"
    assert return_path(Address("two words", "example.org")) == b'Return-Path: <"two words"@example.org>\r\n'
    assert return_path(None) == b"Return-Path: <>\r\n"


def test_the_word_for_the_protocol() -> None:
    assert protocol(extended=False) == "SMTP"
    assert protocol(extended=True) == "ESMTP"
    assert protocol(extended=True, smtputf8=True) == "UTF8SMTP"
    assert protocol(extended=True, tls=True) == "ESMTPS"
    assert protocol(extended=True, smtputf8=True, tls=True) == "UTF8SMTPS"
    assert protocol(extended=False, tls=True) == "SMTP"
    assert protocol(extended=True, lmtp=True) == "LMTP"
    assert protocol(extended=True, lmtp=True, tls=True) == "LMTPS"
    assert protocol(extended=True, lmtp=True, smtputf8=True) == "UTF8LMTP"


def test_how_it_was_encrypted_is_told() -> None:
    assert "\tby mail.example.org with ESMTPS (TLSv1.3 X) id 7;\r\n" in a_received(
        protocol="ESMTPS", tls="TLSv1.3 X"
    )


def test_a_local_user_is_told_with_a_name_that_cannot_be_a_header() -> None:
    assert "from client.example (local uid 7 (me))\r\n" in a_received(user=(7, "me"))
    assert "(local uid 7 (m??x))\r\n" in a_received(user=(7, "m\r\nx"))


@given(st.integers(0, 253_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_a_date_is_what_the_standard_library_writes(seconds: int, minutes: int) -> None:
    local = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    assert date(local) == format_datetime(local)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        date(datetime(2026, 1, 31))  # noqa: DTZ001 - the point of the test


LINE = return_path(Address("a" * 255, "b" * 255))
"""As long as it gets."""


def in_pieces(content: bytes, length: int) -> list[bytes]:
    return [content[at : at + length] for at in range(0, len(content), length)]


@given(st.integers(1, 40))
def test_the_return_path_comes_off_in_whatever_pieces_it_comes(length: int) -> None:
    message = b"Received: from x\r\n\r\nReturn-Path: <mine@example.org>\r\n"

    assert b"".join(without_return_path(in_pieces(LINE + message, length))) == message


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"R",
        b"Received: x\r\n",
        b"Return-Path: <me@example.org>",
        b"Return-Path" + b"x" * 5000 + b"\r\n",
        b"\r\n" + LINE,
    ],
)
@pytest.mark.parametrize("length", [1, 7, 100_000])
def test_what_does_not_begin_with_one_stays_as_it_is(message: bytes, length: int) -> None:
    assert b"".join(without_return_path(in_pieces(message, length))) == message


def test_of_an_endless_line_no_more_is_held_than_a_return_path_has() -> None:
    endless = iter([b"Return-Path: ", *[b"x" * 100] * 1000])

    assert len(next(without_return_path(endless))) < 1200
