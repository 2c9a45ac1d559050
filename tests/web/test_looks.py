"""What the pages look like, to people and to screen readers. The screenshots are for people: .cache/screens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kit.serve import FREE, Serve
from kit.waiting_mail import defer, put_in_queue
from kit.web_browser import Site, a_page, let_in, screens, serious
from mailsponge.store.protocol import HopDown
from mailsponge.store.sqlite import SqliteStore

STRANGERS = {"login": "/login", "link-over": "/enter/used"}


@pytest.fixture
def full(tmp_path: Path, chromium: Browser) -> Iterator[tuple[Site, Any]]:
    """A server with mail that waits for hours, and the cookies of who looks after it."""
    data, now = tmp_path / "full", time.time()
    store = SqliteStore(data)
    long = "a-rather-long-name-that-somebody-has-thought-of@mail.department.university.example.net"
    put_in_queue(store, ["ada@example.net", "grace@example.net"], at=now - 7000)
    put_in_queue(store, [long], sender=None, at=now - 600)
    held = put_in_queue(store, ["linus@example.com"], at=now - 90_000)
    put_in_queue(store, [f"list{number}@example.edu" for number in range(9)], at=now - 30)
    for domain in ("example.net", "mail.department.university.example.net", "example.edu"):
        defer(store, domain, now, now + 7_300)
    store.hold(held)
    store.hop_is_down("example.edu", HopDown(now + 1_200, 4, "connection timed out after 30 s"))
    store.close()
    config = tmp_path / "full.toml"
    config.write_text("[users.me]\n")
    serve = Serve(data, *FREE, "--config", str(config))
    site = Site(serve, data)
    with a_page(chromium, site) as (page, _):
        state = let_in(page, site).context.storage_state()
    yield site, state
    serve.end()


@pytest.mark.parametrize("name", STRANGERS)
def test_pages_for_strangers(chromium: Browser, site: Site, stranger: Page, name: str):
    stranger.goto(STRANGERS[name])

    assert serious(stranger) == []
    screens(chromium, site, None, STRANGERS[name], name)


def test_the_link(chromium: Browser, site: Site, stranger: Page):
    link = site.link()
    stranger.goto(link)

    assert serious(stranger) == []
    screens(chromium, site, None, link, "enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/queue", "/queue/1", "/nowhere", "/queue?done=hold&id=1"])
def test_nothing_keeps_people_out(chromium: Browser, full: tuple[Site, Any], path: str, scheme: str):
    site, state = full
    with a_page(chromium, site, storage_state=state, color_scheme=scheme) as (page, _):
        page.goto(path)

        assert serious(page) == []


def test_the_queue_with_much_in_it(chromium: Browser, full: tuple[Site, Any]):
    site, state = full

    screens(chromium, site, state, "/queue?done=hold&id=1", "queue-full")
    screens(chromium, site, state, "/queue/1", "queue-letter")


def test_the_queue_with_nothing_in_it(chromium: Browser, site: Site, state: Any):
    screens(chromium, site, state, "/queue", "queue-empty")
    screens(chromium, site, state, "/nowhere", "not-there")


def test_buttons_change_the_list_without_a_reload_and_undo_takes_it_back(
    chromium: Browser, full: tuple[Site, Any]
):
    site, state = full
    with a_page(chromium, site, storage_state=state) as (page, log):
        page.goto("/queue")
        page.get_by_role("button", name="Delete message 1").click()
        expect(page.get_by_text("Message 1 was taken out of the queue")).to_be_visible()
        page.get_by_role("button", name="Undo").click()

        expect(page.get_by_role("button", name="Delete message 1")).to_be_visible()
        assert [url for url in log.requests if url == f"{site.url}/queue"] == [f"{site.url}/queue"]
        assert log.refused == []
        assert log.elsewhere == []


def test_all_of_it_works_without_javascript(chromium: Browser, full: tuple[Site, Any]):
    site, state = full
    with a_page(chromium, site, storage_state=state, java_script_enabled=False) as (page, _):
        page.goto("/queue")
        page.get_by_role("button", name="Hold message 1").click()
        expect(page.get_by_text("Message 1 is held.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()

        expect(page.get_by_text("Message 1 was let go on")).to_be_visible()


def test_a_first_page_is_light(chromium: Browser, full: tuple[Site, Any]):
    site, state = full
    sizes: list[int] = []
    with a_page(chromium, site, storage_state=state) as (page, _):
        page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
        page.goto("/queue", wait_until="networkidle")

    assert sum(sizes) < 100_000
