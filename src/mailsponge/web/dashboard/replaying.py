"""The slider for patience: which mails the last 90 days would have brought under another one.

It is decided by :mod:`mailsponge.sponge.replay`, as a live run is, on what was read of the ledger once. That is
bounded, so that the answer is there at once: the newest runs, and of most of them only the sources that ever fail.
Digests count what was logged; they are left to ``mailsponge replay``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mailsponge.errors import UsageError
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import JOB_ITSELF, Attempt, Silence
from mailsponge.sponge.policy import DEFAULT_PATIENCE, Policy
from mailsponge.sponge.policy.verdicts import FEWEST_FOR_COMMON_CAUSE
from mailsponge.sponge.replay import Episode, Replayed, replayed, rules_kept

DAYS: Final = 90
MOST_READ: Final = 100_000
"""Sources named in all the runs together that are read of a ledger."""
MOST_DECIDED: Final = 20_000
"""Sources named in all the runs together that are decided on: that takes less than a second."""
LONGEST_PATIENCE: Final = 200
"""Characters; what a sentence of it costs to decide by grows with its length."""
_MOST_HISTORIES: Final = 8
_MOST_OUTCOMES: Final = 32
_MOST_RUNS: Final = 100_000
_DAY: Final = 86_400.0


class History(NamedTuple):
    """What there is to decide on anew, whatever the patience."""

    episodes: Sequence[Episode]
    silences: Sequence[Silence]
    rules: Mapping[str, Any]
    """The rules the job goes by, as the arguments of a policy."""
    shared: bool
    until: float
    earlier: int
    """Runs of these 90 days that there was no room for."""


NOTHING: Final = History((), (), {}, False, 0.0, 0)
"""What a job has that has not ended a run yet."""


def history(ledger: Ledger, job: str, now: float) -> History:
    """What a ledger has kept of the last 90 days; in a transaction. Raises UsageError, StateError."""
    since = now - DAYS * _DAY
    rules = rules_kept(ledger, job) | {"digest": None}
    kept = [Episode(run, attempts) for run, attempts in ledger.history(MOST_READ) if run.began_at >= since]
    episodes = newest(lightened(kept, Policy(**rules)), MOST_DECIDED)
    first = min((episode.run.began_at for episode in episodes), default=now)
    earlier = sum(since <= began_at < first for began_at in ledger.beginnings(_MOST_RUNS))
    return History(episodes, ledger.silences(), rules, ledger.shared, now, earlier)


def lightened(episodes: Sequence[Episode], policy: Policy) -> list[Episode]:
    """The episodes with as few sources that never fail as decide the same, whatever the patience.

    How many sources are well counts for a common cause alone: as many are left as rule it out, or else all.
    """
    level = policy.fail_level
    failing = {JOB_ITSELF} | {
        source
        for episode in episodes
        for source, attempt in episode.attempts.items()
        if _fails(attempt, level)
    }
    light = []
    for episode in episodes:
        fails = sum(_fails(attempt, level) for attempt in episode.attempts.values())
        left = enough_well(fails, policy.common_cause)
        kept = {}
        for source, attempt in episode.attempts.items():
            if source not in failing:
                if not left:
                    continue
                left -= 1
            kept[source] = attempt
        light.append(episode._replace(attempts=kept))
    return light


def enough_well(fails: int, share: float) -> int:
    """How many healthy sources beside those that fail make it certain that there is no common cause."""
    return 0 if fails < FEWEST_FOR_COMMON_CAUSE else int(fails / share - fails) + 1


def _fails(attempt: Attempt, fail_level: int) -> bool:
    return attempt.raised or attempt.highest >= fail_level


def newest(episodes: Sequence[Episode], most: int) -> Sequence[Episode]:
    """The newest episodes that together name no more sources than that."""
    left = most
    for place in range(len(episodes) - 1, -1, -1):
        left -= len(episodes[place].attempts)
        if left < 0:
            return episodes[place + 1 :]
    return episodes


def patience_kept(rules: Mapping[str, Any]) -> str:
    """The patience that a job has for what fails at the lowest level that counts."""
    kept = rules["patience"] or DEFAULT_PATIENCE
    return kept if isinstance(kept, str) else kept[_lowest(kept)]


def _lowest(patience: Mapping[str, str]) -> str:
    """The level that failing begins with, as it was named."""
    return min(patience, key=lambda name: Policy({name: "now"}).fail_level)


def with_patience(rules: Mapping[str, Any], patience: str) -> Policy:
    """The rules with another patience at the lowest level; other levels keep theirs. Raises UsageError."""
    if len(patience) > LONGEST_PATIENCE:
        raise UsageError(f"patience: {LONGEST_PATIENCE} characters say enough")
    kept = rules["patience"] or DEFAULT_PATIENCE
    changed = patience if isinstance(kept, str) else {**kept, _lowest(kept): patience}
    return Policy(**{**rules, "patience": changed})


def under(history: History, patience: str) -> Replayed:
    """What would have been mailed under a patience. Raises UsageError that shows the grammar."""
    policy = with_patience(history.rules, patience)
    return replayed(policy, history.episodes, history.shared, history.silences, history.until)


class Kept:
    """A history that somebody is looking at, and what came of each patience: a slider asks for the same ones again."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._outcomes: OrderedDict[str, Replayed] = OrderedDict()
        self._lock = threading.Lock()

    def under(self, patience: str) -> Replayed:
        """What would have been mailed, decided once. Raises UsageError."""
        with self._lock:
            if patience in self._outcomes:
                self._outcomes.move_to_end(patience)
                return self._outcomes[patience]
        outcome = under(self.history, patience)
        with self._lock:
            self._outcomes[patience] = outcome
            while len(self._outcomes) > _MOST_OUTCOMES:
                self._outcomes.popitem(last=False)
        return outcome


class Replays:
    """The histories that are being looked at; of many, those asked for longest ago make room."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[object, Kept]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, version: object, read: Callable[[], History]) -> Kept:
        """The history of that key and version, read if need be. Version None: nobody knows whether it has changed."""
        with self._lock:
            before, kept = self._kept.get(key, (None, None))
        if kept is None or version is None or before != version:
            kept = Kept(read())
            with self._lock:
                self._kept[key] = version, kept
                self._kept.move_to_end(key)
                while len(self._kept) > _MOST_HISTORIES:
                    self._kept.popitem(last=False)
        return kept
