"""A job's runs one after another under a policy, and what each told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailsponge.sponge.model import (
    ERROR,
    Attempt,
    Decision,
    Ending,
    Flip,
    Kind,
    Run,
    SourceState,
    Status,
)
from mailsponge.sponge.policy import Policy, decide

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
    """A job's runs one after another, an hour apart; keeps the states as a ledger would."""

    def __init__(self, policy: Policy | None = None, apart: float = HOUR) -> None:
        self.policy = policy or Policy()
        self.apart = apart
        self.now = BEGAN
        self.number = 0
        self.states: dict[str, SourceState] = {}
        self.last = Decision({}, [], {}, "")

    def run(self, attempts: Mapping[str, Attempt], ending: Ending = Ending.FINISHED) -> list[Kind]:
        """One run; returns what it told."""
        self.number += 1
        run = Run(f"run{self.number}", self.number, "host", self.now, self.now + 1, ending, 1)
        self.last = decide(self.policy, self.states, attempts, run, self.now + 1)
        self.states |= self.last.states
        self.now += self.apart
        return [flip.kind for flip in self.last.flips]

    def told(self, *attempts: Attempt) -> list[list[Kind]]:
        """What each of some runs told of the source ``x``."""
        return [self.run({"x": attempt}) for attempt in attempts]

    @property
    def x(self) -> SourceState:
        return self.states["x"]

    @property
    def flip(self) -> Flip:
        (flip,) = self.last.flips
        return flip


def statuses(story: Story, attempts: Iterable[Attempt]) -> list[Status]:
    seen = []
    for attempt in attempts:
        story.run({"x": attempt})
        seen.append(story.x.status)
    return seen
