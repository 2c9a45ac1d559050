"""What is read out of the answer to EHLO."""

from __future__ import annotations

import pytest

from mailsponge.mail.reply import Reply
from mailsponge.smtp.offers import NOTHING, Offers, offered


def offers(*lines: str) -> Offers:
    return offered(Reply(250, None, "mail.example.org", *lines))


def test_each_line_but_the_first_is_a_keyword_and_what_is_said_of_it() -> None:
    found = offers("SIZE 1000", "pipelining", "8BITMIME", "AUTH PLAIN login")
    assert found.keywords == {"SIZE": "1000", "PIPELINING": "", "8BITMIME": "", "AUTH": "PLAIN login"}
    assert "PIPELINING" in found
    assert "CHUNKING" not in found
    assert "mail.example.org" not in found


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("SIZE 1000", 1000),
        ("SIZE", None),
        ("SIZE 0", None),
        ("SIZE x", None),
        ("SIZE -1", None),
        ("SIZE ²", None),
        ("SIZE " + "9" * 21, None),
        ("DSN", None),
    ],
)
def test_the_size_is_a_number_and_zero_is_none(line: str, size: int | None) -> None:
    assert offers(line).size == size


def test_mechanisms_are_read_from_both_spellings() -> None:
    assert offers("AUTH PLAIN LOGIN").auth == {"PLAIN", "LOGIN"}
    assert offers("AUTH=LOGIN plain").auth == {"PLAIN", "LOGIN"}
    assert offers("AUTH PLAIN", "AUTH=LOGIN").auth == {"PLAIN", "LOGIN"}
    assert offers("AUTH").auth == frozenset()
    assert NOTHING.auth == frozenset()


def test_limits_are_read() -> None:
    found = offers("LIMITS MAILMAX=5 rcptmax=10 RCPTDOMAINMAX=1 FUTURE=x ALONE")
    assert (found.mail_max, found.rcpt_max, found.rcpt_domain_max) == (5, 10, 1)
    assert offers("LIMITS RCPTMAX=0 MAILMAX=many").rcpt_max is None
    assert NOTHING.rcpt_max is None


@pytest.mark.parametrize("line", ["", " ", "-X", "X_Y", "ø", "\\x00", "=", "X\ty"])
def test_a_line_that_is_no_keyword_offers_nothing(line: str) -> None:
    assert offers(line) == NOTHING


def test_one_can_be_taken_away() -> None:
    assert offers("AUTH PLAIN", "DSN").without("AUTH") == offers("DSN")


def test_offers_compare_and_print_by_what_they_hold() -> None:
    assert offers("DSN") == offers("dsn")
    assert hash(offers("DSN")) == hash(offers("dsn"))
    assert offers("DSN") != offers("SIZE")
    assert repr(offers("SIZE 5")) == "Offers({'SIZE': '5'})"
