"""Rules of finding mail on the command line, and of putting it away."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from mailsponge.cli import main
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance, Delivery
from mailsponge.store.sqlite import SqliteStore

ARRIVED = 1769844600.0


class Post:
    """A data directory with mail in it."""

    def __init__(self, data) -> None:
        self.data = data

    def keep(self, subject: str, *mailboxes: str, waits: bool = False) -> int:
        """Put a message into mailboxes, or into the queue."""
        store = SqliteStore(self.data)
        incoming = store.incoming()
        incoming.write(f"From: a@b.example\r\nSubject: {subject}\r\n\r\nHello.\r\n".encode())
        to = parse("me@example.org")
        deliveries = (Delivery(0, to, "", "example.org"),) if waits else ()
        incoming.accept(
            Acceptance(
                Envelope(parse("s@b.example"), (to,)),
                mailboxes,
                ARRIVED,
                "peer",
                "helo",
                ("why",),
                (),
                deliveries,
            ),
            lambda fault: None,
        )
        store.close()
        return incoming.id

    def mail(self, *arguments: str) -> Result:
        """Run ``mailsponge mail``."""
        return CliRunner().invoke(main, ["mail", arguments[0], "--data", str(self.data), *arguments[1:]])

    def found(self, *words: str) -> list[int]:
        """The ids that a search finds."""
        return [each["id"] for each in json.loads(self.mail("search", "--json", *words).stdout)]

    def listed(self) -> list[int]:
        """The ids of ``mail list``."""
        return [each["id"] for each in json.loads(self.mail("list", "--json").stdout)]


@pytest.fixture
def post(tmp_path):
    return Post(tmp_path / "data")


def test_a_search_finds_what_has_all_words_in_every_mailbox(post):
    first, second = post.keep("backup failed", "me"), post.keep("backup done", "you")

    assert post.found("backup") == [second, first]
    assert post.found("backup", "failed") == [first]
    assert post.found("backup failed") == [first]
    assert post.found("--user", "YOU", "backup") == [second]


def test_scripts_are_told_the_folder_too(post):
    number = post.keep("backup", "me")

    (found,) = json.loads(post.mail("search", "--json", "backup").stdout)
    assert (found["id"], found["mailbox"], found["folder"]) == (number, "me", "Inbox")
    assert found["arrived_at"] == "2026-01-31T07:30:00Z"


def test_people_see_a_list(post):
    post.keep("backup failed", "me")

    assert "backup failed" in post.mail("search", "backup").stdout
    assert "No mail has all of these words" in post.mail("search", "nothing").stderr


def test_what_is_shown_is_harmless_to_a_terminal(post):
    post.keep("backup \x1b[31mred", "me")

    assert "\x1b[31m" not in post.mail("search", "backup").stdout


def test_what_was_deleted_is_neither_listed_nor_found_and_can_be_taken_back(post):
    number = post.keep("backup", "me", "you")

    said = post.mail("delete", str(number))
    assert said.exit_code == 0
    assert f"mailsponge mail restore {number}" in said.stderr
    assert post.listed() == post.found("backup") == []

    assert post.mail("restore", str(number)).exit_code == 0
    assert post.listed() == post.found("backup") == [number, number]


def test_it_is_deleted_for_one_user_alone_where_that_is_asked_for(post):
    number = post.keep("backup", "me", "you")
    post.mail("delete", "--user", "Me", str(number))

    assert [each["mailbox"] for each in json.loads(post.mail("list", "--json").stdout)] == ["you"]


def test_several_are_deleted_at_once_and_a_second_time_does_nothing(post):
    numbers = [str(post.keep("backup", "me")) for _ in range(2)]

    assert post.mail("delete", *numbers).exit_code == 0
    assert post.listed() == []
    assert "already" in post.mail("delete", numbers[0]).stderr


def test_what_was_not_deleted_cannot_be_taken_back(post):
    number = post.keep("backup", "me")

    assert "was not in the Trash" in post.mail("restore", str(number)).stderr


@pytest.mark.parametrize("command", ["delete", "restore"])
def test_a_mail_that_there_is_not_is_an_error(post, command):
    post.keep("backup", "me")
    said = post.mail(command, "99")

    assert said.exit_code != 0
    assert "there is no mail 99" in said.stderr


def test_a_mail_that_only_waits_is_left_to_the_queue(post):
    number = post.keep("backup", waits=True)
    said = post.mail("delete", str(number))

    assert said.exit_code != 0
    assert f"mailsponge queue delete {number}" in said.stderr


def test_a_mail_of_somebody_else_is_left_alone(post):
    number = post.keep("backup", "me")
    said = post.mail("delete", "--user", "you", str(number))

    assert said.exit_code != 0
    assert post.listed() == [number]
