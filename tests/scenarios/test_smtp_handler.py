"""The drop-in for logging.handlers.SMTPHandler: programs as users have them, and the mails that come."""

from __future__ import annotations

import inspect
import logging.handlers
import signal
from email.message import EmailMessage

import pytest

import mailsponge
from kit.programs import NOBODY, Job, ended, wait_until
from kit.smtp_server import Received, SmtpServer

PROGRAM = """\
import logging, sys
from mailsponge import SMTPHandler
handler = SMTPHandler(("127.0.0.1", PORT), "App <app@example.org>", ["me@example.org"], "It broke")
handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
logging.basicConfig(level="WARNING", handlers=[handler])
log = logging.getLogger("program")
"""


@pytest.fixture
def job(tmp_path) -> Job:
    """The program's name is its job's."""
    return Job(tmp_path, "program0")


def program(server: SmtpServer | None, *lines: str) -> str:
    return PROGRAM.replace("PORT", str(server.port if server else 1)) + "\n".join(lines) + "\n"


def body(received: Received) -> str:
    """As a reader sees it, whatever ends a line on the wire."""
    return received.message.get_content().replace("\r\n", "\n")


def text(received: EmailMessage) -> str:
    part = received.get_body(("plain",))
    assert part is not None
    return part.get_content()


def test_the_arguments_are_those_of_the_handler_it_stands_in_for():
    def names(handler: type) -> list[str]:
        return list(inspect.signature(handler).parameters)

    assert names(mailsponge.SMTPHandler) == names(logging.handlers.SMTPHandler)


def test_the_first_record_is_mailed_at_once_as_exactly_the_formatted_text(job):
    with SmtpServer() as server:
        process = job.start(program(server, 'log.error("Søndag\\nis\\tdown")', "input()"))
        wait_until(lambda: server.mails)
        process.communicate("\n", timeout=30)

    (only,) = server.mails
    assert only.message.get_content_type() == "text/plain"
    assert body(only) == "ERROR: Søndag\nis\tdown\n"
    assert only.message["Subject"] == "It broke"
    assert only.message["From"] == "App <app@example.org>"
    assert only.message["To"] == "me@example.org"
    assert only.message["Auto-Submitted"] == "auto-generated"


def test_a_burst_after_it_becomes_one_digest(job):
    with SmtpServer() as server:
        done = job.run(program(server, "for n in range(7): log.error('failure %d', n)"))

    assert done.err == ""
    first, digest = server.mails
    assert body(first) == "ERROR: failure 0\n"
    assert "It broke" in digest.message["Subject"]
    told = text(digest.message)
    assert all(f"ERROR: failure {n}" in told for n in range(1, 7))
    assert "failure 0" not in told


def test_a_digest_does_not_wait_for_the_end_of_a_program_that_goes_on(job):
    hurry = "from mailsponge.sponge import smtp_handler; smtp_handler.BURST = 0.3"
    with SmtpServer() as server:
        process = job.start(program(server, hurry, "log.error('one'); log.error('two')", "input()"))
        wait_until(lambda: len(server.mails) == 2)
        process.communicate("\n", timeout=30)

    assert "two" in text(server.mails[1].message)
    assert len(server.mails) == 2


def test_after_a_quiet_while_the_next_is_mailed_at_once_again(job):
    hurry = "from mailsponge.sponge import smtp_handler; smtp_handler.BURST = 0.0"
    with SmtpServer() as server:
        job.run(program(server, hurry, "log.error('one')", "log.error('two')"))

    assert [body(each) for each in server.mails] == ["ERROR: one\n", "ERROR: two\n"]


def test_unsent_mail_waits_under_the_programs_name_and_goes_with_its_next_run(job):
    done = job.run(program(None, "log.error('one'); log.error('two')"))

    assert "1 mail waiting" in done.err
    assert [mail.status for mail in job.mails()] == ["waiting", "waiting"]
    with SmtpServer() as server:
        (job.home / "program0.py").unlink()
        job.run(program(server, "log.error('three')"))

    assert server.message_ids() == [mail.message_id for mail in job.mails()]
    assert [mail.status for mail in job.mails()] == ["sent"] * 3


def test_what_waits_for_the_digest_survives_a_kill(job):
    with SmtpServer() as server:
        process = job.start(
            program(server, "log.error('one'); log.error('two')", "print('logged', flush=True)", "input()")
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        ended(process)
        done = job.command("check")

    assert done.status == 0, done.err
    assert "two" in text(server.mails[1].message)


def test_a_subject_of_ones_own_may_hold_a_newline(job):
    own = (
        "class Own(SMTPHandler):\n"
        "    def getSubject(self, record): return 'about\\n' + record.getMessage()\n"
        "handler.__class__ = Own"
    )
    with SmtpServer() as server:
        job.run(program(server, own, "log.error('x\\nBcc: you@example.org')"))

    (only,) = server.mails
    assert only.message["Subject"] == r"about\nx\nBcc: you@example.org"
    assert only.message["Bcc"] is None


def test_without_a_state_directory_it_mails_all_the_same(job):
    job.home.joinpath("state").write_text("in the way")
    with SmtpServer() as server:
        done = job.run(program(server, "log.error('one')"))

    assert [body(each) for each in server.mails] == ["ERROR: one\n"]
    assert done.status == 0


def test_a_server_that_is_away_holds_up_nobody_else_who_logs(job):
    assert job.mailhost == NOBODY

    done = job.run(program(None, "for n in range(100): log.error('failure %d', n)"))

    assert done.status == 0
    assert len(job.records()) == 99


def test_it_is_made_from_a_dict_of_plain_words(job):
    config = {
        "version": 1,
        "formatters": {"plain": {"format": "%(message)s"}},
        "handlers": {
            "mail": {
                "class": "mailsponge.SMTPHandler",
                "formatter": "plain",
                "level": "ERROR",
                "mailhost": "PORT",
                "fromaddr": "app@example.org",
                "toaddrs": "me@example.org",
                "subject": "It broke",
            }
        },
        "root": {"handlers": ["mail"]},
    }
    with SmtpServer() as server:
        config["handlers"]["mail"]["mailhost"] = server.url  # type: ignore[index]
        job.run(
            f"import logging, logging.config\nlogging.config.dictConfig({config!r})\nlogging.error('one')\n"
        )

    assert [body(each) for each in server.mails] == ["one\n"]


def test_two_handlers_keep_to_their_own_servers_and_readers(job):
    with SmtpServer() as ops, SmtpServer() as dba:
        done = job.run(
            "import logging\nfrom mailsponge import SMTPHandler\n"
            f"for name, port in (('ops', {ops.port}), ('dba', {dba.port})):\n"
            "    log = logging.getLogger(name); log.propagate = False\n"
            "    log.addHandler(SMTPHandler(('127.0.0.1', port), 'app@example.org', [name + '@example.org'], name))\n"
            "for name in ('ops', 'dba'):\n"
            "    for n in range(3): logging.getLogger(name).error('%s %d', name, n)\n"
        )

    assert done.err == ""
    for name, server in (("ops", ops), ("dba", dba)):
        assert [mail.recipients for mail in server.mails] == [[f"{name}@example.org"]] * 2
        assert f"{name} 1" in text(server.mails[1].message)


def test_a_signals_handler_may_log_while_a_record_is_handled(job):
    done = job.run(
        program(
            None,
            "import signal, os",
            "signal.signal(signal.SIGUSR1, lambda *_: log.error('from the signal'))",
            "inner = handler._waiting.emit",
            "def emit(record): os.kill(os.getpid(), signal.SIGUSR1); inner(record)",
            "log.error('first')",
            "with handler._decide: os.kill(os.getpid(), signal.SIGUSR1)",
            "log.error('last')",
        )
    )

    assert done.status == 0
    assert {"ERROR: from the signal", "ERROR: last"} <= set(job.texts())


def test_a_forked_worker_mails_its_own_burst(job):
    hurry = "from mailsponge.sponge import smtp_handler; smtp_handler.BURST = 0.3"
    with SmtpServer() as server:
        process = job.start(
            program(
                server,
                hurry,
                "import os, threading",
                "log.error('one'); log.error('two')",
                "pid = os.fork()",
                "if pid == 0:",
                "    log.error('in the worker')",
                "    threading.Event().wait(20); os._exit(0)",
                "input(); os.kill(pid, 9)",
            )
        )
        wait_until(lambda: any("in the worker" in mail.content.decode("ascii") for mail in server.mails))
        process.communicate("\n", timeout=30)
