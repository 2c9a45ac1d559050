"""Squeeze: the digest of everything gathered, missed runs, silences, and mails that were refused for good."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from digest_parts import body_of, read
from squeeze_job import DAY, HOUR, SETTINGS, SqueezeJob, kinds

from mailsponge.sponge.model import JOB_ITSELF, Kind, Mail, Outcome, Silence
from mailsponge.sponge.places import JobPlace


@pytest.fixture
def job(place: JobPlace) -> SqueezeJob:
    return SqueezeJob(place)


def text_of(mail: Mail) -> str:
    message = read(mail.content)
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n") if message.is_multipart() else body_of(message)


def ran_and_squeezed(job: SqueezeJob, **ran: str) -> list[Mail]:
    job.ran(**ran)
    return list(job.squeeze().mails)


# The digest: what poca's handler does


def test_everything_is_gathered_over_runs_and_mailed_once_when_there_is_that_much(job):
    job.settings = replace(SETTINGS, patience="never", digest="3 records")

    told = [ran_and_squeezed(job, fails="x", works="y") for _ in range(7)]

    assert [len(mails) for mails in told] == [0, 0, 1, 0, 0, 1, 0]
    assert text_of(told[2][0]).count("x is down") == 3
    assert text_of(told[5][0]).count("x is down") == 3


def test_a_squeeze_says_that_it_was_for_the_digest(job):
    job.settings = replace(SETTINGS, patience="never", digest="1 record")
    job.ran(fails="x", works="y")

    assert job.squeeze().reason.startswith("the digest of everything gathered is due")


def test_the_level_says_what_counts_and_everything_is_mailed(job):
    job.settings = replace(SETTINGS, patience="never", digest="2 ERROR records")
    run = job.begin()
    run.write(b'{"t":1.0,"l":20,"n":"feeds","m":"fetched"}\n' * 5)
    run.end()
    assert job.squeeze().mails == ()

    job.ran(fails="xy", works="z")
    (mail,) = job.squeeze().mails

    assert text_of(mail).count("fetched") == 5
    assert text_of(mail).count("is down") == 2


def test_a_digest_by_time_waits_for_the_oldest_record(job):
    job.settings = replace(SETTINGS, patience="never", digest="1 day")
    assert ran_and_squeezed(job, fails="x", works="y") == []

    job.now += 23 * HOUR
    assert job.squeeze().mails == ()
    job.now += 2 * HOUR
    (mail,) = job.squeeze().mails

    assert "x is down" in text_of(mail)
    assert job.squeeze().mails == ()


def test_what_was_told_already_is_in_the_digest_too(job):
    job.settings = replace(SETTINGS, patience="now", digest="2 records")
    ran_and_squeezed(job, fails="x", works="yz")

    job.ran(fails="x", works="yz")
    squeezed = job.squeeze()

    assert len(squeezed.mails) == 1
    assert text_of(squeezed.mails[0]).count("x is down") >= 2


def test_one_squeeze_sends_one_mail_with_flips_and_digest(job):
    job.settings = replace(SETTINGS, patience="2 runs", digest="2 records")
    ran_and_squeezed(job, fails="x", works="y")

    job.ran(fails="x", works="y")
    squeezed = job.squeeze()

    assert kinds(squeezed) == [(Kind.NEW, "x")]
    assert len(squeezed.mails) == 1


def test_what_is_silenced_is_neither_counted_nor_mailed_and_is_kept_all_the_same(job):
    job.settings = replace(SETTINGS, patience="never", digest="2 records")
    with closing(job.ledger_of_a_first_squeeze()) as ledger, ledger.transaction():
        ledger.put_silences([Silence("x", 0, job.now + DAY)])

    assert ran_and_squeezed(job, fails="xy", works="z") == []
    (mail,) = ran_and_squeezed(job, fails="xy", works="z")

    assert text_of(mail).count("y is down") == 2
    assert "x is down" not in text_of(mail)
    assert job.texts("x") == ["x is down"] * 2


def test_without_a_digest_nothing_is_gathered(job):
    ran_and_squeezed(job, fails="x", works="y")

    with closing(job.ledger()) as ledger, ledger.transaction():
        assert ledger.gathered(0) == []


def test_what_is_gathered_is_kept_however_old_it_is(job):
    job.settings = replace(SETTINGS, patience="never", digest="2 records")
    ran_and_squeezed(job, fails="x", works="y")
    job.now += 500 * DAY

    (mail,) = ran_and_squeezed(job, fails="x", works="y")

    assert text_of(mail).count("x is down") == 2


# Missed runs


def test_a_check_tells_of_a_missed_run_once(job):
    job.settings = replace(SETTINGS, expect="1 hour")
    ran_and_squeezed(job, works="x")

    job.now += 2 * HOUR
    assert kinds(job.squeeze()) == [(Kind.MISSED, JOB_ITSELF)]
    job.now += DAY
    assert kinds(job.squeeze()) == []


def test_a_run_that_is_going_on_is_not_missed(job):
    job.settings = replace(SETTINGS, expect="1 hour")
    ran_and_squeezed(job, works="x")
    run = job.begin()

    job.now += 9 * HOUR
    assert kinds(job.squeeze()) == []
    run.end()


def test_a_missed_run_is_told_again_after_the_next_one(job):
    job.settings = replace(SETTINGS, expect="1 hour")
    for _ in range(2):
        ran_and_squeezed(job, works="x")
        job.now += 2 * HOUR
        assert kinds(job.squeeze()) == [(Kind.MISSED, JOB_ITSELF)]


# Silences, and mails that were refused


def test_what_is_still_true_when_a_silence_ends_is_told_by_a_check(job):
    with closing(job.ledger_of_a_first_squeeze()) as ledger, ledger.transaction():
        ledger.put_silences([Silence("x", 0, job.now + DAY)])
    for _ in range(3):
        assert ran_and_squeezed(job, fails="x", works="y") == []

    job.now += DAY

    assert kinds(job.squeeze()) == [(Kind.NEW, "x")]


def test_a_mail_that_was_refused_for_good_is_told_of_in_the_next(job):
    job.answer = Outcome("refused", "550 5.7.1 go away")
    for _ in range(2):
        job.ran(fails="x", works="yz")
    job.squeeze()
    job.answer = Outcome("sent", "250 OK")

    for _ in range(2):
        job.ran(fails="y", works="z")
    (mail,) = job.squeeze().mails

    assert "550 5.7.1 go away" in text_of(mail)
    with closing(job.ledger()) as ledger, ledger.transaction():
        assert [kept.status for kept in ledger.mails()] == ["mentioned", "sent"]


def test_mails_of_one_incident_refer_to_the_one_that_told_of_it(job):
    for _ in range(2):
        job.ran(fails="x", works="y")
    (new,) = job.squeeze().mails
    (recovered,) = ran_and_squeezed(job, works="xy")

    assert read(recovered.content)["References"] == new.message_id
    assert read(new.content)["References"] is None
