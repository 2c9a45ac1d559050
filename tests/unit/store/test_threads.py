"""Which messages belong together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.store.reading import LONGEST_THREAD
from mailsponge.store.threads import MOST_NAMED, Known, Names, Place, names, place


def known(thread: int, *, owned: bool = False, size: int = 1) -> Known:
    return Known(thread, owned, size)


@pytest.mark.parametrize(
    ("own", "named", "expected"),
    [
        (None, None, Place(None)),
        (None, known(5, owned=True), Place(5)),
        (known(7), None, Place(7)),
        (known(5), known(5, owned=True), Place(5)),
        (known(7), known(5, owned=True), Place(5, joins=7)),
        (known(5), known(7, owned=True), Place(5, joins=7)),
        (known(7, owned=True), known(5, owned=True), Place(7)),
        (None, known(5, size=LONGEST_THREAD), Place(None)),
        (known(7, size=LONGEST_THREAD - 1), known(5, size=1), Place(5)),
    ],
)
def test_a_message_joins_what_it_names_and_two_threads_only_where_one_was_waiting_for_it(
    own, named, expected
):
    assert place(own, named) == expected


def test_the_nearest_is_named_first():
    found = names(
        b"Message-ID: <a@b>\r\nIn-Reply-To: <4@b>\r\nReferences: <1@b>\r\n <2@b> <3@b>\r\n\r\n<5@b>"
    )
    each = [names(b"Message-ID: <%d@b>\r\n" % number).own for number in (3, 2, 1, 4)]
    assert list(found.others) == each
    assert found.own == names(b"message-id:<a@b>\r\n").own


def test_a_message_does_not_name_itself():
    assert names(b"Message-ID: <a@b>\r\nReferences: <a@b> <a@b>\r\n").others == ()


def test_of_very_many_the_nearest_are_heeded():
    found = names(b"References: " + b" ".join(b"<%d@b>" % number for number in range(5000)) + b"\r\n")
    assert len(found.others) == MOST_NAMED
    assert found.others[0] == names(b"Message-ID: <4999@b>\r\n").own


@pytest.mark.parametrize(
    "head", [b"", b"\r\nMessage-ID: <a@b>", b"Message-ID: a@b", b"References: <<<>>>", b"\xff"]
)
def test_what_names_nobody_names_nobody(head):
    assert names(head) == Names(None, ())


@given(st.binary(max_size=200))
def test_nothing_in_a_head_raises(head):
    names(head)
