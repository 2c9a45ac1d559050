"""The sponge hands its mail to a server that is not ours, and to one that fails in every way smtp-sink knows."""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import subprocess
import sys

import pytest

from kit import smtp_sink

JOB = """\
import logging
from mailsponge import SpongeHandler
logging.basicConfig(level="INFO", handlers=[SpongeHandler("nightly", "me@example.org", patience="now")])
logging.error("Søndag på P1 kunne ikke hentes 🧽")
"""

TEMPORARY_FAULTS = [
    "-r mail",
    "-r rcpt",
    "-r data",
    "-r .",
    "-q connect",
    "-q mail",
    "-q rcpt",
    "-q data",
    "-q .",
]
"""smtp-sink's options: -r answers the command with a 450, -q hangs up after it."""


@pytest.fixture
def sink(peer, tmp_path):
    """A context in which smtp-sink listens; what it is sent goes into the folder, a file a mail."""
    program = peer("smtp-sink")

    @contextlib.contextmanager
    def listening(folder, *options):
        with smtp_sink.listening(program, folder, *options) as port:
            yield f"smtp://127.0.0.1:{port}"

    return listening


@pytest.fixture
def run_job(tmp_path):
    """Run the program that fails, once."""

    def _run(mailhost):
        environment = {
            **os.environ,
            "MAILSPONGE_STATE": str(tmp_path / "state"),
            "MAILSPONGE_MAILHOST": mailhost,
        }
        return subprocess.run(
            [sys.executable, "-c", JOB], env=environment, capture_output=True, text=True, check=True
        )

    return _run


def mails(folder):
    """What smtp-sink was given: it puts X- lines of its own and a Received before each mail."""
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(folder.iterdir())
    ]


def test_one_failing_run_with_patience_now_is_one_mail_with_clean_unicode(sink, run_job, tmp_path):
    with sink(tmp_path / "mails") as mailhost:
        run_job(mailhost)

    [mail] = mails(tmp_path / "mails")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Rcpt-Args"] == "<me@example.org>"
    assert "Søndag på P1 kunne ikke hentes 🧽" in mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("fault", TEMPORARY_FAULTS)
def test_what_a_faulty_server_did_not_take_is_handed_over_by_the_next_run(sink, run_job, tmp_path, fault):
    with sink(tmp_path / "lost", *fault.split()) as mailhost:
        assert "waiting" in run_job(mailhost).stderr
    with sink(tmp_path / "mails") as mailhost:
        run_job(mailhost)

    [mail] = mails(tmp_path / "mails")
    assert "nightly" in mail["Subject"]


def test_what_a_server_refuses_for_good_is_said_and_is_not_tried_again(sink, run_job, tmp_path):
    with sink(tmp_path / "refused", "-f", "rcpt") as mailhost:
        assert "refused for good: me@example.org: 500" in run_job(mailhost).stderr
    with sink(tmp_path / "mails") as mailhost:
        run_job(mailhost)

    assert mails(tmp_path / "mails") == []
