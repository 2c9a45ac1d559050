"""``mailsponge silence``, ``ack`` and ``forget``: what is told from now on, and that it can be taken back."""

from __future__ import annotations

import json
import subprocess

import pytest
from sponge_jobs import RememberedJob

from mailsponge import clock
from mailsponge.sponge.model import ERROR
from mailsponge.sponge.places import job_place


@pytest.fixture
def job(remembered: RememberedJob) -> RememberedJob:
    """A job of which a source has failed, and told so."""
    for _ in range(2):
        remembered.ran("nas1", works=("nas2",))
    return remembered


# silence


def test_a_source_is_silenced_until_a_moment_and_for_a_reason(job):
    result = job.command("silence", "podcasts", "nas1", "--for", "2 days", "--because", "moving")

    (silence,) = job.silences()
    assert result.exit_code == 0
    assert result.stdout.startswith("podcasts: nas1 is silent until ")
    assert (silence.pattern, silence.because) == ("nas1", "moving")
    assert silence.until - silence.since == 2 * 86400
    assert abs(silence.since - clock.now()) < 60


def test_without_a_source_it_is_the_whole_job(job):
    assert job.command("silence", "podcasts", "--for", "1 hour").stdout.startswith(
        "podcasts: the whole job is silent"
    )
    assert [silence.pattern for silence in job.silences()] == ["*"]


def test_a_name_that_nothing_has_yet_is_silenced_and_remarked_upon(job):
    result = job.command("silence", "podcasts", "nas3", "--for", "1 hour")

    assert result.exit_code == 0
    assert "no source of podcasts is called that yet" in result.stderr
    assert len(job.silences()) == 1
    assert job.command("silence", "podcasts", "nas*", "--for", "1 hour").stderr == ""


def test_the_silences_that_go_on_are_listed(job):
    job.command("silence", "podcasts", "nas1", "--for", "1 hour", "--because", "moving\x1b[2J")

    headings, row = job.command("silence", "podcasts").stdout.splitlines()

    assert headings.split() == ["what", "until", "because"]
    assert row.startswith("nas1 ")
    assert row.endswith("  moving\\x1b[2J")


def test_where_none_goes_on_it_says_so(job):
    assert job.command("silence", "podcasts").stderr == "nothing is silenced\n"


def test_a_silence_can_be_ended(job):
    job.command("silence", "podcasts", "nas1", "--for", "1 hour")

    assert job.command("silence", "podcasts", "nas1", "--end").stdout == "podcasts: nas1 is told of again\n"
    assert job.command("silence", "podcasts").stderr == "nothing is silenced\n"


def test_one_that_does_not_go_on_cannot(job):
    result = job.command("silence", "podcasts", "nas1", "--end")

    assert result.exit_code == 1
    assert "no silence of nas1 is going on: mailsponge silence podcasts lists them" in result.stderr


@pytest.mark.parametrize("length", ["soon", "0 min", "-1 day", ""])
def test_a_length_that_is_none_is_an_error(job, length):
    result = job.command("silence", "podcasts", "nas1", "--for", length)

    assert result.exit_code == 2
    assert "--for" in result.stderr
    assert job.silences() == []


# ack


def test_a_failure_is_acknowledged_and_that_can_be_taken_back(job):
    assert job.command("ack", "podcasts", "nas1").stdout == "podcasts: nas1 is acknowledged\n"
    assert job.incident("nas1").acknowledged == ERROR

    assert job.command("ack", "podcasts", "nas1", "--undo").stdout == "podcasts: nas1 is told of again\n"
    assert job.incident("nas1").acknowledged is None


def test_without_a_source_every_failure_is(job):
    job.ran("nas1", "nas2")

    assert (
        job.command("ack", "podcasts").stdout
        == "podcasts: nas1 is acknowledged\npodcasts: nas2 is acknowledged\n"
    )


@pytest.mark.parametrize(
    ("source", "said"), [(["nas2"], "nas2 does not fail"), ([""], "the job itself does not fail")]
)
def test_what_does_not_fail_cannot_be_acknowledged(job, source, said):
    result = job.command("ack", "podcasts", *source)

    assert result.exit_code == 1
    assert (
        result.stderr
        == f"mailsponge: nothing to acknowledge: {said}; mailsponge status podcasts shows what fails\n"
    )


# forget


def test_a_source_is_forgotten_and_its_history_stays(job):
    assert job.command("forget", "podcasts", "nas1").stdout == "podcasts: nas1 is forgotten\n"

    assert job.sources() == {"", "nas2"}
    assert "nas1" in job.command("history", "podcasts").stdout


def test_what_is_not_known_cannot_be_forgotten(job):
    result = job.command("forget", "podcasts", "nas3")

    assert result.exit_code == 1
    assert "podcasts knows no source 'nas3'" in result.stderr


def test_a_host_that_is_not_known_is_an_error_that_names_those_that_are(job):
    result = job.command("forget", "podcasts", "--host", "web1")

    assert result.exit_code == 1
    assert result.stderr == "mailsponge: podcasts knows nothing of the host 'web1'; hosts there: none\n"


def test_a_whole_job_is_renamed_and_can_be_brought_back(job):
    result = job.command("forget", "podcasts", "--yes")

    assert not job.place.directory.exists()
    assert job.command("status", "podcasts").exit_code == 1
    subprocess.run(["sh", "-c", result.stdout.partition("bring it back: ")[2]], check=True)
    assert job.sources() == {"", "nas1", "nas2"}


def test_a_job_without_a_run_can_be_forgotten(job):
    job_place(job.place.directory.parent, "other").runs.mkdir(parents=True)

    assert job.command("forget", "other", "--yes").exit_code == 0


def test_a_sources_own_name_is_no_pattern(job):
    for _ in range(2):
        job.ran("feed[1]", works=("feed1", "other"))

    done = job.command("silence", "podcasts", "feed[1]", "--for", "1 day")

    assert done.exit_code == 0
    rows = {
        row["source"]: row["silenced_until"] for row in json.loads(job.command("status", "--json").stdout)
    }
    assert rows["feed[1]"] is not None
    assert rows["feed1"] is None
    assert job.command("silence", "podcasts", "feed[1]", "--end").exit_code == 0
