"""Reading a run's journals: what it showed of each source, and no line lost, whatever is on it."""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsponge.sponge.fold import Fold, failed_sources
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.mask import Mask
from mailsponge.sponge.model import CRITICAL, ERROR, INFO, JOB_ITSELF, WARNING, Attempt, Ending, Record, Run

BEGIN = {
    "k": "begin",
    "v": 1,
    "run": "5f0c",
    "number": 12,
    "job": "job",
    "host": "laptop",
    "pid": 7,
    "t": 100.0,
    "settings": {"job": "job", "toaddrs": ["me@example.org"]},
}
END = {"k": "end", "t": 200.0, "ending": "finished"}

Line = dict[str, Any] | list[Any] | bytes


def record(level: int = INFO, **fields: Any) -> dict[str, Any]:
    return {"t": 150.0, "l": level, "n": "feeds", "m": "HTTP 404"} | fields


def short(text: str = "HTTP 404", source: str = "", logger: str = "feeds", layout: int = 0) -> list[Any]:
    """A record of which there is no more to tell."""
    return [150.0, INFO, logger, text, source, layout]


class Folded:
    """A fold read to its end."""

    def __init__(self, fold: Fold) -> None:
        self.records = list(fold.records())
        self.run = fold.run()
        self.attempts = fold.attempts
        self.settings = fold.settings


def written(path: Path, lines: tuple[Line, ...]) -> Path:
    path.write_bytes(
        b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    )
    return path


@pytest.fixture
def fold(tmp_path: Path) -> Callable[..., Folded]:
    """Folds lines as the journal of one run's owner."""
    return lambda *lines: Folded(Fold([written(tmp_path / "owner.jsonl", lines)], 12))


# What the run was


def test_a_run_is_what_its_first_and_last_lines_say(fold):
    folded = fold(BEGIN, record(), END)

    assert folded.run == Run("5f0c", 12, "laptop", 100.0, 200.0, Ending.FINISHED, 1)
    assert folded.settings == BEGIN["settings"]


@pytest.mark.parametrize("ending", ["finished", "crashed", "interrupted"])
def test_a_run_ended_as_its_end_line_says(fold, ending):
    assert fold(BEGIN, {**END, "ending": ending}).run.ending == ending


def test_a_run_without_an_end_line_died(fold):
    folded = fold(BEGIN, record(t=170.0))

    assert folded.run.ending is Ending.DIED
    assert folded.run.ended_at == 170.0


def test_a_childs_journal_on_its_own_is_a_stray_run(fold):
    assert fold({**BEGIN, "k": "joined"}, record()).run.ending is Ending.STRAY


def test_an_exception_that_ended_the_program_is_a_record_of_the_job(fold):
    folded = fold(BEGIN, {**END, "ending": "crashed", "e": "Traceback\n  …\nKeyError: 'x'\n"})

    assert folded.records == [
        Record(JOB_ITSELF, 200.0, ERROR, "mailsponge", "KeyError: 'x'", "Traceback\n  …\nKeyError: 'x'\n")
    ]


def test_a_clock_set_back_makes_no_run_end_before_it_began(fold):
    run = fold(BEGIN, record(t=50.0), {**END, "t": 20.0}).run

    assert (run.began_at, run.ended_at) == (100.0, 100.0)


def test_a_runs_id_is_what_every_store_can_take(fold):
    assert fold({**BEGIN, "run": "a\udcff"}).run.id == "a\\udcff"


def test_a_run_of_which_nothing_can_be_read_is_as_old_as_its_file(tmp_path):
    path = written(tmp_path / "owner.jsonl", (b"\0" * 4096 + b"\n",))
    os.utime(path, (1_700_000_000, 1_700_000_000))

    run = Folded(Fold([path], 12)).run

    assert run.id == "unknown-12"
    assert run.began_at == run.ended_at == 1_700_000_000
    assert run.ending is Ending.DIED


def test_settings_learned_later_in_the_run_count(fold):
    assert fold(BEGIN, {"k": "settings", "settings": {"job": "other"}}).settings == {"job": "other"}


def test_a_childs_settings_are_none(fold):
    assert fold({k: v for k, v in BEGIN.items() if k != "settings"}).settings is None


# What it showed of each source


def test_levels_are_kept_highest_and_lowest(fold):
    folded = fold(BEGIN, record(WARNING, s="x"), record(ERROR, s="x"), record(INFO, s="x"), record(INFO))

    assert folded.attempts == {
        "x": Attempt(highest=ERROR, lowest=INFO),
        JOB_ITSELF: Attempt(highest=INFO, lowest=INFO),
    }


def test_a_block_is_an_attempt_though_nothing_was_logged(fold):
    folded = fold(BEGIN, {"k": "in", "t": 1, "s": "x"}, {"k": "out", "t": 2, "s": "x"}, END)

    assert folded.attempts == {"x": Attempt(entered=True)}
    assert folded.records == []


def test_a_block_that_nobody_left_was_attempted(fold):
    assert fold(BEGIN, {"k": "in", "t": 1, "s": "x"}, END).attempts == {"x": Attempt(entered=True)}


def test_an_exception_that_left_a_block_is_told_like_a_record(fold):
    folded = fold(
        BEGIN, {"k": "in", "t": 1, "s": "x"}, {"k": "out", "t": 2, "s": "x", "e": "Traceback\nboom"}
    )

    assert folded.attempts == {"x": Attempt(entered=True, raised=True)}
    assert folded.records == [Record("x", 2, ERROR, "mailsponge", "boom", "Traceback\nboom")]
    assert folded.run.records == 1


def test_a_block_broken_off_is_known_as_such_until_one_is_left(fold):
    cut = {"k": "cut", "t": 2, "s": "x"}

    assert fold(BEGIN, {"k": "in", "t": 1, "s": "x"}, cut).attempts["x"].broken_off
    assert not fold(BEGIN, cut, {"k": "out", "t": 3, "s": "x"}).attempts["x"].broken_off
    assert fold(BEGIN, {"k": "out", "t": 3, "s": "x"}, cut).attempts["x"].broken_off


def test_a_part_of_a_block_proves_nothing_and_takes_nothing_from_a_whole_one(fold):
    part, out = {"k": "part", "t": 2, "s": "x"}, {"k": "out", "t": 3, "s": "x"}

    assert fold(BEGIN, part).attempts["x"] == Attempt(entered=True, broken_off=True)
    assert fold(BEGIN, part, out).attempts["x"] == Attempt(entered=True)
    assert fold(BEGIN, out, part).attempts["x"] == Attempt(entered=True)


@pytest.mark.parametrize(
    ("line", "failed"),
    [
        (record(ERROR, s="x"), {"x"}),
        (record(WARNING, s="x"), set()),
        ({"k": "out", "t": 3, "s": "x", "e": "Gone"}, {"x"}),
        ({"k": "out", "t": 3, "s": "x"}, set()),
        ({"k": "part", "t": 3, "s": "x"}, set()),
    ],
)
def test_which_sources_failed_can_be_seen_before_anything_is_judged(tmp_path, line, failed):
    path = written(tmp_path / "owner.jsonl", (BEGIN, record(), line))

    assert failed_sources([path], ERROR) == failed


def test_children_add_to_what_their_owner_showed(tmp_path):
    owner = written(tmp_path / "owner.jsonl", (BEGIN, record(s="x"), END))
    joined = {**BEGIN, "k": "joined", "run": "other"}
    child = written(tmp_path / "7-1.jsonl", (joined, record(CRITICAL, s="x", t=300.0), record(s="y")))

    folded = Folded(Fold([owner, child], 12))

    assert folded.run == Run("5f0c", 12, "laptop", 100.0, 300.0, Ending.FINISHED, 3)
    assert folded.attempts["x"].highest == CRITICAL
    assert set(folded.attempts) == {"x", "y"}


def test_each_journal_describes_its_own_layouts(tmp_path):
    owner = written(
        tmp_path / "owner.jsonl", (BEGIN, {"k": "layout", "i": 1, "fmt": "owner %(message)s"}, record(y=1))
    )
    child = written(
        tmp_path / "7-1.jsonl", ({"k": "layout", "i": 1, "fmt": "child %(message)s"}, record(y=1))
    )

    assert [r.text for r in Folded(Fold([owner, child], 1)).records] == ["owner HTTP 404", "child HTTP 404"]


def test_a_record_is_kept_with_all_its_line_says(fold):
    (kept,) = fold(BEGIN, record(ERROR, s="x", e="Traceback")).records

    assert kept == Record("x", 150.0, ERROR, "feeds", "HTTP 404", "Traceback", laid_out=False)


def test_a_text_laid_out_is_marked_as_such(fold):
    folded = fold(
        BEGIN, {"k": "layout", "i": 1, "fmt": "| %(message)s"}, record(y=1), record(x="at once"), record()
    )

    assert [(r.text, r.laid_out) for r in folded.records] == [
        ("| HTTP 404", True),
        ("at once", True),
        ("HTTP 404", False),
    ]


def test_records_come_as_they_are_read_and_not_all_at_once(tmp_path):
    path = written(tmp_path / "owner.jsonl", (BEGIN, *[record()] * 5000))
    reading = Fold([path], 1).records()

    next(reading)
    path.write_bytes(b"")

    assert len(list(reading)) < 4999


def test_a_source_with_lone_surrogates_is_one_source_in_every_line_of_it(fold):
    blocks = [{"k": kind, "s": "a\udcff", "e": "boom"} for kind in ("in", "out", "cut")]
    folded = fold(BEGIN, record(s="a\udcff"), *blocks)

    assert set(folded.attempts) == {"a\\udcff"}
    assert {r.source for r in folded.records} == {"a\\udcff"}


# Secrets

SECRET = "hunter2"
WITH_SECRETS: dict[str, Line] = {
    "message": record(m=f"password={SECRET}"),
    "short message": short(f"password={SECRET}"),
    "short message laid out": short(f"password={SECRET}", layout=1),
    "message that its layout makes a secret": short(SECRET, layout=2),
    "short source": short(source=f"https://me:{SECRET}@example.org/feed"),
    "short logger": short(logger=f"feeds.token={SECRET}"),
    "short logger laid out": short(logger=f"feeds.token={SECRET}", layout=3),
    "short source laid out": short(source=f"https://me:{SECRET}@example.org/feed", layout=3),
    "list that no journal would hold": [None, f"password={SECRET}"],
    "laid out at once": record(x=f"10:00 password={SECRET}"),
    "laid out now": record(y=1, m=f"password={SECRET}"),
    "traceback": record(e=f"Traceback\n  connect('https://me:{SECRET}@db')\nKeyError: 'x'"),
    "source": record(s=f"https://me:{SECRET}@example.org/feed"),
    "logger": record(n=f"feeds.token={SECRET}"),
    "exception that left a block": {"k": "out", "t": 2, "s": "x", "e": f"Traceback\nError: token={SECRET}"},
    "source of a block": {"k": "in", "t": 2, "s": f"https://me:{SECRET}@example.org/feed"},
    "exception that ended the program": {"k": "end", "t": 2, "e": f"Traceback\nError: token={SECRET}"},
    "damaged line": f'{{"t":1,"l":20,"m":"{{\\"password\\": \\"{SECRET}\\"'.encode() + b"\n",
    "damaged line with escapes": f'{{"m":"\\u0070assword\\u003d{SECRET}\n'.encode(),
    "line that no journal would hold": record(t=None, m=f"password={SECRET}"),
    "JSON that hides a word": f'{{"t":1,"l":20,"n":"x","m":"\\u0070assword\\u003d{SECRET}"}}\n'.encode(),
    "key over several lines": record(
        e=f"Traceback\nError: -----BEGIN PRIVATE KEY-----\nMIIE\n{SECRET}\n-----END PRIVATE KEY-----"
    ),
}


@pytest.mark.parametrize("line", WITH_SECRETS.values(), ids=WITH_SECRETS)
def test_no_secret_of_a_journal_gets_into_the_ledger(tmp_path, line):
    formats = ("%(asctime)s %(message)s", "token=%(message)s", "%(name)s %(source)s %(message)s")
    layouts = [{"k": "layout", "i": number, "fmt": fmt} for number, fmt in enumerate(formats, 1)]
    path = written(tmp_path / "owner.jsonl", (BEGIN, *layouts, record(), line, record()))
    fold = Fold([path], 12)

    with contextlib.closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        with ledger.transaction():
            ledger.add_records(fold.run_id, fold.records())
            ledger.add_run(fold.run(), dict.fromkeys(fold.attempts, ERROR), "")
        kept = (tmp_path / "ledger.db").read_bytes()

    assert SECRET.encode() not in kept
    assert b"***" in kept
    assert SECRET.encode() in path.read_bytes()


def test_a_key_in_an_exception_is_masked_before_its_last_line_becomes_the_headline(fold):
    key = f"-----BEGIN PRIVATE KEY-----\nMIIE\n{SECRET}"

    (kept,) = fold(BEGIN, {"k": "out", "t": 2, "s": "x", "e": f"Traceback\nError: {key}"}).records

    assert kept.text == "Error: -----BEGIN PRIVATE KEY-----***"


def test_a_source_with_a_secret_in_its_name_is_one_source_in_every_line_of_it(fold):
    name, masked = f"https://me:{SECRET}@example.org/feed", "https://me:***@example.org/feed"
    blocks = [{"k": kind, "t": 2, "s": name, "e": "boom"} for kind in ("in", "out", "cut")]
    folded = fold(BEGIN, record(s=name), record(ERROR, s=name), *blocks)

    assert folded.attempts == {
        masked: Attempt(highest=ERROR, lowest=INFO, entered=True, raised=True, broken_off=True)
    }
    assert {r.source for r in folded.records} == {masked}


def test_sources_that_differ_in_their_secrets_alone_are_one(fold):
    folded = fold(
        BEGIN, record(ERROR, s="//me:one@x"), record(ERROR, s="https://me:a@x"), record(s="https://me:b@x")
    )

    assert folded.attempts["https://me:***@x"] == Attempt(highest=ERROR, lowest=INFO)


def test_ones_own_expressions_mask_too(tmp_path):
    path = written(
        tmp_path / "owner.jsonl", (BEGIN, record(m="pin 1234"), record(s="pin 1234", n="pin 1234"))
    )
    fold = Fold([path], 12, Mask([r"pin (\d+)"]))

    assert [(r.text, r.source, r.logger) for r in fold.records()] == [
        ("pin ***", "", "feeds"),
        ("HTTP 404", "pin ***", "pin ***"),
    ]
    assert "pin ***" in fold.attempts


# Records of which there is no more to tell


def test_a_short_record_is_the_same_record(fold):
    layout = {"k": "layout", "i": 1, "fmt": "%(levelname)s %(name)s [%(source)s]: %(message)s"}
    short_ones = [short(source="x"), short(source="x", layout=1), short(), short("100 %s", layout=1)]
    folded = fold(BEGIN, layout, *short_ones)

    as_dicts = [record(s="x"), record(s="x", y=1), record(), record(m="100 %s", y=1)]
    assert folded.records == fold(BEGIN, layout, *as_dicts).records
    assert [r.text for r in folded.records][1:] == [
        "INFO feeds [x]: HTTP 404",
        "HTTP 404",
        "INFO feeds []: 100 %s",
    ]
    assert [r.laid_out for r in folded.records] == [False, True, False, True]


def test_a_short_record_whose_layout_is_lost_is_its_message(fold):
    assert [r.text for r in fold(BEGIN, short(layout=7)).records] == ["HTTP 404"]


@pytest.mark.parametrize(
    "line", [[], [1, 2], [150.0, INFO, "feeds", "text", "x", 0, 0], [150.0, {}, "feeds", "text", "x", 0],
             [150.0, INFO, [], "text", "x", 0], [150.0, INFO, "feeds", "text", {}, 0], ["now", INFO, "f", "t", "", 0],
             [150.0, INFO, "feeds", "text", "x", [1]]]
)  # fmt: skip
def test_a_list_that_is_no_record_is_kept_as_text(fold, line):
    folded = fold(BEGIN, short(), line, short())

    assert [r.text for r in folded.records] == [
        "HTTP 404",
        f"a damaged line of the journal: {line}",
        "HTTP 404",
    ]


# Damage


def test_a_line_cut_off_is_kept_as_text_and_the_others_are_read(fold):
    folded = fold(BEGIN, record(), b'{"t":150.0,"l":40,"n":"feeds","m":"HTT', b"\n", record(ERROR), END)

    assert [r.text for r in folded.records] == [
        "HTTP 404",
        'a damaged line of the journal: {"t":150.0,"l":40,"n":"feeds","m":"HTT',
        "HTTP 404",
    ]
    assert folded.records[1]._replace(text="") == Record(JOB_ITSELF, 150.0, WARNING, "mailsponge", "", "")
    assert folded.run.ending is Ending.FINISHED


def test_a_damaged_line_fails_nobody(fold):
    folded = fold(BEGIN, b"\xff\xfe\0{{{\n", END)

    assert folded.attempts == {}
    assert folded.run.records == 1


DAMAGED = [
    b"\0\0\0\0\n",
    b"\xff\xff\n",
    b"null\n",
    b"[]\n",
    b'"text"\n',
    b"17\n",
    b"[" * 100_000 + b"\n",
    b"1" * 10_000 + b"\n",
    record(t="yesterday"),
    record(t=None),
    record(level=10**30),
    record(level=None),
    record(level="40"),
    record(s=5),
    record(n=None),
    record(e=["Traceback"]),
    record(level=20.5),
    record(n=["feeds"]),
    record(s={}),
    b'{"a":1},{"b":2}\n',
    b'{"t":150.0,"l":20,"a":[\n',
    {"k": "in"},
    {"k": "in", "s": None},
    {"k": "out", "s": "x", "e": 5},
    {"k": "cut"},
    {"k": "part"},
    {"k": "end", "ending": "exploded"},
    {"k": "end", "e": 5},
    {"k": "layout"},
    {"k": "layout", "i": []},
    {"k": "layout", "i": 1, "style": []},
]


@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: repr(line)[:60])
def test_what_no_journal_of_ours_would_hold_is_kept_as_text(fold, line):
    folded = fold(BEGIN, line, record(ERROR, s="y"), END)

    assert [r.source for r in folded.records] == [JOB_ITSELF, "y"]
    assert folded.records[0].text.startswith("a damaged line of the journal: ")
    assert folded.records[0].level == WARNING
    assert JOB_ITSELF not in folded.attempts
    assert folded.run.began_at == 100.0
    assert folded.run.ending is Ending.FINISHED


@pytest.mark.parametrize("t", ["yesterday", None, [], -5, 1e30])
def test_a_beginning_without_its_moment_is_a_run_all_the_same(fold, t):
    folded = fold({**BEGIN, "t": t}, record(t=150.0), END)

    assert folded.run.id == "5f0c"
    assert folded.run.began_at == 200.0


def test_a_line_of_a_newer_version_is_passed_over(fold):
    assert fold(BEGIN, {"k": "snapshot", "t": 150.0, "s": "x"}, END).records == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
json_lines = st.dictionaries(
    st.sampled_from(
        ["k", "t", "l", "n", "s", "m", "e", "x", "y", "a", "i", "fmt", "datefmt", "style", "ending", "run"]
    ),
    json_values
    | st.sampled_from(
        ["begin", "joined", "in", "out", "cut", "part", "end", "layout", "settings", "{", "$", 1, 40]
    ),
    max_size=8,
).map(lambda fields: json.dumps(fields).encode() + b"\n")
any_lines = st.lists(st.binary(max_size=40) | json_lines, max_size=8).map(b"".join)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_lines)
def test_whatever_a_journal_holds_it_can_be_folded_into_a_ledger(tmp_path, content):
    path = tmp_path / "owner.jsonl"
    path.write_bytes(content)
    fold = Fold([path], 1)

    with contextlib.closing(SqliteLedger(tmp_path / "ledger.db")) as ledger, undone(ledger):
        assert not ledger.has_run(fold.run_id)
        ledger.add_records(fold.run_id, fold.records())
        ledger.add_run(fold.run(), dict.fromkeys(fold.attempts, ERROR), "")
        assert [run for run, _, _ in ledger.runs(2)] == [fold.run()]


@contextlib.contextmanager
def undone(ledger: SqliteLedger) -> Iterator[None]:
    """A transaction that leaves nothing behind: so that an example costs no sync."""
    with contextlib.suppress(EndOfExample), ledger.transaction():
        yield
        raise EndOfExample


class EndOfExample(Exception):
    """Undoes what an example put into the ledger."""


@pytest.mark.parametrize("moment", [-1.0, float("nan"), float("inf"), 1e18])
def test_a_record_of_no_moment_was_logged_when_the_one_before_it_was(fold, moment):
    folded = fold(BEGIN, record(t=120.0), record(ERROR, s="x", t=moment), END)

    assert [(r.source, r.level, r.at) for r in folded.records] == [("", 20, 120.0), ("x", ERROR, 120.0)]
    assert folded.attempts["x"].highest == ERROR


@pytest.mark.parametrize(
    ("message", "headline"),
    [
        ("ValueError('one line')", "ValueError: one line"),
        ("ValueError('two\\n  lines')", "ValueError: two"),
        ("ValueError('first\\nsecond')", "ValueError: first"),
    ],
)
def test_the_headline_of_an_exception_is_where_it_says_what_happened(fold, message, headline):
    try:
        raise eval(message)
    except ValueError as error:
        error.add_note("see the manual")
        trace = "".join(traceback.format_exception(error))

    folded = fold(BEGIN, {"k": "out", "t": 150.0, "s": "x", "e": trace}, END)

    assert folded.records[0].text == headline
    assert folded.records[0].detail == trace
