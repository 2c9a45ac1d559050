"""The headers are what a mail needs, the parts are what its reader's program expects."""

from __future__ import annotations

import pytest
from digest_parts import NOW, body_of, flip, job, mail, read, record

from mailsponge import clock
from mailsponge.sponge.model import Kind


def test_the_headers_are_what_a_mail_needs_and_no_more():
    message = read(mail(job(toaddrs=("me@example.org", "you@example.org")), [flip()]).content)

    assert message.keys() == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Mailsponge-Job",
        "X-Mailsponge-Kind",
        "MIME-Version",
        "Content-Type",
    ]
    assert message["From"] == "sponge@example.org"
    assert [address.addr_spec for address in message["To"].addresses] == ["me@example.org", "you@example.org"]
    assert message["Message-ID"] == "<1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Mailsponge-Job"] == "podcasts"
    assert message["X-Mailsponge-Kind"] == "new"
    assert message.get_content_type() == "multipart/alternative"


def test_text_and_html_are_alternatives_the_richer_one_last():
    message = read(mail(job(), [flip()]).content)

    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_same_news_give_the_same_bytes():
    several = [flip("Søndag på P1"), flip("b")]
    lines = [record(f"line {number}") for number in range(30)]

    assert mail(job(), several, *lines).content == mail(job(), several, *lines).content


def test_no_log_can_hold_the_line_between_the_parts():
    boundary = read(mail(job(), [flip()]).content).get_boundary()
    message = read(
        mail(job(), [flip()], record(f"--{boundary}--\n--{boundary}\nContent-Type: text/html")).content
    )

    assert not message.defects
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert boundary in body_of(message)


@pytest.mark.parametrize(
    ("flips", "kinds"),
    [
        ([flip("a", Kind.RECOVERED), flip("b"), flip("c")], "new, recovered"),
        ([flip("a", Kind.MISSED)], "missed"),
    ],
)
def test_the_kinds_inside_are_named_for_whoever_sorts_mail_by_rules(flips, kinds):
    assert read(mail(job(), flips).content)["X-Mailsponge-Kind"] == kinds


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
    message = read(mail(job(), [flip()]).content)

    assert "References" not in message
    assert "In-Reply-To" not in message


def test_a_mail_of_one_thread_answers_the_mail_that_told_of_it():
    one = read(mail(job(), [flip("a", Kind.STILL, thread="<1@h>"), flip("b")]).content)
    two = [flip("a", Kind.STILL, thread="<1@h>"), flip("b", Kind.STILL, thread="<2@h>")]

    assert one["In-Reply-To"] == "<1@h>"
    assert "In-Reply-To" not in read(mail(job(), two).content)


def test_many_threads_do_not_make_an_endless_header():
    flips = [flip(f"{number:03}", Kind.STILL, thread=f"<{number}@{'h' * 60}>") for number in range(1000)]
    content = mail(job(), flips).content

    references = read(content)["References"].split()
    assert references == [f"<{number}@{'h' * 60}>" for number in range(900, 1000)]
    assert b"=?" not in content.partition(b"References: ")[2].partition(b"\r\nAuto-Submitted")[0]


@pytest.mark.parametrize("thread", ["<1@h>\r\nBcc: x@y", "1@h", "<1@h> <2@h>", "<1\n@h>", "<é@h>"])
def test_a_thread_that_is_no_message_id_is_passed_over(thread):
    assert "References" not in read(mail(job(), [flip(kind=Kind.STILL, thread=thread)]).content)


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
