"""Kill -9 at any moment: what ``emit`` returned from is in the ledger, once, and the run is known to have died."""

from __future__ import annotations

from collections import Counter

from kit.programs import Job

ROUNDS = 30

KILLED_OVER_AND_OVER = """
import logging, os, random, signal, sys, threading
from mailsponge import SpongeHandler, source

def work(log, thread, acknowledged):
    for number in range(1_000_000):
        text = f"{os.getpid()}.{thread}.{number}"
        with source(f"source {thread}"):
            log.warning(text)
        os.write(acknowledged, f"{text}\\n".encode())

def program(acknowledged, threads):
    log = logging.getLogger("program")
    handler = SpongeHandler("job", "me@example.org")
    handler.setFormatter(logging.Formatter("%(message)s", None))
    log.addHandler(handler)
    for thread in range(1, threads):
        threading.Thread(target=work, args=(log, thread, acknowledged)).start()
    work(log, 0, acknowledged)

rounds, dice = int(sys.argv[1]), random.Random(sys.argv[2])
for number in range(rounds):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        program(writing, threads=1 + number % 4)
    os.close(writing)
    heard, enough = b"", dice.randrange(8_000)
    while len(heard) < enough:
        heard += os.read(reading, 4096)
    os.kill(pid, signal.SIGKILL)
    while more := os.read(reading, 65536):
        heard += more
    os.waitpid(pid, 0)
    sys.stdout.write(heard.decode())
"""
"""Prints what it heard of after each of its children was killed: the texts of the records whose ``emit`` returned."""


def test_every_record_that_was_acknowledged_is_in_the_ledger_once(job: Job, python: str):
    heard = job.run(KILLED_OVER_AND_OVER, str(ROUNDS), "dice", python=python).out.split()

    job.squeeze()

    kept = Counter(job.texts())
    assert len(heard) > 50 * ROUNDS
    assert [text for text in heard if kept[text] != 1] == []
    assert max(kept.values()) == 1
    assert job.endings() == ["died"] * ROUNDS
    assert job.left_to_fold() == []


def test_what_is_kept_beyond_the_acknowledged_is_what_was_being_logged(job: Job):
    """One record a thread may be written and not yet acknowledged; nothing else is in the ledger."""
    heard = set(job.run(KILLED_OVER_AND_OVER, "10", "other dice").out.split())

    job.squeeze()

    assert len(set(job.texts()) - heard) <= 10 * 4


def test_folding_twice_changes_nothing(job: Job):
    job.run(KILLED_OVER_AND_OVER, "5", "dice")
    job.squeeze()
    before = (job.runs(), job.records(), job.verdicts())

    job.squeeze()

    assert (job.runs(), job.records(), job.verdicts()) == before


def test_a_died_run_is_folded_by_the_next_run(job: Job, python: str):
    assert job.log('log.error("before")', "os.kill(os.getpid(), 9)", python=python).status == -9

    done = job.log('log.info("after")', python=python)

    assert done.err == ""
    assert job.texts() == ["before", "after"]
    assert job.endings() == ["died", "finished"]


def test_a_died_run_is_folded_by_mailsponge_check(job: Job):
    assert job.log('log.error("before")', "os.kill(os.getpid(), 9)").status == -9

    done = job.command("check")

    assert done.status == 0
    assert job.texts() == ["before"]
    assert job.endings() == ["died"]
    assert job.verdicts() == [{"": 40}]


def test_a_line_torn_by_a_power_loss_is_kept_as_it_is(job: Job):
    assert job.log('log.error("whole")', "os.kill(os.getpid(), 9)").status == -9
    (journal,) = job.place.runs.glob("*/owner.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"t":1700000000.0,"l":40,"n":"program","m":"half a rec')

    job.squeeze()

    assert job.texts()[0] == "whole"
    assert "half a rec" in job.texts()[1]
