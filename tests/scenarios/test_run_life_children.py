"""Children of a program: their records belong to its run, only its own end ends it, and who outlives it is a stray."""

from __future__ import annotations

import sys

import pytest

from kit.programs import PREAMBLE, Job, ended

CHILD = """
import logging, os, sys
from mailsponge import SpongeHandler, source
logging.basicConfig(level="INFO", handlers=[SpongeHandler("job", "me@example.org")])
logging.error(sys.argv[1])
"""
"""A program of its own that logs to the same job."""


@pytest.mark.parametrize("end", ["sys.exit(3)", "os._exit(3)", "os.kill(os.getpid(), 9)", "raise ValueError"])
def test_a_fork_logs_into_its_parents_run_and_does_not_end_it(job: Job, end: str):
    assert_a_fork_belongs_to_its_parents_run(job, end, sys.executable)


def test_a_fork_does_so_on_every_python(job: Job, python: str):
    assert_a_fork_belongs_to_its_parents_run(job, "sys.exit(3)", python)


def assert_a_fork_belongs_to_its_parents_run(job: Job, end: str, python: str) -> None:
    job.log(
        'log.info("before")',
        "pid = os.fork()",
        "if pid == 0:",
        '    log.error("in the child")',
        f"    {end}",
        "os.waitpid(pid, 0)",
        'log.info("after")',
        python=python,
    )

    assert sorted(job.texts()) == ["after", "before", "in the child"]
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 40}]
    assert job.left_to_fold() == []


def test_a_fork_that_says_nothing_leaves_no_trace(job: Job):
    job.log('log.info("before")', "pid = os.fork()", "if pid == 0: sys.exit()", "os.waitpid(pid, 0)")

    assert job.texts() == ["before"]
    assert job.endings() == ["finished"]


def test_a_fork_that_squeezes_ends_its_own_file_alone(job: Job):
    done = job.log(
        "pid = os.fork()",
        "if pid == 0:",
        '    log.info("in the child")',
        "    print(handler.squeeze().reason)",
        '    log.info("still in the child")',
        "    sys.exit()",
        "os.waitpid(pid, 0)",
        'log.info("after")',
    )

    assert done.out == "a child's records belong to the run of the process that began it\n"
    assert sorted(job.texts()) == ["after", "in the child", "still in the child"]
    assert job.endings() == ["finished"]


def test_forks_of_forks_are_of_the_same_run(job: Job):
    job.log(
        'log.info("generation 0")',
        "for generation in range(1, 4):",
        "    pid = os.fork()",
        "    if pid:",
        "        os.waitpid(pid, 0)",
        "        sys.exit()",
        '    log.info(f"generation {generation}")',
    )

    assert sorted(job.texts()) == [f"generation {number}" for number in range(4)]
    assert job.endings() == ["finished"]


def test_a_fork_made_while_threads_log_does_not_hang(job: Job, python: str):
    """What another thread held at that moment is not held in the child."""
    done = job.log(
        "import threading, warnings",
        'warnings.simplefilter("ignore")',
        "over = threading.Event()",
        "def work():",
        '    while not over.is_set(): log.info("in a thread")',
        "threads = [threading.Thread(target=work) for _ in range(3)]",
        "for thread in threads: thread.start()",
        "for number in range(20):",
        "    pid = os.fork()",
        "    if pid == 0:",
        '        log.info(f"child {number}")',
        "        os._exit(0)",
        "    os.waitpid(pid, 0)",
        "over.set()",
        python=python,
    )

    assert done.status == 0
    assert [text for text in job.texts() if text.startswith("child")] == [
        f"child {number}" for number in range(20)
    ]
    assert job.endings() == ["finished"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_log_into_the_run(job: Job, python: str, method: str):
    program = (
        PREAMBLE
        + f"""
import multiprocessing

def work(number):
    log.error(f"in child {{number}}")

if __name__ == "__main__":
    log.info("before")
    context = multiprocessing.get_context({method!r})
    children = [context.Process(target=work, args=(number,)) for number in range(2)]
    for child in children: child.start()
    for child in children: child.join()
    log.info("after")
"""
    )
    done = job.run(program, python=python)

    assert done.err == ""
    assert sorted(job.texts()) == ["after", "before", "in child 0", "in child 1"]
    assert job.endings() == ["finished"]


def test_a_pool_of_processes_logs_into_the_run(job: Job):
    program = (
        PREAMBLE
        + """
import concurrent.futures, multiprocessing

def work(number):
    with source(f"feed {number % 3}"):
        log.info(f"piece {number}")

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(work, range(20)))
"""
    )
    job.run(program)

    assert sorted(job.texts()) == sorted(f"piece {number}" for number in range(20))
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 0, "feed 0": 0, "feed 1": 0, "feed 2": 0}]


def test_a_program_that_is_started_joins_the_run(job: Job):
    job.log(
        "import subprocess",
        f"CHILD = {CHILD!r}",
        'log.info("before")',
        'subprocess.run([sys.executable, "-c", CHILD, "in the child"])',
        'log.info("after")',
    )

    assert sorted(job.texts()) == ["after", "before", "in the child"]
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 40}]


def test_a_program_started_by_mailsponge_run_joins_its_run(job: Job):
    done = job.command(
        "run", "job", "--to", "me@example.org", "--", sys.executable, "-c", CHILD, "in the child"
    )

    assert done.status == 0
    assert job.texts() == ["in the child"]
    assert job.endings() == ["finished"]


def test_a_program_that_is_started_with_another_job_has_a_run_of_its_own(job: Job):
    other = Job(job.home, "other")
    job.log(
        "import subprocess",
        f"CHILD = {CHILD.replace('job', 'other', 1)!r}",
        'log.info("here")',
        'subprocess.run([sys.executable, "-c", CHILD, "there"])',
    )

    assert (job.texts(), other.texts()) == (["here"], ["there"])
    assert job.endings() == other.endings() == ["finished"]


def test_a_program_started_after_the_run_has_a_run_of_its_own(job: Job):
    job.log(
        "import subprocess",
        f"CHILD = {CHILD!r}",
        'log.info("here")',
        "handler.squeeze()",
        'subprocess.run([sys.executable, "-c", CHILD, "there"])',
    )

    assert job.texts() == ["here", "there"]
    assert job.endings() == ["finished", "finished"]


@pytest.mark.parametrize(
    "garbage", ["/nowhere", ":", "relative", "/etc/passwd/x", "{runs}/00000001", "{runs}", "\n"]
)
def test_whatever_the_environment_names_a_run_begins(job: Job, garbage: str):
    named = garbage.format(runs=job.place.runs)

    done = job.log('log.info("here")', env={"MAILSPONGE_RUN": named})

    assert done.err == ""
    assert job.endings() == ["finished"]


def test_a_parents_run_that_may_not_be_looked_at_is_no_trouble(job: Job):
    """A program may give up its rights after its environment was set: it is told, and goes on."""
    job.log('log.info("here")')
    begun, rest = CHILD.split("logging.basicConfig")
    gives_up_its_rights = (
        f"{begun}if os.geteuid() == 0: os.setuid(65534)\nlogging.basicConfig{rest}print('went on')"
    )
    job.place.directory.chmod(0)
    try:
        done = job.run(gives_up_its_rights, "hello", env={"MAILSPONGE_RUN": str(job.place.runs / "00000002")})
    finally:
        job.place.directory.chmod(0o700)

    assert (done.status, done.out) == (0, "went on\n")
    assert "cannot be written: [Errno 13] Permission denied" in done.err
    assert "hello" in done.err


STRAY = [
    'log.info("the parent")',
    "told, tell = os.pipe()",
    "if os.fork() == 0:",
    '    log.info("the child")',
    '    os.write(tell, b".")',
    "    sys.stdin.read()",
    '    log.error("the child, later")',
    "    sys.exit()",
    "os.read(told, 1)",
]
"""A child that goes on until standard input is closed, whatever its parent does."""


@pytest.mark.parametrize(("end", "ending"), [("pass", "finished"), ("os._exit(0)", "died")])
def test_a_child_that_outlives_its_parent_is_a_stray(job: Job, python: str, end: str, ending: str):
    process = job.start(PREAMBLE + "\n".join([*STRAY, end]), python=python)
    process.wait(30)
    job.squeeze()
    assert job.texts() == ["the parent"]

    ended(process)
    job.squeeze()

    assert job.texts() == ["the parent", "the child", "the child, later"]
    assert job.endings() == [ending, "stray"]
    assert job.verdicts()[1] == {"": 40}
    assert job.left_to_fold() == []


def test_a_stray_that_fails_at_nothing_proves_nothing(job: Job):
    quiet = [line.replace("log.error", "log.info") for line in STRAY]
    process = job.start(PREAMBLE + "\n".join(quiet))
    process.wait(30)
    ended(process)
    job.squeeze()

    assert job.verdicts()[-1] == {}


def test_a_child_made_after_its_parents_run_was_squeezed_belongs_to_the_next(job: Job):
    job.log(
        'log.info("first run")',
        "handler.squeeze()",
        'log.info("second run")',
        "pid = os.fork()",
        "if pid == 0:",
        '    log.info("in the child")',
        "    os._exit(0)",
        "os.waitpid(pid, 0)",
    )

    runs = job.runs()
    assert [run.records for run in runs] == [1, 2]
    assert job.endings() == ["finished", "finished"]


def test_a_child_whose_parent_squeezes_goes_on_as_a_stray(job: Job):
    process = job.start(
        PREAMBLE + "\n".join([*STRAY, "assert handler.squeeze().saved", 'log.info("the next run")']),
    )
    process.wait(30)
    ended(process)
    job.squeeze()

    assert sorted(job.texts()) == ["the child", "the child, later", "the next run", "the parent"]
    assert sorted(job.endings()) == ["finished", "finished", "stray"]
