"""Rules of ``mailsponge queue``: what waits, why and until when; and every change that a person makes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from mailsponge.cli import main
from mailsponge.clock import now
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome
from mailsponge.mail.outcome import Result as Came
from mailsponge.store.protocol import Acceptance, Delivery, HopDown, Settlement
from mailsponge.store.sqlite import SqliteStore

ARRIVED = 1769844600.0
TO = parse("you@example.net")
NEXT_TRY = 4102444800.0  # 2100
REFUSED = Outcome(
    Came.DEFERRED, "4.2.0", "450 4.2.0 Mailbox is busy", "450 4.2.0 Mailbox is busy", "mx.example.net"
)


@pytest.fixture(autouse=True)
def _zone(utc):
    pass


class Post:
    """A data directory with a queue in it."""

    def __init__(self, data) -> None:
        self.data = data

    def keep(self, *recipients: str) -> int:
        """Accept a message for somebody elsewhere."""
        addresses = tuple(map(parse, recipients)) or (TO,)
        store = SqliteStore(self.data)
        incoming = store.incoming()
        incoming.write(b"Return-Path: <me@localhost>\r\nSubject: hello\r\n\r\nhello\r\n")
        deliveries = tuple(
            Delivery(index, address, "", address.domain) for index, address in enumerate(addresses)
        )
        reasons = tuple(f"<{address}> goes out" for address in addresses)
        envelope = Envelope(parse("me@localhost"), addresses)
        kept = Acceptance(
            envelope, (), ARRIVED, "192.0.2.1", "client.example", reasons, deliveries=deliveries
        )
        incoming.accept(kept, lambda fault: None)
        store.close()
        return incoming.id

    def tried(self, outcome: Outcome, *, again: float | None = NEXT_TRY, down: HopDown | None = None) -> None:
        """One attempt for all that waits."""
        store = SqliteStore(self.data)
        dues = [due for parcel in store.claim(TO.domain, 100, now()) for due in parcel.dues]
        store.settle([Settlement(due.id, outcome, now(), again) for due in dues], (), lambda fault: None)
        store.hop_is_down(TO.domain, down)
        store.close()

    def queue(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["queue", "--data", str(self.data), *arguments])

    def listed(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.queue("list", "--json").stdout)
        return found


@pytest.fixture
def post(tmp_path):
    return Post(tmp_path / "data")


def test_a_list_for_scripts_has_every_field(post):
    number = post.keep()
    post.tried(REFUSED)

    [found] = post.listed()
    assert found == {
        "id": number,
        "reverse_path": "me@localhost",
        "size": found["size"],
        "arrived_at": "2026-01-31T07:30:00Z",
        "recipients": [
            {
                "address": "you@example.net",
                "original": "you@example.net",
                "next_hop": "example.net",
                "attempts": 1,
                "next_attempt_at": "2100-01-01T00:00:00Z",
                "last_reply": "450 4.2.0 Mailbox is busy",
                "held": False,
            }
        ],
    }


def test_a_list_for_people_says_why_it_waits_and_until_when(post):
    post.keep()
    post.tried(REFUSED)

    lines = [" ".join(line.split()) for line in post.queue().stdout.splitlines()]
    assert lines == [
        "id arrived from to tries next try why",
        "1 2026-01-31 07:30 <me@localhost> you@example.net 1 2100-01-01 00:00 450 4.2.0 Mailbox is busy",
    ]


def test_a_next_hop_that_is_down_is_why(post):
    post.keep()
    post.tried(REFUSED, again=ARRIVED, down=HopDown(NEXT_TRY, 3, "connection refused"))

    said = " ".join(post.queue("show", "1").stdout.split())
    assert "Next try: 2100-01-01 00:00" in said
    assert "nothing gets through to example.net: connection refused" in said


def test_an_empty_queue_is_said_in_words(post):
    SqliteStore(post.data).close()
    done = post.queue()
    assert done.exit_code == 0
    assert done.stderr == "nothing waits\n"
    assert post.listed() == []


def test_what_is_held_is_released(post):
    number = post.keep()
    assert post.queue("hold", str(number)).stderr == f"{number} held: 1 recipient\n"
    assert "held" in post.queue().stdout
    assert post.queue("release", str(number)).exit_code == 0
    assert post.listed()[0]["recipients"][0]["held"] is False


def test_what_is_deleted_can_be_put_back(post):
    number = post.keep()
    assert "puts it back" in post.queue("delete", str(number)).stderr
    assert post.listed() == []
    assert post.queue("release", str(number)).exit_code == 0
    assert [each["id"] for each in post.listed()] == [number]


def test_retrying_makes_it_due(post):
    number = post.keep("you@example.net", "others@example.net")
    post.tried(REFUSED)
    assert post.queue("retry", str(number)).stderr == f"{number} tried now: 2 recipients\n"
    assert "now" in post.queue().stdout


def test_what_is_held_is_not_said_to_be_tried(post):
    number = post.keep()
    post.queue("hold", str(number))
    said = post.queue("retry", str(number))

    assert (
        said.stderr == f"{number} is held, and not tried: `mailsponge queue release {number}` lets it go on\n"
    )
    assert said.exit_code == 0


def test_all_is_retried_only_when_it_is_asked_for(post):
    post.keep()
    post.keep()
    post.tried(REFUSED)
    assert post.queue("retry").exit_code == 2
    assert post.queue("retry", "1", "--all").exit_code == 2
    assert post.queue("retry", "--all").stderr == "tried now: 2 recipients\n"


@pytest.mark.parametrize("command", ["show", "hold", "release", "retry", "delete"])
def test_what_is_not_in_the_queue_is_said(post, command):
    post.keep()
    done = post.queue(command, "99")
    assert done.exit_code == 1
    assert "99" in done.stderr
    assert "Traceback" not in done.output


def test_one_that_is_not_there_does_not_keep_others_from_it(post):
    number = post.keep()
    done = post.queue("hold", "99", str(number))
    assert done.exit_code == 1
    assert post.listed()[0]["recipients"][0]["held"] is True


def test_a_strangers_control_characters_are_shown(post):
    post.keep()
    post.tried(REFUSED._replace(why="450 \x1b[2J\u202e"))
    assert "\x1b" not in post.queue().stdout
    assert "\x1b" not in post.queue("show", "1").stdout
