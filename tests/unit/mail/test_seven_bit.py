"""Rules of bringing a message into seven bits (RFC 6152 section 3, RFC 2045 section 6)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.seven_bit import DEPTH, PARTS, seven_bit

TEXT = "Grüße aus Århus\r\n" + "ü" * 100 + "\r\n.\r\nEnde\r\n"
PHOTO = bytes(range(256)) * 3


def encoded(message: bytes) -> bytes:
    made = seven_bit(message)
    assert made is not None
    assert made.isascii()
    assert max(map(len, made.split(b"\r\n"))) <= 998
    assert b"\n" not in made.replace(b"\r\n", b"")
    return made


def parsed(message: bytes) -> EmailMessage:
    return email.message_from_bytes(message, policy=email.policy.SMTP)


def eight_bit(kind: str, body: bytes, *more: str) -> bytes:
    headers = ["Subject: x", "MIME-Version: 1.0", f"Content-Type: {kind}", *more]
    return "\r\n".join([*headers, "", ""]).encode() + body


def test_what_is_in_seven_bits_stays_as_it_is():
    message = eight_bit("text/plain", b"hello\r\n", "Content-Transfer-Encoding: 8bit")

    assert seven_bit(message) == message


@pytest.mark.parametrize(
    "more", [(), ("Content-Transfer-Encoding: 8bit",), ("content-transfer-encoding:\r\n 8BIT",)]
)
def test_text_becomes_quoted_printable(more):
    message = parsed(encoded(eight_bit("text/plain; charset=utf-8", TEXT.encode(), *more)))

    assert message["content-transfer-encoding"] == "quoted-printable"
    assert len(message.get_all("content-transfer-encoding")) == 1
    assert message["subject"] == "x"
    assert message.get_content() == TEXT


@pytest.mark.parametrize("parted", [False, True], ids=["alone", "part"])
def test_a_long_line_without_an_end_is_folded_by_whole_line_ends(parted):
    line = ("ü" * 100).encode()
    if parted:
        part = b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + line + b"\r\n--x--\r\n"
        made = parsed(encoded(eight_bit("multipart/mixed; boundary=x", part))).get_payload(0)
    else:
        made = parsed(encoded(eight_bit("text/plain; charset=utf-8", line)))

    assert made.get_payload(decode=True) == line


def test_what_is_no_text_becomes_base64():
    message = parsed(encoded(eight_bit("image/jpeg", PHOTO, "Content-Transfer-Encoding: 8bit")))

    assert message["content-transfer-encoding"] == "base64"
    assert message.get_content() == PHOTO


def test_text_that_does_not_say_what_it_is_keeps_its_octets():
    message = parsed(encoded("Subject: x\r\n\r\nsüß\r\n".encode()))

    assert message["mime-version"] == "1.0"
    assert message.get_content_charset() == "unknown-8bit"
    assert message.get_payload(decode=True) == "süß\r\n".encode()


def test_each_part_is_encoded_for_itself():
    body = (
        b"preamble\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + TEXT.encode()
        + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x\r\n\r\nbare\r\n--x--\r\nepilogue\r\n"
    )
    message = parsed(
        encoded(
            eight_bit("multipart/mixed; charset=x;\r\n boundary=x", body, "Content-Transfer-Encoding: 8bit")
        )
    )

    assert message["content-transfer-encoding"] == "7bit"
    first, second, third = message.iter_parts()
    assert first.get_content() == TEXT
    assert first["content-transfer-encoding"] == "quoted-printable"
    assert (second.get_content(), third.get_content()) == ("plain", "bare")
    assert second["content-transfer-encoding"] is None
    assert (message.preamble, message.epilogue) == ("preamble", "epilogue\r\n")


def test_multiparts_and_messages_inside_each_other_are_gone_through():
    inner = EmailMessage(email.policy.SMTP)
    inner.set_content(TEXT.replace("\r\n", "\n"), cte="8bit")
    inner.add_attachment(PHOTO, "image", "jpeg")
    outer = EmailMessage(email.policy.SMTP)
    outer["Subject"] = "forwarded"
    outer.set_content("see below")
    outer.add_attachment(inner)

    message = parsed(encoded(outer.as_bytes()))

    [forwarded] = message.iter_attachments()
    text, photo = forwarded.get_content().iter_parts()
    assert text.get_content() == TEXT
    assert photo.get_content() == PHOTO


@pytest.mark.parametrize(
    "message",
    [
        "Subject: süß\r\n\r\nhello\r\n".encode(),
        eight_bit("multipart/signed; boundary=x", "--x\r\n\r\nsüß\r\n--x--\r\n".encode()),
        eight_bit("multipart/mixed", "--x\r\n\r\nsüß\r\n--x--\r\n".encode()),
        eight_bit("multipart/mixed; boundary=x", "süß\r\n--x\r\n\r\nhello\r\n--x--\r\n".encode()),
        eight_bit("multipart/mixed; boundary=x", "--x\r\nSubject: süß\r\n\r\n\r\n--x--\r\n".encode()),
        eight_bit("multipart/mixed; boundary=x", "--x\r\n\r\n\r\n--x--\r\nsüß\r\n".encode()),
        eight_bit("message/global", "Subject: süß\r\n\r\n".encode()),
        eight_bit("message/rfc822", "Subject: süß\r\n\r\n".encode()),
        eight_bit("text/plain", "süß\r\n".encode(), "Content-Transfer-Encoding: base64"),
        eight_bit("text/plain", "süß\r\n".encode(), "Content-Transfer-Encoding: binary"),
    ],
    ids=["headers", "signed", "no boundary", "preamble", "part's headers", "epilogue", "global", "message's headers",
         "base64", "binary"],
)  # fmt: skip
def test_what_no_rule_covers_stays_undone(message):
    assert seven_bit(message) is None


def test_there_is_a_bound_to_how_deep_it_goes():
    message = "süß\r\n".encode()
    for level in range(DEPTH + 1):
        message = (
            f"Content-Type: multipart/mixed; boundary={level}\r\n\r\n--{level}\r\n".encode()
            + message
            + (f"\r\n--{level}--\r\n".encode())
        )

    assert seven_bit(message) is None


def test_there_is_a_bound_to_how_many_parts_there_are():
    parts = b"--x\r\n\r\n\r\n" * (PARTS + 1)

    assert seven_bit(eight_bit("multipart/mixed; boundary=x", parts + "ü--x--\r\n".encode())) is None


@given(
    st.binary(max_size=300),
    st.sampled_from(["text/plain", "image/png", "multipart/mixed; boundary=x", "message/rfc822", ""]),
)
def test_whatever_comes_in_what_comes_out_is_seven_bits_or_nothing(body, kind):
    made = seven_bit(eight_bit(kind, body))

    assert made is None or made.isascii()


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=400))
def test_text_comes_back_as_it_was(line):
    message = parsed(encoded(eight_bit("text/plain; charset=utf-8", f"{line}\r\nü\r\n".encode())))

    assert message.get_payload(decode=True).decode() == f"{line}\r\nü\r\n"
