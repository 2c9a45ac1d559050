"""A history as a picture: cells as fine as there is room for, and in each the mark that matters most."""

from __future__ import annotations

import pytest

from mailsponge.cli.timeline import Timeline, legend, timeline
from mailsponge.sponge.ledger import Folded
from mailsponge.sponge.model import ERROR, OK, Ending, Flip, Kind, Run
from mailsponge.sponge.replay import WouldBeMailed

pytestmark = pytest.mark.usefixtures("utc")

BEGAN = 1_704_067_200.0
"""Mon 1 Jan 2024, 00:00 UTC."""
HOUR, DAY = 3600.0, 86400.0


def ran(at: float, **verdicts: int) -> Folded:
    return Folded(Run(str(at), 1, "h", BEGAN + at, BEGAN + at + 60, Ending.FINISHED, 0), verdicts, "")


def told(at: float, *kinds: Kind, source: str = "x") -> WouldBeMailed:
    flips = [Flip(kind, source, BEGAN + at, BEGAN, "", None, None, "") for kind in kinds]
    return WouldBeMailed(BEGAN + at, flips, 0)


def drawn(runs: list[Folded], mails: list[WouldBeMailed] | None = None, room: int = 100) -> Timeline:
    made = timeline(runs, mails or [], room)
    assert made is not None
    return made


def test_a_history_without_a_run_is_no_picture():
    assert timeline([], [], 80) is None


def test_each_cell_says_what_the_runs_in_it_proved():
    runs = [ran(0, x=OK), ran(HOUR, x=ERROR), ran(2 * HOUR), ran(3 * HOUR, x=OK)]

    assert drawn(runs).rows["x"].plain == "·x ·"


def test_of_what_fell_into_one_cell_the_worst_is_shown():
    runs = [ran(0, x=OK), ran(600, x=ERROR), ran(1200, x=OK), ran(HOUR, x=OK)]

    assert drawn(runs).rows["x"].plain == "x·"
    assert drawn(runs, [told(900, Kind.NEW), told(950, Kind.RECOVERED)]).rows["x"].plain == "N·"


@pytest.mark.parametrize(
    ("kind", "mark"), list(zip(Kind, ["N", "S", "R", "F", "T", "G", "M"], strict=True)), ids=str
)
def test_every_kind_has_a_mark_and_the_legend_explains_it(kind, mark):
    picture = drawn([ran(0, x=OK), ran(HOUR, x=OK)], [told(HOUR, kind)])

    assert picture.rows["x"].plain == f"·{mark}"
    assert legend(picture.rows.values()).plain == f"{mark} {kind.value}   · ok"


def test_a_source_that_never_failed_has_no_row():
    assert list(drawn([ran(0, x=OK, y=ERROR)]).rows) == ["y"]


@pytest.mark.parametrize(
    ("days", "runs_a_day", "name"),
    [
        (2, 24, "hour"),
        (20, 4, "6 hours"),
        (90, 24, "day"),
        (20, 1, "day"),
        (400, 4, "week"),
        (2000, 1, "4 weeks"),
    ],
)
def test_a_cell_is_as_fine_as_there_is_room_for_and_no_finer_than_the_runs(days, runs_a_day, name):
    runs = [ran(number * DAY / runs_a_day, x=ERROR) for number in range(days * runs_a_day)]

    picture = drawn(runs)

    assert picture.scale.name == name
    assert len(picture.rows["x"].plain) <= 100


def test_above_stands_where_the_months_begin():
    runs = [ran(day * DAY, x=ERROR) for day in range(70)]

    heading = drawn(runs).heading.plain

    assert [heading.index(month) for month in ("Jan", "Feb", "Mar")] == [0, 31, 60]
