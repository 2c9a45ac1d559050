"""Rules of mail that does not end in a mailbox of the post office: other ways of delivering, and other hosts."""

from __future__ import annotations

import pytest

from mailsponge.accounts import Absent, Accounts, Deliver, Found, Onward
from mailsponge.accounts.expansion import LONGEST_WAY, MOST_ENDS
from mailsponge.errors import ConfigError
from mailsponge.mail.address import parse

WAYS = {
    "Ann": "maildir:~/Maildir",
    "bob": "mailbox",
    "carl": "forward:carl@elsewhere.example",
    "dora": "forward:bob",
    "emil": "forward:team@example.org",
}
ALIASES = {
    "team": ["ann", "bob"],
    "both": ["ann", "you@elsewhere.example"],
    "all": ["both", "team", "you@elsewhere.example"],
    "shop": ["ann+Shop"],
    "here": ["ann@example.net"],
    "out": ["you@elsewhere.example"],
}


def accounts(aliases: dict[str, list[str]] | None = None, **catch_all: str) -> Accounts:
    return Accounts(
        ["example.org", "example.net"],
        list(WAYS),
        ALIASES if aliases is None else {"team": ALIASES["team"], **aliases},
        {name.replace("_", "."): target for name, target in catch_all.items()},
        deliver={name: Deliver.parse(way) for name, way in WAYS.items()},
    )


def found(address: str, people: Accounts | None = None) -> Found:
    answer = (people or accounts()).find(parse(address, smtputf8=True))
    assert isinstance(answer, Found)
    return answer


def ways(address: str, people: Accounts | None = None) -> list[str]:
    """Mailboxes by name; other ways as ``address (user)``."""
    answer = found(address, people)
    onward = [f"{onward.address} ({onward.user})" for onward in answer.onward]
    return [*answer.mailboxes, *onward]


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("ann@example.org", ["Ann@example.org (Ann)"]),
        ("ANN@example.net", ["Ann@example.net (Ann)"]),
        ("ann+News@example.org", ["Ann+News@example.org (Ann)"]),
        ("ann+@example.org", ["Ann@example.org (Ann)"]),
        ("bob@example.org", ["bob"]),
        ("postmaster", ["Ann@example.org (Ann)"]),
        ("abuse@example.net", ["Ann@example.net (Ann)"]),
        ("mailer-daemon@example.org", ["Ann@example.org (Ann)"]),
    ],
)
def test_who_has_mail_delivered_in_another_way_gets_it_under_their_address(address, where):
    assert ways(address) == where


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("out@example.org", ["you@elsewhere.example ()"]),
        ("out+x@example.org", ["you@elsewhere.example ()"]),
        ("both@example.org", ["Ann@example.org (Ann)", "you@elsewhere.example ()"]),
        ("all@example.org", ["bob", "Ann@example.org (Ann)", "you@elsewhere.example ()"]),
        ("shop@example.org", ["Ann+Shop@example.org (Ann)"]),
        ("here@example.org", ["Ann@example.net (Ann)"]),
        ("team+x@example.org", ["bob", "Ann@example.org (Ann)"]),
    ],
)
def test_an_alias_leads_to_each_way_once(address, where):
    assert ways(address) == where


def test_who_forwards_to_somebody_elsewhere_is_left_to_what_forwards():
    assert ways("carl@example.org") == ["carl@example.org (carl)"]


def test_who_forwards_to_somebody_here_is_followed_like_an_alias():
    assert ways("dora@example.org") == ["bob"]
    assert ways("dora+x@example.org") == ["bob"]
    assert ways("emil@example.org") == ["bob", "Ann@example.org (Ann)"]
    assert found("dora@example.org").how == "user dora, forwarded to bob"


def test_the_addresses_of_who_forwards_are_still_theirs():
    assert found("dora@example.org").people == {"bob", "dora"}
    assert found("out@example.org").people == frozenset()
    assert "dora" in accounts().names_of("dora")


def test_forwards_that_go_in_a_circle_are_told():
    ways = {"a": Deliver.parse("forward:b"), "b": Deliver.parse("forward:team")}

    with pytest.raises(ConfigError, match=r"^users\.a\.deliver goes in a circle: a -> b -> team -> a$"):
        Accounts(["example.org"], ["a", "b"], {"team": ["a"]}, deliver=ways)


def test_a_forward_to_nobody_here_is_told():
    with pytest.raises(ConfigError, match=r"^users\.a\.deliver leads to bb, who does not live here"):
        Accounts(["example.org"], ["a"], deliver={"a": Deliver.parse("forward:bb")})


def test_a_catch_all_leads_outside_by_way_of_an_alias_alone():
    assert ways("x@example.net", accounts(example_net="out")) == ["you@elsewhere.example ()"]
    with pytest.raises(ConfigError, match="outside: make an alias"):
        accounts(example_net="you@elsewhere.example")


def test_what_a_catch_all_caught_goes_to_the_address_of_who_gets_it():
    assert ways("sales@example.net", accounts(example_net="ann")) == ["Ann@example.net (Ann)"]


def test_how_mail_of_somebody_is_delivered_is_told_by_name():
    assert accounts().deliver("Ann", "example.org") == Deliver.parse("maildir:~/Maildir")
    assert accounts().deliver("bob", "example.org") == Deliver.parse("mailbox")
    assert accounts().deliver("nobody", "example.org") is None


def test_a_list_of_very_many_is_told_in_part():
    people = accounts({"list": [f"a{number}@elsewhere.example" for number in range(1000)]})

    assert found("list@example.org", people).how.endswith("a19@elsewhere.example and 980 more")


def test_an_alias_leads_to_no_more_than_can_be_done_for_one_message():
    many = [f"a{number}@elsewhere.example" for number in range(MOST_ENDS + 1)]

    assert len(found("list@example.org", accounts({"list": many[1:]})).onward) == MOST_ENDS
    with pytest.raises(ConfigError, match="more than 10000: a mailing list program does that"):
        accounts({"list": many})


def test_aliases_of_aliases_have_an_end():
    chain = {f"a{number}": [f"a{number + 1}"] for number in range(2 * LONGEST_WAY)}

    with pytest.raises(ConfigError, match="make it shorter"):
        accounts(chain | {f"a{2 * LONGEST_WAY}": ["bob"]})


def with_system(known: set[str], **more: object) -> Accounts:
    return Accounts(
        ["example.org", "xn--bcher-kva.example", "localhost"],
        ["me"],
        {"me+x": ["stu"], "root": ["me", "stu"], "boss": ["stu@localhost"]} if "stu" in known else None,
        {"example.org": "me"},
        system={
            "xn--bcher-kva.example": Deliver.parse("maildir:/home/{user}/Maildir"),
            "localhost": Deliver.parse("mailbox"),
        },
        is_system_user=known.__contains__,
    )


def test_system_users_are_recipients_where_they_are_wanted():
    people = with_system({"stu"})

    assert ways("Stu@bücher.example", people) == ["stu@bücher.example (stu)"]
    assert ways("stu+News@xn--bcher-kva.example", people) == ["stu+News@xn--bcher-kva.example (stu)"]
    assert ways("stu@localhost", people) == ["stu"]
    assert ways("stu@example.org", people) == ["me"]  # the catch-all
    assert people.find(parse("carl@localhost")) is Absent.NO_SUCH_USER
    assert found("stu@localhost", people).how == "system user stu"
    assert found("stu+x@localhost", people).how == "plus address of system user stu"


def test_aliases_may_lead_to_system_users():
    people = with_system({"stu"})

    assert ways("root@localhost", people) == ["me", "stu@xn--bcher-kva.example (stu)"]
    assert ways("boss@example.org", people) == ["stu"]
    assert ways("me+x@example.org", people) == ["stu@xn--bcher-kva.example (stu)"]


def test_a_user_of_the_configuration_counts_for_more_than_one_of_the_system():
    assert ways("me@bücher.example", with_system({"me"})) == ["me"]


def test_how_mail_of_system_users_is_delivered_depends_on_the_domain_and_on_their_being_there():
    known = {"stu"}
    people = with_system(known)
    assert people.deliver("stu", "bücher.example") == Deliver.parse("maildir:/home/stu/Maildir")
    assert people.deliver("stu", "localhost") == Deliver.parse("mailbox")
    assert people.deliver("stu", "example.org") == Deliver.parse("maildir:/home/stu/Maildir")  # by an alias

    known.clear()
    assert people.deliver("stu", "localhost") is None
    assert people.find(parse("stu@localhost")) is Absent.NO_SUCH_USER


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("maildir:/srv/mail", "is one place for all of them: have {user} stand in it"),
        ("mbox:/var/mail/all", "is one place for all of them"),
        ("forward:{user}@example.net", "cannot forward for many"),
    ],
)
def test_a_way_for_many_that_is_one_for_all_is_told(way, told):
    with pytest.raises(ConfigError) as caught:
        Accounts(["example.org"], ["me"], system={"example.org": Deliver.parse(way)})

    assert str(caught.value).startswith("domains.example.org.deliver ")
    assert told in str(caught.value)


def test_a_mailbox_that_is_reached_by_several_ways_is_named_once():
    assert ways("x@example.org", accounts({"x": ["bob", "bob+a", "bob@example.net", "BOB"]})) == ["bob"]
    assert found("x@example.org", accounts({"x": ["ann", "ann@example.net"]})).onward == (
        Onward(parse("Ann@example.org"), "Ann"),
    )


def test_who_keeps_a_copy_has_an_alias_of_their_own_name():
    people = accounts(
        {"ann": ["Ann", "ann@elsewhere.example"], "bob": ["they@elsewhere.example", "bob@example.net"]}
    )

    assert ways("ann@example.org", people) == ["Ann@example.org (Ann)", "ann@elsewhere.example ()"]
    assert ways("ann+News@example.org", people) == ["Ann+News@example.org (Ann)", "ann@elsewhere.example ()"]
    assert ways("bob@example.org", people) == ["bob", "they@elsewhere.example ()"]
    assert ways("team@example.org", people) == [
        "bob",
        "Ann@example.org (Ann)",
        "ann@elsewhere.example ()",
        "they@elsewhere.example ()",
    ]
    assert found("bob@example.org", people).people == {"bob"}


def test_a_user_who_forwards_has_no_alias_beside():
    with pytest.raises(ConfigError, match=r"^aliases\.dora is a user too, whose mail is forwarded"):
        accounts({"dora": ["dora", "ann"]})


def test_who_forwards_to_themselves_is_told():
    with pytest.raises(ConfigError, match=r"^users\.a\.deliver goes in a circle: a -> a$"):
        Accounts(["example.org"], ["a"], deliver={"a": Deliver.parse("forward:a@example.org")})
