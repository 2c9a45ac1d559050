"""What the mail says of each flip, as text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
from digest_parts import FAILED, NOW, WELL, attached, body_of, flip, job, mail, ran, read, record, text_of

from mailsponge import clock
from mailsponge.sponge.digest import words
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import ERROR, INFO, JOB_ITSELF, Excerpt, Kind


def in_zone(at: float) -> str:
    return f"{words.moment(at)} {words.zone(at)}"


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Moves this machine to another zone."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


def test_the_body_tells_each_flip_with_since_and_why():
    body = text_of(job(), [flip("x", reason="3 failed runs in a row; patience (3 runs) is over")])

    assert body.startswith(
        "NEW  x has failed 3 runs in a row\n"
        f"    since {in_zone(NOW - 7200)}, for 2 hours now\n"
        "    why this mail: 3 failed runs in a row; patience (3 runs) is over\n"
    )


def test_the_zone_is_said_once(zone):
    zone("Europe/Copenhagen")
    body = text_of(job(), [flip()], record())

    assert "since Tue 14 Nov 2023, 21:13 CET, for 2 hours now\n" in body
    assert "failed last, Tue 14 Nov 2023, 23:13:\n" in body
    assert body.count("CET") == 1


def test_another_zone_in_between_is_said_too(zone):
    zone("Europe/Copenhagen")
    flips = [flip(kind=Kind.RECOVERED, since=NOW - 30 * 86400, ended_at=NOW)]

    assert "failed from Mon 16 Oct 2023, 00:13 CEST to Tue 14 Nov 2023, 23:13 CET\n" in text_of(job(), flips)


def test_a_zone_without_a_name_is_told_by_its_distance(zone):
    zone("<+0330>-3:30")

    assert "since Tue 14 Nov 2023, 23:43 UTC+03:30" in text_of(job(), [flip()])


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


def test_a_recovery_says_from_when_to_when_and_shows_no_log():
    """It may be told long after, if it was silenced: the text must not read as if it had just happened."""
    over = flip("x", Kind.RECOVERED, "works again after 1 hour", since=NOW - 7200, ended_at=NOW - 3600)
    body = text_of(job(), [over], record("HTTP 404"))

    assert body.startswith(
        "RECOVERED  x works again after 1 hour\n"
        f"    failed from {words.moment(NOW - 7200)} to {in_zone(NOW - 3600)}\n"
    )
    assert "HTTP 404" not in body


@pytest.mark.parametrize(
    ("kind", "label"),
    [(Kind.STILL, "since"), (Kind.MISSED, "the last run began"), (Kind.GONE, "failing since")],
)
def test_each_kind_says_what_its_moment_is(kind, label):
    assert f"\n    {label} {in_zone(NOW - 7200)}\n" in text_of(job(), [flip(kind=kind)])


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        (("web1",), "web1"),
        (("web1", "web2"), "web1 and web2"),
        (("a", "b", "c"), "a, b and c"),
        (("a", "b", "c", "d", "e"), "a, b and 3 more"),
    ],
)
def test_of_a_fleet_the_hosts_are_named(hosts, shown):
    assert f"\n    on {shown}\n" in text_of(job(), [flip(hosts=hosts)])


def test_without_a_fleet_no_host_is_named():
    assert "\n    on " not in text_of(job(), [flip()])


# Recent runs


def test_recent_runs_are_a_picture_with_its_legend():
    ledger = MemoryLedger()
    for number, verdict in enumerate([WELL, WELL, None, FAILED, FAILED]):
        ran(ledger, number, {} if verdict is None else {"x": verdict})

    assert (
        "\n    recent runs: + + . X X\n                 (oldest first: + ok, X failed, . not seen)\n"
        in text_of(job(), [flip()], ledger=ledger)
    )


def test_twenty_runs_are_recent_and_the_legend_stands_once():
    ledger = MemoryLedger()
    for number in range(30):
        ran(ledger, number, {"x": FAILED, "y": WELL})
    body = text_of(job(), [flip("x"), flip("y", Kind.RECOVERED)], ledger=ledger)

    assert f"recent runs: {' '.join('X' * 20)}\n" in body
    assert f"recent runs: {' '.join('+' * 20)}\n" in body
    assert body.count("oldest first") == 1


# Several


def test_what_cannot_be_seen_at_once_begins_with_an_overview():
    flips = [flip("a"), flip("b"), flip("c"), flip("d", Kind.RECOVERED, "works again after 1 day")]

    assert text_of(job(), flips).startswith(
        "In short:\n"
        "    NEW        a has failed 3 runs in a row\n"
        "    NEW        b has failed 3 runs in a row\n"
        "    NEW        c has failed 3 runs in a row\n"
        "    RECOVERED  d works again after 1 day\n"
        "\n"
        "NEW  a has failed"
    )
    assert "In short" not in text_of(job(), flips[:3])


# The log


@pytest.mark.parametrize(("kind", "shown"), [(Kind.FLAPPING, True), (Kind.GONE, False), (Kind.MISSED, False)])
def test_the_log_is_shown_of_what_fails(kind, shown):
    assert ("HTTP 404" in text_of(job(), [flip(kind=kind)], record("HTTP 404"))) is shown


@pytest.mark.parametrize(("verdict", "shown"), [(FAILED, True), (WELL, False)])
def test_what_is_steady_again_shows_its_log_if_it_fails(verdict, shown):
    ledger = MemoryLedger()
    ran(ledger, 1, {"x": verdict})
    body = text_of(job(), [flip(kind=Kind.STEADY)], record("HTTP 404"), ledger=ledger)

    assert ("HTTP 404" in body) is shown


def test_what_failed_it_is_shown_if_it_lies_between_the_two_ends():
    """A job that goes on for long after the failure would otherwise mail a log in which nothing is wrong."""
    lines = [record(f"record {n}.", INFO) for n in range(100)]
    lines[50] = record("here it breaks", ERROR)
    body = text_of(job(), [flip()], *lines)

    assert [n for n in range(100) if f"record {n}." in body] == [0, 1, 2, *range(93, 100)]
    assert "feeds: record 2.\n    …\n" in body
    assert "ERROR feeds: here it breaks\n    … 89 more, in the attached log.txt.gz …\n" in body


def test_a_job_that_failed_by_its_sources_shows_their_records_with_their_names_and_what_happened():
    ledger = MemoryLedger()
    failed = [record("no route to host", source=name) for name in ("alpha", "beta", "gamma")]
    ran(ledger, 7, {JOB_ITSELF: FAILED}, *failed, note="3 of 3 sources failed together")
    body = text_of(job(), [flip(JOB_ITSELF, failed_run="run7")], ledger=ledger)

    assert "\n    what happened: 3 of 3 sources failed together\n" in body
    for name in ("alpha", "beta", "gamma"):
        assert f" {name}: ERROR feeds: no route to host\n" in body


def test_a_record_of_another_day_has_its_date(zone):
    zone("UTC")
    body = text_of(job(), [flip()], record("evening", at=NOW), record("morning", at=NOW + 43200))

    assert "\n    22:13:20 ERROR feeds: evening\n    15 Nov 10:13:20 ERROR feeds: morning\n" in body


# Tracebacks

OUTER = '  File "main.py", line 9, in main\n    update()\n'
INNER = '  File "feeds.py", line 3, in update\n    raise OSError("gone")\nOSError: gone'
HEAD = "Traceback (most recent call last):\n"


def test_the_same_traceback_is_shown_once():
    body = text_of(job(), [flip()], *[record(detail=HEAD + INNER)] * 3)

    assert body.count("OSError: gone") == 1
    assert body.count("      (the same traceback as above)\n") == 2


def test_of_another_source_it_is_said_whose_it_was():
    body = text_of(job(), [flip("a"), flip("b")], record(detail=HEAD + INNER))

    assert body.count("OSError: gone") == 1
    assert "(the same traceback as above, of a)" in body


def test_a_crash_of_the_job_by_the_same_exception_is_the_same_traceback():
    """It has left a source's block, and then the program: seen from there it is longer."""
    ledger = MemoryLedger()
    ledger.add_records("run", [record("OSError: gone", source="x", detail=HEAD + INNER)])
    ledger.add_records("run", [record("OSError: gone", source=JOB_ITSELF, detail=HEAD + OUTER + INNER)])
    body = text_of(job(), [flip("x"), flip(JOB_ITSELF)], ledger=ledger)

    assert body.count('File "feeds.py"') == 1
    assert "(the same traceback as above, of the job itself)" in body


def test_a_traceback_within_the_message_is_one_too():
    body = text_of(job(), [flip()], record("boom\n" + HEAD + INNER), record("again", detail=HEAD + INNER))

    assert body.count("OSError: gone") == 1
    assert f"boom\n      {HEAD}" in body
    assert "again\n      (the same traceback as above)\n" in body


def test_another_traceback_is_another():
    other = INNER.replace("gone", "refused")
    body = text_of(job(), [flip()], record(detail=HEAD + INNER), record(detail=HEAD + other))

    assert "OSError: gone" in body
    assert "OSError: refused" in body
    assert "same traceback" not in body


def test_marks_below_a_long_line_of_code_are_left_out():
    marks = HEAD + f"  File 1\n    {'x' * 200}\n    {'^' * 200}\n  File 2\n    y\n    ^\nOSError"
    body = text_of(job(), [flip()], record(detail=marks))

    assert "^^" not in body
    assert "y\n          ^\n" in body


# How much


def test_a_failure_without_records_says_so():
    assert "(this run left no records)" in text_of(job(), [flip()])


def test_a_log_of_ten_records_is_shown_whole():
    body = text_of(job(), [flip()], *(record(f"record {n}.") for n in range(10)))

    assert [f"record {n}." in body for n in range(10)] == [True] * 10
    assert " more" not in body


def test_of_a_long_log_the_two_ends_are_shown():
    body = text_of(job(), [flip()], *(record(f"record {n}.", INFO) for n in range(100)))

    assert [n for n in range(100) if f"record {n}." in body] == [0, 1, 2, *range(93, 100)]
    assert "… 90 more, in the attached log.txt.gz …" in body


def test_where_little_is_left_out_a_command_shows_it():
    body = text_of(job(), [flip()], *(record(f"record {n}.", INFO) for n in range(15)))

    assert "… 5 more, which the command below shows …" in body


def test_no_log_makes_a_mail_endless():
    flips = [flip(f"feed{n:03}") for n in range(40)]
    lines = [record(f"{n} " + "x" * 900, detail="y\n" * 30) for n in range(10)]
    body = text_of(job(), flips, *lines)

    assert len(body) < 100_000
    assert "… 10 more, in the attached log.txt.gz …" in body


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


def test_very_many_are_counted_and_named_in_the_attachment():
    message = read(mail(job(), [flip(f"feed{n:05}") for n in range(1000)]).content)

    assert "feed00239 has failed 3 runs in a row\n  … and 760 more, in the attached log.txt.gz\n" in body_of(
        message
    )
    assert "feed00999 has failed 3 runs in a row\n" in attached(message)


def test_the_ledger_is_asked_for_those_alone_that_are_told_in_full():
    class AskedLedger(MemoryLedger):
        asked: ClassVar[list[str]] = []

        def excerpt(self, run_id: str, source: str | None, first: int, last: int, level: int = 0) -> Excerpt:
            self.asked.append(f"log of {source}")
            return super().excerpt(run_id, source, first, last, level)

        def recent(self, source: str, most: int, host: str = "") -> list[int | None]:
            self.asked.append(f"runs of {source}")
            return super().recent(source, most, host)

    ledger = AskedLedger()
    mail(job(), [flip(f"feed{n:03}") for n in range(50)], record(), ledger=ledger)
    assert set(ledger.asked) == {f"{what} of feed{n:03}" for n in range(40) for what in ("log", "runs")}

    ledger.asked.clear()
    mail(job(), [flip("well", Kind.RECOVERED)], record(), ledger=ledger)
    assert ledger.asked == ["runs of well"]


def test_the_mail_ends_with_whose_it_is_and_a_command_that_tells_more():
    assert text_of(job(job="my job"), [flip()]).endswith(
        "\n\n-- \nSent by mailsponge for the job my job on laptop.\n"
        "See how all its sources stand: mailsponge status 'my job'\n"
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("plain", "7bit"), ("Søndag", "quoted-printable"), ("日本語" * 50, "quoted-printable")],
)
def test_the_body_stays_as_readable_on_the_wire_as_it_can(text, encoding):
    message = read(mail(job(), [flip()], record(text)).content)

    plain = message.get_body(("plain",))
    assert plain["Content-Transfer-Encoding"] == encoding
    assert text in body_of(message)
