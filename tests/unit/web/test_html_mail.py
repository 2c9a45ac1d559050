"""Rules of HTML that strangers wrote: nothing survives that could do more than be looked at."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import hostile
from mailsponge.web import html_mail, mime
from mailsponge.web.attachments import SHOWN_AS_THEY_ARE

MAILS = hostile.mails()
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


class Looks(HTMLParser):
    """All tags and attributes of a document, as another parser than the cleaner's sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def no_picture(content_id: str) -> None:
    return None


def document_of(content: bytes, *, far_pictures: bool = False) -> str | None:
    taken = mime.taken_apart(content)
    if taken.html is None:
        return None
    source = mime.words(content, taken.html, html_mail.LONGEST + 1)
    if not html_mail.can_be_shown(source):
        return None

    def picture(content_id: str) -> tuple[str, bytes] | None:
        found = [part for part in taken.parts if part.content_id == content_id]
        return (found[0].kind, mime.data(content, found[0])) if found else None

    return html_mail.document(source, picture, far_pictures=far_pictures)


def body(source: str, *, far_pictures: bool = False) -> str:
    text = html_mail.document(source, no_picture, far_pictures=far_pictures)
    return text.partition("<body>")[2].removesuffix("</body></html>")


def is_harmless(text: str) -> bool:
    """Whether a document holds no tag, attribute, address or style but those that may be in one."""
    head, _, rest = text.partition("<body>")
    assert head.count("<style>") == 1
    for tag, attributes in Looks(rest).tags:
        assert tag in html_mail.TAGS
        allowed = (
            html_mail.ATTRIBUTES["*"] | html_mail.ATTRIBUTES.get(tag, set()) | {"rel", "target", "data-same"}
        )
        assert set(attributes) <= allowed
        assert re.match(r"https?://[^/]|mailto:|$", attributes.get("href", ""))
        assert re.match(
            r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$|$", attributes.get("src", "")
        )
        for declaration in attributes.get("style", "").split(";"):
            assert declaration.partition(":")[0].strip() in html_mail.STYLES | {""}
    return True


@pytest.mark.parametrize("name", MAILS)
def test_of_hostile_mail_nothing_survives(name: str):
    text = document_of(MAILS[name])

    assert text is None or is_harmless(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "/",
                "script",
                "img",
                " src=",
                " onerror=x",
                "'",
                '"',
                "<!--",
                "-->",
                "<style>",
                "</style>",
                "svg",
                "math",
                "<a href=",
                "javascript:x",
                "&#x0;",
                "\0",
                "<![CDATA[",
                "]]>",
                "title",
                "<table>",
                "<p",
                "cid:a",
                "data:",
                "textarea",
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_of_what_looks_like_html_nothing_survives(source: str):
    assert is_harmless(html_mail.document(source, no_picture, far_pictures=False))


@given(st.text(max_size=300))
def test_of_any_text_nothing_survives(source: str):
    assert is_harmless(html_mail.document(source, no_picture, far_pictures=False))


def test_words_and_plain_markup_stay():
    assert body("<h1>One</h1><p>two <b>three</b></p>") == "<h1>One</h1><p>two <b>three</b></p>"


def test_a_colour_stays_and_what_moves_goes():
    assert body('<p style="color:red;position:fixed">x</p>') == '<p style="color:red">x</p>'


def test_a_far_picture_is_not_loaded_before_it_is_asked_for():
    source = '<img src="https://far.example/a.png">'

    assert "far.example" not in body(source)
    assert html_mail.far_pictures_in(source) == 1


def test_a_far_picture_is_loaded_when_it_is_asked_for():
    assert "https://far.example/a.png" in body('<img src="https://far.example/a.png">', far_pictures=True)


def test_a_far_picture_in_the_clear_is_never_loaded():
    assert "far.example" not in body('<img src="http://far.example/a.png">', far_pictures=True)


@pytest.mark.parametrize("far_pictures", [True, False])
def test_the_policy_makes_an_opaque_origin_that_runs_nothing(far_pictures: bool):
    policy = html_mail.policy(far_pictures)

    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ")
    assert not re.search(
        r"allow-(scripts|same-origin|forms|top|modals|downloads)|script-src|connect|http:", policy
    )
    assert ("https:" in policy) is far_pictures


def test_a_picture_within_the_mail_is_shown():
    made = html_mail.document('<img src="cid:a@b">', lambda name: ("image/gif", GIF), far_pictures=False)

    assert "data:image/gif;base64,R0lGODlh" in made


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "image/png"])
def test_what_is_no_picture_is_none_whatever_it_says(kind: str):
    made = html_mail.document('<img src="cid:a@b">', lambda name: (kind, GIF), far_pictures=False)

    assert "data:" not in made


def test_pictures_within_the_mail_are_shown_up_to_a_limit():
    large = GIF + bytes(html_mail.MOST_PICTURE // 2)
    made = html_mail.document('<img src="cid:a">' * 5, lambda name: ("image/gif", large), far_pictures=False)

    assert made.count("data:image/gif") == 1


def test_a_link_opens_a_window_that_knows_nothing_of_this_one():
    assert 'target="_blank" rel="noopener noreferrer"' in body(
        '<a href="https://a.example/" target="_top">x</a>'
    )


def test_where_a_link_leads_stands_behind_it_unless_it_is_its_text():
    assert "data-same" not in body('<a href="https://a.example/x">https://b.example/x</a>')
    assert "data-same" in body('<a href="https://a.example/x">https://a.example/x</a>')


def test_a_sender_cannot_say_that_a_link_is_its_text():
    assert "data-same" not in body('<a data-same="" href="https://evil.test/">bank</a>')


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
        ("https://user@evil.test:8443/", "https://evil.test:8443/"),
        ("https://\u0430\u0440\u0440\u04cf\u0435.com/", "https://xn--80ak6aa92e.com/"),
        ("https://a.example/\u202egpj", "https://a.example/%E2%80%AEgpj"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("mailto:me@a.example?bcc=you", "mailto:me@a.example"),
        ("java\nscript:x", None),
        ("data:text/html,x", None),
        ("https://[x/", None),
        ("https:///x", None),
        ("/relative", None),
        ("https://a.example/" + "x" * html_mail.LONGEST_LINK, None),
    ],
)
def test_an_address_cannot_deceive(written: str, shown: str | None):
    assert html_mail.web_address(written) == shown


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * (html_mail.MOST_ELEMENTS + 1),
        "x" * (html_mail.LONGEST + 1),
        "<svg>" + "<td>" * html_mail.MOST_ELEMENTS,
    ],
)
def test_too_much_html_is_not_shown(source: str):
    assert not html_mail.can_be_shown(source)


def test_a_long_table_is_shown():
    assert html_mail.can_be_shown("<table>" + "<tr><td>x" * 20_000)


@pytest.mark.parametrize("kind", sorted(SHOWN_AS_THEY_ARE))
def test_no_kind_of_picture_runs_anything(kind: str):
    assert kind.startswith("image/")
    assert "svg" not in kind


def test_a_plain_text_is_escaped_and_its_addresses_are_links():
    made = html_mail.linked("see <b> https://a.example/x?a=1&b=2.")

    assert made == (
        'see &lt;b&gt; <a href="https://a.example/x?a=1&amp;b=2" rel="noopener noreferrer" target="_blank">'
        "https://a.example/x?a=1&amp;b=2</a>."
    )


def test_a_link_in_a_plain_text_says_where_it_really_leads():
    assert "<small>⟨https://xn--80ak6aa92e.com/⟩</small>" in html_mail.linked(
        "https://\u0430\u0440\u0440\u04cf\u0435.com/"
    )


def test_what_a_plain_text_quotes_is_marked():
    assert html_mail.linked("a\n> b\n> c\nd") == 'a\n<span class="quote">&gt; b\n&gt; c</span>\nd'


@given(st.text(max_size=200))
def test_no_plain_text_makes_a_tag_of_its_own(text: str):
    assert all(tag in ("a", "small", "span") for tag, _ in Looks(html_mail.linked(text)).tags)
