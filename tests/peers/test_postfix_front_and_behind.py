"""Postfix in front of this server, and behind it, with the very settings that docs/how-to/postfix.md shows."""

from __future__ import annotations

import os
import re
import smtplib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_runner import blocks

from kit import peers
from kit.awaited import awaited
from kit.mail_server import PATIENCE, MailServer
from kit.post import Post
from private_postfix import IPV4, PrivatePostfix, Unavailable

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "postfix.md"
HELLO = b"Subject: Hello\r\n\r\nGood morning.\r\n"


def shown(name: str) -> str:
    """A block of the page."""
    [text] = [block.text for block in blocks(PAGE) if block.words == name]
    return text


# In front


@pytest.fixture(scope="module")
def behind() -> Iterator[MailServer]:
    """The post office that has the mailboxes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = re.sub(
            r"^hostname.*\n|^\[smtp\]\nlisten.*\n", "", shown("behind.toml"), flags=re.MULTILINE
        )
        server = MailServer(Path(folder), settings.replace("127.0.0.1:2424", "127.0.0.1:0"))
        server.start()
        yield server
        assert server.stop() == 0


@pytest.fixture(scope="module")
def front(behind: MailServer) -> Iterator[PrivatePostfix]:
    """Postfix, which talks to the world."""
    [lmtp] = behind.addresses["lmtp"]
    settings = shown("front").replace("127.0.0.1:2424", lmtp)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        try:
            with PrivatePostfix(Path(folder), [], f"{IPV4}mynetworks = 192.0.2.0/24\n{settings}") as postfix:
                yield postfix
        except Unavailable as reason:
            peers.missing(str(reason))


@pytest.fixture
def post(behind: MailServer) -> Iterator[Post]:
    post = Post(behind)
    yield post
    post.empty()


@pytest.fixture
def stranger(front: PrivatePostfix) -> Iterator[smtplib.SMTP]:
    """Somebody from outside, in a session with Postfix."""
    with smtplib.SMTP("127.0.0.1", front.port, "client.example.net", timeout=PATIENCE) as smtp:
        yield smtp


def sent(front: PrivatePostfix, recipient: str) -> str:
    """Wait until Postfix knows what became of the mail; what it says of it."""
    found = re.compile(
        rf" to=<{re.escape(recipient)}>,.* dsn=2\.0\.0, status=sent \((.*Taken as.*)\)\n"
    ).search
    match = awaited(found, front.log)
    assert match
    return match[1]


@pytest.mark.parametrize("recipient", ["me@example.org", "me+news@example.org", "postmaster@example.org"])
def test_mail_for_those_who_live_here_comes_through(
    front: PrivatePostfix, stranger: smtplib.SMTP, post: Post, recipient: str
):
    stranger.sendmail("you@example.net", [recipient], HELLO)

    assert sent(front, recipient).startswith("250 2.0.0 Taken as ")
    [letter] = post.letters("me")
    assert letter.startswith(b"Return-Path: <you@example.net>\r\n")
    assert b" with LMTP " in letter
    assert letter.endswith(b"\r\n\r\nGood morning.\r\n")


def test_nobody_else_is_taken_mail_for_so_nothing_has_to_be_bounced(stranger: smtplib.SMTP, post: Post):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        stranger.sendmail("you@example.net", ["nobody@example.org"], HELLO)

    code, words = refused.value.recipients["nobody@example.org"]
    assert code == 550
    assert b"nobody of that name lives here" in words or b"5.1.1" in words


def test_strangers_are_not_relayed_for(stranger: smtplib.SMTP):
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        stranger.sendmail("you@example.net", ["them@example.com"], HELLO)


def test_each_recipient_has_a_mail(front: PrivatePostfix, stranger: smtplib.SMTP, post: Post):
    stranger.sendmail("you@example.net", ["me@example.org", "you@example.org"], HELLO)

    sent(front, "you@example.org")
    assert len(post.letters("you")) == 1


# Behind


@pytest.fixture(scope="module")
def smarthost() -> Iterator[PrivatePostfix]:
    """Postfix, which sends on what it is handed; here that ends with it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        settings = shown("behind").replace("127.0.0.0/8", "127.0.0.0/8, 192.0.2.0/24")
        try:
            with PrivatePostfix(Path(folder), ["them"], f"{IPV4}{settings}") as postfix:
                yield postfix
        except Unavailable as reason:
            peers.missing(str(reason))


@pytest.fixture
def sender(smarthost: PrivatePostfix, tmp_path: Path) -> Iterator[MailServer]:
    """The post office of who sends; programs on this machine hand it their mail."""
    relay = (
        shown("before.toml").partition("[domains.")[2].replace("127.0.0.1:25", f"127.0.0.1:{smarthost.port}")
    )
    server = MailServer(tmp_path, f'[local]\nsocket = "{tmp_path}/submit"\n[domains.{relay}')
    server.start()
    yield server
    assert server.stop() == 0


def hand_over(server: MailServer, recipient: str) -> None:
    """As a program on the server's machine does."""
    with UnixSmtp(server.addresses["local"][0]) as smtp:
        smtp.sendmail("me@example.org", [recipient], HELLO)


class UnixSmtp(smtplib.SMTP):
    """SMTP through a Unix socket."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(PATIENCE)
        connected.connect(host)
        return connected


def test_mail_for_elsewhere_goes_by_postfix(smarthost: PrivatePostfix, sender: MailServer):
    hand_over(sender, smarthost.recipient("them"))

    awaited(re.compile(r" to=<them@\S+>,.* status=sent ").search, smarthost.log)
    assert smarthost.delivered("them") == 1
    awaited(re.compile(r"relayed .*250 2\.0\.0 Ok: .*queued as").search, sender.log.read_text)


def test_whom_postfix_refuses_the_sender_hears_of_at_once(smarthost: PrivatePostfix, sender: MailServer):
    hand_over(sender, "nobody@" + smarthost.recipient("them").partition("@")[2])

    awaited(re.compile(r"failed .*550 5\.1\.1 <nobody@").search, sender.log.read_text)
    awaited(lambda _: Post(sender).letters("me"), sender.log.read_text)
    [report] = Post(sender).letters("me")
    assert report.startswith(b"Return-Path: <>\r\n")
    assert b"User unknown in virtual mailbox table" in report


def test_while_postfix_is_down_mail_waits(sender: MailServer, smarthost: PrivatePostfix):
    smarthost.stop()
    hand_over(sender, smarthost.recipient("them"))

    awaited(re.compile(r"deferred .*127\.0\.0\.1 does not answer: ").search, sender.log.read_text)
