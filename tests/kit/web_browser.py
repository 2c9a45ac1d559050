"""A real browser, Debian's chromium, before a real ``mailsponge serve``; and a log of what it asks the network for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request

from kit.serve import Serve

SCREENS = Path(__file__).resolve().parents[2] / ".cache" / "screens"
"""Where screenshots go, for people to look at."""
AXE = Path(__file__).resolve().parents[1] / "web" / "axe" / "axe.min.js"
NARROW, WIDE = 380, 1440
"""Pixels: a phone, a desk."""
HARMLESS = ("data:", "blob:", "about:", "chrome-error:")
"""Addresses that no network is asked for."""


def launched(playwright: Playwright, chromium: str) -> Browser:
    """Start the browser. As root it has no sandbox of its own to give."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=chromium, args=[*arguments, "--disable-gpu"])


class NetworkLog:
    """Every request of a browser, and what its policy has kept it from."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.requests: list[str] = []
        self.refused: list[str] = []
        """What the browser says in its console about the policy (CSP)."""
        self._host = host
        context.on("request", self._note)
        context.on("console", lambda message: self._hear(message.text))

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def _hear(self, said: str) -> None:
        if "Content Security Policy" in said:
            self.refused.append(said)

    @property
    def elsewhere(self) -> list[str]:
        """What was asked of anybody but the server."""
        return [
            url
            for url in self.requests
            if not url.startswith(HARMLESS) and urlsplit(url).netloc != self._host
        ]


class Site:
    """A server that runs, and what a browser needs to know of it."""

    def __init__(self, serve: Serve, data: Path) -> None:
        self.serve = serve
        self.data = data
        self.smtp = int(serve.wait_for(r"ready: smtp [0-9.]+:(\d+) ")[1])
        self.url = serve.wait_for(r"· web (http://127\.0\.0\.1:\d+)/")[1]

    @property
    def host(self) -> str:
        """``127.0.0.1:40000``."""
        return urlsplit(self.url).netloc

    def link(self) -> str:
        """The one-time link that it has left in its data."""
        self.serve.wait_for(r"a one-time link to log in with a browser is in \S+")
        return (self.data / "web-link").read_text().strip()


@contextmanager
def a_page(browser: Browser, site: Site, **options: Any) -> Iterator[tuple[Page, NetworkLog]]:
    """A window without a past."""
    context = browser.new_context(base_url=site.url, **options)
    context.set_default_timeout(15_000)
    log = NetworkLog(context, site.host)
    try:
        yield context.new_page(), log
    finally:
        context.close()


def let_in(page: Page, site: Site) -> Page:
    """Log the first user in by the link."""
    page.goto(site.link())
    page.get_by_role("button", name="Go in").click()
    page.wait_for_url(re.compile(r"^(?!.*/enter/)"))
    return page


def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps people out, in words. It comes in by the debugger, past the page's policy."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def screens(browser: Browser, site: Site, state: Any, path: str, name: str) -> None:
    """Screenshots of a page: narrow and wide, light and dark. ``state``: the cookies to look with."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    for width in (NARROW, WIDE):
        for scheme in ("light", "dark"):
            size = {"width": width, "height": 800}
            with a_page(browser, site, viewport=size, color_scheme=scheme, storage_state=state) as (page, _):
                page.goto(path)
                page.screenshot(path=SCREENS / f"{name}-{width}-{scheme}.png", full_page=True)
                beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert beyond <= 0, f"{name} is {beyond} pixels wider than a window of {width}"
