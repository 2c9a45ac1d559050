"""What is kept of a message for lists and searches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store.glance import glance, snippet
from mailsponge.store.plain_text import without_tags
from mailsponge.store.reading import LONGEST_SNIPPET
from mailsponge.store.words import MOST

ENVELOPE = Envelope(Address("a", "example.net"), (Address("me", "example.org"),))


def test_a_snippet_is_the_beginning_of_what_somebody_wrote():
    assert snippet("> Shall we?\n> Yes.\n\nWhy  not?\n\tAt ten.") == "Why not? At ten."


def test_a_mail_that_only_quotes_has_its_quotes_for_a_snippet():
    assert snippet("> Shall we?") == "> Shall we?"


def test_a_snippet_is_short():
    assert len(snippet("word " * 10_000)) <= LONGEST_SNIPPET


def test_the_envelope_speaks_where_headers_are_missing():
    said = glance(ENVELOPE, b"\r\nHello.").said
    assert (said.sender, said.to, said.subject) == ("a@example.net", "me@example.org", "")


def test_a_html_mail_is_found_by_its_words_and_not_by_its_tags():
    found = glance(
        ENVELOPE, b"Content-Type: text/html\r\n\r\n<p class=red>Hello</p><style>blue</style>"
    ).words.split()
    assert "hello" in found
    assert not {"red", "blue", "style", "class"} & set(found)


def test_words_of_headers_are_there_twice():
    found = glance(ENVELOPE, b"Subject: One\r\n\r\nTwo").words.split()
    assert {"one", "subject:one", "two", "from:a"} <= set(found)
    assert "subject:two" not in found


def test_a_message_is_found_by_so_many_words_and_no_more():
    found = glance(ENVELOPE, b"\r\n" + b" ".join(b"%x" % number for number in range(40_000))).words.split()
    assert len(found) == MOST == len(set(found))


@given(st.binary(max_size=500))
def test_nothing_in_a_message_raises_and_all_of_it_can_be_kept(content):
    found = glance(ENVELOPE, content)
    for text in (found.snippet, found.words, *found.said[:3]):
        assert "\0" not in text
        text.encode()


def test_tags_leave_lines_where_blocks_begin():
    assert without_tags("<p>a<b>b</b> c<p>d<br>e &lt;f&gt;") == "ab c\nd\ne <f>"


def test_what_nobody_reads_is_left_out():
    page = "<head><title>t</title><style>s</style><body>a<script>x<b></script>b<!-- c > d -->e"
    assert without_tags(page) == "abe"


@given(
    st.lists(
        st.sampled_from(["<", ">", "<!--", "-->", "<p", "<script>", "</script", "a", "&lt;", "&#", "\n", '"'])
    )
)
def test_whatever_is_in_it_a_text_without_tags_comes_out(pieces):
    without_tags("".join(pieces))
