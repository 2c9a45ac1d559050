"""A record formatted when it is folded looks as it would have looked while it was logged."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsponge import SpongeHandler
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.model import Record

pytestmark = pytest.mark.usefixtures("own_process")


class Remembers(logging.Handler):
    """Formats at once, and keeps what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class Both:
    """A logger with a sponge and a handler that formats at once, both with the same formatter."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self.log = logging.Logger("feeds.http", logging.DEBUG)
        self.sponge = SpongeHandler("job", "me@example.org", level="DEBUG")
        self.at_once = Remembers()
        self.log.addHandler(self.at_once)
        self.log.addHandler(self.sponge)

    def use(self, formatter: logging.Formatter) -> None:
        self.sponge.setFormatter(formatter)
        self.at_once.setFormatter(formatter)

    def kept(self) -> list[Record]:
        (path,) = self._runs.glob("*/owner.jsonl")
        return list(Fold([path], 1).records())

    def lines(self) -> bytes:
        (path,) = self._runs.glob("*/owner.jsonl")
        return path.read_bytes()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    made = Both(tmp_path / "state/job/runs")
    yield made
    made.log.handlers.clear()


PLAIN = [
    logging.Formatter("%(message)s"),
    logging.Formatter("%(asctime)s %(levelname)-8s [%(name)s] %(message)s"),
    logging.Formatter("%(asctime)s %(message)s", "%d.%m.%Y %H:%M:%S %Z"),
    logging.Formatter("%(created)f %(levelno)03d %(message).10s"),
    logging.Formatter(
        "%(filename)s %(funcName)s %(lineno)d %(module)s %(pathname)s %(process)d %(processName)s "
        "%(thread)d %(threadName)s %(relativeCreated)f %(msecs)03.0f %(message)s"
    ),
    logging.Formatter("%(user)s %(n)05d %(share)6.2f %(there)r %(nothing)s %(message)s"),
    logging.Formatter("%(request.id)s %(message)s"),
    logging.Formatter("100%% {literal} $literal %(message)s"),
    logging.Formatter("{asctime} {levelname:>10} {name!r} {message}", style="{"),
    logging.Formatter(
        "{asctime} {user:^9}|{n:,}|{share:.1f}|{there}|{nothing} {{x}} {message}", "%H", style="{"
    ),
    logging.Formatter("$asctime ${levelname} $name $user $n $$ $message", style="$"),
]

OTHER = [
    logging.Formatter("%(message)s of %(msg)s with %(args)s"),
    logging.Formatter("{when:%Y} {message}", style="{", validate=False),
    logging.Formatter("{page.title} {message}", style="{"),
    logging.Formatter("{table[key]} {message}", style="{"),
    logging.Formatter("%(page)r %(pair)s %(message)s"),
    logging.Formatter("%(message)s %(missing)s", defaults={"missing": "?"}),
]


def named(formatter: logging.Formatter) -> str:
    return str(formatter._fmt)[:40]


@pytest.fixture
def extra() -> dict[str, Any]:
    """Fields of a user's own."""
    return {
        "user": "Søren",
        "n": 4711,
        "share": 0.1 + 0.2,
        "there": True,
        "nothing": None,
        "request.id": "5f0c",
        "when": datetime.date(2026, 1, 31),
        "page": SimpleNamespace(title="Fejl"),
        "table": {"key": 1},
        "pair": (1, "2"),
    }


def log_some(both: Both, extra: dict[str, Any]) -> None:
    both.log.info("HTTP %d for %s", 404, "100% ø\n{name}", extra=extra)
    both.log.error("", extra=extra)
    both.log.log(25, "%(message)s", extra=extra)


@pytest.mark.parametrize("formatter", PLAIN, ids=named)
def test_a_plain_formatter_is_put_off_and_gives_the_same(both, extra, formatter):
    both.use(formatter)

    log_some(both, extra)

    assert [record.text for record in both.kept()] == both.at_once.texts
    assert all(record.laid_out for record in both.kept())
    assert b'"x":' not in both.lines()


@pytest.mark.parametrize("formatter", OTHER, ids=named)
def test_any_other_formatter_is_applied_at_once_and_gives_the_same(both, extra, formatter):
    both.use(formatter)

    log_some(both, extra)

    assert [record.text for record in both.kept()] == both.at_once.texts
    assert both.lines().count(b'"x":') == 3


def test_a_formatter_of_ones_own_class_is_applied_at_once(both):
    class Shouting(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return super().format(record).upper()

    both.use(Shouting("%(message)s"))
    both.log.info("fetched")

    assert [record.text for record in both.kept()] == ["FETCHED"]


def test_a_level_with_a_name_of_its_own_keeps_it(both):
    both.use(logging.Formatter("%(levelname)s %(message)s"))
    record = logging.LogRecord("feeds", 25, "", 0, "fetched", (), None)
    record.levelname = "NOTICE"

    both.log.handle(record)

    assert [record.text for record in both.kept()] == both.at_once.texts == ["NOTICE fetched"]


def test_a_traceback_stays_beside_the_text_of_a_plain_formatter(both):
    both.use(logging.Formatter("| %(message)s"))
    try:
        {}["x"]
    except KeyError:
        both.log.exception("gone")

    (record,) = both.kept()
    assert record.text == "| gone"
    assert f"{record.text}\n{record.detail}" == both.at_once.texts[0]


def test_what_basic_config_puts_in_by_itself_is_no_layout(both):
    both.use(logging.Formatter(logging.BASIC_FORMAT))

    both.log.info("fetched")

    (record,) = both.kept()
    assert (record.text, record.laid_out) == ("fetched", False)


def test_each_record_has_the_layout_of_its_moment(both):
    for fmt in ("1 %(message)s", "2 %(message)s"):
        both.use(logging.Formatter(fmt))
        both.log.info("fetched")
    both.sponge.setFormatter(None)
    both.log.info("fetched")

    assert [record.text for record in both.kept()] == ["1 fetched", "2 fetched", "fetched"]


def test_two_handlers_of_one_job_keep_their_layouts_apart(both):
    other = SpongeHandler("job", "me@example.org")
    other.setFormatter(logging.Formatter("other %(message)s"))
    both.log.addHandler(other)
    both.use(logging.Formatter("one %(message)s"))

    both.log.info("a")
    both.log.info("b")

    assert [record.text for record in both.kept()] == ["one a", "other a", "one b", "other b"]


def test_a_new_run_is_told_the_layout_too(both):
    both.use(logging.Formatter("| %(message)s"))
    both.log.info("a")
    both.sponge.squeeze()
    both.log.info("b")

    assert [record.text for record in both.kept()] == ["| b"]


def test_a_unit_of_work_is_told_the_layout_and_the_run_around_it_again(both, tmp_path):
    both.use(logging.Formatter("| %(message)s"))
    both.log.info("before")
    with both.sponge.run():
        both.log.info("inside")
        inside = max((tmp_path / "state/job/runs").iterdir()) / "owner.jsonl"
        assert [record.text for record in Fold([inside], 1).records()] == ["| inside"]
    both.log.info("after")

    assert [record.text for record in both.kept()] == ["| before", "| after"]


values = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(st.characters(), max_size=9)
)
formats = st.sampled_from(
    [
        logging.Formatter("%(levelname)s %(value)s|%(message)s"),
        logging.Formatter("%(value)r|%(message)s"),
        logging.Formatter("{value!r}|{message!s:>9}", style="{"),
        logging.Formatter("$value|$message", style="$"),
    ]
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(formats, values, st.text(st.characters(), max_size=20), st.sampled_from([10, 20, 30, 40, 50, 35]))
def test_whatever_is_logged_looks_the_same(both: Both, formatter, value, message, level):
    both.use(formatter)
    both.at_once.texts.clear()
    before = len(both.kept())

    both.log.handle(
        both.log.makeRecord("feeds", level, "f", 1, "%s", (message,), None, extra={"value": value})
    )

    assert [record.text for record in both.kept()[before:]] == both.at_once.texts
