"""A browser without a window or a network: asks an application for pages, keeps its cookie, fills in forms."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

HOST = "localhost:8025"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """The page."""
        return self.body.decode("utf-8")

    def header(self, name: str) -> str:
        """A header's value; empty if it was not sent."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def token(self) -> str:
        """The token of the page's forms."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        return html.unescape(found[1]) if found else ""


class Browser:
    """One that behaves: it says where its forms come from, and keeps cookies as it is told."""

    def __init__(
        self, app: Any, loop: asyncio.AbstractEventLoop, host: str = HOST, peer: str = "127.0.0.1"
    ) -> None:
        self._app = app
        self._loop = loop
        self.host = host
        self.peer = peer
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        """What it was told to keep, in order and with all attributes."""

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Send a form of one of our pages, with exactly these fields."""
        given = {"origin": f"http://{self.host}", "sec-fetch-site": "same-origin", **_named(headers)}
        given.setdefault("content-type", "application/x-www-form-urlencoded")
        return self.ask("POST", path, urlencode(fields or {}).encode(), given)

    def send(self, page: str, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Load a page, and send its form."""
        return self.post(path, {"csrf": self.get(page).token, **(fields or {})}, **headers)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request as it is. An empty header is left out."""
        given = {"host": self.host, **_named(headers or {})}
        if self.cookies:
            given.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        answer = self._loop.run_until_complete(self._exchange(method, path, body, _without_empty(given)))
        for name, value in answer.headers:
            if name == "set-cookie":
                self._keep(value)
        return answer

    def _keep(self, value: str) -> None:
        self.set_cookies.append(value)
        name, _, rest = value.partition("=")
        content = rest.partition(";")[0]
        if content:
            self.cookies[name] = content
        else:
            self.cookies.pop(name, None)

    async def _exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(path) if not path.startswith("//") else urlsplit(f"http://x{path}")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            "client": (self.peer, 40000),
            "server": ("127.0.0.1", 8025),
            "state": {},
        }
        gone = asyncio.Event()
        pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        gone.set()
        start = sent[0]
        told = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
        return Answer(start["status"], told, b"".join(each.get("body", b"") for each in sent[1:]))


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    """``sec_fetch_site`` for ``sec-fetch-site``."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _without_empty(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value}
