"""Rules of who lives here."""

from __future__ import annotations

import pytest

from mailsponge.accounts import Absent, Accounts, Found
from mailsponge.errors import ConfigError
from mailsponge.mail.address import parse

DOMAINS = ["example.org", "localhost", "[127.0.0.1]", "[IPv6:::1]", "bücher.example"]


def accounts(**aliases: list[str]) -> Accounts:
    return Accounts(DOMAINS, ["me", "You", "søren"], aliases)


def leads_to(address: str, people: Accounts | None = None) -> tuple[str, ...] | Absent:
    found = (people or accounts()).mailboxes_for(parse(address, smtputf8=True))
    return found.mailboxes if isinstance(found, Found) else found


@pytest.mark.parametrize(
    "address",
    ["me@example.org", "ME@Example.ORG", '"me"@localhost', "me@[127.0.0.1]", "me@[IPv6:0::1]"],
)
def test_a_user_has_a_mailbox_at_every_domain_of_ours_however_it_is_written(address):
    assert leads_to(address) == ("me",)


def test_a_mailbox_is_named_as_the_configuration_names_the_user():
    assert leads_to("YOU@example.org") == ("You",)


def test_letters_beyond_ascii_are_the_same_in_both_cases_and_compositions():
    assert leads_to("SØREN@example.org") == ("søren",)
    assert leads_to("jose\u0301@localhost", Accounts(["localhost"], ["jos\u00e9"])) == ("jos\u00e9",)


@pytest.mark.parametrize("domain", ["bücher.example", "xn--bcher-kva.example"])
def test_a_domain_is_the_same_in_both_its_spellings(domain):
    assert leads_to(f"me@{domain}") == ("me",)
    assert leads_to("me@bücher.example", Accounts(["xn--bcher-kva.example"], ["me"])) == ("me",)


def test_a_stranger_here_and_a_domain_elsewhere_are_told_apart():
    assert leads_to("nobody@example.org") is Absent.NO_SUCH_USER
    assert leads_to("me@example.net") is Absent.NOT_OUR_DOMAIN


@pytest.mark.parametrize("name", ["postmaster", "root", "abuse", "Postmaster"])
def test_those_who_must_be_there_lead_to_the_first_user(name):
    assert leads_to(f"{name}@example.org") == ("me",)


def test_the_bare_postmaster_is_always_found():
    assert leads_to("postmaster") == ("me",)


def test_an_alias_may_say_otherwise_for_those_who_must_be_there():
    assert leads_to("postmaster", accounts(PostMaster=["you"])) == ("You",)


def test_an_alias_leads_to_several_each_once():
    people = accounts(team=["me", "you@example.org", "ME"])

    assert leads_to("team@localhost", people) == ("me", "You")


def test_aliases_may_be_nested():
    people = accounts(all=["team", "søren"], team=["me", "you"])

    assert leads_to("all@localhost", people) == ("me", "You", "søren")


def test_how_an_alias_leads_there_is_told():
    found = accounts(team=["me", "you", "søren"]).mailboxes_for(parse("team@localhost"))

    assert isinstance(found, Found)
    assert found.how == "alias team leads to me, You and søren"


def test_an_alias_may_lead_to_one_who_must_be_there():
    assert leads_to("help@localhost", accounts(help=["postmaster"])) == ("me",)


def test_many_ways_to_the_same_person_cost_no_more_than_one():
    chain = {f"a{n}": [f"a{n + 1}", f"a{n + 1}"] for n in range(60)} | {"a60": ["me"]}

    assert leads_to("a0@localhost", accounts(**chain)) == ("me",)


@pytest.mark.parametrize(
    ("aliases", "told"),
    [
        ({"a": ["b"], "b": ["a"]}, "aliases.a goes in a circle: a -> b -> a"),
        ({"a": ["a"]}, "aliases.a goes in a circle: a -> a"),
        ({"a": []}, "aliases.a leads to nobody"),
        ({"a": ["x@elsewhere.example"]}, "outside: mail cannot be sent on yet"),
        ({"a": ["nobody"]}, "nobody, who does not live here"),
        ({"a": ["@"]}, "aliases.a leads to no address"),
        ({"me": ["you"]}, "aliases.me is a user too"),
        ({"a b": ["me"]}, "aliases.a b cannot be a name"),
    ],
)
def test_an_alias_that_cannot_be_is_told_when_it_is_read(aliases, told):
    with pytest.raises(ConfigError) as caught:
        accounts(**aliases)

    assert told in str(caught.value)


def test_a_message_says_where_the_name_stands():
    with pytest.raises(ConfigError, match=r"^post\.toml:9 aliases a goes"):
        Accounts(DOMAINS, ["me"], {"a": ["a"]}, where="post.toml:9 {} {}".format)


@pytest.mark.parametrize(
    ("users", "told"),
    [
        ([], "nobody lives here"),
        (["me", "ME"], "there twice"),
        (["a b"], "cannot be a name"),
        (["a@b"], "cannot be"),
    ],
)
def test_users_that_cannot_be_are_told(users, told):
    with pytest.raises(ConfigError, match=told):
        Accounts(DOMAINS, users)


@pytest.mark.parametrize("domain", ["", "a b", "-a", "[1.2.3]", "a@b"])
def test_a_domain_that_cannot_be_is_told(domain):
    with pytest.raises(ConfigError, match="is no domain"):
        Accounts([domain], ["me"])
