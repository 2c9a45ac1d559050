"""What programs do to themselves, and what is done to them: records go where they belong, or somebody is told."""

from __future__ import annotations

import signal

import pytest

from kit.programs import Job, ended, wait_until
from kit.smtp_server import SmtpServer, says_nothing
from mailsponge.clock import monotonic


def test_a_level_that_is_an_enumeration_is_a_level(job: Job):
    job.log(
        "import enum",
        "class Level(int, enum.Enum): ERROR = 40",
        'log.log(Level.ERROR, "the disk is dying", extra={"source": "disk"})',
    )

    assert job.verdicts() == [{"": 0, "disk": 40}]


@pytest.mark.parametrize("created", ["float('nan')", "float('inf')", "-5.0", "1e300"])
def test_a_record_of_no_moment_keeps_its_level_and_its_source(job: Job, created: str):
    job.log(
        'record = log.makeRecord("program", 40, "x.py", 1, "the disk is dying", (), None, extra={"source": "disk"})',
        f"record.created = {created}",
        "handler.handle(record)",
    )

    assert job.verdicts() == [{"": 0, "disk": 40}]


def test_a_journal_that_was_removed_is_told_of(job: Job):
    done = job.log(
        "import shutil",
        'log.error("one")',
        "shutil.rmtree(os.environ['MAILSPONGE_STATE'])",
        "sys.exit(3)",
    )

    assert done.status == 3
    assert "was removed, or moved away, and what was logged with it" in done.err


def test_a_descriptor_that_became_another_files_is_left_alone(job: Job):
    job.log(
        "os.closerange(3, 1000)",
        'own = open("own.txt", "w"); other = open("other.txt", "w")',
        "handler.squeeze()",
        'own.write("mine"); own.close(); other.write("the other"); other.close()',
    )

    assert (job.home / "other.txt").read_text() == "the other"
    assert (job.home / "own.txt").read_text().endswith("mine")


def test_a_job_whose_run_is_going_on_is_not_forgotten(job: Job):
    process = job.start(
        "import logging, sys\nfrom mailsponge import SpongeHandler\n"
        'logging.getLogger().addHandler(SpongeHandler("job", "me@example.org"))\n'
        "logging.error('one')\nprint('ready', flush=True)\nsys.stdin.readline()\n"
    )
    assert process.stdout is not None
    process.stdout.readline()

    done = job.command("forget", "job", "--yes")
    process.communicate("\n", timeout=30)

    assert done.status == 1
    assert "a run of job is going on" in done.err
    assert job.texts() == ["one"]


def test_several_jobs_of_one_program_wait_together_for_a_silent_server(job: Job):
    with SmtpServer({"greeting": [says_nothing]}) as silent:
        job.mailhost = silent.url
        process = job.start(
            "import logging\nfrom mailsponge import SpongeHandler\n"
            "for name in ('a', 'b', 'c'):\n"
            "    log = logging.getLogger(name)\n"
            "    log.addHandler(SpongeHandler(name, 'me@example.org', timeout=1.5))\n"
            "    log.critical('gone wrong')\n"
            "print('over', flush=True)\n"
        )
        assert process.stdout is not None
        process.stdout.readline()
        began = monotonic()
        done = ended(process)
        took = monotonic() - began

    assert done.err.count("1 mail waiting") == 3
    assert took < 1.5 * 2.5


def test_what_is_shown_when_nothing_can_be_kept_is_masked_and_drives_no_terminal(job: Job):
    job.home.joinpath("state").write_text("in the way")
    done = job.log(
        'other = SpongeHandler("\\x1b[31mjob", "me@example.org")',
        'log.error("password=hunter2")',
    )

    assert "not kept: " in done.err
    assert "hunter2" not in done.err
    assert "\x1b" not in done.err


def test_standard_error_that_leads_back_into_logging_makes_no_circle(job: Job):
    done = job.log(
        "from mailsponge.sponge import journal",
        "journal.MOST_WAITING = 1000",
        "class Back:\n"
        "    def write(self, text): log.error(text) if text.strip() else None\n"
        "    def flush(self): pass",
        "sys.stderr = Back()",
        "for n in range(50): log.error('x' * 200)",
        "os._exit(7)",
        env={"MAILSPONGE_STATE": "/proc/nowhere"},
    )

    assert done.status == 7


def test_a_fork_beside_threads_that_begin_units_keeps_no_journal_locked(job: Job):
    process = job.start(
        "import logging, os, sys, threading\nfrom mailsponge import SpongeHandler\n"
        'handler = SpongeHandler("job", "me@example.org", timeout=20)\n'
        "log = logging.getLogger('x'); log.addHandler(handler); log.propagate = False\n"
        "stop = threading.Event()\n"
        "def work():\n"
        "    for _ in range(300):\n"
        "        with handler.run(): log.info('unit')\n"
        "        if stop.is_set(): break\n"
        "threads = [threading.Thread(target=work) for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "children = []\n"
        "for _ in range(15):\n"
        "    pid = os.fork()\n"
        "    if pid == 0: sys.stdin.close(); threading.Event().wait(60); os._exit(0)\n"
        "    children.append(pid)\n"
        "stop.set()\n"
        "for thread in threads: thread.join()\n"
        "handler.squeeze()\n"
        "print(*children, flush=True)\n"
        "sys.stdin.readline()\n"
        "for pid in children: os.kill(pid, 9)\n",
        env={"PYTHONWARNINGS": "ignore"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        wait_until(lambda: len([name for name in job.left_to_fold() if not name.startswith(".")]) <= 1)
    finally:
        process.communicate("\n", timeout=30)
    assert process.returncode == 0


def test_a_wrapper_outside_a_terminal_passes_ctrl_c_on(job: Job):
    process = job.start(
        "import sys\nfrom mailsponge.__main__ import main\n"
        "sys.argv = ['mailsponge', 'run', 'job', '--to', 'me@example.org', '--', 'sh', '-c',\n"
        "            'trap \"echo stopped; exit 9\" INT; echo ready; while :; do sleep 0.05; done']\n"
        "main()\n",
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = ended(process)

    assert done.status == 9
    assert "stopped" in done.out
