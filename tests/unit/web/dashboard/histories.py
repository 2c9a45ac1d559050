"""Histories to be replayed, in ledgers in memory."""

from __future__ import annotations

from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import ERROR, INFO, Attempt, Ending, Run
from mailsponge.sponge.replay import Episode
from mailsponge.web.dashboard import replaying

HOUR, DAY = 3600.0, 86400.0
NOW = 1_000_000_000.0


def attempt(highest: int = INFO) -> Attempt:
    return Attempt(highest=highest, lowest=INFO, entered=True)


def episode(number: int, at: float = NOW, **highest: int) -> Episode:
    run = Run(f"r{number}", number, "laptop", at, at + 60, Ending.FINISHED, 0, at + 61)
    return Episode(run, {source: attempt(level) for source, level in highest.items()})


def ledger_of(*episodes: Episode) -> MemoryLedger:
    ledger = MemoryLedger()
    with ledger.transaction():
        for each in episodes:
            ledger.add_run(each.run, {}, "", each.attempts)
    return ledger


def read(ledger: MemoryLedger) -> replaying.History:
    with ledger.transaction():
        return replaying.history(ledger, "job", NOW)


def hourly(*fails: str) -> list[Episode]:
    """A run an hour: which sources failed in each, of a, b and c."""
    return [
        episode(
            n, NOW - (len(fails) - n) * HOUR, **{name: ERROR if name in failing else INFO for name in "abc"}
        )
        for n, failing in enumerate(fails, 1)
    ]
