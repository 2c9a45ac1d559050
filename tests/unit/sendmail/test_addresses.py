"""Rules of lists of addresses: names and comments are not of them, nothing is hidden in them, and none takes long."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sendmail.addresses import LONGEST, MOST, BadAddress, addresses, checked, qualified


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("me@example.org", ["me@example.org"]),
        ("me", ["me"]),
        ("me@example.org, you@example.org", ["me@example.org", "you@example.org"]),
        ("<me@example.org>", ["me@example.org"]),
        ("Me Myself <me@example.org>", ["me@example.org"]),
        ('"Myself, Me" <me@example.org>, you', ["me@example.org", "you"]),
        ("me@example.org (Me, and (nobody) else)", ["me@example.org"]),
        ("(a) me (b) @ (c) example.org (d)", ["me@example.org"]),
        ("me . myself @ example . org", ["me.myself@example.org"]),
        ('"me, myself"@example.org', ['"me, myself"@example.org']),
        ("me@[192.0.2.1], you@[IPv6:2001:db8::1]", ["me@[192.0.2.1]", "you@[IPv6:2001:db8::1]"]),
        ("friends: me@example.org, you;, he@example.org", ["me@example.org", "you", "he@example.org"]),
        ("undisclosed-recipients:;", []),
        ("undisclosed-recipients:", []),
        ("<@a.example,@b.example:me@example.org>", ["me@example.org"]),
        ("Grüße <jürgen@exämple.org>", ["jürgen@exämple.org"]),
        ("=?utf-8?b?SsO8cmdlbg==?= <me@example.org>", ["me@example.org"]),
        ("me,,you,", ["me", "you"]),
        ("root (Cron Daemon)", ["root"]),
        ("O'Neil+x=y%z!a@example.org", ["O'Neil+x=y%z!a@example.org"]),
        ("-oQ/tmp@example.org", ["-oQ/tmp@example.org"]),
        ("<me@example.org> (Me)", ["me@example.org"]),
        ("", []),
        (" ", []),
    ],
)
def test_whom_it_names(text, found):
    assert addresses(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Me Myself", "me you@example.org", "<me@example.org", "me@example.org>", "<<me>>", "<me> <you>", "<>", "Me <>",
        "(me", '"me', "me@example.org:25", "me\\", "me@[", "me\0@example.org", "me@exam\u200bple.org",
        '"me\nRCPT TO:<you>"@example.org', '"a<b"@example.org', "me@example.org\udcff", "x" * (LONGEST + 1),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_none_is_told(text):
    with pytest.raises(BadAddress):
        addresses(text)


@pytest.mark.parametrize("text", ["me\r\nDATA", "me\n", "a<b", "a>b", "\u2028"], ids=ascii)
def test_none_holds_what_would_be_another_command(text):
    with pytest.raises(BadAddress, match="characters that no address can have"):
        checked(text)


def test_there_is_an_end_to_how_many():
    with pytest.raises(BadAddress, match="send several messages"):
        addresses("me," * (MOST + 1))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000, "(" * 50_000 + ")" * 50_000, "<" * 100_000, "," * 100_000, "a " * 50_000 + "<" + "," * 50_000,
        "a:" * 50_000, "\\" * 100_000, '"' * 100_001, "[" * 100_000, "a@" * 50_000, " " * 100_000, "<a>" * 30_000,
    ],
    ids=["(", "()", "<", ",", "a <,", "a:", "backslash", "quote", "[", "a@", "space", "<a>"],
)  # fmt: skip
def test_a_long_one_neither_fails_otherwise_nor_takes_long(text):
    said = ""
    try:
        assert addresses(text) == []
    except BadAddress as error:
        said = str(error)
    assert len(said) < 400


@given(st.text(alphabet='aé@.,;:<>()[]"\\ \t\r\n', max_size=40))
def test_whatever_is_written_each_is_one_line_without_brackets(text):
    try:
        found = addresses(text)
    except BadAddress:
        return
    for address in found:
        assert address.isprintable()
        assert not set("<>") & set(address)


SIMPLE = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5})?@[a-z]{1,5}\.example", fullmatch=True)


@given(st.lists(st.tuples(st.text(alphabet='aé "(),<>', max_size=10), SIMPLE), max_size=5))
def test_what_the_standard_library_writes_is_read(pairs):
    text = ", ".join(email.utils.formataddr(pair) for pair in pairs)

    assert addresses(text) == [address for _, address in pairs]


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("me", "me@box"),
        ("me@example.org", "me@example.org"),
        ('"a@b"', '"a@b"@box'),
        ('"a@b"@example.org', '"a@b"@example.org'),
    ],
)
def test_one_without_a_domain_gets_one(address, whole):
    assert qualified(address, "box") == whole
