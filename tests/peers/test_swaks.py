"""swaks, in what it alone can do: speak for another client, as proxies do. From strangers that is not believed."""

from __future__ import annotations

import pytest

from kit import house as ways
from kit.client import Letter
from kit.house import House
from kit.post import Post
from kit.program_clients import Swaks

LETTER = Letter(b"Subject: hello\r\n\r\nworld\r\n", sender="person@example.net")


@pytest.fixture
def swaks(house: House, run, peer, tmp_path):
    client = Swaks(house, run, peer("swaks"), tmp_path)

    def send(*options: str):
        client.options = options
        return client.send(LETTER, ways.PLAIN)

    return send


def test_xclient_is_offered_to_nobody(swaks, post: Post):
    outcome = swaks("--xclient-addr", "192.0.2.1")

    assert not outcome.succeeded
    assert "Host did not advertise XCLIENT" in outcome.said


@pytest.mark.parametrize(
    "options",
    [
        ("--proxy-version", "1", "--proxy", "TCP4 192.0.2.1 192.0.2.2 1 25"),
        (
            "--proxy-version", "2", "--proxy-family", "AF_INET", "--proxy-protocol", "STREAM", "--proxy-command",
            "PROXY", "--proxy-source", "192.0.2.1", "--proxy-source-port", "1", "--proxy-dest", "192.0.2.2",
            "--proxy-dest-port", "25",
        ),
    ],
    ids=["version 1", "version 2"],
)  # fmt: skip
def test_nobody_is_believed_who_says_proxy(swaks, options, post: Post):
    outcome = swaks(*options)

    assert not outcome.succeeded
    assert " 500 5.5." in outcome.said
    assert post.letters("me") == []
