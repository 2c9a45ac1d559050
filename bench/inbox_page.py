"""The inbox's pages with 100,000 messages: what the server takes for one, in the store and in rendering, and how many
bytes a browser loads until it has seen the first.

The application is asked without a network, as its server asks it, through the guard before all pages. "Store" is what
of that is spent in the store, "rendering" what is spent in templates.

    python bench/inbox_page.py [--messages 100000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from inbox import fill, index, word
from machine import shape
from mailsponge import clock
from mailsponge.accounts import Accounts
from mailsponge.auth.check import Checks
from mailsponge.auth.directory import Directory
from mailsponge.auth.guesses import Guesses
from mailsponge.config import Config, Domain, User
from mailsponge.data_place import DataPlace
from mailsponge.routes import Routes
from mailsponge.store.sqlite import SqliteStore
from mailsponge.web import pages
from mailsponge.web.app import make_app
from mailsponge.web.office import Office
from mailsponge.web.security.links import Links
from mailsponge.web.security.sessions import Nowhere, Sessions

PAGE_GOAL = 50.0
SEARCH_GOAL = 100.0
"""Milliseconds of the server's."""
BYTES_GOAL = 100_000
"""Of the first page: the page itself, styles, scripts and icon, as they go over the wire."""
TIMES = 50
HOST = "localhost"
STORE = ("page", "search", "folders", "version", "row", "thread", "message", "content", "mark_seen", "trace")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Visitor:
    """A browser without a network; the first user, let in by a link."""

    def __init__(self, office: Office, loop: asyncio.AbstractEventLoop) -> None:
        self._app = make_app(office)
        self._loop = loop
        self._cookie = ""
        link = office.links.issue()
        token = re.search(r'name="csrf" value="([^"]+)"', self.get(link).body.decode())
        assert token is not None
        self._ask("POST", link, urlencode({"csrf": html.unescape(token[1])}).encode())

    def get(self, path: str) -> Answer:
        """Ask for a page."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        where, _, query = path.partition("?")
        headers = {
            "host": HOST,
            "accept-encoding": "gzip",
            "cookie": self._cookie,
            "sec-fetch-site": "same-origin",
        }
        if body:
            headers["content-type"] = "application/x-www-form-urlencoded"
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": where,
            "raw_path": where.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8025),
            "state": {},
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))  # type: ignore[arg-type]
        told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        self._cookie = told.get("set-cookie", self._cookie).partition(";")[0]
        return Answer(sent[0]["status"], told, b"".join(each.get("body", b"") for each in sent[1:]))


class Spent:
    """Seconds within some functions, of whatever thread: one page is asked for at a time."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def within(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with a watch."""

        def timed(*given: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                self.seconds += time.perf_counter() - begin

        return timed


def office_of(store: SqliteStore, loop: asyncio.AbstractEventLoop) -> Office:
    """An office of one person, without a password."""
    config = Config(
        hostname="mail.example.org",
        data=DataPlace(Path("/nowhere")),
        domains={"localhost": Domain()},
        users={"me": User()},
    )
    accounts = Accounts(config.domains, tuple(config.users), {}, {})
    return Office(
        config=lambda: config,
        store=store,
        accounts=lambda: accounts,
        directory=lambda: Directory(accounts, {}, b""),
        routes=Routes,
        clock=clock.now,
        states=(),
        hostname=config.hostname,
        sessions=Sessions(Nowhere(), clock.now),
        links=Links(clock.now),
        checks=Checks(loop.call_soon_threadsafe),
        guesses=Guesses(),
    )


def wire(answer: Answer) -> int:
    """Bytes over the wire, headers among them."""
    return len(answer.body) + sum(len(name) + len(value) + 4 for name, value in answer.headers.items())


def first_look(visitor: Visitor, path: str) -> int:
    """Bytes until a browser with an empty cache has shown a page."""
    page = visitor.get(path)
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body.decode())
    return wire(page) + sum(wire(visitor.get(each)) for each in dict.fromkeys(loaded))


def measure(store: SqliteStore, visitor: Visitor, in_store: Spent, in_templates: Spent) -> bool:
    """Print what every page costs; whether the goals are met."""
    rows = store.page("me", "Inbox").rows
    older = store.page("me", "Inbox").next
    assert older is not None
    middle = "/mail/me/Inbox?before=1700050000.0_4611686018427387904"
    letter = f"/mail/me/Inbox/{rows[3].id}"
    goals = (
        ("first page", PAGE_GOAL, "/mail/me/Inbox"),
        ("a page in the middle", PAGE_GOAL, middle),
        ("a message", PAGE_GOAL, letter),
        ("its thread", PAGE_GOAL, f"{letter}/thread"),
        ("its trace and headers", PAGE_GOAL, f"{letter}/details"),
        ("search: a word of most messages", SEARCH_GOAL, f"/mail/me?q={word(1)}"),
        ("... a rare one", SEARCH_GOAL, f"/mail/me?q={word(49_999)}"),
        ("... beginnings", SEARCH_GOAL, "/mail/me?q=wab*"),
    )
    met = True
    for name, goal, path in goals:
        spent: list[tuple[float, float, float]] = []
        for _ in range(TIMES):
            in_store.seconds = in_templates.seconds = 0.0
            begin = time.perf_counter()
            answer = visitor.get(path)
            spent.append((time.perf_counter() - begin, in_store.seconds, in_templates.seconds))
            assert answer.status == 200, (path, answer.status)
        whole, stored, rendered = (statistics.median(each) * 1000 for each in zip(*spent, strict=True))
        slowest = max(each[0] for each in spent) * 1000
        met &= whole <= goal
        print(
            f"{name:32s} {whole:6.1f} ms  store {stored:6.1f}  rendering {rendered:5.1f}  slowest {slowest:6.1f}  "
            f"(goal {goal:.0f}: {'met' if whole <= goal else 'MISSED'})"
        )
    octets = first_look(visitor, "/mail/me/Inbox")
    plain = len(visitor.get("/mail/me/Inbox").body)
    met &= octets < BYTES_GOAL
    print(
        f"first page and all it loads: {octets:,} bytes "
        f"(goal {BYTES_GOAL:,}: {'met' if octets < BYTES_GOAL else 'MISSED'})"
    )
    print(f"... of which the page itself: {plain:,}")
    return met


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000, help="in the store (default: 100,000)")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to write (default: the temporary folder)"
    )
    options = parser.parse_args()
    print(shape(options.folder or Path(tempfile.gettempdir())))
    loop = asyncio.new_event_loop()
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        closing(SqliteStore(Path(folder))) as store,
    ):
        fill(store, options.messages)
        index(store)
        in_store, in_templates = Spent(), Spent()
        for name in STORE:
            setattr(store, name, in_store.within(getattr(store, name)))
        pages.rendered = in_templates.within(pages.rendered)
        office = office_of(store, loop)
        met = measure(store, Visitor(office, loop), in_store, in_templates)
        office.checks.close()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
