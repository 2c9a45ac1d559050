"""A state directory that cannot be written, a full disk: the program is told once, goes on, and loses nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.programs import PREAMBLE, Job

LOGS_THREE = """\
with source("feed"):
    log.info("one")
    log.error("two")
log.warning("three", exc_info=ValueError("why"))
print("went on")
sys.exit(5)
"""


@pytest.fixture
def unwritable(job: Job) -> dict[str, str]:
    """An environment whose state directory can be made by nobody, root included: it is below a file."""
    job.home.joinpath("file").write_text("")
    return {"MAILSPONGE_STATE": str(job.home / "file" / "state")}


def test_an_unwritable_directory_is_told_once_and_the_records_are_shown_at_the_end(
    job: Job, python: str, unwritable: dict[str, str]
):
    done = job.log(LOGS_THREE, env=unwritable, python=python)

    assert (done.status, done.out) == (5, "went on\n")
    first, *shown = done.err.splitlines()
    assert first == (
        f"mailsponge: job job: the state directory {unwritable['MAILSPONGE_STATE']}/job cannot be written: "
        f"[Errno 20] Not a directory: '{job.home}/file'. What is logged waits in memory; "
        "give a directory of your own with state= or MAILSPONGE_STATE"
    )
    assert all(line.startswith("mailsponge: job job: not kept: ") for line in shown)
    assert [text for text in ("one", "two", "three") if not any(f'"{text}"' in line for line in shown)] == []
    assert "ValueError: why" in done.err


def test_nothing_but_what_was_logged_is_shown(job: Job, unwritable: dict[str, str]):
    done = job.log(LOGS_THREE, env=unwritable)

    assert len(done.err.splitlines()) == 1 + 3


def test_a_program_that_logs_nothing_is_told_all_the_same(job: Job, unwritable: dict[str, str]):
    done = job.log("pass", env=unwritable)

    assert done.status == 0
    assert done.err.count("cannot be written") == done.err.count("\n") == 1


def test_a_crash_keeps_its_own_words_and_status(job: Job, unwritable: dict[str, str]):
    done = job.log('log.error("one")', 'raise ValueError("no such feed")', env=unwritable)

    assert done.status == 1
    assert "ValueError: no such feed\n" in done.err
    assert '"one"' in done.err


def test_a_directory_that_becomes_writable_gets_everything(job: Job):
    job.home.joinpath("state").write_text("in the way")
    done = job.log(
        'log.info("one")',
        'log.error("two")',
        "os.unlink(os.environ['MAILSPONGE_STATE'])",
        "sys.exit(4)",
    )

    assert done.status == 4
    assert done.err.count("\n") == 1
    assert job.texts() == ["one", "two"]
    assert job.endings() == ["finished"]


def test_a_crash_in_a_directory_that_becomes_writable_is_a_crash(job: Job):
    job.home.joinpath("state").write_text("in the way")
    job.log(
        'log.info("one")',
        "os.unlink(os.environ['MAILSPONGE_STATE'])",
        'raise ValueError("no such feed")',
    )

    assert job.endings() == ["crashed"]
    assert job.texts() == ["one", "ValueError: no such feed"]


def test_a_fork_of_a_program_without_a_directory_loses_nothing(job: Job, unwritable: dict[str, str]):
    done = job.log(
        'log.error("the parent")',
        "pid = os.fork()",
        "if pid == 0:",
        '    log.error("the child")',
        "    sys.exit(0)",
        "os.waitpid(pid, 0)",
        env=unwritable,
    )

    assert done.err.count('"the parent"') == 1
    assert done.err.count('"the child"') == 1


def test_squeeze_tells_that_nothing_is_saved(job: Job, unwritable: dict[str, str]):
    done = job.log(
        'log.error("one")',
        "squeezed = handler.squeeze()",
        "print(squeezed.saved, squeezed.reason)",
        env=unwritable,
    )

    assert done.out.startswith("False ")
    assert done.err.count('"one"') == 1


def test_a_state_that_somebody_removes_while_the_program_runs_does_not_take_the_program_with_it(job: Job):
    done = job.log(
        'log.info("one")',
        "import shutil",
        "shutil.rmtree(os.environ['MAILSPONGE_STATE'])",
        'log.error("two")',
        "sys.exit(6)",
    )

    assert done.status == 6
    again = job.log('log.info("three")')
    assert again.err == ""
    assert job.texts()[-1] == "three"


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root may write everywhere; a path below a file stands for it above"
)
def test_a_directory_of_somebody_else(job: Job):
    job.state.mkdir(mode=0o500)
    done = job.log(LOGS_THREE)

    assert (done.status, done.out) == (5, "went on\n")
    assert "Permission denied" in done.err


# A full disk

FULL_UNTIL_MENDED = """\
import resource
def room(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""
"""A limit on the size of files fails a write as a full disk does: in the middle of it, then altogether."""


def test_what_a_full_disk_did_not_take_is_there_once_there_is_room(job: Job, python: str):
    done = job.log(
        FULL_UNTIL_MENDED,
        "room(5000)",
        'for number in range(200): log.info(f"number {number}")',
        "room(resource.RLIM_INFINITY)",
        'log.error("room again")',
        "sys.exit(7)",
        python=python,
    )

    assert done.status == 7
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"mailsponge: job job: {job.place.directory} takes no more: ")
    assert job.texts() == [*(f"number {number}" for number in range(200)), "room again"]
    assert job.endings() == ["finished"]


def test_what_threads_log_on_a_full_disk_is_there_once_there_is_room(job: Job):
    job.log(
        FULL_UNTIL_MENDED,
        "import threading",
        "def work(name):",
        '    for number in range(300): log.info(f"{name}.{number}" + "x" * number)',
        "threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]",
        "room(60_000)",
        "for thread in threads: thread.start()",
        "for thread in threads: thread.join()",
        "room(resource.RLIM_INFINITY)",
    )

    texts = [text.rstrip("x") for text in job.texts()]
    assert sorted(texts) == sorted(f"{name}.{number}" for name in range(4) for number in range(300))


def test_what_a_disk_never_takes_is_shown_and_the_rest_is_kept(job: Job):
    done = job.log(
        FULL_UNTIL_MENDED,
        "room(3000)",
        'for number in range(100): log.info(f"number {number}!")',
        "sys.exit(8)",
    )
    assert done.status == 8
    job.squeeze()

    kept = [text for text in job.texts() if text.startswith("number")]
    assert len(kept) > 10
    for number in range(100):
        text = f"number {number}!"
        assert (text in kept) != (f',"{text}",' in done.err), text


def test_a_disk_that_is_full_from_the_beginning(job: Job):
    done = job.run(
        FULL_UNTIL_MENDED
        + "room(0)\n"
        + PREAMBLE
        + 'log.error("one")\nroom(resource.RLIM_INFINITY)\nlog.info("two")\n'
    )

    assert done.status == 0
    assert done.err.count("\n") == 1
    assert job.texts() == ["one", "two"]
    assert job.endings() == ["finished"]


def test_a_child_on_a_full_disk_shows_what_it_could_not_keep(job: Job):
    done = job.log(
        FULL_UNTIL_MENDED,
        "pid = os.fork()",
        "if pid == 0:",
        "    room(700)",
        '    for number in range(30): log.error(f"number {number}!")',
        "    sys.exit()",
        "os.waitpid(pid, 0)",
    )

    kept = job.texts()
    for number in range(30):
        assert (f"number {number}!" in kept) != (f',"number {number}!",' in done.err)


def private_mount() -> tuple[str, ...] | None:
    """A command that runs another where it may mount; None if this user may not."""
    for namespace in (("unshare", "-m"), ("unshare", "-rm")):
        if (
            shutil.which("unshare")
            and not subprocess.run(
                [*namespace, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
            ).returncode
        ):
            return namespace
    return None


def test_a_really_full_disk(job: Job):
    """A file system of a quarter of a megabyte, seen by the program alone, filled and then mended."""
    namespace = private_mount()
    if namespace is None:
        pytest.skip("this user may not mount a small disk; the limit on file sizes stands for it above")
    job.state.mkdir()
    mounted = (
        'mount -t tmpfs -o size=256k,mode=700 none "$0" || exit 99; "$@"; status=$?; '
        'cp -a "$0/." "$0.kept" || exit 98; exit $status'
    )
    done = job.log(
        "filler = os.environ['MAILSPONGE_STATE'] + '/filler'",
        'log.info("before")',
        "try:",
        "    with open(filler, 'wb', buffering=0) as file:",
        "        while file.write(b'x' * 4096): pass",
        "except OSError as error: print(error.strerror)",
        'for number in range(200): log.info(f"number {number} " + "x" * 100)',
        "print(handler.squeeze().saved)",
        "os.unlink(filler)",
        'log.info("after")',
        "sys.exit(9)",
        wrapper=(*namespace, "sh", "-c", mounted, str(job.state)),
    )

    assert (done.status, done.out) == (9, "No space left on device\nFalse\n")
    job.state.rmdir()
    Path(f"{job.state}.kept").rename(job.state)
    shown = [f"number {number} " for number in range(200) if f',"number {number} ' in done.err]
    kept = [text.rstrip("x") for text in job.texts() if not text.startswith("a damaged line")]
    assert sorted([*kept, *shown]) == sorted(
        ["before", "after", *(f"number {number} " for number in range(200))]
    )


def test_a_mount_that_is_read_only(job: Job):
    namespace = private_mount()
    if namespace is None:
        pytest.skip("this user may not mount; a path below a file stands for it above")
    job.log('log.info("before")')
    done = job.log(
        LOGS_THREE,
        wrapper=(*namespace, "sh", "-c", 'mount -t tmpfs -o ro none "$0" || exit 99; "$@"', str(job.state)),
    )

    assert (done.status, done.out) == (5, "went on\n")
    assert "cannot be written: [Errno 30] Read-only file system" in done.err
    assert len(done.err.splitlines()) == 1 + 3
    assert job.texts() == ["before"]


# The standard streams


@pytest.mark.parametrize("closed", ["2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-", "2>/dev/full"])
def test_a_program_without_standard_error_goes_on(job: Job, unwritable: dict[str, str], closed: str):
    wrapper = ("sh", "-c", f'exec "$0" "$@" {closed}')
    program = LOGS_THREE.replace('print("went on")\n', "")

    good = job.log(program, wrapper=wrapper)
    bad = job.log(program, wrapper=wrapper, env=unwritable)

    assert (good.status, bad.status) == (5, 5)
    assert job.texts() == ["one", "two", "three"]


def test_what_is_written_to_a_closed_standard_error_does_not_get_into_the_journal(job: Job):
    """The number of a stream that is closed is given to the next file that is opened."""
    program = f"""\
import os
for each in (0, 1, 2):
    os.close(each)
{PREAMBLE}
for each in (0, 1, 2):
    try: os.write(each, b"straight to the descriptor\\n")
    except OSError: pass
log.error("one")
"""
    job.run(program)

    assert job.texts() == ["one"]


def test_a_program_whose_standard_error_nobody_reads_any_more_goes_on(job: Job, unwritable: dict[str, str]):
    reading, writing = os.pipe()
    os.close(reading)
    process = job.start(PREAMBLE + LOGS_THREE, env=unwritable, stderr=writing)
    os.close(writing)
    process.communicate(timeout=30)

    assert process.returncode == 5


def test_mailsponge_run_without_standard_streams_ends_with_the_commands_status(job: Job):
    command = ("echo out", "echo err >&2", "exit 4")
    arguments = ["run", "job", "--to", "me@example.org", "--", "sh", "-c", "; ".join(command)]
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', sys.executable, "-m", "mailsponge", *arguments],
        env=job.environment(),
        stdin=subprocess.DEVNULL,
    )

    assert process.wait(30) == 4
    assert sorted(job.texts()) == ["ended with status 4", "err", "out"]
