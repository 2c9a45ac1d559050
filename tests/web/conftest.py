"""A real browser before a real server. What leaves this machine fails the test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from kit import peers
from kit.serve import FREE, Serve
from kit.web_browser import NetworkLog, Site, a_page, launched, let_in

PASSWORD = "correct horse battery staple"
CONFIGURATION = """\
[users.me]
[users.you]
password = ["{verifier}"]
[relay]
smarthost = "smtp://127.0.0.1:1"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Chromium is a program from outside: ``pytest -m 'not peer'`` leaves these out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.peer)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, without a window. Its event loop runs in this thread, and other files' tests want one of their own:
    so it ends with the file.
    """
    program = peers.program("chromium")
    with sync_playwright() as playwright:
        browser = launched(playwright, program)
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A server with two people: ``me``, the first, and ``you``, who has a password."""
    from mailsponge.auth import hashing

    config, data = tmp_path / "post.toml", tmp_path / "data"
    verifier = hashing.scram(PASSWORD, b"salt" * 4, iterations=4096)
    config.write_text(CONFIGURATION.format(verifier=verifier))
    serve = Serve(data, *FREE, "--config", str(config), environ={"MAILSPONGE_STATE": str(tmp_path / "state")})
    yield Site(serve, data)
    if serve.process.poll() is None:
        serve.end()


@pytest.fixture
def window(chromium: Browser, site: Site) -> Iterator[tuple[Page, NetworkLog]]:
    """A window of somebody who has not logged in, and the log of what it asks for. Nothing may leave this machine."""
    with a_page(chromium, site) as (page, log):
        yield page, log
    assert log.elsewhere == []


@pytest.fixture
def stranger(window: tuple[Page, NetworkLog]) -> Page:
    """The window of somebody who has not logged in."""
    return window[0]


@pytest.fixture
def me(window: tuple[Page, NetworkLog], site: Site) -> Page:
    """The window of the first user, logged in. The page's policy may have nothing to refuse."""
    return let_in(window[0], site)


@pytest.fixture
def state(me: Page) -> Any:
    """The cookies of the first user, for more windows."""
    return me.context.storage_state()


def path_of(page: Page) -> str:
    """Where a window is, without the server's address."""
    return re.sub(r"^https?://[^/]+", "", page.url)
