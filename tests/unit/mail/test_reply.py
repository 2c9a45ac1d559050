"""Replies on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.reply import Reply, printable


def test_one_line() -> None:
    assert Reply(250, "2.0.0", "Message taken").encoded == b"250 2.0.0 Message taken\r\n"


def test_without_an_enhanced_code() -> None:
    assert Reply(354, None, "Go on").encoded == b"354 Go on\r\n"


def test_every_line_but_the_last_is_marked_with_a_hyphen() -> None:
    assert (
        Reply(214, "2.0.0", "one", "two", "three").encoded
        == b"214-2.0.0 one\r\n214-2.0.0 two\r\n214 2.0.0 three\r\n"
    )


def test_the_code_tells_taken_from_refused_and_for_now_from_for_good() -> None:
    assert Reply(250, None).positive
    assert Reply(354, None).positive
    assert not Reply(452, None).positive
    assert Reply(452, None).temporary
    assert not Reply(550, None).temporary


@given(st.text())
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    encoded = Reply(550, "5.0.0", text).encoded
    assert encoded.startswith(b"550 5.0.0 ")
    assert encoded.endswith(b"\r\n")
    assert all(0x20 <= octet < 0x7F for octet in encoded[:-2])


def test_printable_leaves_plain_text_and_escapes_the_rest() -> None:
    assert printable("plain text") == "plain text"
    assert printable("a\r\nb\0é") == r"a\r\nb\x00\xe9"


def test_replies_compare_by_what_they_say() -> None:
    assert Reply(250, "2.0.0", "yes") == Reply(250, "2.0.0", "yes")
    assert len({Reply(250, "2.0.0", "yes"), Reply(250, "2.0.0", "yes"), Reply(250, "2.0.0", "no")}) == 2


@pytest.mark.parametrize("code", [0, 199, 600, 2500])
def test_a_code_that_is_none_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match="between 200 and 599"):
        Reply(code, None, "what?")


def test_an_enhanced_code_of_another_class_is_refused() -> None:
    with pytest.raises(ValueError, match="class"):
        Reply(250, "5.0.0", "yes and no")
