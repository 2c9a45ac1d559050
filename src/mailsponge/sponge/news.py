"""What a mail is made of: the flips of one squeeze, and what the ledger knows about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import JOB_ITSELF, Excerpt, Flip, Mail, Record, Silence
from mailsponge.sponge.policy import Policy, telling


class News:
    """What there is to tell. Read it inside the ledger's transaction.

    Args:
        ledger: the job's memory.
        rules: what the user chose.
        flips: what happened, in the order in which a mail tells it.
        is_digest_due: whether everything gathered is to be told as well.
        now: the moment.
    """

    def __init__(
        self, ledger: Ledger, rules: Policy, flips: Sequence[Flip], is_digest_due: bool, now: float
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._now = now
        self._silences: list[Silence] = ledger.silences()
        self.flips = flips
        self.is_digest_due = is_digest_due
        self.refused: list[Mail] = ledger.mails("refused")
        """Mails that a server said never to, and of which nobody has been told."""

    def excerpt(self, flip: Flip, first: int, last: int) -> Excerpt:
        """The two ends of what a flip's source logged in the run in which it last failed."""
        if flip.failed_run is None:
            return Excerpt([], [], 0)
        own = self._ledger.excerpt(flip.failed_run, flip.source, first, last)
        if own.first or flip.source != JOB_ITSELF:
            return own
        # A job that failed by its sources, all at once, has logged nothing under its own name.
        return self._ledger.excerpt(flip.failed_run, None, first, last, self._rules.fail_level)

    def log(self, flip: Flip) -> list[Record]:
        """All that a flip's source logged in that run."""
        if flip.failed_run is None:
            return []
        own = self._ledger.records(flip.failed_run, flip.source, 0)
        if own or flip.source != JOB_ITSELF:
            return own
        return self._ledger.records(flip.failed_run, None, 0)

    def recent(self, flip: Flip, most: int) -> list[int | None]:
        """What the last runs proved of a flip's source, oldest first: OK, a level, or None where it was not seen."""
        return self._ledger.recent(flip.source, most, flip.hosts[0] if len(flip.hosts) == 1 else "")

    def gathered(self) -> Iterator[Record]:
        """Everything that was logged since the last digest, apart from what is silenced."""
        if self.is_digest_due:
            for record in self._ledger.gathered_records():
                if not telling.silence_of(record.source, self._silences, self._now):
                    yield record
