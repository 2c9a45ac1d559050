"""Rules of how a way of delivering is written."""

from __future__ import annotations

import pytest

from mailsponge.accounts import IN_A_MAILBOX, Deliver, Kind

WRITTEN = [
    "mailbox",
    "maildir:~/Maildir",
    "maildir:/srv/mail/me",
    "mbox:/var/mail/{user}",
    "lmtp:unix:/run/dovecot/lmtp",
    "lmtp:127.0.0.1:24",
    "lmtp:[::1]:24",
    "lmtp:mail.example.org:24",
    "pipe:/usr/bin/procmail -d me",
    "pipe:/usr/local/bin/file-it 'two words'",
    "forward:me@example.net",
    "forward:you",
    "forward:søren@bücher.example",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_it_is_written_as_it_is_read(text):
    assert str(Deliver.parse(text)) == text
    assert Deliver.parse(text) == Deliver.parse(str(text))


def test_the_way_and_where_it_leads_are_told_apart():
    way = Deliver.parse("lmtp:unix:/run/dovecot/lmtp")

    assert (way.kind, way.target) == (Kind.LMTP, "unix:/run/dovecot/lmtp")
    assert Deliver.parse("mailbox") == IN_A_MAILBOX


def test_the_name_of_each_stands_where_it_is_said_for_many():
    assert (
        Deliver.parse("pipe:/bin/take -d {user} {user}@here").for_user("ann").target
        == "/bin/take -d ann ann@here"
    )
    assert IN_A_MAILBOX.for_user("ann") == IN_A_MAILBOX


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "it begins with the way of delivering"),
        ("maildr:~/Maildir", "it begins with the way of delivering"),
        ("~/Maildir", "did you mean maildir:~/Maildir?"),
        ("/var/mail/me", "did you mean mbox:/var/mail/me?"),
        ("Mailbox", "it begins with the way of delivering"),
        ("mailbox:me", "it is one of"),
        ("maildir", "it is one of"),
        ("maildir:", "a path is whole"),
        ("maildir:Maildir", "a path is whole"),
        ("maildir:~you/Maildir", "a path is whole"),
        ("mbox:var/mail/me", "a path is whole"),
        ("maildir:/srv/\0", "invisible"),
        ("pipe:/bin/cat\n/bin/rm", "invisible"),
        ("lmtp:unix:lmtp", "whole path"),
        ("lmtp:/run/lmtp", "it needs a host and a port"),
        ("lmtp:localhost", "it needs a host and a port"),
        ("lmtp:a b:24", "it needs a host and a port"),
        ("lmtp:::1:24", "it needs a host and a port"),
        ("lmtp:localhost:0", "1 to 65535"),
        ("lmtp:localhost:99999", "1 to 65535"),
        ("pipe:", "whole path of a program"),
        ("pipe:procmail -d me", "there is no shell"),
        ("pipe:/bin/echo 'me", "a quote without its partner"),
        ("forward:", "it forwards to one address"),
        ("forward:a@b@c", "it forwards to one address"),
        ("forward:a@b, c@d", "it forwards to one address"),
        (24, "it is written as text"),
        (None, "it is written as text"),
        (["mailbox"], "it is written as text"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(value, told):
    with pytest.raises(ValueError, match=r"mailbox|path|host|port|program|address|quote|invisible") as caught:
        Deliver.parse(value)

    assert told in str(caught.value)
