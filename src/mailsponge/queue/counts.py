"""What the queue has done and is doing, as numbers: read by whoever is asked for metrics."""

from __future__ import annotations

from collections import Counter

from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Result


class Counts:
    """Of one runner."""

    __slots__ = (
        "hops_down",
        "hops_waiting",
        "mistakes",
        "outcomes",
        "reports",
        "reports_dropped",
        "running",
        "settling",
    )

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter(dict.fromkeys(map(str, Result), 0))
        """Attempts, a recipient each, by what they came to. Only grows."""
        self.reports: Counter[str] = Counter(dict.fromkeys(map(str, Action), 0))
        """Reports to senders, by what they say. Only grows."""
        self.reports_dropped = 0
        """Reports that could go nowhere. Only grows."""
        self.mistakes = 0
        """Attempts that ended by a mistake of ours; the log has its traceback. Only grows."""
        self.running = 0
        """Attempts under way, with those to claim something."""
        self.settling = 0
        """Outcomes that are not in the store yet."""
        self.hops_down = 0
        """Next hops that nothing gets through to."""
        self.hops_waiting = 0
        """Next hops that something waits for until a moment that is known."""
