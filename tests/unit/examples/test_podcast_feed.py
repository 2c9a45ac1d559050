"""Reading feeds: the ones of the demo, each with its oddities, and hostile ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from feed import Feed, FeedError, moment, parse
from feedserver import FEEDS
from hypothesis import given
from hypothesis import strategies as st

HOME = "https://podcasts.example"


def read(name: str) -> Feed:
    return parse((FEEDS / name).read_bytes(), f"{HOME}/{name}")


def rss(item: str, title: str = "Show") -> bytes:
    return f"<rss><channel><title>{title}</title>{item}</channel></rss>".encode()


@pytest.mark.parametrize(
    ("name", "title", "episodes"),
    [
        ("cafe.xml", "Café de minuit", 2),
        ("funkloch.atom", "Grüße aus dem Funkloch", 1),
        ("harbour.atom", "The Harbour Hour", 1),
        ("kiosk.xml", "Q&A at the Kiosk", 2),
        ("soendag.xml", "Søndag på P1", 2),
        ("tenki.xml", "深夜の天気図", 1),
    ],
)
def test_each_feed_of_the_demo_has_its_title_and_its_episodes(name: str, title: str, episodes: int) -> None:
    feed = read(name)
    assert (feed.title, len(feed.episodes)) == (title, episodes)


def test_every_feed_of_the_demo_is_listed_above() -> None:
    assert len(list(FEEDS.iterdir())) == 6


def test_cdata_is_text() -> None:
    assert read("soendag.xml").episodes[0].title == "Åen, øen & ælletrunten"


def test_a_title_of_another_namespace_is_not_the_title() -> None:
    assert read("soendag.xml").title == "Søndag på P1"


def test_markup_in_an_html_title_goes_away() -> None:
    assert read("harbour.atom").episodes[0].title == "Cranes & kittiwakes"


def test_angle_brackets_in_a_plain_title_stay() -> None:
    assert read("funkloch.atom").episodes[0].title == "Übertragung <unterbrochen>"


def test_a_title_over_several_lines_is_one_line() -> None:
    assert read("cafe.xml").episodes[0].title == "L'ascenseur s'arrête à l'entresol"


def test_an_enclosure_is_relative_to_the_xml_base_around_it() -> None:
    assert read("harbour.atom").episodes[0].enclosure == f"{HOME}/audio/harbour 17.wav"


def test_an_enclosure_is_relative_to_the_feed_without_a_base() -> None:
    assert [e.enclosure for e in read("kiosk.xml").episodes] == [
        f"{HOME}/audio/kiosk-{n}.wav" for n in (9, 8)
    ]


def test_without_a_guid_the_enclosure_names_the_episode() -> None:
    (episode,) = read("tenki.xml").episodes
    assert episode.guid == episode.enclosure == f"{HOME}/audio/tenki-12.wav?from=rss&v=2"


def test_an_entry_with_nothing_to_hear_is_left_out() -> None:
    assert "A note, with nothing to hear" not in {e.title for e in read("harbour.atom").episodes}


def test_episodes_come_newest_first_whatever_the_order_of_the_feed() -> None:
    item = '<item><pubDate>{}</pubDate><enclosure url="{}"/></item>'
    old, new = item.format("2020-01-01", "old"), item.format("2021-01-01", "new")
    assert [e.guid for e in parse(rss(old + new), HOME + "/").episodes] == [f"{HOME}/new", f"{HOME}/old"]


def test_an_episode_without_a_date_stays_below_the_one_above_it() -> None:
    dates = ["2020-01-02", "no idea", "2020-01-01"]
    items = "".join(f'<item><pubDate>{d}</pubDate><enclosure url="{i}"/></item>' for i, d in enumerate(dates))
    assert [e.guid for e in parse(rss(items), HOME + "/").episodes] == [f"{HOME}/{i}" for i in range(3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 08 Jun 2025 10:03:00 +0200", datetime(2025, 6, 8, 10, 3, tzinfo=timezone(timedelta(hours=2)))),
        ("Sat, 31 May 25 23:45 EST", datetime(2025, 5, 31, 23, 45, tzinfo=timezone(timedelta(hours=-5)))),
        ("Tuesday, 20 May 2025 18:00:00 GMT", datetime(2025, 5, 20, 18, tzinfo=UTC)),
        ("27 May 2025 18:00", datetime(2025, 5, 27, 18, tzinfo=UTC)),
        ("2025-06-03 18:00:00", datetime(2025, 6, 3, 18, tzinfo=UTC)),
        ("2025-06-05T05:30:00.250Z", datetime(2025, 6, 5, 5, 30, 0, 250_000, tzinfo=UTC)),
        (" 2025-06-05 ", datetime(2025, 6, 5, tzinfo=UTC)),
        ("Samedi 7 juin 2025, 23 h 45", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_read_as_they_are_found(text: str | None, expected: datetime | None) -> None:
    assert moment(text) == expected


@given(st.text())
def test_no_date_is_so_odd_that_it_raises(text: str) -> None:
    moment(text)


BOMB = b"""<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<rss><channel><title>&b;</title></channel></rss>"""
EXTERNAL = b"""<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>"""
PARAMETER = b"""<!DOCTYPE rss [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]><rss><channel/></rss>"""


@pytest.mark.parametrize("document", [BOMB, EXTERNAL, PARAMETER], ids=["bomb", "external", "parameter"])
def test_a_document_that_declares_entities_is_refused(document: bytes) -> None:
    with pytest.raises(FeedError, match="refused as unsafe"):
        parse(document, HOME)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"", "malformed XML"),
        (b"<rss><channel><title>R & B</title></channel></rss>", "malformed XML"),
        (b"<rss><channel><title>cut", "malformed XML"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "the document is <html>"),
        (b"<rss/>", "the document is <rss>"),
        (b'<?xml version="1.0" encoding="martian"?><rss/>', "encoding"),
        (b'<?xml version="1.0" encoding="shift_jis"?><rss/>', "encoding"),
        ("<rss><channel><title>é".encode("latin-1"), "malformed XML"),
    ],
    ids=[
        "empty",
        "ampersand",
        "cut",
        "login page",
        "no channel",
        "unknown encoding",
        "multi-byte",
        "wrong encoding",
    ],
)
def test_what_is_no_feed_is_refused_with_a_reason(document: bytes, complaint: str) -> None:
    with pytest.raises(FeedError, match=complaint):
        parse(document, HOME)


def test_deep_nesting_is_only_a_document() -> None:
    assert parse(rss("<x>" * 100_000 + "</x>" * 100_000), HOME) == Feed("Show", ())


def test_a_title_cannot_bring_control_characters_or_lines_along() -> None:
    assert parse(rss("", title="a&amp;#10;b&#133;&#x202E;c&amp;#27;[2J"), HOME).title == "a b c[2J"


@given(st.binary())
def test_any_bytes_are_a_feed_or_a_feed_error(document: bytes) -> None:
    try:
        parse(document, HOME)
    except FeedError:
        return
