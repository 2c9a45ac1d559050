"""Rules of what is left to be done when a message is accepted: each delivery once, with the wishes of its sender."""

from __future__ import annotations

import pytest

from mailsponge.accounts import Accounts, Deliver
from mailsponge.admission import Admitted, recipient_anywhere
from mailsponge.deliveries import MOST_DELIVERIES
from mailsponge.mail.address import parse
from mailsponge.routes import NextHop, Routes
from mailsponge.server.transaction import Client, Transaction
from mailsponge.smtp.events import Mail, Recipient
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Acceptance

ACCOUNTS = Accounts(
    ["example.org", "example.net"],
    ["me", "you", "ann"],
    {
        "team": ["me", "ann", "they@elsewhere.example"],
        "many": [f"a{number}@elsewhere.example" for number in range(MOST_DELIVERIES - 1)],
    },
    deliver={"ann": Deliver.parse("maildir:~/Maildir")},
)
ROUTES = Routes(None, {"lan.example": NextHop("10.0.0.2:25", "10.0.0.2", mx=False)})
SUCCESS, FAILURE, NEVER = frozenset({"SUCCESS"}), frozenset({"FAILURE"}), frozenset({"NEVER"})

Wish = tuple[str, frozenset[str] | None]


def transaction(*recipients: str | Wish) -> Transaction:
    open_one = Transaction(Mail(parse("me@example.org"), None, False, False), 0.0)
    for said in recipients:
        text, notify = said if isinstance(said, tuple) else (said, None)
        event = Recipient(parse(text), notify)
        decision = recipient_anywhere(ACCOUNTS, ROUTES, event.address)
        assert isinstance(decision, Admitted)
        open_one.admit(event, decision)
    return open_one


def accepted(*recipients: str | Wish) -> Acceptance:
    done = transaction(*recipients)
    done.begin(MemoryStore().incoming(), Client("127.0.0.1"), "mail.example.org", 0.0)
    return done.acceptance(Client("127.0.0.1"), 0.0)


def ways(acceptance: Acceptance) -> list[tuple[int, str, str]]:
    """The number of the recipient, the address, and the next hop of each."""
    return [
        (delivery.recipient, str(delivery.address), delivery.next_hop) for delivery in acceptance.deliveries
    ]


def test_mail_for_mailboxes_of_the_post_office_leaves_nothing_to_be_done():
    acceptance = accepted("me@example.org", "you@example.org", "me@example.net")

    assert (acceptance.mailboxes, acceptance.deliveries) == (("me", "you"), ())


def test_each_delivery_knows_which_recipient_it_is_for():
    acceptance = accepted("me@example.org", "ann@example.org", "they@lan.example", "team@example.org")

    assert acceptance.mailboxes == ("me",)
    assert ways(acceptance) == [
        (1, "ann@example.org", "maildir ann"),
        (2, "they@lan.example", "10.0.0.2:25"),
        (3, "they@elsewhere.example", "elsewhere.example"),
    ]


def test_who_is_reached_twice_gets_one():
    acceptance = accepted("ann@example.org", "ANN@example.net", "team@example.org", "they@elsewhere.example")

    assert ways(acceptance) == [
        (0, "ann@example.org", "maildir ann"),
        (2, "they@elsewhere.example", "elsewhere.example"),
    ]


def test_what_follows_a_plus_makes_another_place():
    assert ways(accepted("ann@example.org", "ann+lists@example.org")) == [
        (0, "ann@example.org", "maildir ann"),
        (1, "ann+lists@example.org", "maildir ann"),
    ]


def test_who_wishes_to_hear_of_success_has_the_mailbox_delivered_by_what_reports():
    acceptance = accepted(("me@example.org", SUCCESS), ("you@example.org", FAILURE))

    assert acceptance.mailboxes == ("you",)
    assert ways(acceptance) == [(0, "me@example.org", "mailbox me")]
    assert acceptance.deliveries[0].user == "me"


@pytest.mark.parametrize(
    "recipients",
    [
        ("me@example.org", ("me@example.net", SUCCESS)),
        (("me@example.org", SUCCESS), "me@example.net"),
        (("me@example.org", SUCCESS), ("me@example.org", SUCCESS)),
    ],
)
def test_a_mailbox_gets_one_however_many_wishes_there_are(recipients):
    acceptance = accepted(*recipients)

    assert acceptance.mailboxes == ()
    assert [delivery.next_hop for delivery in acceptance.deliveries] == ["mailbox me"]


def test_who_is_behind_an_alias_is_not_told():
    acceptance = accepted(("team@example.org", SUCCESS))

    assert ways(acceptance)[-1] == (0, "team@example.org", "mailbox me")


def test_different_wishes_of_one_place_are_both_granted():
    acceptance = accepted(("they@elsewhere.example", NEVER), ("they@elsewhere.example", FAILURE))

    assert [delivery.recipient for delivery in acceptance.deliveries] == [0, 1]


def test_aliases_make_no_more_of_a_message_than_can_be_done():
    event = Recipient(parse("many@example.org"))
    decision = recipient_anywhere(ACCOUNTS, ROUTES, event.address)
    assert isinstance(decision, Admitted)
    one_more = recipient_anywhere(ACCOUNTS, ROUTES, parse("x@lan.example"))
    assert isinstance(one_more, Admitted)

    assert not transaction().would_be_too_much(decision)
    assert not transaction("many@example.org").would_be_too_much(one_more)
    assert transaction("many@example.org", "x@lan.example").would_be_too_much(one_more)
