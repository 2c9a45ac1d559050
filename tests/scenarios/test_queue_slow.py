"""Rules of destinations that are slow: what goes to others never waits for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit.awaited import until
from kit.black_hole import silent_port
from kit.busy_office import SENDER
from kit.mail_server import MailServer
from kit.office import Office, in_maildir
from kit.posted import Posted, tokens
from kit.smtp_server import Answer, SmtpServer, drips, drips_lines, says_nothing

MANY = 300
LIVE = 40
HOPS = 60
"""Silent next hops: with five attempts each, more than are made at a time."""


class Post:
    """A server, other servers by their domains, and letters to them."""

    def __init__(self, folder: Path, at_end: ExitStack) -> None:
        self._folder = folder
        self._at_end = at_end
        self._ports: dict[str, int] = {}
        self.posted = Posted()
        self.office = Office(self._server("").place)
        self.live = self.opens("live", {})

    def opens(self, name: str, answers: dict[str, Answer]) -> SmtpServer:
        """Let there be another server, where an address of this name is."""
        server = self._at_end.enter_context(SmtpServer(answers))
        self._ports[name] = server.port
        return server

    def is_silent(self, name: str) -> None:
        """Let there be one that takes connections and says nothing."""
        self._ports[name] = self._at_end.enter_context(silent_port())

    def start(self, settings: str = "") -> None:
        server = self._server(settings)
        server.start()
        self._at_end.callback(server.kill)  # nobody needs to wait for what hangs
        self._line = self._at_end.enter_context(self.posted.line(server.port))

    def _server(self, settings: str) -> MailServer:
        aliases = "".join(f'{name} = "box@{name}.example"\n' for name in self._ports)
        routes = "".join(
            f'"{name}.example" = "smtp://127.0.0.1:{port}"\n' for name, port in self._ports.items()
        )
        page = f'[domains."example.org"]\n[aliases]\n{aliases}[routes]\n{routes}{settings}[users.sender]\n'
        return MailServer(self._folder, page, user="nobody" if os.geteuid() == 0 else None)

    def send(self, name: str, number: int) -> list[str]:
        """Post so many letters; returns their tokens."""
        letters = [self._line.post(SENDER, f"{name}@example.org") for _ in range(number)]
        assert all(letter.taken for letter in letters)
        return [letter.token for letter in letters]

    def all_of_it_comes_to_the_live_one(self, number: int = LIVE) -> None:
        sent = self.send("live", number)
        until(
            lambda: set(sent) <= tokens(mail.content for mail in self.live.mails).keys(),
            lambda: f"{len(self.live.mails)} of {number} have come",
        )

    def all_else_waits(self) -> None:
        until(lambda: len(self.office.waiting()) == MANY, lambda: f"{len(self.office.waiting())} wait")


@pytest.fixture
def post(folder: Path) -> Iterator[Post]:
    with ExitStack() as at_end:
        yield Post(folder, at_end)


SLOW: dict[str, dict[str, Answer]] = {
    "drips": {"greeting": drips},
    "talks-on": {"EHLO": drips_lines},
    "deaf": {"MAIL": says_nothing},
    "hangs-at-the-end": {"end of data": says_nothing},
}


@pytest.mark.parametrize("slow", ["silent", *SLOW])
def test_one_that_hangs_keeps_nobody_else_waiting(post: Post, slow: str) -> None:
    if slow == "silent":
        post.is_silent("slow")
    else:
        post.opens("slow", SLOW[slow])
    post.start()
    post.send("slow", MANY)
    post.all_of_it_comes_to_the_live_one()
    post.all_else_waits()


def test_nor_do_many_that_hang_all_at_once(post: Post) -> None:
    for number in range(HOPS):
        post.is_silent(f"silent{number}")
    post.start()
    for number in range(HOPS):
        post.send(f"silent{number}", MANY // HOPS)
    post.all_of_it_comes_to_the_live_one()
    post.all_else_waits()


def test_nor_does_a_program_that_hangs(post: Post, folder: Path) -> None:
    stuck = '[users.stuck]\ndeliver = "pipe:/bin/sleep 1000"\n'
    reader = f'[users.reader]\ndeliver = "maildir:{folder}/reader"\n'
    post.start(stuck + reader)
    post.send("stuck", MANY)
    sent = post.send("reader", LIVE)
    until(
        lambda: set(sent) <= in_maildir(folder / "reader").keys(), lambda: str(in_maildir(folder / "reader"))
    )
    post.all_of_it_comes_to_the_live_one()
    post.all_else_waits()
