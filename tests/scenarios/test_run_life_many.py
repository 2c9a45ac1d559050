"""Many processes of one job begin, log and end at the same time: all is there, nothing twice, no mail waits."""

from __future__ import annotations

import threading
from collections import Counter

from kit.programs import PATIENCE, PREAMBLE, Job, ended, wait_until
from kit.smtp_server import SmtpServer, Talk

PROCESSES = 20
RECORDS = 1_000

WAITS_FOR_THE_START = (
    PREAMBLE
    + """
name = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
handler.squeeze()
with source(f"feed {name}"):
    for number in range(int(sys.argv[2])): log.info(f"{name}.{number}")
    log.critical(f"{name} gone wrong")
"""
)
"""Begins a run when all are there; its source fails at a level that is told at once."""


def run_all_at_once(job: Job, records: int) -> list[str]:
    """Run them; returns what they said on standard error."""
    processes = [job.start(WAITS_FOR_THE_START, str(name), str(records)) for name in range(PROCESSES)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    done = [ended(process, 60) for process in processes]
    assert [each.status for each in done] == [0] * PROCESSES
    return [each.err for each in done if each.err]


def test_every_record_of_every_process_is_there_once(job: Job):
    assert run_all_at_once(job, RECORDS) != []
    job.squeeze()

    expected = {f"{name}.{number}" for name in range(PROCESSES) for number in range(RECORDS)}
    assert Counter(text for text in job.texts() if "gone" not in text) == Counter(expected)
    numbers = [run.number for run in job.runs()]
    assert len(numbers) == len(set(numbers)) == 2 * PROCESSES
    assert set(job.endings()) == {"finished"}
    assert job.left_to_fold() == []


def test_no_mail_comes_twice_and_none_is_left_waiting(job: Job):
    """Who finds the outbox taken leaves at once; so who has it looks again before the last one leaves."""
    with SmtpServer() as server:
        job.mailhost = server.url
        said = run_all_at_once(job, 5)

    assert said == []
    assert [mail for mail in job.mails() if mail.status != "sent"] == []
    assert sorted(server.message_ids()) == sorted(mail.message_id for mail in job.mails())
    assert len(job.mails()) >= 1
    failed = [source for verdicts in job.verdicts() for source, level in verdicts.items() if level]
    assert Counter(failed) == Counter(f"feed {name}" for name in range(PROCESSES))


def test_a_mail_decided_while_another_is_being_handed_over_does_not_wait_for_the_next_run(job: Job):
    """Its own process leaves at once, for the outbox is taken; whoever has it has looked into it before."""
    go_on = threading.Event()

    def answers_late(talk: Talk) -> None:
        go_on.wait(PATIENCE)
        talk.say("250 2.0.0 taken")

    with SmtpServer({"end of data": [answers_late, "250 2.0.0 taken"]}) as server:
        job.mailhost = server.url
        first = job.start(PREAMBLE + 'with source("one"): log.critical("gone wrong")')
        wait_until(lambda: server.mails)
        second = job.log('with source("two"): log.critical("gone wrong")')
        go_on.set()
        done = ended(first)

    assert (second.err, done.err) == ("", "")
    assert [mail.message["Subject"] for mail in server.mails] == [
        "job: one has failed",
        "job: two has failed",
    ]
    assert [mail.status for mail in job.mails()] == ["sent", "sent"]
