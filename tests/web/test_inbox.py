"""The inbox in a real browser: what comes appears, what is done can be undone, keys, and a look at how it looks."""

from __future__ import annotations

import re
import smtplib
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kit.awaited import until
from kit.web_browser import NetworkLog, Site, a_page, let_in, screens, serious


def send(site: Site, *subjects: str, text: str = "On Friday?", more: str = "") -> None:
    with smtplib.SMTP("127.0.0.1", site.smtp, timeout=30) as smtp:
        for subject in subjects:
            head = f"From: Ann Example <ann@example.net>\r\nTo: me@localhost\r\nSubject: {subject}\r\n{more}"
            letter = f"{head}\r\n{text}\r\n"
            smtp.sendmail("ann@example.net", ["me@localhost"], letter)


def letters(page: Page) -> Any:
    return page.locator("#list .letter")


def at_the_list(page: Page, number: int) -> None:
    page.goto("/mail/me/Inbox")
    expect(letters(page)).to_have_count(number)


def test_mail_appears_by_itself(me: Page, site: Site):
    at_the_list(me, 0)
    send(site, "Lunch")

    expect(letters(me)).to_have_count(1)
    send(site, "Dinner")
    expect(letters(me).first).to_contain_text("Dinner")
    expect(me.locator("#folders a").first).to_contain_text("2")


def test_what_is_ticked_stays_ticked_while_mail_comes(me: Page, site: Site):
    send(site, "Lunch")
    at_the_list(me, 1)
    me.get_by_label("Choose: Lunch").check()
    send(site, "Dinner")

    expect(letters(me)).to_have_count(2)
    expect(me.get_by_label("Choose: Lunch")).to_be_checked()


def test_what_was_deleted_comes_back_by_a_click(me: Page, site: Site):
    send(site, "Lunch", "Dinner")
    at_the_list(me, 2)
    me.get_by_label("Choose: Lunch").check()
    me.get_by_role("button", name="Delete").click()
    expect(letters(me)).to_have_count(1)
    me.get_by_role("button", name="Undo").click()

    expect(letters(me)).to_have_count(2)


def test_older_mail_follows_as_one_scrolls(me: Page, site: Site):
    send(site, *(f"Nr {number}." for number in range(60)))
    me.goto("/mail/me/Inbox")
    expect(me.locator("#folders a").first).to_contain_text("60")
    at_the_list(me, 50)
    me.locator(".following").scroll_into_view_if_needed()

    expect(letters(me)).to_have_count(60)


def test_everything_can_be_read_without_a_script(chromium: Browser, site: Site):
    send(site, *(f"Nr {number}." for number in range(60)))
    with a_page(chromium, site, java_script_enabled=False) as (page, log):
        let_in(page, site)
        older = page.get_by_role("link", name="Older messages")
        until(lambda: page.goto("/mail/me/Inbox") and older.count() == 1, page.content)
        older.click()
        page.get_by_role("link", name="Nr 0.").click()
        expect(page.get_by_text("On Friday?")).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("1 message moved to the Trash")).to_be_visible()
        page.get_by_role("button", name="Undo").click()

        expect(page.get_by_text("1 message put back")).to_be_visible()
        assert log.elsewhere == []


def test_hands_stay_on_the_keys(me: Page, site: Site):
    send(site, "First", "Second", "Third")
    at_the_list(me, 3)
    keys = me.keyboard
    keys.press("j")
    keys.press("j")
    keys.press("s")
    expect(letters(me).nth(1).locator(".star")).to_have_attribute("aria-pressed", "true")
    keys.press("x")
    expect(me.get_by_label("Choose: Second")).to_be_checked()
    keys.press("x")
    me.locator("#list .letter:nth-child(2) > a").focus()
    keys.press("Enter")
    expect(me.get_by_role("heading", name="Second")).to_be_visible()
    keys.press("u")
    expect(letters(me)).to_have_count(3)
    keys.press("j")
    keys.press("#")
    expect(letters(me)).to_have_count(2)
    keys.press("/")
    expect(me.get_by_role("searchbox")).to_be_focused()
    keys.type("second")
    keys.press("Enter")
    expect(letters(me)).to_have_count(1)


def test_keys_are_told(me: Page):
    me.goto("/mail/me/Inbox")
    me.keyboard.press("?")

    expect(me.get_by_role("dialog", name="Keys")).to_be_visible()


def test_an_answer_is_written_and_lies_in_sent(me: Page, site: Site):
    send(site, "Lunch", more="Message-ID: <1@example.net>\r\n")
    at_the_list(me, 1)
    me.get_by_role("link", name=re.compile("Lunch")).click()
    expect(me.get_by_role("heading", name="Lunch")).to_be_visible()
    me.wait_for_load_state()
    me.keyboard.press("r")
    expect(me.get_by_label("Subject")).to_have_value("Re: Lunch")
    me.get_by_label("To", exact=True).fill("you")
    me.get_by_label("Text").fill("Gladly")
    me.get_by_label("Files").set_input_files(
        {"name": "menu.txt", "mimeType": "text/plain", "buffer": b"Soup"}
    )
    me.get_by_role("button", name="Send").click()
    expect(me.get_by_text("on its way")).to_be_visible()
    me.get_by_role("link", name="Sent").click()
    me.get_by_role("link", name=re.compile("Re: Lunch")).click()

    expect(me.get_by_role("region", name="Text of the message")).to_have_text("Gladly")
    with me.expect_download() as saved:
        me.get_by_role("link", name="menu.txt").click()
    assert saved.value.suggested_filename == "menu.txt"


PAGES = (
    "/mail/me/Inbox",
    "/mail/me/Inbox/1",
    "/mail/me/Inbox/1/details",
    "/mail/me/Inbox/1/source",
    "/mail/me/Inbox/write",
    "/mail/me/Junk",
)


def test_nothing_keeps_people_out(me: Page, site: Site):
    send(site, "Lunch", text="> quoted\r\nhttps://a.example/", more="Content-Type: text/html\r\n")
    at_the_list(me, 1)

    for path in PAGES:
        me.goto(path.replace("/1", str(letters_id(me))) if "/1" in path else path)
        assert serious(me) == []


def letters_id(page: Page) -> str:
    page.goto("/mail/me/Inbox")
    return "/" + str(letters(page).first.get_attribute("id")).removeprefix("m")


def test_nothing_the_inbox_does_is_against_its_policy(window: tuple[Page, NetworkLog], site: Site):
    page, log = window
    send(site, "Lunch", "Dinner")
    let_in(page, site)
    at_the_list(page, 2)
    page.locator(".star").first.click()
    expect(page.locator(".star").first).to_have_attribute("aria-pressed", "true")

    assert log.refused == []


@pytest.mark.parametrize(
    ("path", "name"),
    [("/mail/me/Inbox", "inbox"), ("/mail/me/Inbox/write", "inbox-write"), ("/mail/me/Junk", "inbox-empty")],
)
def test_it_fits_into_narrow_and_wide_windows(
    me: Page, site: Site, state: Any, chromium: Browser, path: str, name: str
):
    send(
        site,
        *(f"A subject that is rather long, for it has the number {number} in it" for number in range(12)),
    )
    at_the_list(me, 12)

    screens(chromium, site, state, path, name)
