"""Every way in: whatever a program uses to log and to work at several things at once, each record has its source."""

from __future__ import annotations

import pytest

from kit.programs import PREAMBLE, Job, ended


def by_source(job: Job) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in job.records():
        found.setdefault(record.source, []).append(record.text)
    return {name: sorted(texts) for name, texts in found.items()}


def feeds(count: int, **more: list[str]) -> dict[str, list[str]]:
    return {**{f"feed {number}": [f"{number}"] for number in range(count)}, **more}


def test_one_record_may_name_its_source(job: Job, python: str):
    job.log('log.error("gone", extra={"source": "feed"})', 'log.info("and on")', python=python)

    assert by_source(job) == {"feed": ["gone"], "": ["and on"]}
    assert job.verdicts() == [{"": 0, "feed": 40}]


def test_an_adapter_names_it_for_all_its_records(job: Job, python: str):
    job.log(
        'feed = logging.LoggerAdapter(log, {"source": "feed"})',
        'feed.error("gone")',
        'with source("block"): feed.warning("it is the nearer word")',
        python=python,
    )

    assert by_source(job) == {"feed": ["gone", "it is the nearer word"]}


def test_an_adapter_that_merges_keeps_what_a_record_names_itself(job: Job, python: str):
    """Python 3.13 has ``merge_extra``; without it an adapter's fields replace the record's."""
    done = job.log(
        "merges = sys.version_info >= (3, 13)",
        'options = {"merge_extra": True} if merges else {}',
        'feed = logging.LoggerAdapter(log, {"source": "feed", "host": "a"}, **options)',
        'feed.error("gone", extra={"source": "another", "episode": 3})',
        'feed.error("also gone", extra={"episode": 4})',
        "print(merges)",
        python=python,
    )

    merged, replaced = {"another": ["gone"], "feed": ["also gone"]}, {"feed": ["also gone", "gone"]}
    assert by_source(job) == (merged if done.out == "True\n" else replaced)


def test_tasks_of_asyncio_need_nothing(job: Job, python: str):
    job.log(
        "import asyncio",
        "async def fetch(number):",
        '    with source(f"feed {number}"):',
        "        await asyncio.sleep(0.001 * (number % 5))",
        "        await asyncio.to_thread(log.info, '%s', number)",
        "async def main():",
        "    async with asyncio.TaskGroup() as group:",
        "        for number in range(50): group.create_task(fetch(number))",
        "asyncio.run(main())",
        python=python,
    )

    assert by_source(job) == feeds(50)
    assert job.verdicts() == [{"": 0, **dict.fromkeys(feeds(50), 0)}]


def test_of_many_tasks_those_that_fail_fail_alone(job: Job):
    job.log(
        "import asyncio",
        "@source('decorated')",
        "async def decorated(): await asyncio.sleep(0); log.info('fine')",
        "async def fetch(number):",
        '    with source(f"feed {number}"):',
        "        await asyncio.sleep(0)",
        "        if number % 10 == 0: raise OSError(number)",
        "async def main():",
        "    await asyncio.gather(decorated(), *map(fetch, range(30)), return_exceptions=True)",
        "asyncio.run(main())",
    )

    failed = {name for name, level in job.verdicts()[0].items() if level}
    assert failed == {"feed 0", "feed 10", "feed 20"}


def test_threads_and_executors_take_it_along(job: Job, python: str):
    job.log(
        "import threading",
        "from concurrent.futures import ThreadPoolExecutor",
        "with ThreadPoolExecutor(4) as pool:",
        "    for number in range(30):",
        '        with source(f"feed {number}"): pool.submit(source.carry(log.info), "%s", number)',
        'with source("thread"):',
        '    thread = threading.Thread(target=source.carry(lambda: log.info("in it")))',
        "thread.start(); thread.join()",
        'log.info("none")',
        python=python,
    )

    assert by_source(job) == feeds(30, thread=["in it"], **{"": ["none"]})


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_takes_it_along(job: Job, python: str, method: str):
    program = (
        PREAMBLE
        + f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def work(number):
    log.info("%s", number)

if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as pool:
        for number in range(10):
            with source(f"feed {{number}}"): pool.submit(source.carry(work), number).result()
"""
    )
    done = job.run(program, python=python)

    assert done.err == ""
    assert by_source(job) == feeds(10)
    assert job.endings() == ["finished"]


QUEUED = """
import logging.config, logging.handlers, queue
waiting = queue.Queue()
queue_handler = logging.handlers.QueueHandler(waiting)
queue_handler.addFilter(SourceFilter())
logging.getLogger().handlers[:] = [queue_handler]
listener = logging.handlers.QueueListener(waiting, handler)
listener.start()
"""


def test_a_queue_takes_it_along(job: Job, python: str):
    job.log(
        "from mailsponge import SourceFilter",
        QUEUED,
        "for number in range(20):",
        '    with source(f"feed {number}"): log.info("%s", number)',
        "try: 1 / 0",
        'except ZeroDivisionError: log.exception("gone", extra={"source": "other"})',
        "listener.stop()",
        python=python,
    )

    *_, gone = by_source(job)["other"]
    assert gone.startswith("gone\n")
    assert "ZeroDivisionError" in gone
    assert {name: texts for name, texts in by_source(job).items() if name != "other"} == feeds(20)


def test_a_service_that_logs_through_a_queue_has_its_records_in_its_units(job: Job):
    """As long as the queue is emptied before the unit is left."""
    job.log(
        "from mailsponge import SourceFilter",
        QUEUED,
        "for number in range(3):",
        "    with handler.run():",
        '        with source("feed"): log.error("%s", number)',
        "        waiting.join()",
        "listener.stop()",
    )

    assert job.verdicts()[1:] == [{"": 0, "feed": 40}] * 3
    assert [run.records for run in job.runs()] == [0, 1, 1, 1]


def test_a_queue_between_processes_takes_it_along(job: Job):
    program = (
        PREAMBLE
        + """
import logging.handlers, multiprocessing
from mailsponge import SourceFilter

def work(number, waiting):
    root = logging.getLogger()
    root.handlers[:] = [logging.handlers.QueueHandler(waiting)]
    root.handlers[0].addFilter(SourceFilter())
    with source(f"feed {number}"): log.info("%s", number)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    waiting = context.Queue()
    listener = logging.handlers.QueueListener(waiting, handler)
    listener.start()
    children = [context.Process(target=work, args=(number, waiting)) for number in range(3)]
    for child in children: child.start()
    for child in children: child.join()
    listener.stop()
"""
    )
    done = job.run(program)

    assert done.err == ""
    assert by_source(job) == feeds(3)


@pytest.mark.parametrize("how", ["class", "()"])
def test_a_configuration_of_plain_words_makes_all_of_it(job: Job, python: str, how: str):
    done = job.log(
        "import json, logging.config",
        "from mailsponge import source",
        "logging.config.dictConfig(json.loads(sys.argv[1]))",
        'with source("feed"): logging.getLogger("program").error("gone")',
        "print(type(logging.getLogger().handlers[0]).__name__)",
        before="import logging, os, sys\n",
        python=python,
        arguments=(CONFIGURATION.replace('"class"', f'"{how}"', 1),),
    )

    assert (done.out, done.err.count("Traceback")) == ("SpongeHandler\n", 0)
    assert [(record.source, record.text) for record in job.records()] == [("feed", "ERROR feed: gone")]


CONFIGURATION = """{
    "version": 1,
    "filters": {"source": {"()": "mailsponge.SourceFilter"}},
    "formatters": {"plain": {"format": "%(levelname)s %(source)s: %(message)s"}},
    "handlers": {
        "sponge": {
            "class": "mailsponge.SpongeHandler", "job": "job", "toaddrs": ["me@example.org"], "level": "WARNING",
            "mailhost": ["127.0.0.1", 1], "timeout": 2.5, "patience": {"ERROR": "2 of 3 runs", "CRITICAL": "now"},
            "recover_after": 2, "remind": "1 day", "common_cause": 0.9, "every": "2 hours", "subject": "Home",
            "fromaddr": "sponge@example.org", "formatter": "plain", "filters": ["source"]
        }
    },
    "root": {"level": "DEBUG", "handlers": ["sponge"]}
}"""


def test_an_uncaught_exception_is_told_with_its_traceback_and_the_programs_hook_is_called(
    job: Job, python: str
):
    done = job.log(
        'sys.excepthook = lambda kind, error, trace: print("my own words:", error)',
        "def fetch(): raise LookupError('no such feed')",
        'with source("feed"): fetch()',
        python=python,
        env={"MAILSPONGE_MAILHOST": "smtp://127.0.0.1:1"},
    )

    assert done.out == "my own words: no such feed\n"
    assert job.endings() == ["crashed"]
    details = {record.source: record.detail for record in job.records()}
    assert "in fetch" in details["feed"]
    assert job.verdicts()[0]["feed"] == 40


def test_a_service_is_told_of_while_it_goes_on(job: Job):
    process = job.start(
        PREAMBLE.replace("timeout=20", 'timeout=20, patience="2 runs"')
        + "\n".join(
            [
                "for line in sys.stdin:",
                "    with handler.run():",
                '        with source("feed"): log.log(int(line), "news")',
                '    print("done", flush=True)',
            ]
        )
    )
    for level in (40, 40, 20):
        process.stdin.write(f"{level}\n")
        process.stdin.flush()
        process.stdout.readline()

    failed, recovered = [mail.subject for mail in job.mails()]
    assert failed == "job: feed has failed 2 runs in a row"
    assert recovered.startswith("job: feed works again")
    assert ended(process).status == 0
