"""How a program ends is how its run ends, and what it said up to its last moment is kept."""

from __future__ import annotations

import signal

import pytest

from kit.programs import Job, ended


@pytest.mark.parametrize(
    ("ending", "status", "says"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(0)", 0, ""),
        ("sys.exit(1)", 1, ""),
        ("sys.exit('gave up')", 1, "gave up\n"),
        ("raise SystemExit(7)", 7, ""),
    ],
)
def test_a_program_that_ends_by_itself_has_finished(job: Job, ending: str, status: int, says: str):
    done = job.log('log.info("working")', ending)

    assert (done.status, done.err) == (status, says)
    assert job.texts() == ["working"]
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 0}]


def test_an_uncaught_exception_is_a_crash_and_its_traceback_is_kept(job: Job, python: str):
    done = job.log('log.info("working")', 'raise ValueError("no such feed")', python=python)

    assert done.status == 1
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("ValueError: no such feed\n")
    assert job.endings() == ["crashed"]
    assert job.verdicts() == [{"": 40}]
    assert job.texts() == ["working", "ValueError: no such feed"]
    assert "Traceback (most recent call last)" in job.records()[1].detail
    assert "raise ValueError" in job.records()[1].detail


def test_a_programs_own_excepthook_is_left_in_place(job: Job):
    done = job.log(
        'sys.excepthook = lambda kind, error, trace: print("my own words:", error, file=sys.stderr)',
        'raise ValueError("no such feed")',
    )

    assert done.err == "my own words: no such feed\n"
    assert job.endings() == ["crashed"]


def test_an_exception_in_a_thread_does_not_crash_the_run(job: Job):
    done = job.log(
        "import threading",
        'thread = threading.Thread(target=lambda: 1 / 0, name="worker")',
        "thread.start()",
        "thread.join()",
    )

    assert "ZeroDivisionError" in done.err
    assert job.endings() == ["finished"]


def test_an_exception_that_was_caught_is_no_crash(job: Job):
    job.log("try:", "    1 / 0", "except ZeroDivisionError:", '    log.warning("caught")')

    assert job.endings() == ["finished"]


def test_ctrl_c_interrupts_and_is_nobodys_failure(job: Job, python: str):
    process = job.start(
        "import time\n" + _WORKING + "print('ready', flush=True)\nwhile True: time.sleep(0.01)", python=python
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = ended(process)

    assert done.err.endswith("KeyboardInterrupt\n")
    assert done.status == -signal.SIGINT
    assert job.endings() == ["interrupted"]
    assert job.verdicts() == [{}]


_WORKING = """
import logging
from mailsponge import SpongeHandler, source
logging.basicConfig(level="INFO", handlers=[SpongeHandler("job", "me@example.org")])
logging.info("working")
"""


@pytest.mark.parametrize(
    "how", ["os._exit(0)", "os.abort()", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)"]
)
def test_a_process_that_goes_without_a_word_has_died(job: Job, how: str):
    job.log('log.info("working")', how)

    job.squeeze()

    assert job.texts() == ["working"]
    assert job.endings() == ["died"]
    assert job.verdicts() == [{"": 40}]


def test_a_program_that_becomes_another_has_died_and_the_other_has_a_run_of_its_own(job: Job):
    """Whatever exec brings is a new program: what it inherits of the environment names a run that is over."""
    job.log(
        'log.info("second" if sys.argv[1:] else "first")',
        'sys.argv[1:] or os.execv(sys.executable, [sys.executable, __file__, "again"])',
    )

    assert job.texts() == ["first", "second"]
    assert job.endings() == ["died", "finished"]


def test_two_jobs_in_one_process_each_have_a_run(job: Job):
    other = Job(job.home, "other")

    job.log(
        'second = SpongeHandler("other", "me@example.org")',
        "log.addHandler(second)",
        'logging.getLogger("elsewhere").info("for one")',
        'log.info("for both")',
    )

    assert job.texts() == ["for one", "for both"]
    assert other.texts() == ["for both"]
    assert job.endings() == other.endings() == ["finished"]


def test_two_handlers_of_one_job_share_its_run(job: Job):
    job.log(
        'own = logging.getLogger("own")',
        "own.propagate = False",
        'own.addHandler(SpongeHandler("job", "me@example.org"))',
        'log.info("by the first")',
        'own.info("by the second")',
    )

    assert job.texts() == ["by the first", "by the second"]
    assert job.endings() == ["finished"]


def test_records_of_every_thread_are_in_the_run(job: Job):
    job.log(
        "import threading",
        "def work(name):",
        '    with source(f"source {name}"):',
        '        for number in range(200): log.info(f"{name}.{number}")',
        "threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]",
        "for thread in threads: thread.start()",
    )

    assert len(set(job.texts())) == len(job.texts()) == 8 * 200
    assert all(record.source == f"source {record.text.partition('.')[0]}" for record in job.records())
    assert job.verdicts() == [{"": 0, **{f"source {name}": 0 for name in range(8)}}]


def test_a_daemon_thread_that_goes_on_logging_while_the_program_ends_is_no_death(job: Job, python: str):
    """Its last records come after the run's end: they are kept, and prove nothing bad."""
    for _ in range(3):
        job.log(
            "import threading",
            "def for_ever():",
            '    while True: log.info("still here")',
            "threading.Thread(target=for_ever, daemon=True).start()",
            python=python,
        )

    job.squeeze()

    assert set(job.endings()) <= {"finished", "stray"}
    assert job.endings().count("finished") == 3
    assert all(verdicts.get("", 0) == 0 for verdicts in job.verdicts())


def test_squeeze_in_the_middle_ends_one_run_and_the_next_record_begins_another(job: Job):
    done = job.log(
        'log.info("first half")',
        "squeezed = handler.squeeze()",
        "print(squeezed.saved, squeezed.reason)",
        'log.error("second half")',
    )

    assert done.out == "True nothing to tell: all is well\n"
    assert job.texts() == ["first half", "second half"]
    assert job.endings() == ["finished", "finished"]
    assert job.verdicts() == [{"": 0}, {"": 40}]


def test_squeeze_while_threads_log_loses_nothing(job: Job, python: str):
    done = job.log(
        "import threading",
        "logged = []",
        "def work(name):",
        "    for number in range(1500):",
        '        log.info(f"{name}.{number}")',
        '        logged.append(f"{name}.{number}")',
        "threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]",
        "for thread in threads: thread.start()",
        "while any(thread.is_alive() for thread in threads): assert handler.squeeze().saved",
        'print(*logged, sep="\\n")',
        python=python,
    )

    assert done.err == ""
    assert sorted(job.texts()) == sorted(done.out.split())
    assert len(job.texts()) == 4 * 1500
    assert set(job.endings()) == {"finished"}


def test_the_next_record_after_squeeze_knows_its_layout_again(job: Job):
    job.log(
        'handler.setFormatter(logging.Formatter("<%(message)s>"))',
        'log.info("one")',
        "handler.squeeze()",
        'log.info("two")',
    )

    assert job.texts() == ["<one>", "<two>"]
