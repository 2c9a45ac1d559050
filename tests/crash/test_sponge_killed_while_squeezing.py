"""Killed before any step of a squeeze, each in turn: no record, no run and no mail is lost, and nothing counts twice.

A program fails in its third run, so that its squeeze has a mail to hand over; a child of it outlives it, so that
there is a stray to set apart. It is killed before its first call to the operating system or to SQLite, then before
its second, and so on, until it is killed no more. After each death the child ends, and one run follows.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from kit.programs import Job
from kit.smtp_server import SmtpServer

KILLED_AT_EACH_STEP = '''
import atexit, logging, os, shutil, signal, sys
from mailsponge import SpongeHandler

STEPS = frozenset(
    "open write close flock rename replace unlink remove rmdir mkdir listdir scandir fsync connect execute executemany "
    "sendall recv_into".split()
)

def killed_before(step):
    left = step
    def count(frame, event, function):
        nonlocal left
        if event == "c_call" and function.__name__ in STEPS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return count

def begun(state, step):
    handler = SpongeHandler("job", f"step{step}@example.org", fromaddr="a@example.net", state=state, timeout=20)
    log = logging.getLogger("program")
    log.addHandler(handler)
    return log

def logged(log, text):
    log.error(text)
    os.write(1, f"{text}\\n".encode())

def end():
    """End as a program ends, without tidying up an interpreter that goes away in any case: there are hundreds."""
    atexit._run_exitfuncs()
    os._exit(0)

def child(log, step, all_told, go_on):
    logged(log, f"{step} in the child")
    os.write(all_told, b".")
    os.read(go_on, 1)
    logged(log, f"{step} in the child, later")
    os._exit(0)

def third_run(state, step, go_on):
    log = begun(state, step)
    logged(log, f"{step} third run")
    told, tell = os.pipe()
    if os.fork() == 0:
        child(log, step, tell, go_on)
    os.read(told, 1)
    sys.setprofile(killed_before(step))
    end()

def next_run(state, step):
    logged(begun(state, step), f"{step} next run")
    end()

first, template, home = int(sys.argv[1]), sys.argv[2], sys.argv[3]
status = None
for step in range(first, 100_000, 2):
    state = f"{home}/{step}/state"
    shutil.copytree(template, state)
    go_on, let_go = os.pipe()
    gone, alive = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(let_go)
        third_run(state, step, go_on)
    os.close(alive)
    status = os.waitpid(pid, 0)[1]
    os.close(let_go)
    os.read(gone, 1)
    os.close(go_on)
    os.close(gone)
    pid = os.fork()
    if pid == 0:
        next_run(state, step)
    os.waitpid(pid, 0)
    if status == 0:
        break
'''


class Story(NamedTuple):
    """What is left when every step has been the last."""

    home: Path
    acknowledged: list[str]
    server: SmtpServer

    def jobs(self) -> list[Job]:
        return [Job(path) for path in sorted(self.home.glob("[0-9]*"), key=lambda path: int(path.name))]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("steps")
    with SmtpServer() as server:
        job = Job(home, mailhost=server.url)
        for _ in range(2):
            job.log('log.error("gone wrong")')
        with ThreadPoolExecutor() as both:
            halves = both.map(
                lambda first: job.run(KILLED_AT_EACH_STEP, str(first), str(job.state), str(home), within=100),
                (1, 2),
            )
            acknowledged = [line for done in halves for line in done.out.splitlines()]
    yield Story(home, acknowledged, server)
    shutil.rmtree(home)


def test_there_are_many_steps(story: Story):
    assert len(story.jobs()) > 50
    assert story.jobs()[0].endings()[2] == "died"
    assert story.jobs()[-1].endings()[2] == "finished"


def test_every_record_is_in_the_ledger_once(story: Story):
    wrong = {}
    for job in story.jobs():
        logged = [line for line in story.acknowledged if line.startswith(f"{job.home.name} ")]
        kept = Counter(text for text in job.texts() if text != "gone wrong")
        if kept != Counter(logged) or len(logged) != 4:
            wrong[job.home.name] = kept

    assert wrong == {}


def test_no_run_counts_twice(story: Story):
    """Two before, the one that is killed, its child's if it was set apart by then, and the one that follows."""
    for job in story.jobs():
        assert len(job.runs()) in (4, 5), job.home.name
        assert len({run.number for run in job.runs()}) == len(job.runs()), job.home.name


def test_exactly_one_mail_is_decided_and_handed_over(story: Story):
    for job in story.jobs():
        assert [mail.status for mail in job.mails()] == ["sent"], job.home.name


def test_a_mail_comes_at_most_twice_and_then_with_the_same_message_id(story: Story):
    received = Counter((mail.recipients[0], mail.message_id) for mail in story.server.mails)

    assert Counter(to for to, _ in received) == {
        f"step{job.home.name}@example.org": 1 for job in story.jobs()
    }
    assert max(received.values()) <= 2


def test_nothing_is_left_to_fold(story: Story):
    assert {job.home.name: job.left_to_fold() for job in story.jobs() if job.left_to_fold()} == {}
