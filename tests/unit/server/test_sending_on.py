"""Rules of who may send mail elsewhere, and of what is said of it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from mailsponge.accounts import Accounts, Deliver
from mailsponge.auth import hashing
from mailsponge.auth.directory import Directory
from mailsponge.auth.verifiers import Verifiers
from mailsponge.deliveries import MOST_DELIVERIES
from mailsponge.errors import StoreError
from mailsponge.routes import NextHop, Routes
from mailsponge.server.role import LMTP, LOCAL, SUBMISSIONS
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Acceptance

PASSWORD = "correct horse battery staple"

ACCOUNTS = Accounts(
    ["example.org", "localhost"],
    ["me", "you", "ann"],
    {
        "out": ["they@elsewhere.example"],
        "team": ["me", "they@elsewhere.example", "they@lan.example"],
        "many": [f"a{number}@elsewhere.example" for number in range(MOST_DELIVERIES)],
    },
    deliver={"ann": Deliver.parse("maildir:~/Maildir")},
)

RELAYING = [
    "to@elsewhere.example",
    "to%elsewhere.example@example.org",
    "out%elsewhere.example@example.org",
    "they@elsewhere.example@example.org",
    '"they@elsewhere.example"@example.org',
    "elsewhere.example!to@example.org",
    "nobody+out@example.org",
    "to+out@elsewhere.example",
    "@example.org:to@elsewhere.example",
    "to@lan.example",
    "to@[192.0.2.1]",
]


class Noting(MemoryStore):
    """Notes what it is given."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.acceptances: list[Acceptance] = []

    def take(self, message_id: int, acceptance: Acceptance, content: bytes) -> StoreError | None:
        """Note it, and keep it."""
        self.acceptances.append(acceptance)
        return super().take(message_id, acceptance, content)


@pytest.fixture
def sending(rules: Any) -> Any:
    """Somebody has a mailbox, somebody a Maildir; one domain has a route."""
    password = Verifiers(hashing.argon2id(PASSWORD, b"salt of 16 bytes"), None)
    return rules._replace(
        accounts=ACCOUNTS,
        directory=Directory(ACCOUNTS, {"me": password}, b"secret"),
        routes=Routes(None, {"lan.example": NextHop("10.0.0.2:25", "10.0.0.2", mx=False)}),
        trusted=frozenset({0}),
    )


@pytest.fixture
def open_house(open_post: Any, sending: Any) -> Any:
    def opened(**way: Any) -> Any:
        return open_post(sending, make_store=lambda call: Noting(call=call), **way)

    return opened


@pytest.fixture
def house(open_house: Any) -> Iterator[Any]:
    """Where strangers bring mail."""
    with open_house() as running:
        yield running


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger="mailsponge.server")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "mailsponge.server"]


def logged_in(office: Any) -> Any:
    client = office.greeted()
    secret = base64.b64encode(f"\0me\0{PASSWORD}".encode()).decode()
    assert client.say(f"AUTH PLAIN {secret}").startswith("235 ")
    return client


def post(client: Any, sender: str, *recipients: str) -> str:
    assert client.say(f"MAIL FROM:<{sender}>").startswith("250 ")
    for recipient in recipients:
        assert client.say(f"RCPT TO:{recipient}").startswith("250 ")
    client.say("DATA")
    return client.say("Subject: x\r\n\r\nx\r\n.")


@pytest.mark.parametrize("sender", ["", "me@example.org", "they@elsewhere.example"])
@pytest.mark.parametrize("recipient", RELAYING)
def test_a_stranger_sends_nothing_elsewhere(house, sender, recipient):
    with house.greeted() as client:
        client.say(f"MAIL FROM:<{sender}>")
        assert client.say(f"RCPT TO:<{recipient}>").startswith("55")
        assert client.say("DATA")[:3] in ("503", "554")


def test_a_stranger_reaches_those_who_have_their_mail_sent_on(house):
    with house.greeted() as client:
        assert post(client, "a@b.example", "<out@example.org>", "<out+x@example.org>").startswith("250 ")

    [acceptance] = house.store.acceptances
    assert [str(delivery.address) for delivery in acceptance.deliveries] == ["they@elsewhere.example"]
    assert acceptance.reasons[0].endswith(
        "alias out leads to they@elsewhere.example; next hop: elsewhere.example"
    )


def test_who_has_logged_in_sends_anywhere_as_themselves_alone(open_house, certificate):
    with open_house(role=SUBMISSIONS, certificate=certificate) as office, logged_in(office) as client:
        assert client.say("MAIL FROM:<you@example.org>").startswith("553")
        assert client.say("MAIL FROM:<they@elsewhere.example>").startswith("553")
        assert client.say("MAIL FROM:<out@example.org>").startswith("553")
        assert post(client, "me@example.org", "<x@elsewhere.example>", "<y@[192.0.2.1]>").startswith("250 ")

        [acceptance] = office.store.acceptances
        assert [delivery.next_hop for delivery in acceptance.deliveries] == [
            "elsewhere.example",
            "[192.0.2.1]",
        ]


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("nobody@example.org", "550 5.1.1"),
        ("to%elsewhere.example@example.org", "550 5.1.1"),
        ("elsewhere.example!to@localhost", "550 5.1.1"),
        ("@example.org:to@elsewhere.example", "553 5.1.3"),
        ("to@sub.localhost", "550 5.1.2"),
    ],
)
def test_and_reaches_nobody_by_a_name_that_hides_another(open_house, certificate, recipient, reply):
    with open_house(role=SUBMISSIONS, certificate=certificate) as office, logged_in(office) as client:
        client.say("MAIL FROM:<me@example.org>")
        assert client.say(f"RCPT TO:<{recipient}>").startswith(reply)


def test_programs_on_this_machine_send_anywhere(open_house, tmp_path):
    with open_house(role=LOCAL, place=tmp_path / "submit") as office, office.greeted() as client:
        assert post(client, "", "<they@lan.example>").startswith("250 ")
        assert office.store.acceptances[0].deliveries[0].next_hop == "10.0.0.2:25"


@pytest.mark.parametrize("recipient", RELAYING)
def test_who_hands_over_by_lmtp_does_not_even_through_a_unix_socket(open_house, tmp_path, recipient):
    with open_house(role=LMTP, place=tmp_path / "lmtp") as office, office.client() as client:
        client.reply()
        client.say("LHLO mail.example.net")
        client.say("MAIL FROM:<me@example.org>")
        assert client.say(f"RCPT TO:<{recipient}>").startswith("55")


def test_where_a_message_goes_on_to_stands_in_the_log(house, lines):
    with house.greeted() as client:
        post(client, "a@b.example", "<me@example.org>", "<team@example.org>", "<ann@example.org>")

    assert lines() == [
        "taken id=1 peer=127.0.0.1 helo=client.example from=<a@b.example> "
        "to=<me@example.org>,<team@example.org>,<ann@example.org> mailbox=me "
        r"next-hop=elsewhere.example,10.0.0.2:25,maildir\x20ann bytes=17"
    ]


def test_of_many_next_hops_the_first_are_told_and_the_others_counted(open_house, tmp_path, lines):
    with open_house(role=LOCAL, place=tmp_path / "submit") as office, office.greeted() as client:
        post(client, "", *(f"<x@d{number}.example>" for number in range(30)))

    assert " next-hop=d0.example," in lines()[-1]
    assert ",d19.example,+10 bytes=" in lines()[-1]


def test_a_wish_to_hear_of_success_reaches_the_store(house):
    with house.greeted() as client:
        post(client, "a@b.example", "<you@example.org> NOTIFY=SUCCESS", "<me@example.org>")

    [acceptance] = house.store.acceptances
    assert acceptance.mailboxes == ("me",)
    assert [delivery.next_hop for delivery in acceptance.deliveries] == ["mailbox you"]


def test_aliases_that_lead_to_too_many_together_are_left_for_another_transaction(house, lines):
    with house.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        assert client.say("RCPT TO:<out@example.org>").startswith("250 ")
        for _ in range(30):  # none of them counts as an error of the client's
            assert client.say("RCPT TO:<many@example.org>").startswith("452 4.5.3 ")
        client.say("RSET")
        client.say("MAIL FROM:<a@b.example>")
        assert client.say("RCPT TO:<many@example.org>").startswith("250 ")

    assert "would lead to too many together" in lines()[0]
