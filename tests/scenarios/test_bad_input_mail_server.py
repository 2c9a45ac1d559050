"""A mail server that is bad at its work: the program ends in time with its own status, and the next run hands over."""

from __future__ import annotations

import fcntl
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from kit.programs import PATIENCE, Job, ended
from kit.smtp_server import Answer, SmtpServer, Talk, drips, hangs_up, says_nothing

TIMEOUT = 0.5
"""Seconds that the programs here give their server."""

GENEROUS = 4.0
"""Seconds that a busy machine may add to that, with everything else that ends a program."""

FAILING = f"""\
import logging, os, sys, time
from mailsponge import SpongeHandler, source
handler = SpongeHandler("job", "me@example.org", fromaddr="a@example.net", timeout={TIMEOUT})
log = logging.getLogger("program")
log.addHandler(handler)
log.critical("gone wrong")
print("over", flush=True)
sys.exit(3)
"""
"""A program whose failure is told at once; it ends with a status of its own."""


def dies_in_the_middle(talk: Talk) -> None:
    talk.hear()
    hangs_up(talk)


def run_in_time(job: Job, program: str = FAILING, **options: object) -> str:
    """Run it; once its own work is over it must end within its timeout. Returns what it said on standard error."""
    process = job.start(program, **options)
    process.stdout.readline()
    began = time.monotonic()
    _, said = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - began < TIMEOUT + GENEROUS
    assert process.returncode == 3
    return said


def assert_it_goes_with_the_next_run(job: Job, already: list[str]) -> None:
    """One mail waits; a run with a good server hands it over, whatever Message-ID it may have gone by before."""
    (waiting,) = job.mails()
    assert waiting.status == "waiting"
    with SmtpServer() as good:
        job.mailhost = good.url
        job.log('log.critical("again")', before=FAILING.partition("log.critical")[0])

    assert good.message_ids() == [waiting.message_id]
    assert set(already) <= {waiting.message_id}
    assert [mail.status for mail in job.mails()] == ["sent"]
    assert job.texts() == ["gone wrong", "again"]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("greeting", says_nothing),
        ("greeting", drips),
        ("greeting", "554 5.3.2 not you"),
        ("greeting", "HTTP/1.1 400 Bad Request"),
        ("EHLO", hangs_up),
        ("MAIL", "451 4.3.0 later"),
        ("RCPT", drips),
        ("content", dies_in_the_middle),
        ("end of data", says_nothing),
        ("end of data", hangs_up),
        ("end of data", "452 4.3.1 no room"),
    ],
)
def test_a_server_that_fails_at_a_step(job: Job, step: str, fault: Answer):
    with SmtpServer({step: fault}) as server:
        job.mailhost = server.url
        said = run_in_time(job)

    assert said.startswith("mailsponge: job job: 1 mail waiting: ")
    assert said.count("\n") == 1
    assert_it_goes_with_the_next_run(job, server.message_ids())


def test_nobody_listens(job: Job):
    said = run_in_time(job)

    assert said == "mailsponge: job job: 1 mail waiting: 127.0.0.1:1: [Errno 111] Connection refused\n"
    assert_it_goes_with_the_next_run(job, [])


def test_a_server_that_drips_on_every_python(job: Job, python: str):
    with SmtpServer({"end of data": drips}) as server:
        job.mailhost = server.url
        run_in_time(job, python=python)

    assert_it_goes_with_the_next_run(job, server.message_ids())


@pytest.mark.parametrize(
    ("query", "extensions"),
    [
        ("?starttls=require", []),
        ("?starttls=require", ["STARTTLS"]),
    ],
    ids=["TLS required and not offered", "TLS required and nobody vouches for the certificate"],
)
def test_tls_that_is_required_and_cannot_be(job: Job, query: str, extensions: list[str]):
    with SmtpServer(extensions=extensions) as server:
        job.mailhost = server.url + query
        run_in_time(job)

    assert server.mails == []
    assert_it_goes_with_the_next_run(job, [])


def test_a_wrong_password_is_told_and_written_nowhere(job: Job):
    with SmtpServer(extensions=["AUTH PLAIN"], password="right") as server:
        job.mailhost = server.url.replace("//", "//me@") + "?starttls=never"
        said = run_in_time(job, env={"MAILSPONGE_PASSWORD": "hunter2"})

    assert "535 5.7.8 wrong password" in said
    assert "hunter2" not in said
    kept = b"".join(path.read_bytes() for path in job.state.rglob("*") if path.is_file())
    assert b"gone wrong" in kept
    assert b"hunter2" not in kept
    assert_it_goes_with_the_next_run(job, [])


def sendmail(job: Job, script: str) -> str:
    path = job.home / "sendmail"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"sendmail:{path}"


@pytest.mark.parametrize("script", ["exec sleep 1000", "exit 75", "kill -9 $$"])
def test_a_sendmail_that_fails(job: Job, script: str):
    job.mailhost = sendmail(job, script)

    run_in_time(job)

    assert_it_goes_with_the_next_run(job, [])


def test_a_sendmail_that_works(job: Job):
    job.mailhost = sendmail(job, f"cat > {job.home}/mail")

    assert run_in_time(job) == ""

    assert job.mails()[0].message_id in (job.home / "mail").read_text()


@pytest.mark.parametrize("resolver", ["exec sleep 1000", "exit 1"])
def test_names_that_nobody_resolves(job: Job, python: str, resolver: str):
    job.mailhost = "mail.example.org"
    asked = sendmail(job, resolver).removeprefix("sendmail:")
    (job.home / "python-that-resolves").symlink_to(asked)

    said = run_in_time(
        job,
        FAILING.replace("log.critical", f"sys.executable = '{job.home}/python-that-resolves'\nlog.critical"),
        python=python,
    )

    assert "no address for mail.example.org" in said
    assert_it_goes_with_the_next_run(job, [])


def test_a_recipient_that_was_put_off_gets_it_from_the_next_run_and_nobody_twice(job: Job):
    two = FAILING.replace('"me@example.org"', '["now@example.org", "later@example.org"]')
    with SmtpServer({"RCPT later@example.org": "450 4.2.0 greylisted"}) as server:
        job.mailhost = server.url
        run_in_time(job, two)
    with SmtpServer() as later:
        job.mailhost = later.url
        run_in_time(job, two)

    assert [mail.recipients for mail in server.mails] == [["now@example.org"]]
    assert [mail.recipients for mail in later.mails] == [["later@example.org"]]
    assert later.message_ids() == server.message_ids()
    assert later.mails[0].message["To"] == "now@example.org, later@example.org"


def test_a_mail_refused_for_good_is_told_and_kept_until_somebody_sends_it(job: Job):
    with SmtpServer({"RCPT": "550 5.1.1 nobody here"}) as server:
        job.mailhost = server.url
        said = run_in_time(job)
    assert "1 mail refused for good: me@example.org: 550 5.1.1 nobody here" in said
    with SmtpServer() as good:
        job.mailhost = good.url
        run_in_time(job)
        assert good.mails == []

        done = job.command("outbox", "send")

    assert done.status == 0
    assert good.message_ids() == [job.mails()[0].message_id]


# What else is waited for


def test_another_process_that_squeezes_is_waited_for_no_longer(job: Job):
    job.log('log.info("before")')
    with job.place.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = run_in_time(job)

    assert said == ""
    assert job.texts() == ["before"]
    job.squeeze()
    assert job.texts() == ["before", "gone wrong"]


@pytest.mark.parametrize("begin", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_ledger_that_somebody_has_locked_is_waited_for_no_longer(job: Job, begin: str):
    job.log('log.info("before")')
    with closing(sqlite3.connect(job.place.ledger, isolation_level=None)) as somebody:
        somebody.execute(begin)
        said = run_in_time(job)

    assert "database is locked" in said
    assert "the next run folds it" in said
    job.squeeze()
    assert job.texts() == ["before", "gone wrong"]


def test_a_ledger_that_somebody_goes_on_reading_is_waited_for_no_longer(job: Job):
    job.log('log.info("before")')
    with closing(sqlite3.connect(job.place.ledger, isolation_level=None)) as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM run").fetchone()
        said = run_in_time(job)

    assert "database is locked" in said
    job.squeeze()
    assert job.texts() == ["before", "gone wrong"]


def test_a_mail_that_was_taken_and_could_not_be_marked_comes_again_with_the_same_message_id(job: Job):
    """At worst a duplicate that a reader's software recognises, never a loss."""
    job.log('log.info("before")')
    with closing(
        sqlite3.connect(job.place.ledger, isolation_level=None, check_same_thread=False)
    ) as somebody:

        def locks_the_ledger_and_takes_it(talk: Talk) -> None:
            somebody.execute("BEGIN EXCLUSIVE")
            talk.say("250 2.0.0 taken")

        with SmtpServer({"end of data": [locks_the_ledger_and_takes_it, "250 2.0.0 taken"]}) as server:
            job.mailhost = server.url
            said = run_in_time(job)
            somebody.execute("ROLLBACK")
            job.log('log.critical("again")', before=FAILING.partition("log.critical")[0])

    assert "mails wait" in said
    assert server.message_ids() == [job.mails()[0].message_id] * 2
    assert [mail.status for mail in job.mails()] == ["sent"]


def test_ctrl_c_while_a_silent_server_is_waited_for_is_a_line_and_nothing_is_lost(job: Job):
    asked = threading.Event()
    with SmtpServer({"greeting": [lambda talk: (asked.set(), says_nothing(talk))]}) as silent:
        job.mailhost = silent.url
        # A signal in the moment in which the socket is handed on leaves it to the interpreter, which warns of that.
        process = job.start(
            FAILING.replace(f"timeout={TIMEOUT}", "timeout=20"), env={"PYTHONWARNINGS": "ignore"}
        )
        assert asked.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        done = ended(process)

    assert (
        done.err
        == "mailsponge: job job: interrupted as its run ended; what is left to do, the next run does\n"
    )
    assert_it_goes_with_the_next_run(job, [])
