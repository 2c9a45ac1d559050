"""One suite for every program that submits mail: what it sends lands in the mailbox byte for byte, by every way in that
it knows, and what it may not send is refused in words it shows its user.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kit import house as ways
from kit.client import Client, Letter, Login
from kit.house import House, Way
from kit.post import Post, trace_and_message
from kit.program_clients import Curl, Msmtp, PipeliningSwaks, Swaks
from kit.python_clients import Aiosmtplib, Smtplib
from mailsponge.store.mailboxes import SqliteMailboxes

PLAIN = b"""\
From: A person <person@example.net>\r
To: me@example.org\r
Subject: Hello\r
Date: Mon, 05 Jan 2026 06:00:00 +0000\r
Message-ID: <hello@example.net>\r
\r
Good morning.\r
"""

UTF8 = """\
From: Søren <person@example.net>\r
To: me@example.org\r
Subject: Søndag på P1 kunne ikke hentes 🧽\r
Date: Mon, 05 Jan 2026 06:00:00 +0000\r
Message-ID: <søndag@example.net>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Det gælder også «brødteksten»: 日本語 🧽\r
""".encode()

DOTS = PLAIN + b".\r\n..\r\n.dot before a word\r\n...\r\n\r\n.\r\n\r\n . \r\nlast.\r\n"

BIG = PLAIN + b"".join(b"%07d %s\r\n" % (i, b"x" * 61) for i in range(5 * 1024 * 1024 // 71))

CLIENTS = (Smtplib, Aiosmtplib, Curl, Swaks, PipeliningSwaks, Msmtp)
BY_EVERY_WAY = [
    pytest.param(kind, way, id=f"{kind.__name__.lower()}-{way.name}") for kind in CLIENTS for way in kind.ways
]


@pytest.fixture
def make(house: House, run, peer: Callable[[str], str], tmp_path) -> Callable[[type[Client]], Client]:
    """Makes a client of a kind; skips where its program is missing."""
    return lambda kind: kind(house, run, peer(kind.needs) if kind.needs else "", tmp_path)


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.__name__.lower())
def client(request, make) -> Client:
    return make(request.param)


def sole(post: Post, mailbox: str = "me") -> tuple[str, bytes]:
    """The trace and the message of the one letter in a mailbox."""
    [letter] = post.letters(mailbox)
    return trace_and_message(letter)


@pytest.mark.parametrize(("kind", "way"), BY_EVERY_WAY)
def test_a_letter_comes_by_every_way_in(kind: type[Client], way: Way, make, house: House, post: Post):
    client = make(kind)
    outcome = client.send(Letter(PLAIN), way)

    assert outcome.succeeded, outcome.said
    trace, message = sole(post)
    assert message == PLAIN + client.adds
    assert f" with {way.protocol} " in trace
    assert ("(TLSv1.3" in trace) == way.tls
    assert _origin(house, way) in trace


def _origin(house: House, way: Way) -> str:
    """What Received says of whom it came from."""
    host, port = house.address(way)
    if not port:
        return "(local uid "
    return "([IPv6:::1])" if ":" in host else "([127.0.0.1])"


@pytest.mark.parametrize("way", [ways.PLAIN, ways.SUBMISSIONS], ids=lambda way: way.name)
@pytest.mark.parametrize("message", [UTF8, DOTS, BIG], ids=["utf8", "dots", "5MB"])
def test_what_a_client_sends_lands_byte_for_byte(client: Client, message: bytes, way: Way, post: Post):
    outcome = client.send(Letter(message), way)

    assert outcome.succeeded, outcome.said
    assert sole(post)[1] == message + client.adds


def test_the_listing_shows_a_utf8_subject_as_a_person_wrote_it(client: Client, house: House, post: Post):
    client.send(Letter(UTF8), ways.PLAIN)

    with SqliteMailboxes(house.data) as mailboxes:
        assert [mail.subject for mail in mailboxes.mails("me")] == ["Søndag på P1 kunne ikke hentes 🧽"]


def test_one_mail_to_an_alias_lands_in_each_mailbox_behind_it(client: Client, post: Post):
    client.send(Letter(PLAIN, "team@example.org"), ways.PLAIN)

    assert sole(post)[1] == sole(post, "you")[1] == PLAIN + client.adds


@pytest.mark.parametrize("kind", [Smtplib, Aiosmtplib, Curl], ids=lambda kind: kind.__name__.lower())
def test_a_name_beyond_ascii_is_reached(kind: type[Client], make, post: Post):
    outcome = make(kind).send(Letter(UTF8, "søren@example.org"), ways.SUBMISSION)

    assert outcome.succeeded, outcome.said
    trace, message = sole(post, "søren")
    assert message == UTF8
    assert " with UTF8SMTPSA " in trace
    assert "for <søren@example.org>" in trace


@pytest.mark.parametrize(
    ("letter", "refusal"),
    [
        pytest.param(Letter(PLAIN, "stranger@example.org"), "550 5.1.1", id="nobody of that name"),
        pytest.param(Letter(PLAIN, "person@example.com"), "550 5.7.1", id="relaying"),
    ],
)
def test_a_recipient_who_cannot_be_is_refused_and_the_client_says_why(
    client: Client, letter: Letter, refusal: str, post: Post
):
    outcome = client.send(letter, ways.PLAIN)

    assert not outcome.succeeded
    assert refusal in outcome.said
    assert post.letters("me") == []


def test_a_wrong_password_is_535_5_7_8(client: Client, post: Post):
    client.login = Login(password="wrong horse")
    outcome = client.send(Letter(PLAIN), ways.SUBMISSIONS)

    assert not outcome.succeeded
    assert "535 5.7.8" in outcome.said
    assert post.letters("me") == []


def test_without_a_login_nothing_is_taken_at_submission(client: Client, post: Post):
    outcome = client.send(Letter(PLAIN), ways.SUBMISSIONS._replace(mechanism=""))

    assert not outcome.succeeded
    assert "530 5.7.0" in outcome.said
    assert post.letters("me") == []


def test_somebody_elses_address_is_553_5_7_1_and_its_owners_names_are_told(client: Client, post: Post):
    outcome = client.send(Letter(PLAIN, sender="you@example.org"), ways.SUBMISSION)

    assert not outcome.succeeded
    assert "553 5.7.1" in outcome.said
    assert post.letters("me") == []


def test_before_tls_no_client_can_log_in(client: Client, post: Post):
    outcome = client.send(Letter(PLAIN), ways.SUBMISSION._replace(starttls=False))

    assert not outcome.succeeded
    assert post.letters("me") == []


def test_a_client_that_knows_no_authority_for_the_certificate_goes_away(
    client: Client, another_authority: Path, post: Post
):
    client.trusts = another_authority
    outcome = client.send(Letter(PLAIN), ways.SUBMISSIONS)

    assert not outcome.succeeded
    assert post.letters("me") == []
