"""The last moments of a program: what is flushed, logged or configured while it all is being closed is in the run."""

from __future__ import annotations

from kit.programs import Job

CONFIGURED = """\
import logging.config
CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "sponge": {"class": "mailsponge.SpongeHandler", "job": "job", "toaddrs": "me@example.org", "level": "INFO"}
    },
    "root": {"level": "INFO", "handlers": ["sponge"]},
}
"""


def test_a_second_configuration_closes_handlers_and_ends_no_run(job: Job, python: str):
    done = job.log(
        "logging.config.dictConfig(CONFIG)",
        'logging.info("one")',
        "logging.config.dictConfig(CONFIG)",
        'logging.info("two")',
        "logging.config.dictConfig(CONFIG)",
        'logging.error("three")',
        before=CONFIGURED,
        python=python,
    )

    assert done.err == ""
    assert job.texts() == ["one", "two", "three"]
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 40}]


def test_a_configuration_after_the_program_has_begun_to_end_loses_nothing(job: Job):
    """DictConfig forgets every handler there is: also the one that would end the run."""
    job.log(
        "import atexit, logging.config",
        "atexit.register(lambda: (logging.config.dictConfig(CONFIG), logging.info('later')))",
        *CONFIGURED.splitlines(),
        "logging.config.dictConfig(CONFIG)",
        'logging.info("one")',
        before="",
    )
    job.squeeze()

    assert job.texts() == ["one", "later"]
    assert job.endings()[0] == "finished"
    assert set(job.endings()) <= {"finished", "stray"}


def test_logging_shut_down_by_the_program_itself_ends_no_run(job: Job):
    job.log('log.info("one")', "logging.shutdown()", 'log.info("two")')

    assert job.texts() == ["one", "two"]
    assert job.endings() == ["finished"]


def test_a_closed_handler_still_takes_records(job: Job):
    job.log('log.info("one")', "handler.close()", 'log.info("two")')

    assert job.texts() == ["one", "two"]


def test_what_a_memory_handler_held_back_lands_in_the_run(job: Job, python: str):
    job.log(
        "import logging.handlers",
        'held = logging.getLogger("held")',
        "held.propagate = False",
        "held.addHandler(logging.handlers.MemoryHandler(1000, logging.CRITICAL, target=handler))",
        'held.error("held back")',
        'log.info("at once")',
        python=python,
    )

    assert sorted(job.texts()) == ["at once", "held back"]
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 40}]


def test_a_memory_handler_made_before_the_sponge_is_flushed_in_time(job: Job):
    """Logging closes the youngest handler first; the run ends after the oldest."""
    job.log(
        "import logging.handlers",
        "memory = logging.handlers.MemoryHandler(1000, logging.CRITICAL)",
        "from mailsponge import SpongeHandler",
        'memory.setTarget(SpongeHandler("job", "me@example.org"))',
        "logging.getLogger().addHandler(memory)",
        'logging.error("held back")',
        before="import logging\n",
    )

    assert job.texts() == ["held back"]
    assert job.endings() == ["finished"]


def test_a_queue_listener_stopped_at_exit_lands_in_the_run(job: Job, python: str):
    job.log(
        "import atexit, logging.handlers, queue",
        "waiting = queue.Queue()",
        "listener = logging.handlers.QueueListener(waiting, handler)",
        "listener.start()",
        "atexit.register(listener.stop)",
        'queued = logging.getLogger("queued")',
        "queued.propagate = False",
        "queued.addHandler(logging.handlers.QueueHandler(waiting))",
        'for number in range(300): queued.warning(f"number {number}")',
        python=python,
    )

    assert job.texts() == [f"number {number}" for number in range(300)]
    assert job.endings() == ["finished"]


def test_what_exit_functions_log_lands_in_the_run(job: Job, python: str):
    """Those registered before the handler was made run after its own."""
    job.log(
        "import atexit, logging",
        'atexit.register(lambda: logging.error("registered first"))',
        "from mailsponge import SpongeHandler",
        'logging.basicConfig(level="INFO", handlers=[SpongeHandler("job", "me@example.org")])',
        'atexit.register(lambda: logging.info("registered last"))',
        'logging.info("working")',
        before="",
        python=python,
    )

    assert job.texts() == ["working", "registered last", "registered first"]
    assert job.endings() == ["finished"]
    assert job.verdicts() == [{"": 40}]


def test_what_is_logged_after_logging_was_shut_down_is_kept_and_is_no_death(job: Job, python: str):
    """An exit function that is older than logging itself runs after the run has ended."""
    job.log(
        "import atexit",
        'atexit.register(lambda: log.warning("the very last words"))',
        *"""\
import logging
from mailsponge import SpongeHandler
log = logging.getLogger("program")
log.addHandler(SpongeHandler("job", "me@example.org"))
log.error("working")""".splitlines(),
        before="",
        python=python,
    )
    job.squeeze()

    assert job.texts() == ["working", "the very last words"]
    assert job.endings() == ["finished", "stray"]
    assert job.verdicts() == [{"": 40}, {}]


def test_an_exit_function_that_fails_changes_nothing(job: Job):
    done = job.log("import atexit", "atexit.register(lambda: 1 / 0)", 'log.info("working")')

    assert "ZeroDivisionError" in done.err
    assert job.endings() == ["finished"]


def test_a_handler_made_by_an_exit_function_has_its_record_kept(job: Job):
    job.log(
        "import atexit",
        *"""\
def late():
    import logging
    from mailsponge import SpongeHandler
    logging.getLogger().addHandler(SpongeHandler("job", "me@example.org"))
    logging.error("late")
atexit.register(late)""".splitlines(),
        before="",
    )
    job.squeeze()

    assert job.texts() == ["late"]
    assert len(job.runs()) == 1
