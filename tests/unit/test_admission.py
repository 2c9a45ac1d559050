"""Rules of who may send what to whom."""

from __future__ import annotations

import pytest

from mailsponge.accounts import Accounts, Deliver
from mailsponge.admission import (
    Admitted,
    Allowed,
    Refused,
    at_home,
    recipient,
    recipient_anywhere,
    sender,
    way_back,
)
from mailsponge.mail.address import Address, parse
from mailsponge.routes import NextHop, Routes
from mailsponge.store.protocol import Delivery

ACCOUNTS = Accounts(["example.org", "[127.0.0.1]"], ["me", "you"], {"team": ["me", "you"]})
ROUTES = Routes()


def decide(address: str) -> Admitted | Refused:
    return recipient(ACCOUNTS, ROUTES, parse(address, smtputf8=True))


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


def test_where_a_long_alias_leads_is_kept_once_however_it_is_written():
    accounts = Accounts(["example.org"], ["me"], {"all": [f"you@{number}.example" for number in range(1000)]})
    written = ["all", "ALL", *(f"all+{number}" for number in range(20))]
    decisions = [recipient(accounts, ROUTES, parse(f"{local}@example.org")) for local in written]

    assert len({id(decision.deliveries) for decision in decisions if isinstance(decision, Admitted)}) == 1


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
    decision = recipient(ACCOUNTS, ROUTES, Address("a\r\n250 2.0.0 b", "example.org"))

    assert isinstance(decision, Refused)
    assert decision.reply.encoded.count(b"\n") == 1


def test_plus_and_catch_all_are_told_as_the_reason():
    accounts = Accounts(["example.org"], ["me"], None, {"example.org": "me"})

    assert recipient(accounts, ROUTES, parse("me+news@example.org")) == Admitted(
        ("me",), "<me+news@example.org> plus address of me"
    )
    assert recipient(accounts, ROUTES, parse("sales@example.org")) == Admitted(
        ("me",), "<sales@example.org> catch-all of example.org leads to me"
    )


WAYS = {"me": Deliver.parse("maildir:~/Maildir"), "you": Deliver.parse("mailbox")}
MANY_WAYS = Accounts(
    ["example.org"],
    ["me", "you"],
    {"team": ["me", "you", "they@example.net"], "out": ["they@lan.example"]},
    deliver=WAYS,
)
BY_THE_LAN = Routes(None, {"lan.example": NextHop("10.0.0.2:25", "10.0.0.2", mx=False)})


def test_a_way_that_ends_elsewhere_is_left_to_be_done_with_its_next_hop_as_the_reason():
    assert recipient(MANY_WAYS, BY_THE_LAN, parse("out@example.org")) == Admitted(
        (),
        "<out@example.org> alias out leads to they@lan.example; next hop: 10.0.0.2:25",
        (Delivery(0, parse("they@lan.example"), "", "10.0.0.2:25"),),
    )


def test_a_user_with_another_way_of_delivering_shares_their_next_hop_with_nobody():
    assert recipient(MANY_WAYS, ROUTES, parse("me+News@example.org")) == Admitted(
        (),
        "<me+News@example.org> plus address of me; next hop: maildir me",
        (Delivery(0, parse("me+News@example.org"), "me", "maildir me"),),
    )


def test_an_alias_may_lead_all_ways_at_once():
    assert recipient(MANY_WAYS, ROUTES, parse("team@example.org")) == Admitted(
        ("you",),
        "<team@example.org> alias team leads to me, you and they@example.net; next hop: maildir me and example.net",
        (
            Delivery(0, parse("me@example.org"), "me", "maildir me"),
            Delivery(0, parse("they@example.net"), "", "example.net"),
        ),
    )


def test_who_belongs_here_may_send_elsewhere():
    assert recipient_anywhere(ACCOUNTS, BY_THE_LAN, parse("they@example.net")) == Admitted(
        (),
        "<they@example.net> is elsewhere; next hop: example.net",
        (Delivery(0, parse("they@example.net"), "", "example.net"),),
    )
    decision = recipient_anywhere(ACCOUNTS, BY_THE_LAN, parse("they@LAN.example"))
    assert isinstance(decision, Admitted)
    assert decision.deliveries[0].next_hop == "10.0.0.2:25"


@pytest.mark.parametrize(
    "address", ["me@example.org", "team@[127.0.0.1]", "nobody@example.org", "postmaster"]
)
def test_what_is_here_is_the_same_for_who_belongs_here(address):
    assert recipient_anywhere(ACCOUNTS, ROUTES, parse(address)) == recipient(ACCOUNTS, ROUTES, parse(address))


@pytest.mark.parametrize("address", ["root@localhost", "root@LocalHost", "me@box.localhost"])
def test_localhost_is_nowhere_else(address):
    accounts = Accounts(["example.org"], ["me"])
    decision = recipient_anywhere(accounts, ROUTES, parse(address))

    assert isinstance(decision, Refused)
    assert (decision.reply.code, decision.reply.enhanced) == (550, "5.1.2")


def test_a_report_goes_back_where_its_message_came_from():
    assert way_back(ACCOUNTS, ROUTES, parse("me@example.org")) == Admitted(
        ("me",), "<me@example.org> user me"
    )
    assert way_back(ACCOUNTS, ROUTES, parse("nobody@example.org")) is None
    found = way_back(ACCOUNTS, ROUTES, parse("they@example.net"))
    assert found is not None
    assert found.deliveries == (Delivery(0, parse("they@example.net"), "", "example.net"),)


def test_who_is_a_user_of_this_machine_is_asked_anew():
    known = {"stu"}
    accounts = Accounts(
        ["example.org"],
        ["me"],
        system={"example.org": Deliver.parse("mbox:/var/mail/{user}")},
        is_system_user=known.__contains__,
    )
    assert recipient(accounts, ROUTES, parse("stu@example.org")) == Admitted(
        (),
        "<stu@example.org> system user stu; next hop: mbox stu",
        (Delivery(0, parse("stu@example.org"), "stu", "mbox stu"),),
    )

    known.clear()
    assert isinstance(recipient(accounts, ROUTES, parse("stu@example.org")), Refused)


def test_who_forwards_may_still_write_from_their_own_address():
    accounts = Accounts(["example.org"], ["me", "you"], deliver={"me": Deliver.parse("forward:you")})

    assert isinstance(send("me", "me@example.org", accounts), Allowed)
    assert isinstance(send("you", "me@example.org", accounts), Allowed)
    assert isinstance(send("me", "you@example.org", accounts), Refused)


def test_what_leads_elsewhere_alone_is_nobodys_to_write_from():
    assert isinstance(send("me", "out@example.org", MANY_WAYS), Refused)
    assert isinstance(send("me", "team@example.org", MANY_WAYS), Allowed)


def send(user: str, address: str, accounts: Accounts = ACCOUNTS) -> Allowed | Refused:
    return sender(accounts, user, parse(address, smtputf8=True))


@pytest.mark.parametrize(
    "address",
    ["me@example.org", "ME@[127.0.0.1]", "me+shop@example.org", "team@example.org", "root@example.org"],
)
def test_who_has_logged_in_may_send_from_what_leads_to_them(address):
    assert isinstance(send("me", address), Allowed)


@pytest.mark.parametrize(
    "address",
    [
        "you@example.org",
        "you+me@example.org",
        "nobody@example.org",
        "me@elsewhere.example",
        "me%example.org@elsewhere.example",
        '"me@example.org"@example.org',
    ],
)
def test_and_from_nothing_else(address):
    decision = send("me", address)

    assert isinstance(decision, Refused)
    assert (decision.reply.code, decision.reply.enhanced) == (553, "5.7.1")


def test_what_is_caught_for_somebody_is_theirs_to_send_from():
    accounts = Accounts(["example.org"], ["me", "you"], None, {"example.org": "me"})

    assert isinstance(send("me", "sales@example.org", accounts), Allowed)
    assert isinstance(send("you", "sales@example.org", accounts), Refused)


def test_the_null_reverse_path_is_everybodys():
    assert sender(ACCOUNTS, "you", None) == Allowed("<> is anybody's; logged in as you")


def test_why_a_sender_is_allowed_is_told():
    assert send("you", "team@example.org") == Allowed(
        "<team@example.org> alias team leads to me and you; logged in as you"
    )


def test_who_may_not_send_from_there_is_told_from_where_they_may():
    decision = send("you", "me@example.org")

    assert isinstance(decision, Refused)
    assert decision.reply.encoded == (
        b"553-5.7.1 <me@example.org>: not yours to send from\r\n"
        b"553-5.7.1 Logged in as you, write from one of these at example.org or another domain here:\r\n"
        b"553 5.7.1 you, team\r\n"
    )
    assert decision.reason == "<me@example.org> is no address of you"


def test_not_all_of_very_many_names_are_told():
    accounts = Accounts(["example.org"], ["me"], {f"a{n}": ["me"] for n in range(50)})
    decision = send("me", "me@elsewhere.example", accounts)

    assert isinstance(decision, Refused)
    assert decision.reply.lines[-1].endswith(" and 47 more")
    assert max(map(len, decision.reply.encoded.split(b"\r\n"))) < 512


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("root@box", "root@example.org"),
        ("root@mail.example.org", "root@example.org"),
        ("root@localhost", "root@example.org"),
        ("me@example.org", "me@example.org"),
        ("me@[127.0.0.1]", "me@[127.0.0.1]"),
        ("me@elsewhere.example", "me@elsewhere.example"),
        ("me@box.elsewhere.example", "me@box.elsewhere.example"),
    ],
)
def test_a_name_of_this_machine_means_its_first_domain(named, meant):
    assert at_home(ACCOUNTS, ("mail.example.org", "box"), parse(named)) == parse(meant)


def test_localhost_that_is_a_domain_of_ours_stays():
    accounts = Accounts(["example.org", "localhost"], ["me"])

    assert at_home(accounts, ("box",), parse("me@localhost")) == parse("me@localhost")


def test_a_program_that_names_the_server_means_the_first_domain():
    accounts = Accounts(["example.org"], ["me"], hostname="mail.example.org")

    assert at_home(accounts, ("mail.example.org",), parse("me@mail.example.org")) == parse("me@example.org")


def test_the_postmaster_without_a_domain_stays():
    assert at_home(ACCOUNTS, ("box",), parse("postmaster")) == parse("postmaster")
