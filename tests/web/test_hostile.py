"""Mail that means harm, in a real browser: no script runs, nobody is asked for anything, no policy has to step in."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from kit import hostile
from kit.serve import FREE, Serve
from kit.web_browser import NetworkLog, Site, a_page, let_in
from mailsponge.web import html_mail, mime

MAILS = hostile.mails()
NOT_TAKEN = {
    "nul_bytes",
    "utf16",
    "unknown_charset",
    "no_header",
    "many_headers",
    "many_received",
    "long_header",
    "long_parameter",
    "addresses",
}
"""No server takes a NUL or so many headers; what does not come by SMTP is tried without a browser."""
TAKEN = sorted(set(MAILS) - NOT_TAKEN)
IN_HTML = [name for name in TAKEN if b"text/html" in MAILS[name] and len(MAILS[name]) < 10_000]
HTML = re.compile(r"/html$")
FAR = b'Subject: far\r\nContent-Type: text/html\r\n\r\n<img src="https://far.test/a.png">'


class Inbox(NamedTuple):
    """A window of the one who got all that mail."""

    page: Page
    log: NetworkLog
    paths: dict[str, str]
    """Each mail's."""


@pytest.fixture(scope="module")
def all_of_it(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    """One server has got all of it, and one window looks at it."""
    home = tmp_path_factory.mktemp("hostile")
    config = home / "post.toml"
    config.write_text("[users.me]\n")
    serve = Serve(
        home / "data", *FREE, "--config", str(config), environ={"MAILSPONGE_STATE": str(home / "state")}
    )
    site = Site(serve, home / "data")
    mails = {**{name: MAILS[name] for name in TAKEN}, "far": FAR}
    with smtplib.SMTP("127.0.0.1", site.smtp, timeout=60) as smtp:
        for content in mails.values():
            smtp.sendmail("mallory@evil.test", ["me@localhost"], content)
    paths = {
        name: f"/mail/me/Inbox/{number}" for number, name in enumerate(mails, 1)
    }  # the store counts from 1
    with a_page(chromium, site) as (page, log):
        yield Inbox(let_in(page, site), log, paths)
    serve.end()


@pytest.fixture
def inbox(all_of_it: Inbox) -> Inbox:
    """The same, with nothing in its log."""
    for list_ in (all_of_it.log.requests, all_of_it.log.refused, all_of_it.log.kept_back):
        list_.clear()
    return all_of_it


def has_run(page: Page) -> bool:
    return page.evaluate("window.pwned") is not None or page.title().startswith("pwned")


@pytest.mark.parametrize("name", TAKEN)
def test_no_page_about_a_hostile_mail_runs_or_loads_anything_of_it(inbox: Inbox, name: str):
    page, letter = inbox.page, inbox.paths[name]
    for more in ("?view=text", "?view=html", "/html", "/thread", "/details", "/source"):
        page.goto(letter + more)
        page.wait_for_load_state("load")
        assert not has_run(page)
    page.goto(f"/mail/me/Inbox/write?answer={letter.rpartition('/')[2]}&all=1")

    assert not has_run(page)
    assert inbox.log.elsewhere == []
    assert inbox.log.refused == []


def test_the_list_of_them_runs_and_loads_nothing_of_them(inbox: Inbox):
    inbox.page.goto("/mail/me/Inbox")
    expect(inbox.page.locator("#list .letter")).to_have_count(len(inbox.paths))

    assert not has_run(inbox.page)
    assert inbox.log.elsewhere == []
    assert inbox.log.refused == []


@pytest.mark.parametrize("name", IN_HTML)
def test_the_second_wall_would_do_alone(inbox: Inbox, name: str):
    """What nothing has cleaned is shown as the mail's document: its policy alone keeps it from running and loading."""
    page, letter, content = inbox.page, inbox.paths["far"], MAILS[name]
    held = [part for part in mime.taken_apart(content).parts if part.kind == "text/html"]
    uncleaned = f"<p>shown</p>{mime.words(content, held[0], 100_000)}"
    page.route(
        HTML,
        lambda route: route.fulfill(
            content_type="text/html; charset=utf-8",
            body=uncleaned,
            headers=html_mail.headers(far_pictures=False),
        ),
    )
    page.goto(f"{letter}?view=html")
    page.wait_for_load_state("load")
    expect(page.frame_locator("iframe").get_by_text("shown").first).to_be_visible()
    page.unroute(HTML)

    assert not has_run(page)
    assert page.url.endswith(f"{letter}?view=html")
    assert [url for url in inbox.log.elsewhere if url not in inbox.log.kept_back] == []


def test_a_far_picture_is_asked_for_when_the_reader_has_asked_for_it(inbox: Inbox):
    page = inbox.page
    page.route("https://far.test/**", lambda route: route.fulfill(status=204))
    page.goto(inbox.paths["far"])
    page.wait_for_load_state("load")
    assert inbox.log.elsewhere == []
    with page.expect_request("https://far.test/a.png") as asked:
        page.get_by_role("link", name="Load pictures").click()

    assert "referer" not in asked.value.headers
