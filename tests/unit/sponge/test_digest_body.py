"""What the mail says of each flip, and nothing that anybody logged can make it say anything else."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest
from digest_parts import NOW, body_of, flip, job, mail, read, record, text_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge import clean, clock
from mailsponge.sponge.digest import compose
from mailsponge.sponge.model import CRITICAL, INFO, Excerpt, Flip, Kind

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


@pytest.mark.parametrize(("lines", "hidden"), [(40, False), (41, True)])
def test_up_to_forty_further_lines_are_shown_whole(lines, hidden):
    body = text_of(job(), [flip()], record(detail="\n".join(f"line {n}." for n in range(lines))))

    assert ("lines …" in body) is hidden


def test_of_a_long_text_the_two_ends_are_shown():
    body = text_of(job(), [flip()], record("boom\n" + "\n".join(f"line {n}." for n in range(100))))

    assert [n for n in range(100) if f"line {n}." in body] == [*range(20), *range(80, 100)]
    assert "feeds: boom\n" in body


def test_of_a_long_line_the_beginning_is_shown():
    body = text_of(job(), [flip()], record("x" * 10_000 + "\n" + "y" * 10_000, detail="z" * 10_000))

    assert f"feeds: {'x' * 1999}…\n        {'y' * 499}…\n      {'z' * 499}…\n" in body


def test_forty_sources_are_told_in_full_and_the_others_named():
    body = text_of(job(), [flip(f"feed{n:03}") for n in range(50)], record())

    assert body.count("why this mail") == 40
    assert "And:\n  feed040 has failed 3 runs in a row\n" in body
    assert "feed049 has failed" in body


def test_logs_are_read_for_the_failures_that_are_shown_alone():
    asked: list[str] = []

    def read_log(about: Flip) -> Excerpt:
        asked.append(about.source)
        return Excerpt([], [], 0)

    flips = [*(flip(f"feed{n:03}") for n in range(50)), flip("well", Kind.RECOVERED)]
    compose(job(), flips, read_log, NOW, "<1@h>", ("me", "laptop"))

    assert asked == [f"feed{n:03}" for n in range(40)]


@pytest.mark.parametrize(
    ("name", "word"),
    [("podcasts", "podcasts"), ("my job", "'my job'"), ("it's", "'it'\\''s'"), ("$(rm)", "'$(rm)'")],
)
def test_the_mail_ends_with_a_command_that_can_be_pasted(name, word):
    assert text_of(job(job=name), [flip()]).endswith(f"mailsponge status {word}\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("plain", "7bit"), ("Søndag", "quoted-printable"), ("日本語" * 50, "quoted-printable")],
)
def test_the_body_stays_as_readable_on_the_wire_as_it_can(text, encoding):
    message = read(mail(job(), [flip()], record(text)).content)

    assert message["Content-Transfer-Encoding"] == encoding
    assert text in body_of(message)


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
    assert body.splitlines()[3] == ""


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
