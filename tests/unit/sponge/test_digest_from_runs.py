"""From runs to what a person reads: the mail of real journals, folded and decided upon."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from digest_parts import body_of, read
from squeeze_job import DAY, HOUR, SETTINGS, SqueezeJob

from mailsponge.sponge import journal
from mailsponge.sponge.digest import words
from mailsponge.sponge.model import ERROR, Kind, Silence, Squeeze
from mailsponge.sponge.places import JobPlace

HEAD = "Traceback (most recent call last):\n"
OUTER = '  File "main.py", line 9, in main\n    update()\n'
INNER = '  File "feeds.py", line 3, in update\n    raise OSError("gone")\nOSError: gone\n'


@pytest.fixture
def job(place: JobPlace) -> SqueezeJob:
    return SqueezeJob(place)


def body(squeezed: Squeeze) -> str:
    (mail,) = squeezed.mails
    return body_of(read(mail.content))


def test_since_how_often_why_and_recent_runs(job):
    job.ran(works="xy")
    began = job.now + HOUR
    for _ in range(2):
        job.ran(fails="x", works="y")

    lines = body(job.squeeze()).splitlines()

    assert lines[0] == "NEW  x has failed 2 runs in a row"
    assert lines[1] == f"    since {words.moment(began)} {words.zone(began)}, for 1 hour now"
    assert lines[2] == "    why this mail: 2 failed runs in a row; patience (2 runs) is over"
    assert lines[3] == "    recent runs: + X X"


def test_a_recovery_that_a_silence_held_back_tells_when_it_was_over(job):
    for _ in range(2):
        job.ran(fails="x", works="y")
    job.squeeze()
    began = job.now - HOUR
    with closing(job.ledger()) as ledger, ledger.transaction():
        ledger.put_silences([Silence("x", job.now, job.now + 3 * DAY)])
    job.ran(works="xy")
    ended = job.now
    assert job.squeeze().mails == ()
    job.now += 4 * DAY

    text = body(job.squeeze())

    assert "RECOVERED  x works again after 2 hours\n" in text
    assert f"    failed from {words.moment(began)} to {words.moment(ended)} {words.zone(ended)}\n" in text


def test_a_crash_that_left_a_sources_block_is_told_with_one_traceback(job):
    job.settings = replace(SETTINGS, patience="now")
    run = job.begin()
    run.write(journal.block_entered("x", job.now + 1), journal.block_left("x", job.now + 2, HEAD + INNER))
    run.write(journal.line(k="end", t=job.now + 3, ending="crashed", e=HEAD + OUTER + INNER))
    run.die()

    squeezed = job.squeeze()
    text = body(squeezed)

    assert {flip.source for flip in squeezed.flips if flip.kind is Kind.NEW} == {"", "x"}
    assert squeezed.mails[0].subject == "job: the job itself and x have failed"
    assert "    what happened: the run crashed\n" in text
    assert text.count('File "feeds.py"') == 1
    assert "(the same traceback as above, of the job itself)" in text


def test_a_network_that_is_down_is_told_once_with_every_source(job):
    job.settings = replace(SETTINGS, patience="now")
    job.ran(fails="abc")

    squeezed = job.squeeze()
    text = body(squeezed)

    assert squeezed.mails[0].subject == "job: the job itself has failed"
    assert "    what happened: 3 of 3 sources that were not failing before failed together" in text
    assert [f" {name}: ERROR feeds: {name} is down\n" in text for name in "abc"] == [True] * 3


def test_of_a_long_run_all_is_attached(job):
    job.settings = replace(SETTINGS, patience="now")
    run = job.begin()
    for number in range(5000):
        run.write(journal.line(t=job.now + 1, l=20, n="feeds", s="x", m=f"line {number}."))
    run.write(journal.line(t=job.now + 2, l=ERROR, n="feeds", s="x", m="it broke"))
    run.works("y")
    run.end()

    (mail,) = job.squeeze().mails

    (part,) = read(mail.content).iter_attachments()
    assert part.get_filename() == "log.txt.gz"
    assert "… 4991 more, in the attached log.txt.gz …" in body_of(read(mail.content))
