"""One mail that says in its subject what is the matter, and whose headers are what a mail needs."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from digest_parts import NOW, flip, job, mail, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge import clean, clock
from mailsponge.sponge import digest
from mailsponge.sponge.digest import encoded, new_message_id, subject, user_and_host
from mailsponge.sponge.model import JOB_ITSELF, Kind

# The subject


@pytest.mark.parametrize(
    ("flips", "said"),
    [
        ([flip("Søndag på P1")], "podcasts: Søndag på P1 has failed 3 runs in a row"),
        ([flip(JOB_ITSELF)], "podcasts: the job itself has failed 3 runs in a row"),
        ([flip("a"), flip("b")], "podcasts: 2 sources keep failing"),
        ([flip("a", Kind.STILL), flip("b", Kind.STILL)], "podcasts: 2 sources still fail"),
        ([flip("a", Kind.RECOVERED), flip("b", Kind.RECOVERED)], "podcasts: 2 sources work again"),
        (
            [flip("c", Kind.RECOVERED, "works again after 1 day"), flip("a"), flip("b")],
            "podcasts: 2 sources keep failing, c works again after 1 day",
        ),
    ],
)
def test_the_subject_says_what_is_the_matter(flips, said):
    assert subject(job(), flips) == said


def test_a_subject_of_ones_own_stands_in_place_of_the_job():
    assert subject(job(subject="Home"), [flip()]) == "Home: x has failed 3 runs in a row"


@pytest.mark.parametrize(
    "name",
    [
        "Søndag på P1",
        "日本語のポッドキャスト" * 6,
        "😀" * 30,
        "æøå " * 30,
        "a  b   c",
        "é" + "x" * 70,
        "x" * 70 + " é é",
        "caffe\u0301",
    ],
)
def test_the_subject_reads_back_as_it_was(name):
    composed = mail(job(), [flip(name)])

    assert read(composed.content)["Subject"] == composed.subject
    assert composed.subject.startswith(f"podcasts: {clean.shortened(name, 100).strip()}")


lines = st.text(max_size=160).map(clean.line)


@hypothesis_settings(deadline=None, max_examples=200)
@given(lines)
def test_any_line_reads_back_from_a_header_as_it_was(text):
    header = f"Subject: {encoded(text)}\r\n\r\n".encode("ascii")

    assert read(header)["Subject"] == text
    assert read(header).keys() == ["Subject"]


@hypothesis_settings(deadline=None, max_examples=200)
@given(st.text("ab =?_-:.", max_size=160))
def test_any_ascii_line_reads_back_from_a_header_as_it_was(text):
    assert read(f"Subject: {encoded(text)}\r\n\r\n".encode("ascii"))["Subject"] == text


def test_a_subject_in_ascii_stays_readable_on_the_wire():
    assert b"\r\nSubject: podcasts: x has failed 3 runs in a row\r\n" in mail(job(), [flip()]).content


def test_a_long_subject_is_cut():
    composed = mail(job(subject="s" * 500), [flip()])

    assert composed.subject == "s" * 159 + "…"


# Headers


def test_the_headers_are_what_a_mail_needs_and_no_more():
    message = read(mail(job(toaddrs=("me@example.org", "you@example.org")), [flip()]).content)

    assert message.keys() == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    ]
    assert message["From"] == "sponge@example.org"
    assert [address.addr_spec for address in message["To"].addresses] == ["me@example.org", "you@example.org"]
    assert message["Message-ID"] == "<1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"


def test_the_date_is_the_moment_in_the_local_zone():
    date = read(mail(job(), [flip()]).content)["Date"].datetime

    assert date == clock.local(NOW)
    assert date.utcoffset() == clock.local(NOW).utcoffset()


def test_without_a_sender_it_is_this_user_at_this_host():
    composed = mail(job(fromaddr=None), [flip()])

    assert composed.fromaddr == "me@laptop"
    assert read(composed.content)["From"] == "me@laptop"


def test_references_name_the_mail_of_each_incident_once():
    flips = [
        flip("a", Kind.STILL, thread="<1@h>"),
        flip("b", thread=None),
        flip("c", Kind.RECOVERED, thread="<2@h>"),
    ]
    flips.append(flip("d", Kind.RECOVERED, thread="<1@h>"))

    assert read(mail(job(), flips).content)["References"].split() == ["<1@h>", "<2@h>"]


def test_a_first_mail_refers_to_none():
    assert "References" not in read(mail(job(), [flip()]).content)


def test_a_mail_carries_what_the_envelope_needs():
    composed = mail(job(toaddrs=("me@example.org", "you@example.org")), [flip()])

    assert (composed.fromaddr, composed.toaddrs) == (
        "sponge@example.org",
        ("me@example.org", "you@example.org"),
    )
    assert (composed.message_id, composed.created_at, composed.status) == ("<1@example.org>", NOW, "waiting")


def test_many_recipients_do_not_make_an_endless_line():
    toaddrs = tuple(f"somebody.with.a.name{n}@example.org" for n in range(200))
    message = mail(job(toaddrs=toaddrs), [flip()]).content

    assert max(map(len, message.split(b"\r\n"))) <= 200
    assert tuple(address.addr_spec for address in read(message)["To"].addresses) == toaddrs


@pytest.mark.parametrize(
    "address",
    ["=?utf-8?q?x=0ABcc:_evil=40example.org?=@example.org", "odd\\user@example.org", 'a:b"c@example.org'],
)
def test_a_strange_address_stays_one_value_of_one_header(address):
    content = mail(job(fromaddr=address, toaddrs=(address,)), [flip()]).content

    assert b"From: " + address.encode() + b"\r\nTo: " + address.encode() + b"\r\nSubject: " in content


def test_an_address_that_is_not_ascii_goes_as_utf_8():
    content = mail(job(toaddrs=("jörg@example.org",)), [flip()]).content

    assert "To: jörg@example.org\r\n".encode() in content


# Who it is from


def test_a_message_id_is_made_of_the_senders_domain():
    assert new_message_id("me@example.org", "laptop", lambda: "5f0c") == "<5f0c@example.org>"
    assert new_message_id(None, "laptop", lambda: "5f0c") == "<5f0c@laptop>"


@pytest.mark.parametrize("address", ["me@<>\r\n", "me@", "jörg@ö"])
def test_a_message_id_is_always_one(address):
    assert re.fullmatch(r"<5f0c@[A-Za-z0-9.-]+>", new_message_id(address, "", lambda: "5f0c"))


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no user."""
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_user_is_whom_the_environment_names(nobody):
    nobody.setenv("USER", "second")
    assert user_and_host()[0] == "second"
    nobody.setenv("LOGNAME", "first")
    assert user_and_host()[0] == "first"


def test_a_user_whom_nobody_named_is_looked_up(nobody):
    pwd = pytest.importorskip("pwd")

    assert user_and_host()[0] == pwd.getpwuid(digest.os.getuid()).pw_name


def test_the_host_is_what_the_system_says_without_asking_the_network():
    assert user_and_host()[1] == digest.os.uname().nodename


def test_a_host_without_a_name_is_this_one(monkeypatch):
    monkeypatch.setattr(digest.os, "uname", lambda: SimpleNamespace(nodename="(none)\n"))
    assert user_and_host()[1] == "none"

    monkeypatch.setattr(digest.os, "uname", lambda: SimpleNamespace(nodename=""))
    assert user_and_host()[1] == "localhost"


def test_a_user_without_a_name_has_a_number(nobody):
    nobody.setattr(digest.os, "getuid", lambda: 4_000_000_000)

    assert user_and_host()[0] == "uid4000000000"


@pytest.mark.parametrize(
    ("named", "user"),
    [("me\r\nBcc: x", "meBccx"), ("DOMAIN\\me", "DOMAINme"), ("<>", "mailsponge"), (".me.", "me")],
)
def test_a_user_is_what_an_address_may_be_made_of(nobody, named, user):
    nobody.setenv("LOGNAME", named)

    assert user_and_host()[0] == user
