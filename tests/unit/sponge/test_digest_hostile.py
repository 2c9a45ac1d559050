"""Nothing that anybody logged can make a mail say something else, break it, or drive a terminal."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from digest_hostile import hostile
from digest_parts import NOW, attached, body_of, flip, job, mail, part_of, ran, read, record, text_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge import clean, clock
from mailsponge.sponge.digest.records import Records
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import CRITICAL, ERROR, Mail


def check_is_clean(content: bytes) -> EmailMessage:
    """What must hold of every mail, whatever went into it."""
    assert content.isascii()
    assert b"\0" not in content
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert len(content) < 100_000
    message = read(content)
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Mailsponge-Job"),
        *("X-Mailsponge-Kind", "MIME-Version", "Content-Type"),
    }
    for part in message.walk():
        assert not part.defects
        assert part.is_multipart() or set(part.keys()) - {"Content-Disposition", "MIME-Version"} == {
            "Content-Type",
            "Content-Transfer-Encoding",
        }
    for text in (part_of(message, "plain"), part_of(message, "html"), attached(message) or ""):
        assert clean.block(text) == text
    return message


@hostile
def test_a_hostile_message_stays_in_the_body(text):
    body = body_of(check_is_clean(mail(job(), [flip()], record(text), record("after")).content))

    assert body.count("\nNEW") + body.startswith("NEW") == 1
    assert "feeds: after\n" in body


@pytest.mark.parametrize("field", ["text", "detail"])
def test_of_a_huge_text_only_its_two_ends_are_cleaned(field, monkeypatch):
    seen = []
    block = clean.block
    monkeypatch.setattr(clean, "block", lambda text: seen.append(len(text)) or block(text))
    records = Records(1, ERROR)

    log = records.log("x", "x", [[record(**{field: "\x1b" * 20_000_000})]], 0, NOW)

    assert sum(seen) <= 500_000
    (entry,) = log.items
    assert "… 19600000 characters …" in entry.lines + entry.detail
    assert records.is_much_hidden
    assert not log.is_whole


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_text_is_cut_only_where_it_is_too_long(more):
    (entry,) = Records(1, ERROR).log("x", "x", [[record("a" * (400_000 + more))]], 0, NOW).items

    assert ("… 1 character …" in entry.lines) is bool(more)


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
    assert clean.line(message["X-Mailsponge-Job"]) == message["X-Mailsponge-Job"]


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


@hostile
def test_a_hostile_digest_is_as_clean(text):
    ledger = MemoryLedger()
    ran(ledger, 1, {}, record(text, source=text, logger=text, detail=text), *[record("after")] * 3)
    settings = job(job=text, digest="1 record")

    message = check_is_clean(mail(settings, [], ledger=ledger, digest=True).content)
    assert body_of(message).count("feeds: after\n") == 3


@hostile
def test_what_a_server_answered_stays_one_line(text):
    ledger = MemoryLedger()
    refused = Mail("<1@h>", NOW, text, "a@b", (text,), b"", status="refused", last_reply=text)
    ledger.add_mail(refused)

    body = body_of(check_is_clean(mail(job(), [flip()], ledger=ledger).content))
    assert "\n    try again, once that is mended:  mailsponge outbox send\n" in body


@hostile
def test_hostile_hosts_stay_one_line(text):
    body = body_of(check_is_clean(mail(job(), [flip(hosts=(text, text, text, text))]).content))

    assert body.splitlines()[2].startswith("    on ")
    assert body.splitlines()[3].startswith("    why this mail: ")
