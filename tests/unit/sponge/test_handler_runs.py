"""What a handler makes of runs, settings and a state that cannot be written."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import logging.handlers
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kit.smtp_server import SmtpServer
from mailsponge import SpongeHandler, source
from mailsponge.sponge import journal
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import JOB_ITSELF, Kind

pytestmark = pytest.mark.usefixtures("own_process")

ME = "me@example.org"


def begin_line(runs: Path) -> dict[str, Any]:
    (path,) = runs.glob("*/owner.jsonl")
    return next(journal.read(path))


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
        "digest": None,
        "expect": None,
        "mask": [],
        "keep_records": "30 days",
        "keep_runs": "400 days",
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
        ({"every": "now and then"}, "every 'now and then'"),
        ({"every": "0 min"}, "every '0 min'"),
        ({"every": "3 runs"}, 'say "30 min", "1 hour", "2 days" or "1 week", or "never"'),
        ({"every": 3600}, "every 3600"),
        ({"every": None}, "every None"),
    ],
)
def test_what_cannot_be_is_a_value_error_and_begins_nothing(tmp_path, own_process, arguments, said):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - what it says is checked below
        SpongeHandler(**{"job": "job", "toaddrs": ME, **arguments})

    assert said in str(refused.value)
    assert own_process.jobs() == []
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("factory", ["class", "()"])
def test_dict_config_makes_it_of_plain_words_and_numbers(runs, own_process, factory):
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
                    "digest": "20 records",
                    "expect": "1 day",
                    "keep_records": "7 days",
                    "keep_runs": "100 days",
                    "every": "30 min",
                }
            },
            "loggers": {"configured": {"handlers": ["sponge"], "propagate": False}},
        }
    )

    logger = logging.getLogger("configured")
    logger.info("too low")
    logger.error("boom")
    logger.handlers.clear()
    assert own_process.jobs()[0]._every == 1800

    (path,) = runs.glob("*/owner.jsonl")
    assert [record.text for record in Fold([path], 1).records()] == ["ERROR boom"]


def test_every_is_never_written_down(runs):
    """It is the process's own: whoever folds the run has no use for it."""
    SpongeHandler("job", ME, every="never")

    assert "every" not in begin_line(runs)["settings"]


def test_the_last_handler_of_a_job_says_how_long_a_run_may_be(own_process):
    for every in ("never", "2 hours"):
        SpongeHandler("job", ME, every=every)

    assert own_process.jobs()[0]._every == 7200


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
