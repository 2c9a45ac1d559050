"""Rules of who takes the mail of a domain (RFC 5321 section 5.1, RFC 7505)."""

from __future__ import annotations

import asyncio
import random

import pytest

from kit.relaying import NO_DNS, KnownNames, lookup
from mailsponge.courier.connecting import Host
from mailsponge.courier.exchangers import hosts
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.routes import NextHop

ADDRESSES = {
    "a.example": ["192.0.2.1"],
    "b.example": ["192.0.2.2", "2001:db8::2"],
    "c.example": ["192.0.2.3"],
    "mail.example.org": ["192.0.2.9"],
}


def found(mx, addresses=ADDRESSES, domain="example.net", **more):
    hop = NextHop(domain, domain)
    resolver = KnownNames(mx if isinstance(mx, dict) else {domain: mx}, addresses)
    return asyncio.run(hosts(hop, lookup(resolver, **more)))


def names(way) -> list[str]:
    assert not isinstance(way, Outcome), way
    return [host.name for host in way]


def test_the_lowest_preference_is_tried_first():
    assert names(found([(20, "b.example"), (10, "c.example"), (30, "a.example")])) == [
        "c.example",
        "b.example",
        "a.example",
    ]


def test_those_preferred_alike_are_tried_in_an_order_of_chance():
    mx = [(10, "a.example"), (10, "b.example"), (5, "c.example")]
    chance = random.Random(1)
    orders = {
        tuple(names(found(mx, shuffled=lambda records: chance.sample(records, len(records)))))
        for _ in range(50)
    }

    assert orders == {("c.example", "a.example", "b.example"), ("c.example", "b.example", "a.example")}


def test_a_host_has_all_its_addresses_ipv6_first():
    assert found([(10, "b.example")]) == (Host("b.example", ("2001:db8::2", "192.0.2.2")),)


def test_without_an_mx_the_domain_itself_is_the_host():
    assert found({}, {"example.net": ["192.0.2.1"]}) == (Host("example.net", ("192.0.2.1",)),)


def test_a_null_mx_takes_no_mail():
    outcome = found([(0, "")])

    assert outcome[:2] == (Result.FAILED, "5.1.10")
    assert "takes no mail" in outcome.why


def test_a_null_mx_beside_others_is_no_host_and_means_nothing():
    assert names(found([(0, ""), (10, "a.example")])) == ["a.example"]


def test_a_domain_that_does_not_exist_fails():
    outcome = found({})

    assert outcome[:2] == (Result.FAILED, "5.1.2")
    assert "there is no domain example.net" in outcome.why


def test_a_domain_with_neither_mx_nor_address_fails():
    assert found({"example.net": []}, {})[:2] == (Result.FAILED, "5.1.2")


def test_hosts_without_an_address_fail():
    assert found([(10, "nobody.example")])[:2] == (Result.FAILED, "5.4.4")


def test_dns_that_does_not_answer_is_for_later():
    outcome = found({"example.net": NO_DNS})

    assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.4.3", True)


def test_one_host_that_dns_does_not_know_just_now_is_left_out():
    assert names(found([(10, "a.example"), (20, "b.example")], {**ADDRESSES, "a.example": NO_DNS})) == [
        "b.example"
    ]


def test_no_host_that_dns_knows_just_now_is_for_later():
    outcome = found([(10, "a.example"), (20, "nobody.example")], {"a.example": NO_DNS})

    assert outcome[:2] == (Result.DEFERRED, "4.4.3")


@pytest.mark.parametrize("preference", [20, 30])
def test_what_is_not_better_than_this_server_is_left_out(preference):
    mx = [(10, "a.example"), (20, "mail.example.org"), (preference, "b.example")]

    assert names(found(mx)) == ["a.example"]


def test_this_server_is_known_by_its_address_too():
    own = {"192.0.2.2"}
    mx = [(10, "a.example"), (20, "b.example"), (30, "c.example")]

    assert names(found(mx, is_own=lambda address, port: port == 25 and address in own)) == ["a.example"]


def test_mail_that_would_come_back_fails():
    outcome = found([(10, "mail.example.org"), (20, "b.example")])

    assert outcome[:2] == (Result.FAILED, "5.4.6")
    assert "not configured" in outcome.why


def test_what_dns_does_not_know_of_those_behind_this_server_changes_nothing():
    mx = [(10, "mail.example.org"), (20, "b.example")]

    assert found(mx, {**ADDRESSES, "b.example": NO_DNS})[:2] == (Result.FAILED, "5.4.6")


def test_at_most_ten_hosts_are_tried():
    mx = [(number, f"h{number}.example") for number in range(30)]
    addresses = {host: ["192.0.2.1"] for _, host in mx}

    assert names(found(mx, addresses)) == [f"h{number}.example" for number in range(10)]


def test_at_most_twenty_addresses_are_tried():
    mx = [(1, "many.example"), (2, "more.example"), (3, "last.example")]
    addresses = {
        "many.example": [f"192.0.2.{number}" for number in range(15)],
        "more.example": [f"198.51.100.{number}" for number in range(15)],
        "last.example": ["203.0.113.1"],
    }

    assert [len(host.addresses) for host in found(mx, addresses)] == [15, 5]


@pytest.mark.parametrize(
    "name", ["a b.example", "a..example", "-a.example", "ex\\032ample", "a.example\r\nx", "é.example"]
)
def test_what_can_be_no_hosts_name_is_left_out(name):
    assert names(found([(1, name), (2, "a.example")], {**ADDRESSES, name: ["192.0.2.7"]})) == ["a.example"]


@pytest.mark.parametrize(
    ("domain", "address"),
    [("[192.0.2.7]", "192.0.2.7"), ("[ipv6:2001:db8::7]", "2001:db8::7"), ("192.0.2.7", "192.0.2.7")],
)
def test_an_address_literal_needs_no_dns(domain, address):
    assert found({}, domain=domain) == (Host(address, (address,)),)


def test_a_domain_beyond_ascii_is_asked_for_in_ascii():
    assert found({"xn--bcher-kva.example": [(1, "a.example")]}, domain="bücher.example") == (
        Host("a.example", ("192.0.2.1",)),
    )


@pytest.mark.parametrize("domain", ["", "ü" * 60 + ".example"])
def test_what_can_be_no_domain_fails(domain):
    assert found({}, domain=domain)[:2] == (Result.FAILED, "5.1.2")


class TestAHostThatIsNamedByTheConfiguration:
    """A route, or a smarthost: it is for whoever wrote it down to put right what is wrong with it."""

    @staticmethod
    def found(host, addresses):
        hop = NextHop(f"{host}:587", host, 587, mx=False)
        return asyncio.run(hosts(hop, lookup(KnownNames({}, addresses))))

    def test_is_asked_for_by_its_name_alone(self):
        assert self.found("smtp.example.net", {"smtp.example.net": ["192.0.2.1"]}) == (
            Host("smtp.example.net", ("192.0.2.1",)),
        )

    def test_if_it_does_not_exist_mail_waits(self):
        outcome = self.found("smtp.exmaple.net", {})

        assert outcome[:2] == (Result.DEFERRED, "4.4.4")
        assert "correct its name" in outcome.why

    def test_may_be_the_path_of_a_socket(self):
        assert self.found("/run/lmtp", {}) == (Host("/run/lmtp", ("/run/lmtp",)),)
