"""Ninety days of a job: exactly the mails that the rules call for, the same live and replayed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "sponge"))

from squeeze_job import OpenRun

from mailsponge.clock import Deadline, iso
from mailsponge.sponge.deliberation import Deliberation
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Ending, Mail, Outcome
from mailsponge.sponge.places import job_place
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.replay import WouldBeMailed, recorded, replay, written
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer

HOUR = 3600.0
DAY = 86400.0
BEGAN = 1_767_225_600.0
"""The first of January 2026, in UTC."""

FOLDED = 3.0
"""Seconds after its beginning at which a run has ended and is folded."""

SOURCES = ("Søndag på P1", "b", "c", "d", "e", "f")
DEAD, HICCUPS, FLAPS, LATE, REMOVED, _ = SOURCES

SETTINGS = Settings("feeds", ("me@example.org",), fromaddr="sponge@example.org", expect="6 hours")


def at(day: int, hour: float = 0, seconds: float = 0) -> float:
    return BEGAN + day * DAY + hour * HOUR + seconds


class Planned(NamedTuple):
    """One run of the story."""

    began: float
    works: tuple[str, ...]
    fails: tuple[str, ...]
    ending: Ending = Ending.FINISHED
    folded: float = 0.0

    @property
    def over(self) -> float:
        return self.folded or self.began + FOLDED


def story() -> Iterator[Planned]:
    """A run every six hours, but for the week in which there was none."""
    for number in range(90 * 4):
        day, hour = divmod(number * 6, 24)
        if not 50 <= day < 57:
            yield planned(day, hour, number)


def planned(day: int, hour: int, number: int) -> Planned:
    began = at(day, hour)
    names = [name for name in SOURCES if not (name == REMOVED and day >= 76)]
    if (day == 12 and hour >= 12) or day == 30:
        return Planned(began, (), tuple(names))
    fails = {
        DEAD: 20 <= day < 60,
        HICCUPS: (day, hour) in {(3, 0), (9, 6), (15, 18)},
        FLAPS: 40 <= day < 45 and number % 2 == 0,
        LATE: (day, hour) == (70, 0),
        REMOVED: day == 75,
    }
    failing = tuple(name for name in names if fails.get(name))
    works = tuple(name for name in names if name not in failing)
    if day == 65 and hour < 18:
        return Planned(began, works, failing, Ending.DIED)
    overlaps = at(70, 7) if (day, hour) == (70, 0) else 0.0
    return Planned(began, works, failing, folded=overlaps)


EXPECTED = [
    (at(20, 12, FOLDED), [("new", DEAD)]),
    (at(21, 12, FOLDED), [("still", DEAD)]),
    (at(23, 12, FOLDED), [("still", DEAD)]),
    (at(27, 12, FOLDED), [("still", DEAD)]),
    (at(30, 12, FOLDED), [("new", "")]),
    (at(31, 0, FOLDED), [("recovered", "")]),
    (at(34, 12, FOLDED), [("still", DEAD)]),
    (at(41, 6, FOLDED), [("flapping", FLAPS)]),
    (at(41, 12, FOLDED), [("still", DEAD)]),
    # 20 changes, then 15 runs without one: five slots are left, 0.8 + 0.82 + … + 0.88 of 20 make 21 %, six 25.5 %.
    (at(48, 12, FOLDED), [("steady", FLAPS), ("still", DEAD)]),
    (at(50, 1.5), [("missed", "")]),
    (at(55, 12, FOLDED), [("still", DEAD)]),
    (at(60, 0, FOLDED), [("recovered", DEAD)]),
    (at(65, 12, FOLDED), [("new", "")]),
    (at(65, 18, FOLDED), [("recovered", "")]),
    (at(75, 12, FOLDED), [("new", REMOVED)]),
    (at(76, 12, FOLDED), [("still", REMOVED)]),
    (at(82, 18, FOLDED), [("gone", REMOVED)]),
]
"""When, and what each mail told: by the rules, and by hand."""


class Live:
    """The job as it runs, with a clock of its own, a mail server that is away now and then, and a check in between."""

    def __init__(self, state: Path) -> None:
        self.place = job_place(state, "feeds")
        self.now = BEGAN
        self.mailed: list[tuple[float, list[tuple[str, str]]]] = []
        self.decided: list[Mail] = []
        self.taken: list[Mail] = []

    def happens(self) -> None:
        """Begin each run when it begins, fold it when it has ended, and look whenever something becomes due."""
        plans = list(story())
        moments = sorted(
            [(p.began, 0, p) for p in plans] + [(p.over, 1, p) for p in plans], key=lambda m: m[:2]
        )
        going_on: dict[float, OpenRun] = {}
        for moment, is_end, plan in moments:
            self._checks_until(moment)
            self.now = moment
            if is_end:
                self._end(going_on.pop(plan.began), plan)
                self._squeeze()
            else:
                going_on[plan.began] = self._begin(plan)

    def _begin(self, plan: Planned) -> OpenRun:
        run = OpenRun(self.place, SETTINGS, plan.began)
        for name in plan.works:
            run.works(name)
        for name in plan.fails:
            run.fails(name)
        return run

    def _end(self, run: OpenRun, plan: Planned) -> None:
        if plan.ending is Ending.DIED:
            run.die()
        else:
            run.end(at=plan.over)

    def _checks_until(self, moment: float) -> None:
        while self.place.ledger.exists() and (due := self._due()) < moment:
            self.now = due
            self._squeeze()

    def _due(self) -> float:
        with closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            due = Deliberation(ledger).next_due(SETTINGS.policy, self.now)
        return due if due > self.now else float("inf")

    def _squeeze(self) -> None:
        done = Squeezer(self.place, SETTINGS, now=lambda: self.now, send=self._send).squeeze(Deadline(30))
        assert done.saved
        assert len(done.mails) <= 1
        self.decided += done.mails
        if done.mails:
            self.mailed.append((self.now, sorted((str(flip.kind), flip.source) for flip in done.flips)))

    def _send(self, mail: Mail, deadline: Deadline) -> Outcome:
        if at(60) <= self.now < at(62):
            return Outcome("waiting", "connection refused", server_is_there=False)
        self.taken.append(mail)
        return Outcome("sent", "250 2.0.0 taken")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    job = Live(tmp_path_factory.mktemp("ninety") / "state")
    job.happens()
    return job


def readable(mailed: list[tuple[float, list[tuple[str, str]]]]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(iso(moment), flips) for moment, flips in mailed]


def as_mailed(mails: list[WouldBeMailed]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(iso(mail.at), sorted((str(flip.kind), flip.source) for flip in mail.flips)) for mail in mails]


def test_live_exactly_the_mails_come_that_the_rules_call_for(live):
    assert readable(live.mailed) == readable(EXPECTED)


def test_every_mail_is_handed_over_once_and_in_order_though_the_server_was_away(live):
    assert [mail.message_id for mail in live.taken] == [mail.message_id for mail in live.decided]


def test_replaying_what_was_recorded_tells_the_same(live):
    with closing(SqliteLedger(live.place.ledger)) as ledger, ledger.transaction():
        mails = list(replay(SETTINGS.policy, recorded(ledger), until=at(90)))

    assert as_mailed(mails) == readable(EXPECTED)


def lines() -> Iterator[str]:
    """The same story as somebody would write it down."""
    for number, plan in enumerate(story()):
        about = {"run": str(number), "at": iso(plan.began), "ended_at": iso(plan.over)}
        for verdict, names in (("ok", plan.works), ("failed", plan.fails)):
            for name in names:
                yield json.dumps({**about, "source": name, "verdict": verdict})
        if plan.ending is Ending.DIED:
            yield json.dumps({**about, "source": "", "verdict": "died"})


def test_replaying_what_was_written_down_tells_the_same():
    episodes, shared = written(lines())

    mails = list(replay(SETTINGS.policy, episodes, shared, until=at(90)))

    assert as_mailed(mails) == readable(EXPECTED)


def test_under_more_patience_less_is_told(live):
    with closing(SqliteLedger(live.place.ledger)) as ledger, ledger.transaction():
        history = recorded(ledger)
        patient = as_mailed(list(replay(Policy(patience="1 week"), history)))
        silent = list(replay(Policy(patience="never"), history))

    assert [flips for _, flips in patient if flips[0][0] == "new"] == [[("new", DEAD)]]
    assert silent == []
