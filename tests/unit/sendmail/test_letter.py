"""Rules of what is said to a server: only what it understands, and never more than one line a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sendmail.letter import Letter

ALL = frozenset({"SIZE", "8BITMIME", "SMTPUTF8", "DSN"})


def letter(content: bytes = b"\r\nhello\r\n", **fields) -> Letter:
    made = Letter("me@example.org", ["a@x", "b@x"], content)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_plain_one_is_said_plainly():
    assert letter().batch(frozenset()) == (
        b"MAIL FROM:<me@example.org>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n\r\nhello\r\n.\r\n"
    )


def test_all_that_may_be_wished():
    wishes = letter(eight_bit=True, smtputf8=True, notify="SUCCESS,DELAY", ret="HDRS", envid="a+b=c d")

    assert wishes.mail(ALL) == (
        b"MAIL FROM:<me@example.org> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc+20d\r\n"
    )
    assert wishes.rcpt("a@x", ALL) == b"RCPT TO:<a@x> NOTIFY=SUCCESS,DELAY\r\n"


def test_nothing_is_wished_of_a_server_that_would_not_understand():
    wishes = letter(eight_bit=True, smtputf8=True, notify="NEVER", ret="FULL", envid="x")

    assert wishes.mail(frozenset()) == b"MAIL FROM:<me@example.org>\r\n"
    assert wishes.rcpt("a@x", frozenset()) == b"RCPT TO:<a@x>\r\n"


def test_the_null_reverse_path():
    assert Letter("", ["a@x"], b"").mail(frozenset()) == b"MAIL FROM:<>\r\n"


@pytest.mark.parametrize("address", ["a@x>\r\nRCPT TO:<b@x", "a\nb", "a\0b", "a\u2028b"])
def test_a_line_break_is_never_said(address):
    with pytest.raises(ValueError, match="cannot be said"):
        letter().rcpt(address, ALL)


def test_to_some_at_a_time_with_the_same_wishes():
    parts = list(letter(notify="NEVER", ret="HDRS", envid="x", eight_bit=True, smtputf8=True).parts(1))

    assert [part.recipients for part in parts] == [["a@x"], ["b@x"]]
    assert {part.mail(ALL) for part in parts} == {
        letter(ret="HDRS", envid="x", eight_bit=True, smtputf8=True).mail(ALL)
    }
    assert parts[0].notify == "NEVER"


@given(st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a.", b" ."])))
def test_only_its_end_is_a_lone_dot(lines):
    content = b"".join(line + b"\r\n" for line in lines)
    *said, end, rest = letter(content).data().split(b"\r\n")

    assert (end, rest) == (b".", b"")
    assert b"." not in said
    assert [line.removeprefix(b".") for line in said] == lines
