"""A web server of podcast feeds that fails on demand, for the demo and the tests.

It serves the files in ``feeds/`` with its own address in place of ``https://podcasts.example``, and a short tone for
every ``/audio/….wav``. While it runs, one address or the whole network can be broken and mended again.
"""

from __future__ import annotations

import enum
import hashlib
import io
import math
import threading
import wave
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

FEEDS = Path(__file__).parent / "feeds"
WRITTEN_FOR = b"https://podcasts.example"


class Breakage(enum.Enum):
    """How an address can fail. The value is what a person would say."""

    NOT_FOUND = "is gone (404)"
    SERVER_ERROR = "answers with an error (500)"
    SILENT = "does not answer"
    MALFORMED = "sends malformed XML"
    CUT_OFF = "breaks off in the middle"


class Answer(NamedTuple):
    """What the server said to one request."""

    path: str
    status: int


class FeedServer:
    """The server, on a free port of this machine alone, from ``with`` until it is left."""

    def __init__(self, folder: Path = FEEDS) -> None:
        self.folder = folder
        self.network_down = False
        """True: every connection is closed before a word is said."""
        self.answers: list[Answer] = []
        """All answers so far, in order."""
        self._broken: dict[str, Breakage] = {}
        self._mended = threading.Condition()
        self._http = _Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The server's own address, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def address(self, name: str) -> str:
        """The address of one file."""
        return f"{self.url}/{name}"

    def break_(self, name: str, how: Breakage) -> None:
        """From now on ``name`` (``tenki.xml``, ``audio/tenki-12.wav``) fails in this way."""
        self._broken[name] = how

    def mend(self, name: str) -> None:
        """``name`` works again; whoever waits for it is let go."""
        self._broken.pop(name, None)
        with self._mended:
            self._mended.notify_all()

    def mend_all(self) -> None:
        """Everything works again, the network too."""
        self.network_down = False
        for name in tuple(self._broken):
            self.mend(name)

    def how(self, name: str) -> Breakage | None:
        """How ``name`` is broken, if it is."""
        return self._broken.get(name)

    def wait_until_mended(self, name: str) -> None:
        """Say nothing for as long as ``name`` is silent."""
        with self._mended:
            self._mended.wait_for(lambda: self.how(name) is not Breakage.SILENT)

    def content(self, name: str) -> bytes | None:
        """What is at ``name``; None for nothing."""
        if name.startswith("audio/") and name.endswith(".wav"):
            return tone(name)
        if name in {path.name for path in self.folder.iterdir()}:
            return (self.folder / name).read_bytes().replace(WRITTEN_FOR, self.url.encode())
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self.mend_all()  # lets the silent ones finish, for server_close waits for them
        self._http.server_close()
        self._thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, feeds: FeedServer) -> None:
        self.feeds = feeds
        super().__init__(("127.0.0.1", 0), _Request)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self.feeds.network_down


class _Request(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 10

    def do_GET(self) -> None:
        """Answer, or fail as told."""
        feeds = self.server.feeds
        name = urlsplit(self.path).path.lstrip("/").replace("%20", " ")
        match feeds.how(name):
            case Breakage.NOT_FOUND:
                self._refuse(404)
            case Breakage.SERVER_ERROR:
                self._refuse(500)
            case Breakage.SILENT:
                feeds.wait_until_mended(name)
            case how:
                self._answer(feeds.content(name), how)

    def _answer(self, body: bytes | None, how: Breakage | None) -> None:
        if body is None:
            self._refuse(404)
        elif how is Breakage.MALFORMED:
            self._send(body.replace(b"</title>", b" & more</title>", 1))
        elif self.headers.get("If-None-Match") == _etag(body):
            self._refuse(304)
        else:
            self._send(body, cut=how is Breakage.CUT_OFF)

    def _refuse(self, status: int) -> None:
        self.server.feeds.answers.append(Answer(self.path, status))
        self.send_response(status)
        self.end_headers()

    def _send(self, body: bytes, *, cut: bool = False) -> None:
        self.server.feeds.answers.append(Answer(self.path, 200))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", _etag(body))
        self.send_header("Last-Modified", formatdate(0, usegmt=True))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: object) -> None:
        """Say nothing: `answers` holds it."""


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def tone(name: str) -> bytes:
    """Half a second of sound as a WAV file, a pitch for each name."""
    rate, pitch = 8000, 220 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big") % 660
    samples = bytes(round(128 + 80 * math.sin(math.tau * pitch * i / rate)) for i in range(rate // 2))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 1, rate, len(samples), "NONE", ""))
        sound.writeframes(samples)
    return file.getvalue()
