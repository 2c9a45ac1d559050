"""The digest of everything gathered, and the mails that were refused: what comes after the flips."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from digest_parts import (
    FAILED,
    NOW,
    attached,
    body_of,
    flip,
    html_of,
    job,
    mail,
    news,
    ran,
    read,
    record,
    text_of,
)

from mailsponge.sponge.digest import compose
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import INFO, JOB_ITSELF, WARNING, Gathered, Mail, Record, Silence

GATHERS = job(patience="never", digest="3 records")


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def told(ledger: MemoryLedger, *flips) -> str:
    return text_of(GATHERS, flips, ledger=ledger, digest=True)


def test_all_of_it_is_told_source_by_source_the_worst_first(ledger):
    ran(ledger, 1, {}, record("fetched", INFO, source="a"), record("gone", source="b", at=NOW - 7200))
    ran(ledger, 2, {}, record("slow", WARNING, source="a"), record("ended", INFO, source=JOB_ITSELF))

    body = told(ledger)
    assert body.startswith("DIGEST  4 records (1 error, 1 warning) of 3 sources\n    since ")
    assert '    why this mail: digest="3 records": all that was logged since the last one\n' in body
    heads = [line for line in body.splitlines() if line.startswith("    ") and line.count(": ") == 1]
    assert [head.strip() for head in heads if " record" in head and "why" not in head] == [
        "b: 1 record, 1 error",
        "the job itself: 1 record",
        "a: 2 records",
    ]
    assert body.index("gone") < body.index("ended") < body.index("fetched") < body.index("slow")


def test_each_record_has_its_date(ledger):
    ran(ledger, 1, {}, record("fetched", INFO, source="a"))

    assert " Nov " in told(ledger).split("a: 1 record")[1]


def test_a_mail_with_nothing_else_says_so_in_its_subject(ledger):
    ran(ledger, 1, {}, record("fetched", INFO), record("gone"))
    composed = mail(GATHERS, [], ledger=ledger, digest=True)

    assert composed.subject == "podcasts: 2 records (1 error)"
    assert read(composed.content)["X-Mailsponge-Kind"] == "digest"


def test_it_comes_after_the_flips(ledger):
    ran(ledger, 1, {"x": FAILED}, record("gone"))
    body = told(ledger, flip(failed_run="run1"))

    assert body.index("NEW  x") < body.index("DIGEST  1 record (1 error) of 1 source")
    assert body.count("feeds: gone") == 2


def test_two_hundred_records_are_shown_whole(ledger):
    ran(ledger, 1, {}, *(record(f"line {n}.", INFO) for n in range(200)))

    message = read(mail(GATHERS, [], ledger=ledger, digest=True).content)
    assert all(f"line {n}." in body_of(message) for n in range(200))
    assert attached(message) is None


def test_of_more_the_two_ends_are_shown_and_all_is_attached(ledger):
    ran(ledger, 1, {}, *(record(f"line {n}.", INFO, source=f"s{n % 2}") for n in range(1000)))

    message = read(mail(GATHERS, [], ledger=ledger, digest=True).content)
    shown = [n for n in range(1000) if f"line {n}.\n" in body_of(message)]
    assert shown == sorted([0, 1, 2, 3, 4, 5, *range(986, 1000)])
    assert "… 490 more, in the attached log.txt.gz …" in body_of(message)
    log = attached(message)
    assert "=== 1000 records of 2 sources, since the last digest ===" in log
    assert [log.index(f"[s{n % 2}] line {n}.\n") for n in range(1000)] == sorted(
        log.index(f"line {n}.\n") - 5 for n in range(1000)
    )


def test_whatever_a_digest_does_not_show_is_attached(ledger):
    """No command shows what was gathered."""
    ran(ledger, 1, {}, *(record("fetched", INFO, source=f"s{n:03}") for n in range(41)))
    assert "[s040] fetched\n" in attached(read(mail(GATHERS, [], ledger=ledger, digest=True).content))

    ledger.all_gathered()
    ran(ledger, 2, {}, record("x" * 2001, INFO))
    assert "x" * 2001 in attached(read(mail(GATHERS, [], ledger=ledger, digest=True).content))


def test_errors_between_the_two_ends_are_shown(ledger):
    lines = [record(f"line {n}.", INFO) for n in range(300)]
    for number in (1, 100, 120, 140, 160, 298):
        lines[number] = record(f"error {number}.", source="x")
    ran(ledger, 1, {}, *lines)
    body = told(ledger)

    assert [n for n in range(300) if f"error {n}.\n" in body] == [1, 120, 140, 160, 298]
    assert "error 160.\n    … 287 more, in the attached log.txt.gz …\n" in body


def test_of_many_sources_forty_are_told_and_the_others_counted(ledger):
    ran(ledger, 1, {}, *(record("fetched", INFO, source=f"s{n:03}") for n in range(100)))

    body = told(ledger)
    assert body.count("feeds: fetched") == 40
    assert "    Of 60 other sources:\n\n    … 60 more, in the attached log.txt.gz …\n" in body


def test_what_is_silenced_is_neither_counted_nor_told(ledger):
    ran(ledger, 1, {}, record("noise", source="loud"), record("fetched", INFO, source="a"))
    ledger.put_silences([Silence("loud", 0.0, NOW + 1)])

    assert "DIGEST  1 record of 1 source\n" in told(ledger)
    assert "noise" not in told(ledger)


def test_a_hundred_thousand_records_do_not_sit_in_memory():
    class Endless(MemoryLedger):
        def gathered(self, level: int) -> list[Gathered]:
            return [Gathered("x", 100_000, NOW)]

        def gathered_records(self) -> Iterator[Record]:
            return (record(f"line {n} " + "x" * 200, INFO) for n in range(100_000))

    about = news(GATHERS, [], ledger=Endless(), digest=True)
    tracemalloc.start()
    composed = compose(GATHERS, about, NOW, "<1@h>", ("me", "laptop"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert attached(read(composed.content)).count("\n") > 100_000
    assert peak < 16_000_000


# Mails that were refused


def refused(number: int = 1, reply: str = "550 5.1.1 no such user") -> Mail:
    return Mail(
        f"<{number:08x}@example.org>",
        NOW - 3600,
        "podcasts: x has failed",
        "sponge@example.org",
        ("gone@example.org",),
        b"",
        status="refused",
        last_reply=reply,
    )


def test_a_refused_mail_is_told_with_when_what_why_and_how_to_see_it(ledger):
    ledger.add_mail(refused())
    body = text_of(job(), [flip()], ledger=ledger)

    assert body.index("NEW  x") < body.index("REFUSED  1 mail was refused for good by the mail server\n")
    assert ", to gone@example.org: podcasts: x has failed\n\n    550 5.1.1 no such user\n" in body
    assert "mailsponge outbox show 00000001\n" in body
    assert "mailsponge outbox send\n" in body
    assert "mailsponge outbox show 00000001" in html_of(job(), [flip()], ledger=ledger)


def test_of_many_refused_mails_the_last_are_told_and_all_are_counted(ledger):
    for number in range(30):
        ledger.add_mail(refused(number))
    body = text_of(job(), [flip()], ledger=ledger)

    assert "REFUSED  30 mails were refused for good by the mail server\n" in body
    assert body.count("550 5.1.1") == 10
    assert "outbox show 0000001d\n" in body


def test_a_reply_is_one_line_however_it_was_given(ledger):
    ledger.add_mail(refused(reply="550-go\r\n550 away\x1b[2J" + "x" * 5000))
    body = text_of(job(), [flip()], ledger=ledger)

    assert "\n    550-go\\r\\n550 away\\x1b[2Jxx" in body
    assert max(map(len, body.splitlines())) < 1000
