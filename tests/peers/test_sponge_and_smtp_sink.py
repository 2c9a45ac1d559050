"""The sponge hands its mail to a server that is not ours, and to one that fails in every way smtp-sink knows."""

from __future__ import annotations

import contextlib
import email
import email.policy
import getpass
import os
import socket
import subprocess
import sys
import time

import pytest

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
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        as_root = ["-u", getpass.getuser()] if os.geteuid() == 0 else []
        command = [program, *as_root, *options, "-d", f"{folder}/", f"127.0.0.1:{port}", "10"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield f"smtp://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)

    return listening


def _wait_for(port, process):
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError(f"smtp-sink ended with {process.returncode}")


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
