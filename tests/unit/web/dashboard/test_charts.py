"""Pictures of runs: small, readable without colours, and harmless whatever they show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from mailsponge.sponge.model import ERROR, OK
from mailsponge.web.dashboard.charts import cells, sparkline, streak_summary, streaks, summary

VERDICTS = st.lists(st.sampled_from([OK, ERROR, None]), max_size=60)


def covered(path: str) -> set[int]:
    """The numbers of the cells that a path draws."""
    spans = re.findall(r"M(\d+) \d+H(\d+)", path)
    return {cell for begin, end in spans for cell in range(int(begin) // 8, (int(end) + 2) // 8)}


@given(VERDICTS.filter(bool))
def test_every_run_is_one_cell_of_its_kind(verdicts):
    paths = {
        path.get("class"): path.get("d", "") for path in ElementTree.fromstring(cells(verdicts)).iter("path")
    }

    for kind, is_one in (("ok", OK), ("failed", ERROR), ("unknown", None)):
        wanted = {place for place, verdict in enumerate(verdicts) if verdict == is_one}
        assert covered(paths.get(kind, "")) == wanted


def test_neighbours_of_one_kind_are_one_line():
    assert len(cells([OK] * 20)) < 250


def test_a_picture_says_in_words_what_it_shows():
    drawn = ElementTree.fromstring(cells([OK, None, ERROR, ERROR]))

    said = "last 4 runs: 2 failed, 1 ok, 1 not seen; failed in the last 2"
    assert drawn.get("aria-label") == said
    assert drawn.findtext("title") == said
    assert drawn.get("role") == "img"


def test_without_runs_there_is_no_picture():
    assert cells([]) == ""
    assert summary([]) == "no runs yet"


def test_one_run_is_said_as_one():
    assert summary([ERROR]) == "last run: 1 failed"


def test_a_streak_grows_with_failures_and_ends_with_a_success_alone():
    assert streaks([ERROR, None, ERROR, OK, None, ERROR]) == [1, 1, 2, 0, 0, 1]


def test_where_nothing_failed_there_is_no_line():
    assert sparkline([OK, None]) == ""


@given(VERDICTS)
def test_the_line_stays_within_its_picture(verdicts):
    drawn = sparkline(verdicts)

    for x, y in re.findall(r"([\d.]+),([\d.]+)", drawn.partition("points=")[2]):
        assert 0 <= float(x) <= len(verdicts) * 8
        assert 0 <= float(y) <= 40


def test_the_line_is_said_in_words():
    assert streak_summary([ERROR, ERROR, OK, ERROR]) == "failed runs in a row: 2 at the most, 1 now"
