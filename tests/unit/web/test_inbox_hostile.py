"""Rules of pages about mail that means harm: every page stays ours, whatever a stranger wrote."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from kit import hostile
from kit.delivered import deliver
from kit.web_office import WebOffice
from mailsponge.web import html_mail

MAILS = hostile.mails()
PAGES = ("", "?view=text", "?view=html", "?view=html&pictures=1", "/thread", "/details", "/source")

OURS = frozenset(("/static/", "/mail", "/queue", "/", "#"))


class Page(HTMLParser):
    """What of a page could do something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self.loaded: list[str] = []
        self.led_to: list[dict[str, str]] = []
        self.sent_to: list[str] = []
        self.styles = 0
        self.frames: list[dict[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.handlers += [name for name in given if name.startswith("on")]
        self.styles += tag == "style" or "style" in given
        if tag == "script":
            self.scripts.append(given.get("src", "inline"))
        elif tag == "iframe":
            self.frames.append(given)
        elif "src" in given or tag == "link":
            self.loaded.append(given.get("src") or given["href"])
        elif tag == "a":
            self.led_to.append(given)
        elif tag in ("form", "button", "input"):
            self.sent_to += [given[name] for name in ("action", "formaction") if name in given]


def is_ours(text: str) -> bool:
    """Whether nothing on a page is of a stranger's making but words, and links to the web."""
    page = Page(text)
    assert all(source.startswith("/static/") for source in page.scripts)
    assert not page.handlers
    assert not page.styles
    assert all(source.startswith("/static/") for source in page.loaded)
    assert all(address.startswith(("/mail", "/logout")) for address in page.sent_to)
    for link in page.led_to:
        if not link["href"].startswith(("/", "#", "?")):
            assert link["href"].startswith(("http://", "https://"))
            assert link["rel"] == "noopener noreferrer"
    for frame in page.frames:
        assert frame["src"].startswith("/mail/")
        assert frame["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    return True


@pytest.mark.parametrize("name", MAILS)
def test_every_page_about_a_hostile_mail_stays_ours(office: WebOffice, name: str):
    number = deliver(office.store, MAILS[name], "me")
    me = office.logged_in()

    for page in PAGES:
        answer = me.get(f"/mail/me/Inbox/{number}{page}")
        assert answer.status == 200
        assert is_ours(answer.text)
    for path in ("/mail/me/Inbox", "/mail/me?q=a*", f"/mail/me/Inbox/write?answer={number}&all=1"):
        answer = me.get(path)
        assert answer.status == 200
        assert is_ours(answer.text)


@pytest.mark.parametrize("name", MAILS)
def test_the_html_of_a_hostile_mail_is_a_document_that_can_do_nothing(office: WebOffice, name: str):
    number = deliver(office.store, MAILS[name], "me")
    answer = office.logged_in().get(f"/mail/me/Inbox/{number}/html")

    if answer.status != 404:
        assert answer.header("content-security-policy") == html_mail.policy(far_pictures=False)
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("name", ["rtl_name", "polyglot"])
def test_every_part_of_a_hostile_mail_can_only_be_saved(office: WebOffice, name: str):
    number = deliver(office.store, MAILS[name], "me")
    me = office.logged_in()

    for part in range(1, 10):
        answer = me.get(f"/mail/me/Inbox/{number}/part/{part}")
        if answer.status != 404:
            assert answer.header("content-disposition").startswith("attachment; ")
            assert answer.header("content-type") in ("application/octet-stream", "image/gif")
            assert answer.header("content-security-policy") == "sandbox; default-src 'none'"
            assert not answer.header("set-cookie")


def test_a_name_that_turns_round_is_seen_to(office: WebOffice):
    number = deliver(office.store, MAILS["rtl_name"], "me")
    page = office.logged_in().get(f"/mail/me/Inbox/{number}").text

    assert r"invoice\u202egpj.exe" in page
    assert "\u202e" not in page


def test_the_message_is_saved_byte_for_byte(office: WebOffice):
    number = deliver(office.store, MAILS["script"], "me")
    answer = office.logged_in().get(f"/mail/me/Inbox/{number}/download")

    assert answer.body == MAILS["script"]
    assert answer.header("content-type") == "application/octet-stream"
    assert answer.header("content-disposition").startswith("attachment; ")
