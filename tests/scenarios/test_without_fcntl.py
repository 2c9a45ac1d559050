"""Where there is no fcntl (Windows): the library imports, logs, squeezes and recovers with the locks that are there.

A stand-in takes the place of Windows; see ``kit/without_fcntl.py`` for what it can show and what it cannot.
"""

from __future__ import annotations

import os

import pytest

from kit import without_fcntl
from kit.programs import PREAMBLE, Job, ended

BEGINNING = without_fcntl.PUT_IN + PREAMBLE


def test_it_imports_and_finds_no_posix(job: Job, python: str):
    done = job.log(
        "from mailsponge.sponge import lock",
        'print(sys.modules["fcntl"], lock.OPEN_FILES_MOVE, hasattr(os, "fork"))',
        before=BEGINNING,
        python=python,
    )

    assert (done.err, done.out) == ("", "None False False\n")


def test_a_run_is_logged_and_squeezed(job: Job, python: str):
    done = job.log(
        'with source("feed"): log.info("fetched")',
        "print(handler.squeeze().saved)",
        'log.error("in the next run")',
        before=BEGINNING,
        python=python,
    )

    assert (done.err, done.out) == ("", "True\n")
    assert job.texts() == ["fetched", "in the next run"]
    assert job.endings() == ["finished", "finished"]
    assert job.left_to_fold() == []


def test_a_run_that_died_is_folded_by_the_next(job: Job, python: str):
    job.log('log.info("working")', "os._exit(0)", before=BEGINNING, python=python)
    job.log('log.info("another")', before=BEGINNING, python=python)

    assert job.texts() == ["working", "another"]
    assert job.endings() == ["died", "finished"]
    assert job.left_to_fold() == []


def test_a_run_that_goes_on_is_left_alone(job: Job):
    living = job.start(BEGINNING + 'log.info("first"); print("logged", flush=True); sys.stdin.read()')
    living.stdout.readline()
    job.log('log.info("second")', before=BEGINNING)
    assert job.texts() == ["second"]

    ended(living)

    assert sorted(job.texts()) == ["first", "second"]
    assert job.endings() == ["finished", "finished"]


def test_a_unit_is_a_run(job: Job):
    job.log("with handler.run():", '    log.error("gone wrong")', before=BEGINNING)

    assert job.texts() == ["gone wrong"]
    assert job.left_to_fold() == []


CHILD = (
    without_fcntl.PUT_IN
    + """
import logging
from mailsponge import SpongeHandler
logging.basicConfig(level="INFO", handlers=[SpongeHandler("job", "me@example.org")])
logging.error("in the child")
print("logged", flush=True)
sys.stdin.read()
"""
)
STARTS_A_CHILD = [
    "import subprocess",
    f"CHILD = {CHILD!r}",
    "child = subprocess.Popen([sys.executable, '-c', CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)",
    "child.stdout.readline()",
]


def test_a_child_logs_into_its_parents_run(job: Job):
    done = job.log(*STARTS_A_CHILD, 'child.communicate(b"")', 'log.info("after")', before=BEGINNING)

    assert done.err == ""
    assert sorted(job.texts()) == ["after", "in the child"]
    assert job.endings() == ["finished"]


def test_a_run_waits_for_a_child_that_outlives_it(job: Job):
    """What is open cannot be renamed there, so the child's journal cannot be set apart."""
    job.log(*STARTS_A_CHILD, "child.stdin.close()", "os._exit(0)", before=BEGINNING)
    first = job.start(
        BEGINNING
        + "\n".join([*STARTS_A_CHILD, "print(handler.squeeze().saved, flush=True)", "sys.stdin.read()"])
    )
    assert first.stdout.readline() == "True\n"
    assert job.texts().count("in the child") <= 1
    ended(first)
    job.log('log.info("later")', before=BEGINNING)

    assert job.texts().count("in the child") == 2
    assert job.left_to_fold() == []


def test_many_processes_at_once_lose_nothing(job: Job):
    program = BEGINNING + "\n".join(
        ["handler.squeeze()", "sys.stdin.readline()", "for n in range(100): log.info(f'{sys.argv[1]}.{n}')"]
    )
    processes = [job.start(program, str(name)) for name in range(4)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [ended(process, 60).status for process in processes] == [0] * 4
    job.log('log.info("last")', before=BEGINNING)

    assert sorted(job.texts()) == sorted(["last", *(f"{name}.{n}" for name in range(4) for n in range(100))])
    assert set(job.endings()) == {"finished"}
    assert job.left_to_fold() == []


@pytest.mark.parametrize("flags", [os.O_RDWR, os.O_RDONLY])
def test_the_stand_in_keeps_another_descriptor_out_and_lets_go_with_the_file(tmp_path, flags):
    path = tmp_path / "file"
    path.write_bytes(b"")
    one, other = os.open(path, os.O_RDWR), os.open(path, flags)
    without_fcntl.locking(one, without_fcntl.LK_NBLCK, 1)

    with pytest.raises(PermissionError):
        without_fcntl.locking(other, without_fcntl.LK_NBLCK, 1)
    os.close(one)
    without_fcntl.locking(other, without_fcntl.LK_NBLCK, 1)
    without_fcntl.locking(other, without_fcntl.LK_UNLCK, 1)
    os.close(other)
