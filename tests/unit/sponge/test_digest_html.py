"""The HTML says what the text says, fetches nothing, runs nothing, and is read by whoever sees no colours."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from digest_hostile import hostile
from digest_parts import FAILED, NOW, WELL, flip, html_of, job, mail, part_of, ran, read, record
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge.sponge.digest import as_html
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import INFO, JOB_ITSELF, Kind, Mail

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "div", "span", "h2", "p", "br", "bdi", "b"),
    *("table", "tr", "td", "pre", "code"),
}
ATTRIBUTES = {"lang", "dir", "charset", "name", "content", "style", "class", "role", "aria-label"} | {
    "cellspacing",
    "cellpadding",
    "bgcolor",
}
EMPTY = {"meta", "br"}


class Seen(HTMLParser):
    """What a reader's program makes of it; fails at anything that has no business in a mail."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.parts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        assert not re.search(r"url\(|expression|@import|http", " ".join(value or "" for _, value in attrs))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "head" not in self.open:
            self.parts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    @property
    def text(self) -> str:
        return "".join(self.parts)


def words_of_both(composed: Mail) -> tuple[Counter[str], Counter[str]]:
    message = read(composed.content)
    seen = Seen(part_of(message, "html")).text
    plain = part_of(message, "plain").replace("\n-- \n", "\n")
    signs = {ord("✓"): "+", ord("✗"): "X", ord("·"): "."}
    # Letter by letter, as the cells of a table stand by themselves.
    html, text = (Counter(re.sub(r"\s", "", said).translate(signs)) for said in (seen, plain))
    return html, text


def everything(others: int) -> tuple[MemoryLedger, list]:
    ledger = MemoryLedger()
    for number, verdict in enumerate([WELL, FAILED, FAILED]):
        ran(ledger, number, {"a": verdict, "Søndag": verdict})
    records = [record("GET <b>&amp;</b>", INFO), record("boom", detail="Traceback:\n  <x>\nOSError: 'y'")]
    ledger.add_records(
        "run", [found._replace(source=name) for name in ("a", "Søndag") for found in records * 30]
    )
    ledger.add_mail(
        Mail("<5@h>", NOW, "podcasts: x", "a@b", ("c@d",), b"", status="refused", last_reply="550 <no>")
    )
    kinds = [
        flip("a", hosts=("web1", "web2")),
        flip("Søndag", Kind.STILL),
        flip("b", Kind.RECOVERED, ended_at=NOW),
    ]
    kinds += [flip(name, kind) for name, kind in zip("cdef", list(Kind)[3:], strict=False)]
    return ledger, [*kinds, flip(JOB_ITSELF, Kind.MISSED), *(flip(f"g{n:03}") for n in range(others))]


@pytest.mark.parametrize("others", [0, 50, 1000])
def test_text_and_html_say_the_same(others):
    ledger, flips = everything(others)
    html, plain = words_of_both(mail(job(digest="3 records"), flips, ledger=ledger, digest=True))

    assert html == plain


texts = st.text(st.characters(), max_size=60)


@hypothesis_settings(deadline=None, max_examples=100)
@given(texts, texts, texts, texts, texts)
def test_text_and_html_say_the_same_whatever_was_logged(source, text, detail, logger, name):
    composed = mail(job(job=name or "job"), [flip(source)], record(text, detail=detail, logger=logger))
    html, plain = words_of_both(composed)

    assert html == plain


@hostile
def test_nothing_that_was_logged_becomes_a_tag(text):
    for evil in (
        text,
        f"<script>{text}</script>",
        f"\"'><img src=x onerror={text}>",
        f"<!--{text}",
        f"&lt;{text}",
    ):
        Seen(
            html_of(
                job(job=evil[:2000]),
                [flip(evil, reason=evil)],
                record(evil, logger=evil),
                record(detail=evil),
            )
        )


def test_nothing_is_fetched_and_nothing_runs():
    ledger, flips = everything(0)
    html = html_of(job(), flips, ledger=ledger)

    for word in (
        "http:",
        "https:",
        "<img",
        "<script",
        "<link",
        "<iframe",
        "<form",
        "url(",
        "@import",
        "javascript",
    ):
        assert word not in html


def test_it_is_made_for_the_dark_for_phones_and_for_screen_readers():
    html = html_of(job(), [flip()])

    assert html.startswith('<!DOCTYPE html>\n<html lang="en" dir="ltr">\n')
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    assert "@media (prefers-color-scheme: dark){" in html
    assert "max-width:800px" in html


def test_a_title_is_the_subject():
    assert "<title>podcasts: a &lt; b has failed 3 runs in a row</title>" in html_of(job(), [flip("a < b")])


def test_recent_runs_are_cells_with_a_colour_and_a_sign_each():
    ledger = MemoryLedger()
    for number, verdict in enumerate([WELL, None, FAILED]):
        ran(ledger, number, {} if verdict is None else {"x": verdict})
    html = html_of(job(), [flip()], ledger=ledger)

    assert 'aria-label="recent runs, oldest first: ok, not seen, failed"' in html
    cells = re.findall(r'<td[^>]*bgcolor="(#\w+)"[^>]*>([^<]*)</td>', html)
    assert [sign for _, sign in cells] == ["&#10003;", "&#183;", "&#10007;"]
    assert len({colour for colour, _ in cells}) == 3


@pytest.mark.parametrize("name", ["עברית", "عالم بودكاست"])
def test_a_name_written_from_right_to_left_does_not_turn_the_rest(name):
    assert f"<bdi>{name}</bdi> has failed 3 runs in a row" in html_of(job(), [flip(name)])


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_what_stands_on_a_colour_can_be_read():
    """The contrast that WCAG asks of text: 4.5 to 1."""
    ledger, flips = everything(0)
    html = html_of(job(digest="1 record"), flips, ledger=ledger, digest=True)

    pairs = set(re.findall(r"background:(#\w{6});color:(#\w{6})", html))
    pairs |= {
        (as_html._CELLS[0][1], "#ffffff"),
        (as_html._CELLS[1][1], "#ffffff"),
        (as_html._CELLS[2][1], "#57606a"),
    }
    assert len(pairs) > 8
    for pair in pairs:
        dark, light = sorted(map(_luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair
