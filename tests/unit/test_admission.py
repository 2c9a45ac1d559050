"""Rules of who may send what to whom."""

from __future__ import annotations

import pytest

from mailsponge.accounts import Accounts
from mailsponge.admission import Admitted, Refused, recipient
from mailsponge.mail.address import Address, parse

ACCOUNTS = Accounts(["example.org", "[127.0.0.1]"], ["me", "you"], {"team": ["me", "you"]})


def decide(address: str) -> Admitted | Refused:
    return recipient(ACCOUNTS, parse(address, smtputf8=True))


def refused(address: str) -> Refused:
    decision = decide(address)
    assert isinstance(decision, Refused)
    return decision


def test_mail_for_those_who_live_here_is_taken_and_the_reason_is_told():
    assert decide("Me@example.org") == Admitted(("me",), "<Me@example.org> user me")


def test_an_alias_is_told_as_the_reason():
    assert decide("team@example.org") == Admitted(
        ("me", "you"), "<team@example.org> alias team leads to me and you"
    )


def test_a_stranger_at_our_domain_is_refused_for_good():
    decision = refused("nobody@example.org")

    assert (decision.reply.code, decision.reply.enhanced) == (550, "5.1.1")
    assert "nobody of that name" in decision.reason


def test_another_domain_is_refused_for_good():
    decision = refused("me@example.net")

    assert (decision.reply.code, decision.reply.enhanced) == (550, "5.7.1")
    assert b"relaying denied" in decision.reply.encoded


@pytest.mark.parametrize(
    "address",
    [
        "to%elsewhere.example@example.org",
        "to%elsewhere.example@[127.0.0.1]",
        '"to@elsewhere.example"@example.org',
        '"to%elsewhere.example"@[127.0.0.1]',
        "elsewhere.example!to@example.org",
        "elsewhere.example!to@[127.0.0.1]",
        "elsewhere.example!to@elsewhere.example",
        '"to@example.org"@elsewhere.example',
        "me%example.org@elsewhere.example",
        "me@[192.0.2.1]",
    ],
)
def test_no_way_of_writing_an_address_makes_a_relay(address):
    assert refused(address).reply.code == 550


def test_a_refusal_cannot_begin_a_new_line():
    decision = recipient(ACCOUNTS, Address("a\r\n250 2.0.0 b", "example.org"))

    assert isinstance(decision, Refused)
    assert decision.reply.encoded.count(b"\n") == 1
