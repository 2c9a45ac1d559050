"""How a record's text looks: worked out when folding where that gives the same, at once where it would not."""

from __future__ import annotations

import enum
import logging
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsponge.sponge.layout import Layout, Typesetter, describe, is_chosen, keeps, quick_setter


class Shouting(logging.Formatter):
    """A formatter of a user's own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).upper()


def record(level: int = logging.INFO, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("feeds", level, "feeds.py", 7, "HTTP %d", (404,), None)
    made.__dict__.update(extra)
    return made


# Which formatter somebody chose


@pytest.mark.parametrize(
    ("formatter", "chosen"),
    [
        (None, False),
        (logging.Formatter(logging.BASIC_FORMAT), False),
        (logging.Formatter(logging.BASIC_FORMAT, "%H:%M"), True),
        (logging.Formatter("%(message)s"), True),
        (logging.Formatter(), True),
        (Shouting(logging.BASIC_FORMAT), True),
    ],
)
def test_what_basic_config_puts_in_by_itself_was_chosen_by_nobody(formatter, chosen):
    assert is_chosen(formatter) is chosen


# Which formatter can be described


@pytest.mark.parametrize(
    ("formatter", "layout"),
    [
        (logging.Formatter("%(levelname)s %(message)s"), Layout("%(levelname)s %(message)s", None, "%", ())),
        (logging.Formatter("%(asctime)s", "%H:%M"), Layout("%(asctime)s", "%H:%M", "%", ())),
        (
            logging.Formatter("%(process)5d %(funcName)-10s %(message)s"),
            Layout("%(process)5d %(funcName)-10s %(message)s", None, "%", ("funcName", "process")),
        ),
        (
            logging.Formatter("%(message)s %(request.id)s"),
            Layout("%(message)s %(request.id)s", None, "%", ("request.id",)),
        ),
        (
            logging.Formatter("{levelname:>8} {lineno} {message}", style="{"),
            Layout("{levelname:>8} {lineno} {message}", None, "{", ("lineno",)),
        ),
        (
            logging.Formatter("${module} $lineno $message", style="$"),
            Layout("${module} $lineno $message", None, "$", ("lineno", "module")),
        ),
    ],
)
def test_a_plain_formatter_is_described_with_what_it_needs(formatter, layout):
    assert describe(formatter) == layout


def converted() -> logging.Formatter:
    formatter = logging.Formatter("%(asctime)s %(message)s")
    formatter.converter = time.gmtime  # type: ignore[method-assign]
    return formatter


def overridden() -> logging.Formatter:
    formatter = logging.Formatter("%(message)s")
    formatter.formatException = lambda info: "…"  # type: ignore[method-assign]
    return formatter


@pytest.mark.parametrize(
    "formatter",
    [
        None,
        Shouting("%(message)s"),
        converted(),
        overridden(),
        logging.Formatter("%(message)s %(user)s", defaults={"user": "?"}),
        logging.Formatter("%(message)s of %(msg)s"),
        logging.Formatter("%(message)s %(args)s"),
        logging.Formatter("{message} {exc_info}", style="{"),
        logging.Formatter("$message $exc_text", style="$"),
        logging.Formatter("%(message)s %(stack_info)s"),
    ],
)
def test_any_other_formats_at_once(formatter):
    assert describe(formatter) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("converter", time.gmtime), ("default_time_format", "%H:%M"), ("default_msec_format", "%s.%03d")],
)
def test_where_a_program_changes_the_times_of_all_formatters_it_formats_at_once(monkeypatch, name, value):
    monkeypatch.setattr(logging.Formatter, name, value)

    assert describe(logging.Formatter("%(asctime)s %(message)s")) is None


# Which record can be kept for later


def test_a_record_is_kept_if_json_keeps_what_its_layout_needs():
    layout = Layout(
        "%(user)s %(n)d %(share)f %(there)s %(none)s", None, "%", ("n", "none", "share", "there", "user")
    )

    assert keeps(layout, record(user="me", n=1, share=0.5, there=True, none=None))


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize("value", [object(), (1, 2), [1], {"a": 1}, b"x", 1j, Colour.RED, ValueError("x")])
def test_a_record_is_formatted_at_once_if_json_would_make_something_else_of_it(value):
    assert not keeps(Layout("%(value)s", None, "%", ("value",)), record(value=value))


def test_what_the_layout_does_not_need_does_not_matter():
    assert keeps(Layout("%(message)s", None, "%", ()), record(value=object()))


def test_a_level_whose_name_only_this_program_knows_is_formatted_at_once(monkeypatch):
    layout = Layout("%(levelname)s", None, "%", ())

    assert keeps(layout, record(logging.ERROR))
    assert not keeps(layout, record(logging.INFO, levelname="\x1b[32mINFO"))
    assert keeps(layout, record(25))
    assert not keeps(layout, record(25, levelname="NOTICE"))


# Setting what was kept


def typesetter(**layout: Any) -> Typesetter:
    made = Typesetter(lambda text: True)
    made.learn({"k": "layout", "i": 1} | layout)
    return made


LINE = {"t": 1_700_000_000.25, "l": 40, "n": "feeds", "s": "x", "m": "HTTP 404", "y": 1}


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ({"fmt": "%(levelname)s:%(name)s:%(source)s: %(message)s"}, "ERROR:feeds:x: HTTP 404"),
        ({"fmt": "{levelno} {message!r} {created:.2f}", "style": "{"}, "40 'HTTP 404' 1700000000.25"),
        ({"fmt": "$name ${message}", "style": "$"}, "feeds HTTP 404"),
        ({"fmt": "%(asctime)s", "datefmt": "%Y"}, "2023"),
        ({"fmt": "%(msecs)03d %(message)s"}, "250 HTTP 404"),
        ({"fmt": None}, "HTTP 404"),
    ],
)
def test_a_line_is_set_by_the_layout_it_names(layout, text):
    assert typesetter(**layout).text(LINE) == text


def test_a_line_with_fields_of_its_own_is_set_with_them():
    assert typesetter(fmt="%(user)s %(message)s").text({**LINE, "a": {"user": "me"}}) == "me HTTP 404"


def test_fields_of_its_own_do_not_stand_in_for_what_every_line_says():
    line = {**LINE, "a": {"levelno": 10, "source": "y", "created": 0}}

    assert typesetter(fmt="%(levelno)d %(source)s %(created)d").text(line) == "40 x 1700000000"


def test_a_percent_in_the_message_is_only_a_percent():
    assert typesetter(fmt="%(message)s").text({**LINE, "m": "100% of %(name)s %d"}) == "100% of %(name)s %d"


def test_a_line_set_while_logging_is_shown_as_it_is():
    assert typesetter(fmt="%(levelname)s").text({**LINE, "x": "set before"}) == "set before"


def test_a_line_without_a_layout_is_its_message():
    assert typesetter(fmt="%(levelname)s").text({**LINE, "y": 2}) == "HTTP 404"
    assert Typesetter(lambda text: True).text({"m": "HTTP 404"}) == "HTTP 404"


@pytest.mark.parametrize(
    ("layout", "fields"),
    [
        ({"fmt": "%(user)s %(message)s"}, {}),
        ({"fmt": "%(user)d %(message)s"}, {"user": "me"}),
        ({"fmt": "{user.name} {message}", "style": "{"}, {"user": "me"}),
        ({"fmt": "{user[0]} {message}", "style": "{"}, {"user": 5}),
        ({"fmt": "{user:%Y} {message}", "style": "{"}, {"user": "me"}),
        ({"fmt": "%(message)s %(user)c"}, {"user": 1 << 40}),
        ({"fmt": "%(message)s"}, 5),
    ],
)
def test_a_layout_that_cannot_be_filled_in_loses_the_layout_and_not_the_message(layout, fields):
    assert typesetter(**layout).text({**LINE, "a": fields}) == "HTTP 404"


def test_a_program_that_makes_records_of_its_own_has_no_part_in_setting_them(monkeypatch):
    def refuse(*_: object, **__: object) -> logging.LogRecord:
        raise AssertionError("only while logging")

    monkeypatch.setattr(logging, "_logRecordFactory", refuse)

    assert typesetter(fmt="%(message)s").text(LINE) == "HTTP 404"


# Setting many records quickly

MARKS = st.sampled_from(
    ["%(asctime)s", "%(asctime)-30s", "%(levelname)s", "%(levelname)-8s", "%(levelno)s", "%(levelno)5d", "%(name)s",
     "%(name).3s", "%(source)s", "%(source)40s", "%(message)s", "%(message)8s", "%(msecs)03d", "%(msecs)d",
     "%(created)f", "%%", "%", " ", ": ", "s", "(message)s", "[", "{}", "Ø"]
)  # fmt: skip
RECORDS = st.tuples(
    st.floats(0, 4e9), st.integers(0, 60), st.text(max_size=9), st.text(max_size=20), st.text(max_size=9)
)


@given(
    st.lists(MARKS, max_size=9).map("".join), st.sampled_from([None, "%H:%M", "%d.%m. %%"]), st.lists(RECORDS)
)
@example(
    "%(asctime)s %(levelname)s %(name)s: %(message)s", None, [(1.9999999999999998, 20, "a%sb", "%d", "")]
)
@example("%(asctime)s.%(msecs)03d [%(source)s] %(message)s", "%H:%M:%S", [(5.5, 20, "a", "b", "%(name)s")])
def test_what_is_set_quickly_looks_as_logging_makes_it(fmt, datefmt, records):
    setter = quick_setter(fmt, datefmt)
    if setter is None:
        return
    formatter = logging.Formatter(fmt, datefmt, validate=False)
    for created, level, logger, message, source in records:
        made = logging.makeLogRecord(
            {"created": created, "msecs": float(int((created - int(created)) * 1000)), "levelno": level, "name": logger,
             "levelname": logging.getLevelName(level), "msg": message, "source": source}
        )  # fmt: skip
        assert setter(created, level, logger, message, source) == formatter.format(made)


@pytest.mark.parametrize(
    ("fmt", "datefmt", "is_quick"),
    [
        ("%(message)s", None, True),
        ("%(asctime)s %(levelname)-8s %(name)s: %(message)s", None, True),
        ("%(asctime)s.%(msecs)03d %(levelno)d [%(source)s] %(message)s", "%H:%M:%S", True),
        ("100%% %(message)s", None, True),
        ("%(levelname)s", None, False),
        ("%(message)s at %(asctime)s", None, False),
        ("%(message)s %(message)s", None, False),
        ("%%(message)s", None, False),
        ("%(funcName)s %(message)s", None, False),
        ("%(created)f %(message)s", None, False),
    ],
)
def test_the_usual_layouts_are_set_quickly(fmt, datefmt, is_quick):
    assert (quick_setter(fmt, datefmt) is not None) is is_quick
    setting = typesetter(fmt=fmt, datefmt=datefmt)
    assert (1 in setting.quick) is is_quick


def test_a_layout_that_could_make_a_secret_of_a_message_is_not_set_quickly():
    setting = Typesetter(lambda text: "password" not in text)
    setting.learn({"k": "layout", "i": 1, "fmt": "%(name)s %(message)s"})
    setting.learn({"k": "layout", "i": 2, "fmt": "%(name)s password=%(message)s"})

    assert list(setting.quick) == [1]


def test_what_a_thousand_sources_look_like_is_not_kept_for_ever():
    setter = quick_setter("%(source)s %(message)s", None)
    assert setter is not None

    for number in range(3000):
        assert setter(5.0, 20, "x", "y", f"source {number}") == f"source {number} y"
