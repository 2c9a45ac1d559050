"""A record goes into the run's journal as it is, and whatever is wrong with it, the program goes on."""

from __future__ import annotations

import copy
import logging
import logging.config
import logging.handlers
import queue
from typing import Any

import pytest

from mailsponge import SpongeHandler, source
from mailsponge.sponge.model import ERROR, INFO, JOB_ITSELF, WARNING

pytestmark = pytest.mark.usefixtures("own_process")

ME = "me@example.org"


# What is kept of a record


def test_a_record_is_in_the_journal_when_the_call_returns(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    log.warning("HTTP %d for %s", 404, "feed")

    (record,) = kept()
    assert (record.source, record.level, record.logger) == (JOB_ITSELF, WARNING, "feeds")
    assert (record.text, record.detail, record.laid_out) == ("HTTP 404 for feed", "", False)


def test_the_level_and_the_filters_are_honoured(log, kept):
    handler = SpongeHandler("job", ME, level="WARNING")
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    log.addHandler(handler)

    log.info("too low")
    log.error("a secret")
    log.error("kept")

    assert [record.text for record in kept()] == ["kept"]


def test_info_is_kept_by_default_and_debug_is_not(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    log.debug("no")
    log.info("yes")

    assert [record.text for record in kept()] == ["yes"]


def test_a_filter_that_changes_the_record_is_honoured(log, kept):
    def mask(record: logging.LogRecord) -> bool:
        record.msg, record.args = "masked", ()
        return True

    handler = SpongeHandler("job", ME)
    handler.addFilter(mask)
    log.addHandler(handler)

    log.info("password=%s", "hunter2")

    assert [record.text for record in kept()] == ["masked"]


def test_a_record_belongs_to_the_source_around_it_or_to_the_one_it_names(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    log.info("outside")
    with source("x"):
        log.info("inside")
        log.info("elsewhere", extra={"source": "y"})
        log.info("of the job", extra={"source": ""})
        log.info("nowhere else", extra={"source": None})
    log.info("a number", extra={"source": 7})

    assert [record.source for record in kept()] == ["", "x", "y", "", "x", "7"]


@pytest.mark.parametrize(
    "text",
    [
        "a\nb\r\nc",
        "a\0b",
        "\x1b[2J",
        '{"k":"end"}\n',
        "\udcff\ud800",
        "ø😀\u2028",
        '"\\',
        "x" * 1_000_000,
        "",
    ],
)
def test_whatever_a_record_says_is_one_line_of_the_journal(log, kept, runs, text):
    log.addHandler(SpongeHandler("job", ME))

    log.info("%s", text)
    log.info("after")

    assert [record.text for record in kept()] == [text, "after"]
    (path,) = runs.glob("*/owner.jsonl")
    assert path.read_bytes().count(b"\n") == 3
    assert path.read_bytes().isascii()


def test_a_traceback_is_kept_apart_from_the_message(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    try:
        {}["x"]
    except KeyError:
        log.exception("gone")

    (record,) = kept()
    assert record.text == "gone"
    assert record.detail.startswith("Traceback (most recent call last):\n")
    assert record.detail.endswith("KeyError: 'x'")


def test_a_stack_is_kept(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    log.info("here", stack_info=True)

    assert kept()[0].detail.startswith("Stack (most recent call last):\n")


def test_a_record_that_came_through_a_queue_is_kept_whole(log, kept):
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    log.addHandler(logging.handlers.QueueHandler(waiting))
    try:
        {}["x"]
    except KeyError:
        log.exception("gone %s", "away", extra={"source": "x"})

    SpongeHandler("job", ME).handle(waiting.get())

    (record,) = kept()
    assert record.source == "x"
    assert record.text.startswith("gone away\nTraceback")
    assert record.text.endswith("KeyError: 'x'")


def test_other_handlers_find_the_record_as_it_was(log):
    seen: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []

    class Looks(logging.Handler):
        def __init__(self, into: list[dict[str, Any]]) -> None:
            super().__init__()
            self.into = into

        def emit(self, record: logging.LogRecord) -> None:
            self.into.append(copy.copy(record.__dict__))

    for handler in (Looks(before), SpongeHandler("job", ME), Looks(seen)):
        log.addHandler(handler)
    log.error("HTTP %d", 404, extra={"source": "x"})

    assert seen == before


def test_levels_of_records_are_numbers_in_the_journal(log, kept):
    log.addHandler(SpongeHandler("job", ME, level=0))

    for level in (1, 25, INFO, 100):
        log.log(level, "x")

    assert [record.level for record in kept()] == [25, INFO, 100]


# Whatever is wrong with a record


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = __str__


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As logging is in production: what goes wrong while logging is not shown."""
    monkeypatch.setattr(logging, "raiseExceptions", False)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("message", "arguments", "text"),
    [
        ("%d of %d", (1,), "'%d of %d', whose arguments cannot be put in: (1,)"),
        ("%d", ("x",), "'%d', whose arguments cannot be put in: ('x',)"),
        ("no place", (1,), "'no place', whose arguments cannot be put in: (1,)"),
        (
            "%s",
            (Broken(),),
            "'%s', whose arguments cannot be put in: something of which RuntimeError is all that can be said",
        ),
        (
            Broken(),
            (),
            "something of which RuntimeError is all that can be said, whose arguments cannot be put in: ()",
        ),
    ],
)
def test_a_message_that_cannot_be_put_together_is_kept_in_parts(log, kept, message, arguments, text):
    log.addHandler(SpongeHandler("job", ME))

    log.error(message, *arguments)

    (record,) = kept()
    assert (record.level, record.text) == (ERROR, text)


def test_logging_tells_of_it_where_it_tells_of_such_things(log, kept, capsys):
    log.addHandler(SpongeHandler("job", ME))

    log.error("%d", "x")

    assert "--- Logging error ---" in capsys.readouterr().err
    assert len(kept()) == 1


@pytest.mark.usefixtures("quiet")
def test_a_formatter_that_fails_loses_the_layout_and_not_the_message(log, kept):
    class Fails(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            raise ValueError

    handler = SpongeHandler("job", ME)
    handler.setFormatter(Fails())
    log.addHandler(handler)

    log.error("HTTP %d", 404)

    assert [record.text for record in kept()] == ["HTTP 404"]


@pytest.mark.usefixtures("quiet")
def test_a_source_that_has_no_text_costs_its_name_and_not_the_record(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    log.error("nameless", extra={"source": Broken()})
    log.error("kept")

    assert [record.text for record in kept()] == ["nameless", "kept"]
