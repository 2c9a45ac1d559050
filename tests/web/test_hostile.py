"""Mail that means harm, in a real browser: no script runs, nothing is asked of anybody, and the policy has nothing to do."""

from __future__ import annotations

import re
import smtplib

import pytest
from playwright.sync_api import Page, expect

from kit import hostile
from kit.web_browser import NetworkLog, Site, let_in
from mailsponge.web import html_mail, mime

MAILS = hostile.mails()
NOT_TAKEN = {"nul_bytes", "utf16", "unknown_charset", "no_header", "many_headers", "many_received", "long_header", "long_parameter", "addresses"}
"""No server takes a NUL or so many headers; what does not come by SMTP is tried without a browser."""
TAKEN = sorted(set(MAILS) - NOT_TAKEN)
IN_HTML = [name for name in TAKEN if b"text/html" in MAILS[name] and len(MAILS[name]) < 10_000]
PWNED = "() => [window.pwned, document.title, document.cookie].join()"


def put_in(site: Site, name: str) -> None:
    with smtplib.SMTP("127.0.0.1", site.smtp, timeout=30) as smtp:
        smtp.sendmail("mallory@evil.test", ["me@localhost"], MAILS[name])


def came_in(page: Page) -> str:
    """The path of the message, once it is listed."""
    page.goto("/mail/me/Inbox")
    letter = page.locator(".letter a")
    expect(letter).to_have_count(1)
    return str(letter.get_attribute("href"))


def has_run(page: Page) -> bool:
    return page.evaluate("window.pwned") is not None or page.title().startswith("pwned")


@pytest.mark.parametrize("name", TAKEN)
def test_no_page_about_a_hostile_mail_runs_or_loads_anything_of_it(window: tuple[Page, NetworkLog], site: Site, name: str):
    page, log = window
    put_in(site, name)
    let_in(page, site)
    letter = came_in(page)
    for more in ("?view=text", "?view=html", "/html", "/thread", "/details", "/source"):
        page.goto(letter + more)
        page.wait_for_load_state("networkidle")
        assert not has_run(page)
    page.goto(f"/mail/me/Inbox/write?answer={letter.rpartition('/')[2]}&all=1")

    assert not has_run(page)
    assert log.elsewhere == []
    assert log.refused == []


@pytest.mark.parametrize("name", IN_HTML)
def test_the_second_wall_would_do_alone(window: tuple[Page, NetworkLog], site: Site, name: str):
    """What nothing has cleaned is shown as the mail's document: its policy alone keeps it from running and loading."""
    page, log = window
    put_in(site, "formatting_html")
    let_in(page, site)
    letter = came_in(page)
    content = MAILS[name]
    held = [part for part in mime.taken_apart(content).parts if part.kind == "text/html"]
    uncleaned = f"<p>shown</p>{mime.words(content, held[0], 100_000)}"
    page.route(
        re.compile(r"/html$"),
        lambda route: route.fulfill(
            content_type="text/html; charset=utf-8", body=uncleaned, headers=html_mail.headers(far_pictures=False)
        ),
    )
    page.goto(f"{letter}?view=html")
    page.wait_for_load_state("networkidle")

    assert not has_run(page)
    assert page.url == f"{site.url}{letter}?view=html"
    assert [url for url in log.elsewhere if url not in log.kept_back] == []
    log.requests.clear()


def test_a_far_picture_is_asked_for_when_the_reader_has_asked_for_it(window: tuple[Page, NetworkLog], site: Site):
    page, log = window
    put_in(site, "css")
    with smtplib.SMTP("127.0.0.1", site.smtp, timeout=30) as smtp:
        letter = b'Subject: far\r\nContent-Type: text/html\r\n\r\n<img src="https://far.test/a.png">'
        smtp.sendmail("a@b.example", ["me@localhost"], letter)
    let_in(page, site)
    page.route("https://far.test/**", lambda route: route.fulfill(status=204))
    page.goto("/mail/me/Inbox")
    page.get_by_role("link", name="far").click()
    page.wait_for_load_state("networkidle")
    assert log.elsewhere == []
    with page.expect_request("https://far.test/a.png") as asked:
        page.get_by_role("link", name="Load pictures").click()

    assert "referer" not in asked.value.headers
    log.requests.clear()
