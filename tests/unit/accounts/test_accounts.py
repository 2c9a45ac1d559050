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
    found = (people or accounts()).find(parse(address, smtputf8=True))
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


@pytest.mark.parametrize("name", ["me", "postmaster", "mailer-daemon", "me+news"])
def test_the_name_of_the_server_stands_for_the_first_domain(name):
    people = Accounts(["example.org", "localhost"], ["me"], hostname="Mail.example.org")

    assert leads_to(f"{name}@mail.example.org", people) == ("me",)
    assert leads_to("nobody@mail.example.org", people) is Absent.NO_SUCH_USER
    assert people.is_ours("mail.example.org")


def test_at_the_name_of_the_server_the_first_domain_catches_all():
    people = Accounts(
        ["example.org", "localhost"], ["me"], catch_all={"example.org": "me"}, hostname="mail.example.org"
    )

    assert leads_to("anybody@mail.example.org", people) == ("me",)


def test_a_domain_that_is_the_name_of_the_server_as_well_stays_itself():
    people = Accounts(
        ["example.org", "box.example"], ["me"], catch_all={"box.example": "me"}, hostname="box.example"
    )

    assert leads_to("anybody@box.example", people) == ("me",)


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
    found = accounts(team=["me", "you", "søren"]).find(parse("team@localhost"))

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
        ({"a": ["me"], "A": ["you"]}, "aliases.A is there twice"),
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


@pytest.mark.parametrize(
    ("address", "mailboxes"),
    [
        ("me+news@example.org", ("me",)),
        ("ME+News+more@localhost", ("me",)),
        ("team+x@example.org", ("me", "You")),
        ("root+cron@example.org", ("me",)),
        ("me+@example.org", ("me",)),
    ],
)
def test_what_follows_a_plus_does_not_count(address, mailboxes):
    assert leads_to(address, accounts(team=["me", "you"])) == mailboxes


def test_an_alias_of_exactly_that_name_counts_for_more_than_a_plus():
    people = accounts(**{"me+bank": ["you"]})

    assert leads_to("me+bank@example.org", people) == ("You",)
    assert leads_to("me+shop@example.org", people) == ("me",)


@pytest.mark.parametrize("address", ["nobody+me@example.org", "+me@example.org", "+@example.org"])
def test_a_plus_helps_nobody_who_does_not_live_here(address):
    assert leads_to(address) is Absent.NO_SUCH_USER


def catching(**domains: str) -> Accounts:
    return Accounts(
        DOMAINS,
        ["me", "You"],
        {"team": ["me", "you"]},
        {name.replace("_", "."): target for name, target in domains.items()},
    )


def test_a_catch_all_gets_what_is_for_nobody_else_at_its_domain_alone():
    people = catching(example_org="you")

    assert leads_to("nobody@example.org", people) == ("You",)
    assert leads_to("me@example.org", people) == ("me",)
    assert leads_to("me+x@example.org", people) == ("me",)
    assert leads_to("root@example.org", people) == ("me",)
    assert leads_to("nobody@localhost", people) is Absent.NO_SUCH_USER


def test_a_catch_all_may_be_an_alias():
    assert leads_to("nobody@example.org", catching(example_org="team")) == ("me", "You")


def test_a_catch_all_works_in_both_spellings_of_its_domain():
    assert leads_to("nobody@xn--bcher-kva.example", catching(bücher_example="me")) == ("me",)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nobody", "domains.example.org.catch_all leads to 'nobody', who does not live here"),
        ("", "domains.example.org.catch_all leads to '', who"),
        ("x@elsewhere.example", "outside: make an alias that leads there"),
    ],
)
def test_a_catch_all_that_cannot_be_is_told_when_it_is_read(target, told):
    with pytest.raises(ConfigError) as caught:
        catching(example_org=target)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("address", "how"),
    [
        ("me+news@example.org", "plus address of me"),
        ("you+news@example.org", "plus address of You"),
        ("team+x@example.org", "plus address of team, which leads to me and You"),
        ("nobody@example.org", "catch-all of example.org leads to me"),
    ],
)
def test_how_plus_and_catch_all_lead_there_is_told(address, how):
    found = catching(example_org="me").find(parse(address))

    assert isinstance(found, Found)
    assert found.how == how


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("me", "me"),
        ("ME", "me"),
        ("me@example.org", "me"),
        ("Me@Example.ORG", "me"),
        ('"me"@localhost', "me"),
        ("me@xn--bcher-kva.example", "me"),
        ("SØREN", "søren"),
        ("nobody@example.org", "nobody"),
        ("me@elsewhere.example", "me@elsewhere.example"),
        ("Two Words", "two words"),
        ("a@b@c", "a@b@c"),
        ("", ""),
    ],
)
def test_a_login_name_has_one_spelling_whoever_it_is(login, name):
    assert accounts().login_name(login) == name


def test_the_names_of_a_user_begin_with_their_own():
    assert accounts(team=["me", "you"], boss=["you"]).names_of("You") == ("you", "team", "boss")
    assert accounts().names_of("me") == ("me", "postmaster", "root", "abuse", "mailer-daemon")
