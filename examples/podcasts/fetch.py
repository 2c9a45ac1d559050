"""HTTP with limits: on time, on size, on what counts as an address.

A server may be down, slow, gone, or lie about how much it sends. Each of these ends as a :class:`FetchError` with a
sentence that a person understands; nothing that came only in part is ever handed on as if it were whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from socket import gaierror
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

LARGEST_FEED = 20_000_000
"""Bytes. The largest feeds of real shows, decades of daily episodes, have about 10 MB."""
LARGEST_ENCLOSURE = 2_000_000_000
"""Bytes: eight hours of stereo at 512 kbit/s."""
FEED_TIMEOUTS, ENCLOSURE_TIMEOUTS = 4, 240
"""How many timeouts a whole download may take, so that a server that drips never holds the run up for good."""
CHUNK = 64 * 1024
NOT_MODIFIED = 304


class FetchError(Exception):
    """Nothing usable came back; the text says why."""


class Validators(NamedTuple):
    """What the server said about the version we have, to be shown to it next time (RFC 9110 section 13)."""

    etag: str | None = None
    modified: str | None = None

    def headers(self) -> dict[str, str]:
        """The conditions that make a GET answer "not modified"."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in conditions.items() if value}


class Page(NamedTuple):
    """A document and where it came from in the end, after redirections."""

    body: bytes
    url: str
    validators: Validators


class Web:
    """Fetches over HTTP and HTTPS; ``timeout`` is how many seconds a server may keep us waiting for a sign of life."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._opener = _opener()

    def page(self, url: str, known: Validators) -> Page | None:
        """Fetch a document; None if it is still the one we have. Raises FetchError."""
        with self._open(url, known.headers()) as response:
            if response.status == NOT_MODIFIED:
                return None
            body = b"".join(self._chunks(response, LARGEST_FEED, FEED_TIMEOUTS * self.timeout))
            headers = response.headers
            return Page(
                body, response.geturl(), Validators(headers.get("ETag"), headers.get("Last-Modified"))
            )

    def save(self, url: str, file: IO[bytes]) -> None:
        """Write what is at ``url`` into ``file``, all of it. Raises FetchError, or OSError if the disk does."""
        with self._open(url, {}) as response:
            for chunk in self._chunks(response, LARGEST_ENCLOSURE, ENCLOSURE_TIMEOUTS * self.timeout):
                file.write(chunk)

    def _open(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        with self._in_plain_words():
            request = Request(_quoted(url), headers={"User-Agent": "podcasts.py", **headers})
            response = self._opener.open(request, timeout=self.timeout)
            assert isinstance(response, HTTPResponse)
            return response

    def _chunks(self, response: HTTPResponse, largest: int, seconds: float) -> Iterator[bytes]:
        """Whatever has come, as it comes. Raises FetchError if it is too much, too slow, or less than was announced."""
        deadline = time.monotonic() + seconds
        came = 0
        while chunk := self._next(response):
            came += len(chunk)
            if came > largest:
                raise FetchError(f"more than {largest // 1_000_000} MB: given up")
            if time.monotonic() > deadline:
                raise FetchError(f"not finished after {seconds:g} s: given up")
            yield chunk
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and came < int(announced):
            raise FetchError(f"the connection broke off after {came} of {announced} bytes")

    def _next(self, response: HTTPResponse) -> bytes:
        with self._in_plain_words():
            return response.read1(CHUNK)

    @contextmanager
    def _in_plain_words(self) -> Iterator[None]:
        """Turn every way the network can fail into a FetchError."""
        try:
            yield
        except HTTPError as error:
            error.close()
            raise FetchError(f"HTTP {error.code} {error.reason}") from error
        except URLError as error:
            raise FetchError(self._words(error.reason)) from error
        except (OSError, HTTPException, ValueError) as error:
            raise FetchError(self._words(error)) from error

    def _words(self, reason: Any) -> str:
        match reason:
            case TimeoutError():
                return f"no answer within {self.timeout:g} s"
            case ConnectionRefusedError():
                return "the connection was refused"
            case ConnectionError():
                return "the connection was closed without an answer"
            case gaierror():
                return f"the host is not found ({reason.strerror})"
        return str(reason) or type(reason).__name__


class _Answers(HTTPErrorProcessor):
    """Takes "not modified" for the good answer it is; other refusals are errors as ever."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        if response.status == NOT_MODIFIED:
            return response
        answer: HTTPResponse = super().http_response(request, response)
        return answer

    https_response = http_response


def _opener() -> OpenerDirector:
    """HTTP and HTTPS and nothing else: urllib's own opener would also read ``file:`` addresses that a feed names."""
    opener = OpenerDirector()
    for handler in (
        HTTPHandler,
        HTTPSHandler,
        ProxyHandler,
        HTTPRedirectHandler,
        HTTPDefaultErrorHandler,
        _Answers,
    ):
        opener.add_handler(handler())
    opener.add_handler(UnknownHandler())
    return opener


def _quoted(url: str) -> str:
    """Feeds name files with spaces and letters beyond ASCII; on the wire these are percent-encoded (RFC 3986)."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]")
