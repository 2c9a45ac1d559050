"""A job's runs one after another under a policy, and what each told."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from mailsponge.sponge.model import (
    ERROR,
    Attempt,
    Decision,
    Ending,
    Flip,
    Incident,
    Kind,
    Memory,
    Run,
    Silence,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import Policy, decide, tick

HOUR = 3600.0
DAY = 86400.0
BEGAN = 1_700_000_000.0


def record(level: int) -> Attempt:
    """A source that was named by one record, outside of any block."""
    return Attempt(highest=level, lowest=level)


def block(level: int = 0, raised: bool = False) -> Attempt:
    """A source whose block was entered, with one record of that level in it if there is one."""
    return Attempt(level, raised, entered=True, **({"lowest": level} if level else {}))


FAILED = block(ERROR)
WELL = block()


class Story:
    """A job's runs one after another, an hour apart; keeps states and incidents as a ledger would."""

    def __init__(self, policy: Policy | None = None, apart: float = HOUR) -> None:
        self.policy = policy or Policy()
        self.apart = apart
        self.now = BEGAN
        self.number = 0
        self.hosts: dict[str, dict[str, SourceState]] = {"": {}}
        self.incidents: dict[str, Incident] = {}
        self.silences: list[Silence] = []
        self.last = Decision({}, {}, [], {}, "")

    def run(
        self,
        attempts: Mapping[str, Attempt],
        ending: Ending = Ending.FINISHED,
        host: str = "",
        number: int | None = None,
    ) -> list[Kind]:
        """One run; returns what it told."""
        self.number += 1
        number = number or self.number
        run = Run(f"run{number}", number, host or "host", self.now, self.now + 1, ending, 1)
        self._keep(decide(self.policy, self._memory(host), attempts, run, self.now + 1, host), host)
        self.now += self.apart
        return [flip.kind for flip in self.last.flips]

    def tick(self, after: float = 0.0) -> list[Kind]:
        """Time passes, and somebody looks; returns what that told."""
        self.now += after
        self._keep(tick(self.policy, self._memory(""), self.now), "")
        return [flip.kind for flip in self.last.flips]

    def _memory(self, host: str) -> Memory:
        return Memory(self.hosts.get(host, {}), self.incidents, self.silences)

    def _keep(self, decision: Decision, host: str) -> None:
        self.last = decision
        self.hosts[host] = self.hosts.get(host, {}) | decision.states
        self.incidents = {**self.incidents, **decision.incidents}

    def told(self, *attempts: Attempt) -> list[list[Kind]]:
        """What each of some runs told of the source ``x``."""
        return [self.run({"x": attempt}) for attempt in attempts]

    @property
    def states(self) -> dict[str, SourceState]:
        """The states on a ledger that hosts do not share."""
        return self.hosts[""]

    @property
    def x(self) -> SourceState:
        return self.states["x"]

    @property
    def incident(self) -> Incident:
        return self.incidents.get("x", Incident())

    @property
    def flip(self) -> Flip:
        (flip,) = self.last.flips
        return flip


def flat(told: Iterable[Iterable[Kind]]) -> list[Kind]:
    """What several runs told, one after another."""
    return list(itertools.chain.from_iterable(told))


def statuses(story: Story, attempts: Iterable[Attempt]) -> list[Status]:
    seen = []
    for attempt in attempts:
        story.run({"x": attempt})
        seen.append(story.x.status)
    return seen
