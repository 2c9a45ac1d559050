"""One line that says what is the matter."""

from __future__ import annotations

import pytest
from digest_parts import flip, job, mail, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge import clean
from mailsponge.sponge.digest.message import encoded
from mailsponge.sponge.digest.subject import subject
from mailsponge.sponge.model import ERROR, JOB_ITSELF, Attempt, Ending, Flip, Kind, Memory, Run
from mailsponge.sponge.policy import Policy, decide

A_DAY_LATER = "works again after 1 day"


def several(count: int, kind: Kind = Kind.NEW, said: str = "has failed 3 runs in a row") -> list[Flip]:
    return [flip(f"feed{number:03}", kind, said) for number in range(count)]


@pytest.mark.parametrize(
    ("flips", "said"),
    [
        ([flip("Søndag på P1")], "Søndag på P1 has failed 3 runs in a row"),
        ([flip(JOB_ITSELF)], "the job itself has failed 3 runs in a row"),
        ([flip("In Our Time"), flip("Søndag på P1")], "In Our Time and Søndag på P1 keep failing"),
        ([flip("a"), flip("b"), flip("c")], "a, b and c keep failing"),
        ([flip("a", Kind.STILL), flip("b", Kind.STILL)], "a and b still fail"),
        ([flip("a", Kind.RECOVERED), flip("b", Kind.RECOVERED)], "a and b work again"),
        (several(4), "4 sources keep failing"),
        (several(2, Kind.FLAPPING), "feed000 and feed001 are flapping"),
        (several(4, Kind.GONE), "4 sources are gone"),
        ([flip(f"{letter * 40}") for letter in "ab"], "2 sources keep failing"),
    ],
)
def test_the_subject_says_what_is_the_matter(flips, said):
    assert subject("podcasts", flips) == f"podcasts: {said}"


def test_several_kinds_are_told_in_their_order():
    flips = [flip("c", Kind.RECOVERED, A_DAY_LATER), flip("a"), flip("b")]

    assert subject("podcasts", flips) == "podcasts: a and b keep failing, c works again after 1 day"


def test_what_becomes_too_long_says_numbers_in_place_of_names():
    flips = [*several(12), flip("A rather long name for a show, with a subtitle of its own", Kind.RECOVERED)]

    assert subject("podcasts", flips) == "podcasts: 12 sources keep failing, 1 works again"


def test_a_single_flip_is_named_however_long_its_name_is():
    assert subject("podcasts", [flip("x" * 90)]) == f"podcasts: {'x' * 90} has failed 3 runs in a row"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (1, "the job itself and feed000 keep failing"),
        (2, "the job itself, feed000 and feed001 keep failing"),
        (5, "the job itself and 5 sources keep failing"),
    ],
)
def test_the_job_itself_is_not_counted_as_a_source(sources, said):
    assert subject("podcasts", [flip(JOB_ITSELF), *several(sources)]) == f"podcasts: {said}"


@pytest.mark.parametrize(
    ("flips", "said"),
    [
        (several(2, said="has failed"), "feed000 and feed001 have failed"),
        (several(9, said="has failed"), "9 sources have failed"),
        ([flip("a", said="has failed"), flip("b")], "a and b have failed"),
    ],
)
def test_what_has_failed_once_does_not_keep_failing(flips, said):
    assert subject("podcasts", flips) == f"podcasts: {said}"


def test_the_policy_says_of_one_failed_run_what_the_subject_knows_it_by():
    run = Run("run", 1, "laptop", 0.0, 1.0, Ending.FINISHED, 2)
    attempts = {name: Attempt(highest=ERROR, lowest=ERROR) for name in "ab"}
    flips = decide(Policy("now", common_cause=1.0), Memory({}, {}), attempts, run, 1.0).flips

    assert subject("podcasts", flips) == "podcasts: a and b have failed"


def test_a_digest_is_told_with_what_is_in_it():
    counted = "23 records (4 errors, 2 warnings)"

    assert subject("podcasts", [], counted) == f"podcasts: {counted}"
    assert subject("podcasts", [flip("x")], "23 records") == (
        "podcasts: x has failed 3 runs in a row, and a digest of 23 records"
    )


def test_a_subject_of_ones_own_stands_in_place_of_the_job():
    assert mail(job(subject="Home"), [flip()]).subject == "Home: x has failed 3 runs in a row"


def test_a_name_of_nothing_but_spaces_is_seen():
    assert subject("podcasts", [flip("   ")]) == "podcasts: '   ' has failed 3 runs in a row"


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
