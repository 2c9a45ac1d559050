"""The handler: a record goes into the run's journal as it is, and whatever is wrong with it, the program goes on."""

from __future__ import annotations

import asyncio
import copy
import logging
import logging.config
import logging.handlers
import queue
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kit.smtp_server import SmtpServer
from mailsponge import SpongeHandler, source
from mailsponge.sponge import journal
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import ERROR, INFO, JOB_ITSELF, WARNING, Kind, Record

pytestmark = pytest.mark.usefixtures("own_process")

ME = "me@example.org"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger that takes everything and hands it to its own handlers alone."""
    made = logging.Logger("feeds", logging.DEBUG)
    yield made
    made.handlers.clear()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "state/job/runs"


@pytest.fixture
def kept(runs: Path) -> Callable[[], list[Record]]:
    """The records that are in the journal now."""

    def read() -> list[Record]:
        (path,) = runs.glob("*/owner.jsonl")
        return list(Fold([path], 1).records())

    return read


def begin_line(runs: Path) -> dict[str, Any]:
    (path,) = runs.glob("*/owner.jsonl")
    return next(journal.read(path))


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
def test_a_source_that_has_no_text_costs_no_more_than_its_record(log, kept):
    log.addHandler(SpongeHandler("job", ME))

    log.error("lost", extra={"source": Broken()})
    log.error("kept")

    assert [record.text for record in kept()] == ["kept"]


# Runs


def test_one_run_for_all_handlers_of_a_job(log, kept, runs):
    for level in ("INFO", "ERROR"):
        log.addHandler(SpongeHandler("job", ME, level=level))

    log.error("once by each")

    assert len(list(runs.iterdir())) == 1
    assert [record.text for record in kept()] == ["once by each"] * 2


def test_the_last_handler_of_a_job_says_what_its_settings_are(runs):
    SpongeHandler("job", ME)
    SpongeHandler("job", "you@example.org", patience="now")

    (path,) = runs.glob("*/owner.jsonl")
    fold = Fold([path], 1)
    list(fold.records())

    assert fold.settings is not None
    assert (fold.settings["toaddrs"], fold.settings["patience"]) == (["you@example.org"], "now")


def test_squeeze_ends_the_run_and_the_next_record_begins_another(log, runs):
    handler = SpongeHandler("job", ME)
    log.addHandler(handler)
    log.info("first")

    assert handler.squeeze().saved
    assert list(runs.iterdir()) == []

    log.info("second")
    assert [path.name for path in runs.iterdir()] == ["00000002"]


def test_three_failed_runs_are_one_mail(log):
    with SmtpServer({}) as server:
        handler = SpongeHandler("job", ME, mailhost=("127.0.0.1", server.port))
        log.addHandler(handler)
        told = []
        for _ in range(4):
            with source("x"):
                log.error("HTTP 404")
            told.append([flip.kind for flip in handler.squeeze().flips])

    assert told == [[], [], [Kind.NEW], []]
    (mail,) = server.mails
    assert mail.message["Subject"] == "job: x has failed 3 runs in a row"


def test_a_unit_of_work_is_a_run_of_its_own(log, kept, runs):
    handler = SpongeHandler("job", ME)
    log.addHandler(handler)

    with handler.run():
        log.info("inside")
        assert len(list(runs.iterdir())) == 2
    log.info("outside")

    assert [record.text for record in kept()] == ["outside"]


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (asyncio.CancelledError(), "interrupted"),
        (GeneratorExit(), "interrupted"),
        (SystemExit(1), "finished"),
        (ValueError("boom"), "crashed"),
    ],
)
def test_a_unit_of_work_ends_as_what_left_it_says(tmp_path, error, ending):
    handler = SpongeHandler("job", ME)

    with pytest.raises(type(error)), handler.run():
        raise error

    with closing(SqliteLedger(tmp_path / "state/job/ledger.db")) as ledger, ledger.transaction():
        assert [run.ending for run, _, _ in ledger.runs(9)] == [ending]


def test_flush_and_close_end_nothing(log, kept):
    handler = SpongeHandler("job", ME)
    log.addHandler(handler)

    for _ in range(2):
        handler.flush()
        handler.close()
    log.info("still there")

    assert [record.text for record in kept()] == ["still there"]


# Settings


def test_what_the_handler_was_told_is_kept_with_the_run(runs):
    SpongeHandler(
        "job",
        [ME, "you@example.org"],
        fromaddr="sponge@example.org",
        mailhost=("mail.example.org", 587),
        subject="Home",
        timeout=2,
        patience={"ERROR": "2 runs"},
        recover_after=2,
        remind="never",
        common_cause=0.5,
    )

    assert begin_line(runs)["settings"] == {
        "job": "job",
        "toaddrs": [ME, "you@example.org"],
        "fromaddr": "sponge@example.org",
        "mailhost": "smtp://mail.example.org:587",
        "subject": "Home",
        "timeout": 2,
        "patience": {"ERROR": "2 runs"},
        "recover_after": 2,
        "remind": "never",
        "common_cause": 0.5,
    }


def test_recipients_and_mail_host_may_come_from_the_environment(runs, monkeypatch):
    monkeypatch.setenv("MAILSPONGE_TO", f"{ME}, you@example.org")
    monkeypatch.setenv("MAILSPONGE_MAILHOST", "smtp://127.0.0.1:2525")

    SpongeHandler("job")

    settings = begin_line(runs)["settings"]
    assert (settings["toaddrs"], settings["mailhost"]) == ([ME, "you@example.org"], "smtp://127.0.0.1:2525")


def test_what_was_given_comes_before_the_environment(runs, monkeypatch):
    monkeypatch.setenv("MAILSPONGE_TO", "you@example.org")
    monkeypatch.setenv("MAILSPONGE_MAILHOST", "smtp://127.0.0.1:2525")

    SpongeHandler("job", ME, mailhost="mail.example.org")

    settings = begin_line(runs)["settings"]
    assert (settings["toaddrs"], settings["mailhost"]) == ([ME], "smtp://mail.example.org:25")


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"secure": ()}, "smtp://mail:25?starttls=require"),
        ({"secure": None}, "smtp://mail:25"),
        ({"credentials": ("me", "hunter2")}, "smtp://me@mail:25"),
        ({"credentials": ("me", "hunter2"), "secure": ()}, "smtp://me@mail:25?starttls=require"),
        ({"mailhost": "smtp://mail?starttls=never", "secure": ()}, "smtp://mail:25?starttls=never"),
    ],
)
def test_credentials_and_secure_are_taken_as_smtp_handler_takes_them(runs, arguments, url):
    SpongeHandler("job", ME, **{"mailhost": "mail", **arguments})

    assert begin_line(runs)["settings"]["mailhost"] == url


def test_a_password_is_in_no_file(log, tmp_path, monkeypatch):
    monkeypatch.setenv("MAILSPONGE_PASSWORD", "hunter3")
    handler = SpongeHandler(
        "job", ME, mailhost="127.0.0.1:1", credentials=("me", "hunter2"), patience="now", timeout=1
    )
    log.addHandler(handler)
    log.error("boom")

    assert handler.squeeze().saved

    contents = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert any(b"smtp://me@127.0.0.1:1" in content for content in contents)
    assert not any(b"hunter" in content for content in contents)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"job": ""}, "give the job a name"),
        ({"toaddrs": ""}, "nobody to mail to: give toaddrs, or set MAILSPONGE_TO"),
        ({"toaddrs": "Me <me@example.org>"}, "is no mail address"),
        ({"fromaddr": "a\nb"}, "is no mail address"),
        ({"mailhost": "ftp://x"}, "mailhost 'ftp://x'"),
        ({"mailhost": "smtp://me:hunter2@x"}, "a password in a URL"),
        ({"credentials": "me"}, r"give (user, password)"),
        ({"timeout": 0}, "timeout 0"),
        ({"patience": "soon"}, "patience 'soon'"),
        ({"patience": {"LOUD": "now"}}, "patience for 'LOUD'"),
        ({"recover_after": 0}, "recover_after 0"),
        ({"remind": "soon"}, "remind 'soon'"),
        ({"common_cause": 2}, "common_cause 2"),
        ({"level": "LOUD"}, "LOUD"),
    ],
)
def test_what_cannot_be_is_a_value_error_and_begins_nothing(tmp_path, own_process, arguments, said):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - what it says is checked below
        SpongeHandler(**{"job": "job", "toaddrs": ME, **arguments})

    assert said in str(refused.value)
    assert own_process.jobs() == []
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("factory", ["class", "()"])
def test_dict_config_makes_it_of_plain_words_and_numbers(runs, factory):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
            "handlers": {
                "sponge": {
                    factory: "mailsponge.SpongeHandler",
                    "job": "job",
                    "toaddrs": ME,
                    "mailhost": ["127.0.0.1", 2525],
                    "level": "WARNING",
                    "formatter": "plain",
                    "timeout": 1,
                    "patience": {"ERROR": "3 of 5 runs", "CRITICAL": "now"},
                    "recover_after": 2,
                    "remind": "1 day",
                    "common_cause": 0.5,
                }
            },
            "loggers": {"configured": {"handlers": ["sponge"], "propagate": False}},
        }
    )

    logger = logging.getLogger("configured")
    logger.info("too low")
    logger.error("boom")
    logger.handlers.clear()

    (path,) = runs.glob("*/owner.jsonl")
    assert [record.text for record in Fold([path], 1).records()] == ["ERROR boom"]


# Trouble with the state


def test_a_state_that_cannot_be_written_stops_no_program(log, tmp_path, capsys):
    (tmp_path / "state").write_text("no directory")

    handler = SpongeHandler("job", ME)
    log.addHandler(handler)
    for _ in range(3):
        log.error("HTTP 404")

    said = capsys.readouterr().err
    assert said.count("mailsponge: job job: the state directory") == 1
    assert "give a directory of your own with state= or MAILSPONGE_STATE" in said


def test_what_was_logged_meanwhile_is_kept_once_the_state_can_be_written(log, tmp_path):
    (tmp_path / "state").write_text("no directory")
    handler = SpongeHandler("job", ME, patience="now", mailhost="127.0.0.1:1", timeout=1)
    log.addHandler(handler)
    log.error("HTTP 404")

    (tmp_path / "state").unlink()

    (flip,) = handler.squeeze().flips
    assert (flip.kind, flip.source) == (Kind.NEW, JOB_ITSELF)


def test_what_can_be_kept_nowhere_is_at_least_shown(log, tmp_path, capsys):
    (tmp_path / "state").write_text("no directory")
    handler = SpongeHandler("job", ME)
    log.addHandler(handler)
    log.error("the only word of it")

    assert not handler.squeeze().saved

    assert "the only word of it" in capsys.readouterr().err


def test_levels_of_records_are_numbers_in_the_journal(log, kept):
    log.addHandler(SpongeHandler("job", ME, level=0))

    for level in (1, 25, INFO, 100):
        log.log(level, "x")

    assert [record.level for record in kept()] == [25, INFO, 100]
