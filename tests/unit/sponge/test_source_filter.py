"""``SourceFilter``: what only the thread that logs knows goes with the record to a handler in another."""

from __future__ import annotations

import json
import logging
import logging.config
import logging.handlers
import pickle
import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailsponge import SourceFilter, SpongeHandler, source
from mailsponge.sponge.fold import Fold

pytestmark = pytest.mark.usefixtures("own_process")

ME = "me@example.org"


def made(name: str = "feeds", **fields: object) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.ERROR, "", 0, "gone", None, None)
    record.__dict__.update(fields)
    return record


def stamped(record: logging.LogRecord) -> object:
    assert SourceFilter().filter(record)
    return record.__dict__["source"]


def test_a_record_is_stamped_with_the_source_it_is_logged_in():
    with source("x"):
        assert stamped(made()) == "x"


def test_one_outside_every_source_is_stamped_too():
    """So that the handler's thread does not put it into its own, and a formatter finds it."""
    assert stamped(made()) == ""


def test_one_that_names_a_source_keeps_it():
    with source("x"):
        assert stamped(made(source="y")) == "y"
        assert stamped(made(source="")) == ""
        assert stamped(made(source=None)) == "x"


def test_it_passes_what_a_filter_of_logging_passes():
    assert SourceFilter("feeds").filter(made("feeds.download"))
    assert not SourceFilter("feeds").filter(made("other"))


def test_what_it_stamps_goes_through_a_pickle_and_through_json():
    handler = SpongeHandler("job", ME)
    record = made()
    with handler.run(), source("x"):
        SourceFilter().filter(record)

    again = pickle.loads(pickle.dumps(record))
    assert again.__dict__ == record.__dict__
    assert json.loads(json.dumps(record.__dict__)) == record.__dict__


@pytest.fixture
def queued(log: logging.Logger) -> Iterator[Callable[[], None]]:
    """Puts a queue and a thread between the logger and the job's handler; what it gives empties the queue."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    before = logging.handlers.QueueHandler(waiting)
    before.addFilter(SourceFilter())
    log.addHandler(before)
    listener = logging.handlers.QueueListener(waiting, SpongeHandler("job", ME))
    listener.start()
    yield waiting.join
    listener.stop()


def texts(runs: Path) -> dict[str, list[tuple[str, str]]]:
    return {
        path.parent.name: [(record.source, record.text) for record in Fold([path], 1).records()]
        for path in runs.glob("*/owner.jsonl")
    }


def test_through_a_queue_a_record_belongs_to_its_source(log, queued, runs):
    with source("x"):
        log.error("gone")
    log.error("outside")
    queued()

    assert texts(runs) == {"00000001": [("x", "gone"), ("", "outside")]}


def test_through_a_queue_a_record_belongs_to_the_unit_while_that_lasts(log, queued, runs):
    with SpongeHandler("job", ME).run():
        log.error("gone")
        queued()
        inside = texts(runs)

    assert inside == {"00000001": [], "00000002": [("", "gone")]}


def test_one_that_arrives_after_the_unit_is_the_processs_and_not_lost(log, runs):
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    before = logging.handlers.QueueHandler(waiting)
    before.addFilter(SourceFilter())
    log.addHandler(before)
    handler = SpongeHandler("job", ME)
    with handler.run(), source("x"):
        log.error("gone")

    handler.handle(waiting.get())

    assert texts(runs) == {"00000001": [("x", "gone")]}


def test_one_of_a_unit_that_arrives_while_another_lasts_is_not_the_others(log, runs):
    handler = SpongeHandler("job", ME)
    record = made()
    with handler.run():
        SourceFilter().filter(record)

    with handler.run():
        handler.handle(record)
        inside = texts(runs)

    assert inside == {"00000001": [("", "gone")], "00000003": []}


def test_through_a_queue_without_it_nobody_knows_the_source(log, kept):
    """As a thread of its own has sources of its own: hence the filter."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    log.addHandler(logging.handlers.QueueHandler(waiting))
    handler = SpongeHandler("job", ME)
    with source("x"):
        log.error("gone")
    handler.handle(waiting.get())

    assert [record.source for record in kept()] == [""]


def test_dict_config_makes_it(runs):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"source": {"()": "mailsponge.SourceFilter"}},
            "formatters": {"plain": {"format": "%(source)s: %(message)s"}},
            "handlers": {
                "sponge": {
                    "class": "mailsponge.SpongeHandler",
                    "job": "job",
                    "toaddrs": ME,
                    "formatter": "plain",
                },
                "memory": {
                    "class": "logging.handlers.MemoryHandler",
                    "capacity": 100,
                    "target": "sponge",
                    "filters": ["source"],
                },
            },
            "loggers": {"configured": {"handlers": ["memory"], "propagate": False}},
        }
    )
    logger = logging.getLogger("configured")
    with source("x"):
        logger.error("gone")
    logger.handlers[0].flush()
    logger.handlers[0].close()
    logger.handlers.clear()

    assert texts(runs) == {"00000001": [("x", "x: gone")]}


def test_on_a_logger_it_stamps_for_all_its_handlers(log, kept):
    log.addFilter(SourceFilter())
    seen: list[str] = []

    class Other(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.__dict__["source"])

    log.addHandler(Other())
    log.addHandler(SpongeHandler("job", ME))
    with source("x"):
        log.error("gone")

    assert seen == ["x"]
    assert [record.source for record in kept()] == ["x"]
