"""A process that lives long cuts a run every so often; nothing is lost at the cut, and nothing false is told of it."""

from __future__ import annotations

from kit.programs import PREAMBLE, Job, ended, wait_until
from kit.smtp_server import SmtpServer

CLOCK = """\
import logging, os, sys, threading, time
from mailsponge import SpongeHandler, source
from mailsponge.sponge import handler as hot, run
now = 0.0
run.monotonic = hot.monotonic = lambda: now
def hours_pass(hours):
    global now
    now += hours * 3600
def settle():
    for thread in threading.enumerate():
        if thread.name == "mailsponge": thread.join()
handler = SpongeHandler("job", "me@example.org", timeout=20)
logging.basicConfig(level="INFO", handlers=[handler])
log = logging.getLogger("program")
"""
"""A program whose hours pass when it says so, and that can wait for a squeeze to be done."""


def test_the_first_record_after_an_hour_begins_another_run(job: Job, python: str):
    done = job.log(
        'log.info("one")',
        "hours_pass(0.9)",
        'log.info("two")',
        "hours_pass(0.1)",
        'log.info("three")',
        "settle()",
        "print(sorted(os.listdir(handler._job.place.runs)))",
        before=CLOCK,
        python=python,
    )

    assert (done.out, done.err) == ("['00000002']\n", "")
    assert [(run.records, str(run.ending)) for run in job.runs()] == [(2, "finished"), (1, "finished")]


def test_what_fails_hour_after_hour_is_told_while_the_program_goes_on(job: Job):
    with SmtpServer() as server:
        job.mailhost = server.url
        program = CLOCK + (
            "for _ in range(4):\n"
            "    with source('feed'): log.error('HTTP 404')\n"
            "    hours_pass(1)\n"
            "    settle()\n"
            "print('there', flush=True); sys.stdin.read()"
        )
        process = job.start(program)
        process.stdout.readline()
        wait_until(lambda: server.mails)
        ended(process)

    (mail,) = server.mails
    assert mail.message["Subject"] == "job: feed has failed 3 runs in a row"


def test_a_block_that_is_entered_cuts_too(job: Job):
    job.log(
        'log.info("one")',
        "hours_pass(1)",
        'with source("feed"): pass',
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0}, {"": 0, "feed": 0}]


def test_nothing_is_cut_without_a_sign_of_life(job: Job):
    job.log('log.info("one")', "hours_pass(5)", before=CLOCK)

    assert len(job.runs()) == 1


def test_it_is_never_cut_if_that_was_said(job: Job):
    job.log(
        'log.info("one")',
        "hours_pass(1e6)",
        'log.info("two")',
        before=CLOCK.replace("timeout=20", 'every="never"'),
    )

    assert [run.records for run in job.runs()] == [2]


def test_every_is_a_duration(job: Job):
    job.log(
        'log.info("one")',
        "hours_pass(24)",
        'log.info("two")',
        before=CLOCK.replace("timeout=20", 'every="1 day"'),
    )

    assert [run.records for run in job.runs()] == [1, 1]


def test_the_clock_of_the_wall_cuts_nothing(job: Job):
    job.log(
        'log.info("one")',
        "time.time = lambda: 4e9",
        'log.info("two")',
        before=CLOCK,
    )

    assert [run.records for run in job.runs()] == [2]


def test_units_are_never_cut(job: Job):
    job.log(
        "with handler.run():",
        '    log.info("one")',
        "    hours_pass(5)",
        '    with source("feed"): log.info("two")',
        before=CLOCK,
    )

    assert sorted(run.records for run in job.runs()) == [0, 2]


def test_the_formatter_is_known_in_every_run(job: Job):
    job.log(
        'handler.setFormatter(logging.Formatter("<%(message)s>"))',
        'log.info("one")',
        "hours_pass(1)",
        'log.info("two")',
        before=CLOCK,
    )

    assert job.texts() == ["<one>", "<two>"]


# Blocks that are open at the cut


def test_a_block_that_goes_on_is_judged_where_it_ends(job: Job):
    job.log(
        'with source("long"):',
        '    log.info("begins")',
        "    hours_pass(1)",
        '    log.info("goes on")',
        "    settle()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0}, {"": 0, "long": 0}]


def test_a_block_fails_in_the_run_in_which_an_exception_leaves_it(job: Job):
    job.log(
        "try:",
        '    with source("long"):',
        "        hours_pass(1)",
        '        log.info("goes on")',
        "        settle()",
        "        raise ValueError",
        "except ValueError: pass",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0}, {"": 0, "long": 40}]


def test_a_block_that_failed_before_the_cut_is_not_well_after_it(job: Job):
    """Else whoever works an hour and a half each night would never fail twice in a row."""
    job.log(
        'with source("long"):',
        '    log.error("one file cannot be read")',
        "    hours_pass(1)",
        '    log.info("goes on")',
        "    settle()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0, "long": 40}, {"": 0}]


def test_a_block_through_several_runs_remembers_them_all(job: Job):
    job.log(
        'with source("long"):',
        '    log.error("one file cannot be read")',
        *["    hours_pass(1)", '    log.info("goes on")', "    settle()"] * 3,
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0, "long": 40}, {"": 0}, {"": 0}, {"": 0}]


def test_a_block_that_others_of_its_source_were_well_beside_takes_nothing_from_them(job: Job):
    """A source that is always at work when the hour is over is not unseen hour after hour."""
    job.log(
        "for _ in range(3):",
        '    with source("busy"): pass',
        '    with source("busy"):',
        "        hours_pass(1)",
        '        log.info("at work")',
        "        settle()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0, "busy": 0}] * 4


def test_a_block_in_another_thread_is_in_both_runs(job: Job):
    job.log(
        "entered, go_on = threading.Event(), threading.Event()",
        "def work():",
        '    with source("elsewhere"):',
        "        entered.set(); go_on.wait()",
        "thread = threading.Thread(target=work); thread.start(); entered.wait()",
        "hours_pass(1)",
        'log.info("here")',
        "settle(); go_on.set(); thread.join()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0}, {"": 0, "elsewhere": 0}]


def test_a_block_left_before_anybody_has_looked_proves_nothing_good(job: Job):
    """The squeeze that looks is held up by the lock of another."""
    job.log(
        "from mailsponge.sponge import ending as module",
        "look, go_on = module.failed_sources, threading.Event()",
        "module.failed_sources = lambda *arguments: (go_on.wait(), look(*arguments))[1]",
        'with source("long"):',
        "    hours_pass(1)",
        '    log.info("goes on")',
        "go_on.set()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0}, {"": 0}]


def test_a_run_squeezed_by_hand_is_cut_in_the_same_way(job: Job):
    job.log(
        'with source("long"):',
        '    log.error("one file cannot be read")',
        "    handler.squeeze()",
        '    log.info("goes on")',
        'with source("other"):',
        "    handler.squeeze()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0, "long": 40}, {"": 0}, {"": 0, "other": 0}]


def test_a_block_that_is_open_when_the_program_ends_proves_nothing_good(job: Job):
    job.log(
        "entered = threading.Event()",
        "def work():",
        '    with source("elsewhere"):',
        "        entered.set(); threading.Event().wait()",
        "threading.Thread(target=work, daemon=True).start(); entered.wait()",
        before=CLOCK,
    )

    assert job.verdicts() == [{"": 0}]


# Threads, children, trouble


def test_no_record_is_lost_while_threads_log_and_runs_are_cut(job: Job, python: str):
    job.log(
        "def work(name):",
        "    for number in range(2000):",
        '        with source(f"feed {number % 7}"): log.info(f"{name}.{number}")',
        "threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]",
        "for thread in threads: thread.start()",
        "while any(thread.is_alive() for thread in threads): time.sleep(0.001)",
        before=PREAMBLE.replace("timeout=20", 'timeout=20, every="0.001 min"') + "import threading, time\n",
        python=python,
        within=60,
    )
    job.squeeze()

    assert sorted(job.texts()) == sorted(f"{name}.{number}" for name in range(4) for number in range(2000))
    assert set(job.endings()) == {"finished"}
    assert len(job.runs()) > 1
    assert all(set(verdicts.values()) <= {0} for verdicts in job.verdicts())
    assert job.left_to_fold() == []


def test_emit_does_not_wait_for_the_squeeze(job: Job):
    """A mail server that says nothing holds up a thread, and neither the program nor its next runs."""
    done = job.log(
        "from mailsponge.sponge import model, transport",
        "held, go_on = threading.Event(), threading.Event()",
        "sent = model.Outcome('sent', '')",
        "transport._by_smtp = lambda *all: (held.set(), go_on.wait(), sent)[2]",
        'log.critical("gone wrong")',
        "hours_pass(1)",
        'log.info("in the second run")',
        "held.wait()",
        "hours_pass(1)",
        'log.info("in the second run, too: one squeeze at a time")',
        "go_on.set(); settle()",
        "hours_pass(1)",
        'log.info("in the third run")',
        before=CLOCK,
    )

    assert done.err == ""
    assert [run.records for run in job.runs()] == [1, 2, 1]


def test_a_run_that_children_belong_to_is_not_cut_before_they_are_gone(job: Job):
    """They would lose what they have proved, and what fails would be counted once for each of them."""
    job.log(
        "told, tell = os.pipe()",
        "stop, stopping = os.pipe()",
        "pid = os.fork()",
        "if pid == 0:",
        "    os.close(stopping)",
        '    with source("in the child"): log.info("at work")',
        '    os.write(tell, b"."); os.read(stop, 1); os._exit(0)',
        "os.read(told, 1)",
        "hours_pass(1)",
        'log.info("not cut")',
        "os.close(stopping); os.waitpid(pid, 0)",
        "hours_pass(0.02)",
        'log.info("cut")',
        before=CLOCK,
    )

    assert [run.records for run in job.runs()] == [2, 1]
    assert job.verdicts() == [{"": 0, "in the child": 0}, {"": 0}]


def test_a_fork_is_no_part_of_the_run_before_the_cut(job: Job):
    """It inherits no lock of a run that is over, nor of a squeeze that goes on in another thread."""
    process = job.start(
        CLOCK
        + "\n".join(
            [
                "import warnings; warnings.simplefilter('ignore')",
                "from mailsponge.sponge import folder",
                "held, go_on, ended = threading.Event(), threading.Event(), folder.ended",
                "folder.ended = lambda place: (held.set(), go_on.wait(), ended(place))[2]",
                'log.info("first")',
                "hours_pass(1)",
                'log.info("second")',
                "held.wait()",
                "pid = os.fork()",
                "if pid == 0:",
                "    print('ready', flush=True); sys.stdin.read(); os._exit(0)",
                "go_on.set(); settle()",
                "print(handler.squeeze().saved, flush=True)",
            ]
        )
    )
    assert sorted([process.stdout.readline(), process.stdout.readline()]) == ["True\n", "ready\n"]
    assert job.texts() == ["first", "second"]
    ended(process)


def test_a_child_that_outlives_its_parents_run_cuts_its_own(job: Job):
    """What became of a program that puts itself into the background is told hour after hour."""
    process = job.start(
        CLOCK
        + "\n".join(
            [
                "parent = os.getpid()",
                "if os.fork(): os._exit(0)",
                "while os.getppid() == parent: time.sleep(0.001)",
                'log.error("one")',
                "hours_pass(1)",
                'log.error("two")',
                "settle()",
                "print('there', flush=True)",
            ]
        )
    )
    ended(process)
    job.squeeze()

    assert job.texts() == ["one", "two"]
    assert len([verdicts for verdicts in job.verdicts() if verdicts == {"": 40}]) >= 2


def test_a_disk_that_takes_no_new_run_goes_on_with_the_old(job: Job):
    done = job.log(
        "from mailsponge.sponge import folder",
        "begin = folder.begin",
        "def fails(*all): raise OSError(28, 'No space left on device')",
        'log.info("one")',
        "folder.begin = fails",
        "hours_pass(1)",
        'log.info("two")',
        "folder.begin = begin",
        "hours_pass(0.02)",
        'log.info("three")',
        before=CLOCK,
    )

    assert done.err == ""
    assert [run.records for run in job.runs()] == [2, 1]


def test_what_is_logged_as_the_interpreter_ends_cuts_nothing(job: Job, python: str):
    done = job.log(
        "import atexit",
        'log.info("one")',
        "atexit.register(lambda: (hours_pass(1), log.info('at the end')))",
        "hours_pass(0.5)",
        before=CLOCK,
        python=python,
    )
    job.squeeze()

    assert done.err == ""
    assert job.texts() == ["one", "at the end"]
    assert set(job.endings()) == {"finished"}


def test_a_program_that_ends_while_a_run_is_squeezed_waits_for_it(job: Job, python: str):
    with SmtpServer() as server:
        job.mailhost = server.url
        done = job.log(
            'log.critical("gone wrong")', "hours_pass(1)", 'log.info("next")', before=CLOCK, python=python
        )

    assert done.err == ""
    assert [mail.status for mail in job.mails()] == ["sent", "sent"]
    assert [mail.message["Subject"] for mail in server.mails] == [mail.subject for mail in job.mails()]
    assert [run.records for run in job.runs()] == [1, 1]
