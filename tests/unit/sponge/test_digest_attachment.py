"""The whole log, attached where the mail shows the smaller part of it: whole, the same each time, and bounded."""

from __future__ import annotations

import gzip
import random

import pytest
from digest_parts import NOW, attached, flip, job, mail, read, record

from mailsponge import clock
from mailsponge.sponge.digest import attachment
from mailsponge.sponge.digest.attachment import compressed
from mailsponge.sponge.model import INFO, JOB_ITSELF, Excerpt, Kind


def log_of(*records, flips=None):
    return attached(read(mail(job(), flips or [flip()], *records).content))


@pytest.mark.parametrize(("records", "is_attached"), [(10, False), (20, False), (21, True), (1000, True)])
def test_it_is_attached_if_more_is_hidden_than_shown(records, is_attached):
    assert (log_of(*(record(f"line {n}") for n in range(records))) is not None) is is_attached


@pytest.mark.parametrize(("length", "is_attached"), [(2000, False), (30_000, True)])
def test_it_is_attached_if_much_of_a_text_is_hidden(length, is_attached):
    assert (log_of(record("x" * length)) is not None) is is_attached


def test_it_is_attached_if_no_command_can_show_the_rest():
    assert log_of(*[record("line")] * 11) is None
    assert log_of(*[record("line")] * 11, flips=[flip("a\0b")]) is not None


def test_it_is_beside_the_text_and_no_part_of_it():
    message = read(mail(job(), [flip()], *(record(f"line {n}") for n in range(30))).content)

    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "multipart/alternative",
        "application/gzip",
    ]
    (part,) = message.iter_attachments()
    assert part.get_filename() == "log.txt.gz"
    assert part["Content-Disposition"] == 'attachment; filename="log.txt.gz"'


def test_it_holds_every_record_whole():
    moment = clock.local(NOW).isoformat(" ", "milliseconds")
    lines = [record(f"line {n}", INFO) for n in range(30)]
    log = log_of(*lines, record("first\nsecond", detail="Traceback:\n  " + "x" * 5000))

    assert "=== x has failed 3 runs in a row ===\n" in log
    for number in range(30):
        assert f"{moment} INFO feeds: [x] line {number}\n" in log
    assert f"{moment} ERROR feeds: [x] first\n    second\n    Traceback:\n      {'x' * 5000}\n" in log


def test_of_several_sources_it_holds_what_was_not_shown_whole():
    lines = [record(f"line {n}", INFO) for n in range(30)]
    log = log_of(*lines, flips=[flip("a"), flip("b", Kind.RECOVERED)])

    assert "=== a has failed 3 runs in a row ===\n" in log
    assert "=== b" not in log


def test_of_the_job_itself_no_source_is_named():
    log = log_of(*(record(f"line {n}") for n in range(30)), flips=[flip(JOB_ITSELF)])

    assert "feeds: line 7\n" in log


def test_of_a_very_long_log_the_two_ends_are_attached(monkeypatch):
    monkeypatch.setattr(attachment, "MOST_RECORDS", 50)
    log = log_of(*(record(f"line {n}.") for n in range(1000)))

    assert [n for n in range(1000) if f"line {n}.\n" in log] == [*range(50), *range(950, 1000)]
    assert "… 900 records left out here; see mailsponge show …\n" in log


def test_what_a_log_holds_drives_no_terminal():
    log = log_of(*[record("\x1b[2J\x9b \u202e \0 \ud800", detail="\x07", logger="a\nb")] * 30)

    assert "a\\nb: [x] \\x1b[2J\\x9b \\u202e \\x00 \\ud800\n    \\x07\n" in log


def test_the_same_log_gives_the_same_bytes_without_a_time():
    packed = compressed(["a\n", "b\n"])

    assert packed == compressed(["a\n", "b\n"])
    assert packed[:8] == b"\x1f\x8b\x08\0\0\0\0\0"
    assert gzip.decompress(packed) == b"a\nb\n"


def test_it_is_cut_where_a_mail_could_not_carry_it():
    noise = random.Random(1)
    texts = (f"{noise.randbytes(5000).hex()}\n" for _ in range(1000))
    packed = compressed(texts, most_bytes=1_000_000)

    assert 600_000 < len(packed) < 1_000_000
    assert (
        gzip.decompress(packed)
        .decode()
        .endswith(
            "… cut here: this is as much as a mail can carry; all of it is in the ledger, see mailsponge show\n"
        )
    )
    assert next(texts, "") != ""


def test_a_log_that_shrinks_to_nothing_is_cut_too():
    packed = compressed(("x" * 1_000_000 for _ in range(10**9)), most=3_000_000)

    assert len(gzip.decompress(packed)) < 4_000_000


def test_a_log_is_read_as_it_is_packed():
    excerpt = Excerpt([record("a")], [record("b")], 5)

    assert len(list(attachment.excerpt(excerpt))) == 3
