"""Every way the feed server can fail, as the client hears of it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import fetch
import pytest
from feedserver import Answer, Breakage, FeedServer
from fetch import FetchError, Validators, Web

FEED = "soendag.xml"
NEW = Validators()


@contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says to its one client what ``talk`` says."""

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            talk(peer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_a_document_comes_whole_with_its_validators(feeds: FeedServer) -> None:
    page = Web(5).page(feeds.address(FEED), NEW)
    assert page is not None
    assert page.body == feeds.content(FEED)
    assert page.validators.etag
    assert page.validators.modified


def test_an_unchanged_document_is_not_sent_again(feeds: FeedServer) -> None:
    page = Web(5).page(feeds.address(FEED), NEW)
    assert page is not None
    assert Web(5).page(feeds.address(FEED), page.validators) is None
    assert feeds.answers == [Answer(f"/{FEED}", 200), Answer(f"/{FEED}", 304)]


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (Breakage.NOT_FOUND, "HTTP 404 Not Found"),
        (Breakage.SERVER_ERROR, "HTTP 500 Internal Server Error"),
        (Breakage.SILENT, "no answer within 0.1 s"),
        (Breakage.CUT_OFF, r"the connection broke off after \d+ of \d+ bytes"),
    ],
)
def test_each_breakage_has_its_own_words(feeds: FeedServer, how: Breakage, complaint: str) -> None:
    feeds.break_(FEED, how)
    with pytest.raises(FetchError, match=complaint):
        Web(0.1 if how is Breakage.SILENT else 5).page(feeds.address(FEED), NEW)


def test_a_network_that_is_down_closes_every_connection(feeds: FeedServer) -> None:
    feeds.network_down = True
    with pytest.raises(FetchError, match="closed without an answer"):
        Web(5).page(feeds.address(FEED), NEW)


def test_a_port_where_nobody_listens_refuses() -> None:
    with FeedServer() as feeds:
        url = feeds.address(FEED)
    with pytest.raises(FetchError, match="refused"):
        Web(5).page(url, NEW)


def test_an_audio_file_that_breaks_off_is_no_audio_file(feeds: FeedServer) -> None:
    feeds.break_("audio/tenki-12.wav", Breakage.CUT_OFF)
    with pytest.raises(FetchError, match="broke off"):
        Web(5).save(feeds.address("audio/tenki-12.wav"), io.BytesIO())


def test_a_disk_that_fails_is_not_blamed_on_the_network(feeds: FeedServer) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Web(5).save(feeds.address("audio/tenki-12.wav"), Full())


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "data:,x",
        "nonsense",
        "",
        "http://",
        "http://127.0.0.1:port/",
    ],
)
def test_only_http_addresses_are_fetched(url: str) -> None:
    with pytest.raises(FetchError):
        Web(5).page(url, NEW)


def test_a_redirection_to_a_file_is_not_followed() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.0 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n")

    with answering(talk) as url, pytest.raises(FetchError):
        Web(5).page(url, NEW)


def test_letters_beyond_ascii_and_spaces_in_an_address_are_encoded(feeds: FeedServer) -> None:
    Web(5).save(feeds.address("audio/søndag 1.wav"), io.BytesIO())
    assert feeds.answers == [Answer("/audio/s%C3%B8ndag%201.wav", 200)]


def test_a_document_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST_FEED", 1_000_000)

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            peer.sendall(b"<rss>" * 1_000_000)

    with answering(talk) as url, pytest.raises(FetchError, match="more than 1 MB"):
        Web(5).page(url, NEW)


def test_a_document_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FEED_TIMEOUTS", 0)

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n<rss>")

    with answering(talk) as url, pytest.raises(FetchError, match="not finished after 0 s"):
        Web(5).page(url, NEW)


def test_chunks_that_stop_short_are_an_error() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n")

    with answering(talk) as url, pytest.raises(FetchError):
        Web(5).page(url, NEW)


def test_an_answer_that_is_no_http_is_an_error() -> None:
    with answering(lambda peer: peer.sendall(b"220 hello\r\n")) as url, pytest.raises(FetchError):
        Web(5).page(url, NEW)
