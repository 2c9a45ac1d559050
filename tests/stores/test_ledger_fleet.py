"""Many hosts and one ledger: streaks a host, incidents a source, and one mail where a hundred have one trouble."""

from __future__ import annotations

import pytest

from mailsponge.sponge.deliberation import Deliberation
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import ERROR, INFO, Attempt, Ending, Flip, Kind, Run, Silence, Status
from mailsponge.sponge.policy import Policy, acknowledge

BEGAN = 1_700_000_000.0
HOUR = 3600.0
DAY = 86400.0

FAILED = Attempt(ERROR, entered=True, lowest=ERROR)
WELL = Attempt(INFO, entered=True, lowest=INFO)


class Fleet:
    """Hosts that run one job, each with numbers of its own, and a clock that they have in common."""

    def __init__(self, ledger: Ledger, **policy: str | int) -> None:
        self.ledger = ledger
        self.policy = Policy(**policy)  # type: ignore[arg-type]
        self.now = BEGAN
        self._numbers: dict[str, int] = {}

    def runs(self, host: str, attempt: Attempt = FAILED, source: str = "x") -> list[Flip]:
        """One run on one host, folded as soon as it is over."""
        self.now += 1
        return self.folds(self.begins(host), attempt, source)

    def begins(self, host: str) -> Run:
        number = self._numbers[host] = self._numbers.get(host, 0) + 1
        return Run(f"{host}-{number}", number, host, self.now, self.now + 1, Ending.FINISHED, 0)

    def folds(self, run: Run, attempt: Attempt, source: str = "x") -> list[Flip]:
        with self.ledger.transaction():
            deliberation = Deliberation(self.ledger)
            flips, _ = deliberation.run_folded(self.policy, run, {source: attempt}, self.now)
            deliberation.mailed(flips, f"<{run.id}@example.org>")
            deliberation.keep()
        return flips

    def all_run(self, hosts: list[str], attempt: Attempt = FAILED) -> list[Flip]:
        """A run on each of some hosts."""
        self.now += HOUR
        return [flip for host in hosts for flip in self.runs(host, attempt)]

    def looks(self, host: str = "a") -> list[Flip]:
        """Time passed, and one of the hosts looks."""
        with self.ledger.transaction():
            deliberation = Deliberation(self.ledger)
            flips = deliberation.time_passed(self.policy, self.now, host, False).flips
            deliberation.keep()
        return flips


def kinds(flips: list[Flip]) -> list[Kind]:
    return [flip.kind for flip in flips]


HUNDRED = [f"host{n:02}" for n in range(100)]


def test_a_source_that_fails_on_a_hundred_hosts_is_told_once_and_so_is_its_recovery(shared_ledger):
    fleet = Fleet(shared_ledger)

    assert fleet.all_run(HUNDRED) == []
    assert fleet.all_run(HUNDRED) == []
    (new,) = fleet.all_run(HUNDRED)
    assert (new.kind, new.said) == (Kind.NEW, "has failed 3 runs in a row")
    assert fleet.all_run(HUNDRED) == []
    with shared_ledger.transaction():
        (incident,) = shared_ledger.incidents().values()
    assert list(incident.failing) == HUNDRED

    assert fleet.all_run(HUNDRED[1:], WELL) == []
    (recovered,) = fleet.all_run(HUNDRED[:1], WELL)
    assert recovered.kind is Kind.RECOVERED
    assert recovered.thread == "<host00-3@example.org>"
    with shared_ledger.transaction():
        assert shared_ledger.incidents() == {}
        assert {standing.state.status for standing in shared_ledger.standings()} == {Status.OK}


def test_failures_of_different_hosts_are_no_streak(shared_ledger):
    fleet = Fleet(shared_ledger)

    assert fleet.all_run(HUNDRED) == []
    assert fleet.all_run(HUNDRED[:2]) == []

    with shared_ledger.transaction():
        (incident,) = shared_ledger.incidents().values()
    assert incident.failing == ()
    assert list(incident.soft) == HUNDRED


def test_a_mail_names_the_hosts_that_fail_by_then(shared_ledger):
    fleet = Fleet(shared_ledger, patience="2 runs")

    fleet.all_run(["a", "b", "c"])
    (new,) = fleet.all_run(["b", "a"])
    assert new.hosts == ("b",)

    fleet.now += DAY
    (still,) = fleet.runs("c")
    assert (still.kind, still.hosts) == (Kind.STILL, ("a", "b", "c"))


def test_a_host_that_joins_or_leaves_an_incident_is_silent(shared_ledger):
    fleet = Fleet(shared_ledger, patience="2 runs")
    fleet.all_run(["a"])
    assert kinds(fleet.all_run(["a"])) == [Kind.NEW]

    assert fleet.all_run(["b", "b", "c", "c"]) == []
    assert fleet.all_run(["a", "b"], WELL) == []
    assert fleet.all_run(["a"]) == []
    assert fleet.all_run(["a"], WELL) == []
    assert kinds(fleet.all_run(["c"], WELL)) == [Kind.RECOVERED]


def test_after_a_recovery_the_next_failure_is_new(shared_ledger):
    fleet = Fleet(shared_ledger, patience="now")

    assert kinds(fleet.all_run(["a", "b"])) == [Kind.NEW]
    assert kinds(fleet.all_run(["b", "a"], WELL)) == [Kind.RECOVERED]
    assert kinds(fleet.all_run(["b"])) == [Kind.NEW]


def test_a_host_that_recovers_slowly_holds_the_incident_open(shared_ledger):
    fleet = Fleet(shared_ledger, patience="now", recover_after=2)
    fleet.all_run(["a", "b"])

    assert fleet.all_run(["a", "a"], WELL) == []
    assert fleet.all_run(["b"], WELL) == []
    assert kinds(fleet.all_run(["b"], WELL)) == [Kind.RECOVERED]


def test_the_trouble_began_when_it_began_on_the_first_host(shared_ledger):
    fleet = Fleet(shared_ledger, patience="2 runs")
    first = fleet.begins("a")
    fleet.folds(first, FAILED)
    fleet.all_run(["b"])

    (new,) = fleet.all_run(["a", "b"])

    assert new.since == first.began_at


def test_one_acknowledgement_is_for_all_hosts(shared_ledger):
    fleet = Fleet(shared_ledger, patience="now")
    fleet.all_run(["a"])
    with shared_ledger.transaction():
        shared_ledger.put_incidents({"x": acknowledge(shared_ledger.incidents()["x"])})

    fleet.now += 2 * DAY
    assert fleet.all_run(["a", "b"]) == []
    assert fleet.all_run(["a"], WELL) == []
    assert kinds(fleet.all_run(["b"], WELL)) == [Kind.RECOVERED]


def test_what_a_silence_held_back_is_told_once_by_whichever_host_looks_first(shared_ledger):
    fleet = Fleet(shared_ledger, patience="now")
    with shared_ledger.transaction():
        shared_ledger.put_silences([Silence("x", fleet.now, fleet.now + DAY)])
    assert fleet.all_run(["a", "b"]) == []

    fleet.now += DAY
    (new,) = fleet.looks("c")
    assert (new.kind, new.hosts) == (Kind.NEW, ("a", "b"))
    assert fleet.looks("a") == []


def test_journals_that_waited_count_run_by_run_when_they_are_folded_at_last(shared_ledger):
    fleet = Fleet(shared_ledger)
    waiting = [fleet.begins("a") for _ in range(3)]
    fleet.all_run(["b", "b"], WELL)

    told = [fleet.folds(run, FAILED) for run in waiting]

    assert [kinds(flips) for flips in told] == [[], [], [Kind.NEW]]


def test_a_run_folded_late_is_history_for_its_own_host_alone(shared_ledger):
    fleet = Fleet(shared_ledger, patience="now")
    late = fleet.begins("a")
    fleet.runs("a", WELL)
    fleet.runs("b", WELL)
    other = fleet.begins("c")

    assert fleet.folds(late, FAILED) == []
    assert kinds(fleet.folds(other, FAILED)) == [Kind.NEW]


def test_a_source_is_gone_when_it_is_gone_from_the_last_host(shared_ledger):
    fleet = Fleet(shared_ledger, patience="now", remind="never")
    fleet.all_run(["a", "b"])

    told = []
    for _ in range(12):
        fleet.now += DAY
        told += [flip for host in ("a", "b") for flip in fleet.runs(host, WELL, source="y")]

    assert kinds(told) == [Kind.GONE]


@pytest.mark.parametrize("hosts", [["a"], ["a", "b"]])
def test_flapping_is_told_once_however_many_hosts_flap(shared_ledger, hosts):
    fleet = Fleet(shared_ledger, patience="2 runs")

    told = [kinds(fleet.all_run(hosts, attempt)) for attempt in [FAILED, WELL] * 10]

    assert [kind for flips in told for kind in flips] == [Kind.FLAPPING]


def test_a_missed_run_is_told_once_by_whichever_host_looks_first(shared_ledger):
    fleet = Fleet(shared_ledger, expect="1 day")
    fleet.all_run(["a", "b"], WELL)

    fleet.now += 2 * DAY
    assert kinds(fleet.looks("a")) == [Kind.MISSED]
    assert fleet.looks("b") == []
