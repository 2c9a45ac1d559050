"""Rules of ``mailsponge trace``: a story in order, for people and for scripts, whatever strangers put into it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from mailsponge.cli import main
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance, Step
from mailsponge.store.sqlite import SqliteStore

ARRIVED = 1769844600.0
LETTER = b"From: s@b.example\r\nMessage-ID: <1@client.example>\r\n\r\nhello\r\n"


@pytest.fixture(autouse=True)
def _zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")


class Post:
    """A data directory with mail in it."""

    def __init__(self, data) -> None:
        self.data = data

    def keep(self, helo: str = "client.example") -> int:
        store = SqliteStore(self.data)
        incoming = store.incoming()
        incoming.write(LETTER)
        steps = (
            Step(ARRIVED, "came", "ESMTP"),
            Step(ARRIVED + 1, "refused", "<x@example.org> unknown"),
            Step(ARRIVED + 2, "complete", "all of it has come"),
        )
        envelope = Envelope(parse("s@b.example"), (parse("me@example.org"),))
        kept = Acceptance(envelope, ("me",), ARRIVED, "192.0.2.1", helo, ("<me@example.org> user me",), steps)
        incoming.accept(kept, lambda fault: None)
        store.close()
        return incoming.id

    def trace(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["trace", "--data", str(self.data), *arguments])


@pytest.fixture
def post(tmp_path):
    return Post(tmp_path / "data")


def test_a_story_for_people_is_a_line_a_step(post):
    number = post.keep()

    lines = [" ".join(line.split()) for line in post.trace(str(number)).stdout.splitlines()]
    assert lines == [
        "id when what why",
        f"{number} 2026-01-31 07:30:00 came from 192.0.2.1 by ESMTP, and called itself client.example",
        f"{number} 2026-01-31 07:30:00 sender <s@b.example>",
        f"{number} 2026-01-31 07:30:00 admitted <me@example.org> user me",
        f"{number} 2026-01-31 07:30:01 refused <x@example.org> unknown",
        f"{number} 2026-01-31 07:30:02 complete all of it has come",
        f"{number} 2026-01-31 07:30:02 delivered into the mailbox me, {len(LETTER)} bytes, by being accepted",
    ]


def test_a_story_for_scripts_is_a_list_of_steps(post):
    number = post.keep()

    steps = json.loads(post.trace(str(number), "--json").stdout)
    assert steps[3] == {
        "id": number,
        "at": "2026-01-31T07:30:01Z",
        "what": "refused",
        "why": "<x@example.org> unknown",
    }
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)


@pytest.mark.parametrize("text", ["<1@client.example>", "1@client.example"])
def test_a_message_is_found_by_its_message_id(post, text):
    first, second = post.keep(), post.keep()

    steps = json.loads(post.trace(text, "--json").stdout)
    assert list(dict.fromkeys(step["id"] for step in steps)) == [second, first]


def test_who_opened_it_is_part_of_the_story(post):
    number = post.keep()
    CliRunner().invoke(main, ["mail", "show", str(number), "--data", str(post.data)])

    steps = json.loads(post.trace(str(number), "--json").stdout)
    assert (steps[-1]["what"], steps[-1]["why"]) == ("opened", "in the mailbox me")


@pytest.mark.parametrize("which", ["99", "<2@client.example>", "0", "nonsense"])
def test_what_is_not_there_is_an_error_that_says_where_to_look(post, which):
    post.keep()
    done = post.trace(which)

    assert (done.exit_code, done.stdout) == (1, "")
    assert ("mail list" in done.stderr) or ("log says why" in done.stderr)


def test_what_could_drive_a_terminal_is_shown_as_an_escape(post):
    number = post.keep(helo="\x1b[31m\u202e\r\n")

    for arguments in [str(number)], [str(number), "--json"]:
        said = post.trace(*arguments).stdout
        assert "\x1b" not in said
        assert "\u202e" not in said
