"""Rules of domains beyond ASCII (RFC 5890, RFC 3492)."""

from __future__ import annotations

import pytest

from mailsponge.mail.address import parse
from mailsponge.mail.idn import a_labels, in_ascii


@pytest.mark.parametrize(
    ("domain", "ascii_form"),
    [
        ("example.org", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_each_label_has_a_name_in_ascii(domain, ascii_form):
    assert a_labels(domain) == ascii_form


def test_a_label_that_gets_too_long_has_none():
    assert a_labels("ü" * 31 + "." + "ü" * 60) is None


def test_an_address_whose_local_part_is_ascii_can_be_written_so():
    assert in_ascii(parse("you@bücher.example", smtputf8=True)) == parse("you@xn--bcher-kva.example")


def test_another_one_cannot():
    assert in_ascii(parse("sø@example.org", smtputf8=True)) is None
