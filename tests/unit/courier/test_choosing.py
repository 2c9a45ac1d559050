"""Rules of who takes a delivery: it goes by what the configuration says now, not when the message came."""

from __future__ import annotations

import asyncio

import pytest

from kit.parcels import Taker, due, parcel
from mailsponge.accounts import Accounts, Deliver
from mailsponge.courier.choosing import Couriers, Hands
from mailsponge.courier.forward import Forward
from mailsponge.courier.lmtp import LmtpCourier, hop_of
from mailsponge.mail.outcome import Result
from mailsponge.routes import NextHop, Tls

RELAY, MAILBOX, LOCAL = Taker(), Taker(), Taker()


def couriers(deliver: str = "mailbox", **more: object) -> Couriers:
    accounts = Accounts(["example.org"], ["me", "you"], deliver={"me": Deliver.parse(deliver)}, **more)
    return Couriers(accounts, Hands(RELAY, MAILBOX, LOCAL, carrier=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("deliver", "courier"),
    [
        ("mailbox", MAILBOX),
        ("maildir:~/Maildir", LOCAL),
        ("mbox:/var/mail/me", LOCAL),
        ("pipe:/bin/cat", LOCAL),
    ],
)
def test_a_users_mail_goes_as_they_have_it_delivered(deliver: str, courier: Taker):
    assert couriers(deliver).courier_for(due()) is courier


def test_what_goes_out_is_the_relays():
    assert couriers().courier_for(due("you@example.net", user="")) is RELAY


def test_old_mail_for_a_domain_that_is_ours_by_now_waits_with_advice():
    moved_in = due("me@example.org", user="")
    [outcome] = asyncio.run(couriers().courier_for(moved_in).deliver(parcel(moved_in)))

    assert outcome.result is Result.DEFERRED
    assert "the mail of example.org stays here, since after this mail was taken" in outcome.why


@pytest.mark.parametrize(
    ("deliver", "kind"), [("lmtp:unix:/run/lmtp", LmtpCourier), ("forward:me@example.com", Forward)]
)
def test_the_same_courier_takes_what_goes_together(deliver: str, kind: type):
    chosen = couriers(deliver)

    assert isinstance(chosen.courier_for(due()), kind)
    assert chosen.courier_for(due()) is chosen.courier_for(due("me+x@example.org"))


def test_who_has_gone_is_told():
    [outcome] = asyncio.run(
        couriers().courier_for(due(user="somebody")).deliver(parcel(due(user="somebody")))
    )

    assert (outcome.result, outcome.status) == (Result.FAILED, "5.1.1")
    assert outcome.why == "nobody named somebody lives here any more"


@pytest.mark.parametrize("target", ["you", "you@example.org"])
def test_old_mail_of_who_forwards_to_somebody_here_waits_with_advice(target: str):
    [outcome] = asyncio.run(couriers(f"forward:{target}").courier_for(due()).deliver(parcel()))

    assert outcome.result is Result.DEFERRED
    assert f"forwards to {target}, who lives here" in outcome.why


def test_system_users_have_the_way_of_their_domain():
    chosen = couriers(
        system={"example.org": Deliver.parse("mbox:/var/mail/{user}")}, is_system_user=lambda name: name == "games"
    )  # fmt: skip
    assert chosen.courier_for(due("games@example.org", "games")) is LOCAL


@pytest.mark.parametrize(
    ("target", "hop"),
    [
        ("unix:/run/lmtp", NextHop("lmtp unix:/run/lmtp", "/run/lmtp", mx=False, tls=Tls.NEVER, lmtp=True)),
        ("127.0.0.1:24", NextHop("lmtp 127.0.0.1:24", "127.0.0.1", 24, mx=False, lmtp=True)),
        ("[::1]:24", NextHop("lmtp [::1]:24", "::1", 24, mx=False, lmtp=True)),
        (
            "imap.example.org:24",
            NextHop("lmtp imap.example.org:24", "imap.example.org", 24, mx=False, lmtp=True),
        ),
    ],
)
def test_an_lmtp_server_is_a_next_hop(target: str, hop: NextHop):
    assert hop_of(target) == hop
