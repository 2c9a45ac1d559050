"""One mail that says in its subject what is the matter, and that nothing anybody logged can make say anything else."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge import clean, clock
from mailsponge.sponge import digest
from mailsponge.sponge.digest import compose, encoded, new_message_id, subject, user_and_host
from mailsponge.sponge.model import CRITICAL, ERROR, INFO, JOB_ITSELF, Flip, Kind, Mail, Record
from mailsponge.sponge.settings import Settings

NOW = 1_700_000_000.0

HOSTILE = {
    "an empty line": "x\n\nBody: of one's own",
    "a header": "x\r\nBcc: victim@example.org",
    "a header after a lone CR": "x\rBcc: victim@example.org",
    "a header in an encoded word": "=?utf-8?q?x=0D=0ABcc:_victim@example.org?=",
    "a header in base64": "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5vcmc=?=",
    "an encoded word of an unknown kind": "=?klingon?q?x?=",
    "NUL": "x\0y",
    "an escape sequence": "\x1b[2J\x1b]0;owned\x07",
    "a C1 control": "x\x9b2Jy\x85z",
    "a lone surrogate": "x\udcff\ud800y",
    "text turned round": "x\u202egpj.exe\u2066y",
    "line separators": "x\u2028y\u2029z\x0b\x0c",
    "a long line": "x" * 1_000_000,
    "a long line that is not ASCII": "ø" * 1_000_000,
    "many lines": "x\n" * 100_000,
    "the end of the message": "x\r\n.\r\nMAIL FROM:<evil@example.org>",
    "nothing but spaces": "   ",
    "a byte order mark": "\ufeffx",
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def job(**fields: Any) -> Settings:
    return Settings(
        **{"job": "podcasts", "toaddrs": ("me@example.org",), "fromaddr": "sponge@example.org"} | fields
    )


def flip(
    source: str = "x", kind: Kind = Kind.NEW, said: str = "has failed 3 runs in a row", **fields: Any
) -> Flip:
    about = {
        "at": NOW,
        "since": NOW - 7200,
        "failed_run": "run",
        "thread": None,
        "reason": "patience is over",
    }
    return Flip(kind, source, said=said, **(about | fields))


def record(text: str = "HTTP 404", level: int = ERROR, detail: str = "", **fields: Any) -> Record:
    return Record(
        **{"source": "x", "at": NOW, "logger": "feeds", "laid_out": False} | fields,
        level=level,
        text=text,
        detail=detail,
    )


def mail(settings: Settings, flips: Sequence[Flip], *records: Record) -> Mail:
    return compose(settings, flips, lambda _: records, NOW, "<1@example.org>", ("me", "laptop"))


def read(content: bytes) -> EmailMessage:
    """The mail as its reader's program sees it."""
    return email.message_from_bytes(content, policy=email.policy.default)


def text_of(settings: Settings, flips: Sequence[Flip], *records: Record) -> str:
    return body_of(read(mail(settings, flips, *records).content))


def body_of(message: EmailMessage) -> str:
    return str(message.get_content()).replace("\r\n", "\n")


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


# The body


def test_the_body_tells_each_flip_with_since_and_why():
    body = text_of(job(), [flip("x", reason="3 failed runs in a row; patience (3 runs) is over")])

    since = clock.local(NOW - 7200).strftime("%a %d %b %Y, %H:%M")
    assert body.startswith(
        "NEW  x has failed 3 runs in a row\n"
        f"    since {since}\n"
        "    why this mail: 3 failed runs in a row; patience (3 runs) is over\n"
    )


def test_kinds_come_in_order_and_sources_by_name():
    flips = [flip("z", Kind.RECOVERED), flip("b", Kind.STILL), flip("c"), flip("a")]

    heads = re.findall(r"^([A-Z]+  \S+)", text_of(job(), flips), re.MULTILINE)
    assert heads == ["NEW  a", "NEW  c", "STILL  b", "RECOVERED  z"]


def test_the_log_shows_time_level_logger_and_message():
    body = text_of(job(), [flip()], record("HTTP 404"))

    assert f"\n    {clock.local(NOW).strftime('%H:%M:%S')} ERROR feeds: HTTP 404\n" in body


def test_a_text_laid_out_by_its_user_is_shown_as_it_is():
    assert "\n    2026 | HTTP 404\n" in text_of(job(), [flip()], record("2026 | HTTP 404", laid_out=True))


def test_further_lines_and_tracebacks_are_indented():
    body = text_of(job(), [flip()], record("first\nsecond", detail="Traceback:\n  boom\n"))

    assert "first\n        second\n      Traceback:\n        boom\n" in body


def test_a_recovery_shows_no_log():
    assert "HTTP 404" not in text_of(job(), [flip(kind=Kind.RECOVERED)], record("HTTP 404"))


def test_a_failure_without_records_says_so():
    assert "(this run left no records)" in text_of(job(), [flip()])


def test_a_log_of_ten_records_is_shown_whole():
    body = text_of(job(), [flip()], *(record(f"record {n}.") for n in range(10)))

    assert [f"record {n}." in body for n in range(10)] == [True] * 10
    assert "more, kept" not in body


def test_of_a_long_log_the_two_ends_are_shown():
    body = text_of(job(), [flip()], *(record(f"record {n}.", INFO) for n in range(100)))

    assert [n for n in range(100) if f"record {n}." in body] == [0, 1, 2, *range(93, 100)]
    assert "… 90 more, kept in the ledger of podcasts …" in body


def test_of_a_long_traceback_the_two_ends_are_shown():
    body = text_of(job(), [flip()], record(detail="\n".join(f"line {n}." for n in range(100))))

    assert [n for n in range(100) if f"line {n}." in body] == [*range(20), *range(80, 100)]
    assert "… 60 lines …" in body


def test_forty_sources_are_told_in_full_and_the_others_named():
    body = text_of(job(), [flip(f"feed{n:03}") for n in range(50)], record())

    assert body.count("why this mail") == 40
    assert "And:\n  feed040 has failed 3 runs in a row\n" in body
    assert "feed049 has failed" in body


def test_records_are_read_for_the_sources_that_are_shown_alone():
    asked: list[str] = []

    def records_of(about: Flip) -> list[Record]:
        asked.append(about.source)
        return []

    compose(job(), [flip(f"feed{n:03}") for n in range(50)], records_of, NOW, "<1@h>", ("me", "laptop"))

    assert asked == [f"feed{n:03}" for n in range(40)]


@pytest.mark.parametrize(
    ("name", "word"),
    [("podcasts", "podcasts"), ("my job", "'my job'"), ("it's", "'it'\\''s'"), ("$(rm)", "'$(rm)'")],
)
def test_the_mail_ends_with_a_command_that_can_be_pasted(name, word):
    assert text_of(job(job=name), [flip()]).endswith(f"mailsponge status {word}\n")


# Hostile text


def check_is_clean(content: bytes) -> EmailMessage:
    """What must hold of every mail, whatever went into it."""
    assert content.isascii()
    assert b"\0" not in content
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert len(content) < 100_000
    message = read(content)
    assert set(message.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert not message.defects
    body = body_of(message)
    assert clean.block(body) == body
    return message


@hostile
def test_a_hostile_message_stays_in_the_body(text):
    body = body_of(check_is_clean(mail(job(), [flip()], record(text), record("after")).content))

    assert body.count("\nNEW") + body.startswith("NEW") == 1
    assert "feeds: after\n" in body


@hostile
def test_a_hostile_traceback_stays_in_the_body(text):
    body = body_of(check_is_clean(mail(job(), [flip()], record(detail=text), record("after")).content))

    assert "feeds: after\n" in body


@hostile
def test_a_hostile_source_stays_one_line_of_subject_and_body(text):
    composed = mail(job(), [flip(text)])

    message = check_is_clean(composed.content)
    assert message["Subject"] == composed.subject == clean.line(composed.subject)
    assert body_of(message).splitlines()[0].startswith("NEW  ")
    assert body_of(message).splitlines()[1].startswith("    since ")


@hostile
def test_a_hostile_job_stays_one_line_of_subject_and_body(text):
    message = check_is_clean(mail(job(job=text), [flip()]).content)

    assert body_of(message).splitlines()[-2].startswith("Sent by mailsponge for the job ")


@hostile
def test_a_hostile_logger_stays_one_line(text):
    body = body_of(check_is_clean(mail(job(), [flip()], record("boom", logger=text)).content))

    (shown,) = [line for line in body.splitlines() if line.endswith(": boom")]
    assert shown.startswith(f"    {clock.local(NOW).strftime('%H:%M:%S')} ERROR ")


@hostile
def test_a_hostile_subject_of_ones_own_is_made_harmless(text):
    check_is_clean(mail(job(subject=text), [flip()]).content)


@hostile
def test_a_hostile_reason_stays_one_line(text):
    body = body_of(check_is_clean(mail(job(), [flip(reason=text[:300])]).content))

    assert body.splitlines()[2].startswith("    why this mail: ")


def test_what_a_record_says_cannot_pass_for_what_the_mail_says():
    forged = "x\nRECOVERED  everything works again\n-- \nSent by somebody"
    body = text_of(job(), [flip()], record(forged, laid_out=True, detail=forged))

    assert [line for line in body.splitlines() if line.startswith(("RECOVERED", "-- ", "Sent"))] == [
        "-- ",
        "Sent by mailsponge for the job podcasts on laptop.",
    ]


texts = st.text(st.characters(), max_size=60)


@hypothesis_settings(deadline=None, max_examples=150)
@given(texts, texts, texts, texts, texts)
def test_no_text_whatever_breaks_a_mail(source, text, detail, logger, name):
    settings = job(job=name or "job")

    check_is_clean(mail(settings, [flip(source)], record(text, CRITICAL, detail, logger=logger)).content)


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
