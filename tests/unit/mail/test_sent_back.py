"""Rules of the mail that says a letter could not be sent: it says what, and nothing in it can say more."""

from __future__ import annotations

import email
import email.policy

import pytest

from mailsponge.mail.address import parse
from mailsponge.mail.sent_back import Returned, returned


def read(refusals: list[str], *, others: bool = False, began: bytes = b"Subject: x\r\n\r\nhello\r\n"):
    content = returned(
        Returned(refusals, others, began, "2026-01-31 08:30"),
        to=parse("me@example.org"),
        hostname="mail.example.org",
        date="Sat, 31 Jan 2026 08:30:00 +0100",
        message_id="<1@mail.example.org>",
    )
    assert content.replace(b"\r\n", b"").count(b"\r") == content.replace(b"\r\n", b"").count(b"\n") == 0
    return email.message_from_bytes(content, policy=email.policy.default)


def test_it_says_what_when_and_how_it_began():
    mail = read(["550 5.1.1 <who@example.org>: nobody of that name lives here"])

    assert mail["Subject"] == "Not sent: a message that was left here"
    assert (mail["To"], mail["Auto-Submitted"]) == ("me@example.org", "auto-replied")
    text = mail.get_content()
    assert "left on 2026-01-31 08:30" in text
    assert "  550 5.1.1 <who@example.org>: nobody of that name lives here" in text
    assert "> Subject: x" in text


def test_it_says_that_others_have_it():
    mail = read(["550 no"], others=True)

    assert mail["Subject"] == "Not for all: a message that was left here"
    assert "The others have it" in mail.get_content()


@pytest.mark.parametrize(
    "hostile", ["x\r\nBcc: you@example.org", "\x1b[31m", "a\0b", "\u202e", "\ud800"], ids=ascii
)
def test_what_strangers_wrote_stays_on_its_line(hostile):
    mail = read([hostile], began=hostile.encode("utf-8", "surrogatepass"))

    assert mail.keys() == read(["x"]).keys()
    assert not {"\x1b", "\0", "\u202e"} & set(mail.get_content())


def test_not_all_of_very_many_refusals_are_told():
    assert "  and 400 more" in read(["550 no"] * 500).get_content()
