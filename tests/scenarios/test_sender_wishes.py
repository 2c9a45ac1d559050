"""What a sender may wish to hear (RFC 3461), through the whole server.

Of success here or at the next hop, under a name of their own for the message, with as much of it as they like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit.busy_office import SENDER
from kit.mail_server import MailServer
from kit.office import Office
from kit.posted import Posted
from kit.smtp_server import SmtpServer

SETTINGS = """
[domains."example.org"]
[users.me]
[users.sender]
[aliases]
box = "box@far.example"
never = "never@far.example"
[routes]
"far.example" = "smtp://127.0.0.1:{port}"
"""
HERE, AWAY, NEVER = "me@example.org", "box@example.org", "never@example.org"


class Post:
    """A server, another one that offers what it is told to, and a sender with wishes."""

    def __init__(self, at_end: ExitStack, folder: Path, *extensions: str) -> None:
        self.far = at_end.enter_context(
            SmtpServer({"RCPT never@far.example": "550 5.1.1 No such user here"}, extensions=extensions)
        )
        server = MailServer(folder, SETTINGS.format(port=self.far.port))
        server.start()
        at_end.callback(server.stop)
        self.office = Office(server.place)
        self._line = at_end.enter_context(Posted().line(server.port))

    def send(self, recipient: str, rcpt: str = "", mail: str = "") -> None:
        assert self._line.post(SENDER, recipient, rcpt=rcpt, mail=mail, size=1000).taken

    def reports(self) -> list[str]:
        """What has come to the sender, once nothing waits any more."""
        self.office.wait_until_nothing_waits()
        return [content.decode() for content in self.office.contents("sender")]

    def report(self) -> str:
        [only] = self.reports()
        return only


Open = Callable[..., Post]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Open]:
    """Opens a post office; what the other server offers is named."""
    with ExitStack() as at_end:
        yield lambda *extensions: Post(at_end, tmp_path, *extensions)


def fields(report: str, *names: str) -> list[str]:
    """What the part for programs says; empty for what it does not."""
    found = (re.search(rf"^{name}: (.+?)\r$", report, re.MULTILINE) for name in names)
    return [match[1] if match else "" for match in found]


def test_success_here_is_told_once_it_lies_in_the_mailbox(post: Open) -> None:
    at = post()
    at.send(HERE, " NOTIFY=SUCCESS")
    report = at.report()
    assert fields(report, "Action", "Status", "Final-Recipient") == ["delivered", "2.0.0", f"rfc822; {HERE}"]
    assert len(at.office.contents("me")) == 1


def test_a_next_hop_that_tells_of_success_itself_is_handed_the_wish(post: Open) -> None:
    at = post("DSN")
    at.send(AWAY, f" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;{AWAY}", " RET=HDRS ENVID=QQ314159")
    assert at.reports() == []
    [mail, rcpt] = [command for command in at.far.commands if command.startswith(("MAIL", "RCPT"))]
    assert "RET=HDRS" in mail
    assert "ENVID=QQ314159" in mail
    assert "NOTIFY=SUCCESS,DELAY" in rcpt
    assert f"ORCPT=rfc822;{AWAY}" in rcpt


def test_of_one_that_does_not_the_sender_hears_that_it_went_on(post: Open) -> None:
    at = post()
    at.send(AWAY, " NOTIFY=SUCCESS", " ENVID=QQ+3D1")
    report = at.report()
    assert fields(report, "Action", "Original-Envelope-Id") == ["relayed", "QQ=1"]
    assert all("NOTIFY" not in command and "ENVID" not in command for command in at.far.commands)


def test_who_wishes_to_hear_nothing_hears_nothing(post: Open) -> None:
    at = post()
    at.send(NEVER, " NOTIFY=NEVER")
    at.send(NEVER, " NOTIFY=SUCCESS")
    at.send(AWAY, " NOTIFY=FAILURE")
    at.send(HERE)
    assert at.reports() == []


@pytest.mark.parametrize(
    ("mail", "kind", "is_whole"),
    [
        ("", "message/rfc822", True),
        (" RET=FULL", "message/rfc822", True),
        (" RET=HDRS", "text/rfc822-headers", False),
    ],
)
def test_as_much_of_the_message_comes_back_as_was_wished(
    post: Open, mail: str, kind: str, is_whole: bool
) -> None:
    at = post()
    at.send(NEVER, mail=f"{mail} ENVID=QQ314159")
    report = at.report()
    assert fields(report, "Action", "Original-Envelope-Id") == ["failed", "QQ314159"]
    assert f"Content-Type: {kind}\r\n" in report
    assert "Subject: letter t1\r\n" in report
    assert ("x" * 76 in report) == is_whole


def test_of_several_recipients_each_is_told_as_was_wished_for_it(post: Open) -> None:
    at = post()
    at.send(HERE, " NOTIFY=SUCCESS,FAILURE")
    at.send(NEVER, " NOTIFY=FAILURE ORCPT=rfc822;somebody+2Belse@example.net")
    told = sorted(fields(report, "Action", "Original-Recipient") for report in at.reports())
    assert told == [["delivered", ""], ["failed", "rfc822; somebody+else@example.net"]]
