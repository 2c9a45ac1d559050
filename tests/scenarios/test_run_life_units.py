"""``with handler.run():`` in a program that never ends: each unit of work is a run, in whatever thread or task."""

from __future__ import annotations

import pytest

from kit.programs import PREAMBLE, Job, ended


def of_units(job: Job) -> list[tuple[str, int]]:
    """How the runs ended that have records, and how many each has."""
    return sorted((str(run.ending), run.records) for run in job.runs() if run.records)


def test_each_unit_is_a_run(job: Job):
    job.log(
        "for number in range(3):",
        "    with handler.run():",
        '        with source("feed"): log.info(f"unit {number}")',
    )

    assert job.texts() == ["unit 0", "unit 1", "unit 2"]
    assert of_units(job) == [("finished", 1)] * 3


def test_a_unit_is_folded_and_judged_when_it_is_left(job: Job):
    done = job.log(
        "import time",
        "with handler.run():",
        '    log.error("gone wrong")',
        "print(sorted(os.listdir(handler._job.place.runs)))",
    )

    assert done.out == "['00000001']\n"
    assert {"": 40} in job.verdicts()


@pytest.mark.parametrize(
    ("leaves", "ending"),
    [
        ("raise ValueError('gone wrong')", "crashed"),
        ("raise KeyboardInterrupt", "interrupted"),
        ("sys.exit()", "finished"),
    ],
)
def test_a_unit_ends_as_its_block_does_and_the_exception_goes_on(job: Job, leaves: str, ending: str):
    done = job.log(
        "try:",
        "    with handler.run():",
        '        log.info("working")',
        f"        {leaves}",
        "except BaseException as error:",
        "    print(type(error).__name__)",
    )

    assert done.out != ""
    assert job.runs()[1].ending == ending
    assert job.runs()[0].ending == "finished"


def test_records_outside_every_unit_belong_to_the_processs_run(job: Job):
    job.log('log.info("before")', "with handler.run():", '    log.info("inside")', 'log.info("after")')

    assert [(run.number, run.records) for run in job.runs()] == [(1, 2), (2, 1)]


def test_units_inside_one_another_each_have_their_records(job: Job):
    job.log(
        "with handler.run():",
        '    log.info("outer")',
        "    with handler.run():",
        '        log.info("inner"); log.info("inner")',
        '    log.info("outer"); log.info("outer")',
    )

    assert of_units(job) == [("finished", 2), ("finished", 3)]


def test_units_of_two_jobs_do_not_mix(job: Job):
    other = Job(job.home, "other")
    job.log(
        'second = SpongeHandler("other", "me@example.org")',
        "log.addHandler(second)",
        "with handler.run():",
        '    log.info("one")',
        "    with second.run():",
        '        log.info("two")',
    )

    assert (job.texts(), other.texts()) == (["one", "two"], ["one", "two"])
    assert of_units(job) == [("finished", 2)]
    assert of_units(other) == [("finished", 1), ("finished", 1)]


def test_units_in_threads_at_once_each_have_their_own_records(job: Job, python: str):
    job.log(
        "import threading",
        "def work(name):",
        "    for number in range(5):",
        "        with handler.run():",
        "            for _ in range(10 + name): log.info(name)",
        "threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]",
        "for thread in threads: thread.start()",
        python=python,
    )

    assert of_units(job) == sorted(("finished", 10 + name) for name in range(4) for _ in range(5))
    by_run: dict[str, set[str]] = {}
    for record in job.records():
        by_run.setdefault(record.run, set()).add(record.text)
    assert all(len(texts) == 1 for texts in by_run.values())


def test_units_in_asyncio_tasks_at_once_each_have_their_own_records(job: Job, python: str):
    job.log(
        "import asyncio",
        "async def unit(name):",
        "    with handler.run():",
        "        with source(f'feed {name}'):",
        "            for number in range(10 + name):",
        "                log.info(name)",
        "                await asyncio.sleep(0)",
        "async def main():",
        "    await asyncio.gather(*(unit(name) for name in range(6)))",
        "asyncio.run(main())",
        python=python,
    )

    assert of_units(job) == [("finished", 10 + name) for name in range(6)]
    assert all(record.source == f"feed {record.text}" for record in job.records())


def test_a_task_that_outlives_the_unit_it_was_made_in_loses_nothing(job: Job):
    """It has the unit's context for good; what it logs after the unit goes where the process's records go."""
    job.log(
        "import asyncio",
        "async def lasting(go_on):",
        '    log.info("in the unit")',
        "    await go_on.wait()",
        '    log.info("after the unit")',
        "async def main():",
        "    go_on = asyncio.Event()",
        "    with handler.run():",
        "        task = asyncio.create_task(lasting(go_on))",
        "        await asyncio.sleep(0)",
        "    go_on.set()",
        "    await task",
        "asyncio.run(main())",
    )

    assert sorted(job.texts()) == ["after the unit", "in the unit"]
    assert of_units(job) == [("finished", 1), ("finished", 1)]


def test_a_unit_left_in_another_task_than_it_was_entered_in_ends(job: Job):
    """A generator may be closed by whoever gets hold of it."""
    done = job.log(
        "import contextvars",
        "def generator():",
        "    with handler.run():",
        '        log.info("inside")',
        "        yield",
        "made = generator()",
        "contextvars.copy_context().run(next, made)",
        "contextvars.copy_context().run(made.close)",
        'log.info("after")',
    )

    assert (done.status, done.err) == (0, "")
    assert of_units(job) == [("finished", 1), ("interrupted", 1)]


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(1)", "raise ValueError"])
def test_a_fork_inside_a_unit_belongs_to_it_and_does_not_end_it(job: Job, end: str):
    job.log(
        "with handler.run():",
        '    log.info("before")',
        "    pid = os.fork()",
        "    if pid == 0:",
        '        log.info("in the child")',
        f"        {end}",
        "    os.waitpid(pid, 0)",
        '    log.info("after")',
    )

    assert sorted(job.texts()) == ["after", "before", "in the child"]
    assert of_units(job) == [("finished", 3)]
    assert set(job.endings()) == {"finished"}


def test_a_parent_that_dies_in_a_unit_after_its_fork_left_the_block_has_died(job: Job):
    job.log(
        "with handler.run():",
        "    pid = os.fork()",
        "    if pid:",
        "        os.waitpid(pid, 0)",
        '        log.info("the parent")',
        "        os._exit(0)",
    )
    job.squeeze()

    assert of_units(job) == [("died", 1)]


def test_a_fork_that_outlives_the_unit_does_not_keep_it_open(job: Job):
    """Nor does it keep open the units of other threads, whose files it has inherited too."""
    process = job.start(
        PREAMBLE
        + """
import threading
entered, left = threading.Event(), threading.Event()
def elsewhere():
    with handler.run():
        log.info("another thread's unit")
        entered.set()
        left.wait()
thread = threading.Thread(target=elsewhere)
thread.start()
entered.wait()
with handler.run():
    log.info("the unit")
    if os.fork() == 0:
        sys.stdin.read()
        log.error("the child, later")
        os._exit(0)
left.set()
thread.join()
"""
    )
    process.wait(30)
    assert sorted(job.texts()) == ["another thread's unit", "the unit"]

    ended(process)
    job.squeeze()

    assert job.left_to_fold() == []
    assert sorted(job.texts()) == ["another thread's unit", "the child, later", "the unit"]
    assert "stray" in job.endings()


def test_a_program_killed_between_its_units_keeps_what_they_were(job: Job):
    job.log("with handler.run():", '    log.error("gone wrong")', "os.kill(os.getpid(), 9)")

    assert job.texts() == ["gone wrong"]


def test_units_of_a_directory_that_cannot_be_written_run_all_the_same(job: Job):
    job.home.joinpath("file").write_text("")
    done = job.log(
        "with handler.run():",
        '    log.error("gone wrong")',
        'print("went on")',
        env={"MAILSPONGE_STATE": str(job.home / "file" / "state")},
    )

    assert (done.status, done.out) == (0, "went on\n")
    assert "gone wrong" in done.err
