"""The picture of a replay."""

from __future__ import annotations

from xml.etree import ElementTree

from histories import HOUR, NOW, episode, hourly, ledger_of, read

from mailsponge.sponge.model import ERROR
from mailsponge.web.dashboard import replaying
from mailsponge.web.dashboard.timeline import MOST_ROWS, left_out, timeline


def drawn(*fails: str, patience: str = "now") -> str:
    kept = read(ledger_of(*hourly(*fails)))
    return timeline(replaying.under(kept, patience), NOW - len(fails) * HOUR, NOW)


def test_a_letter_stands_where_a_mail_would_have_told():
    letters = [
        text.text
        for text in ElementTree.fromstring(drawn("", "a", "", "", "")).iter("text")
        if not text.get("class")
    ]

    assert letters == ["N", "R"]


def test_it_says_in_words_how_many_mails_there_are():
    assert "2 mails" in (ElementTree.fromstring(drawn("", "a", "", "", "")).get("aria-label") or "")


def test_a_source_that_failed_has_a_row_even_if_nobody_was_told():
    names = [each.text for each in ElementTree.fromstring(drawn("", "a", "", patience="3 runs")).iter("text")]

    assert "a" in names


def test_where_nothing_happened_there_is_no_picture():
    assert drawn("", "", "") == ""


def test_names_are_escaped():
    name = "<script>alert(1)</script>"
    kept = read(ledger_of(episode(1, NOW - HOUR, **{name: ERROR})))
    picture = timeline(replaying.under(kept, "now"), NOW - HOUR, NOW)

    assert "<script" not in picture
    assert ElementTree.fromstring(picture).findtext("g/title") == name


def test_of_many_sources_the_most_troubled_are_shown_and_the_others_counted():
    many = {f"s{n}": ERROR for n in range(MOST_ROWS + 7)}
    kept = read(ledger_of(episode(1, NOW - HOUR, well=20, **many)))
    came = replaying.under(kept._replace(rules=kept.rules | {"common_cause": 1.0}), "now")

    assert left_out(came) == 7
    assert timeline(came, NOW - HOUR, NOW).count('class="name"') == MOST_ROWS
