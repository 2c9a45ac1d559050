"""What a mail is made of: the flips of one squeeze, and what the ledger knows about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.model import JOB_ITSELF, Excerpt, Flip, Gathered, Mail, Record, Silence
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

    def failures(self, flip: Flip, most: int) -> list[Record]:
        """The last records that failed a flip's source in that run."""
        if flip.failed_run is None:
            return []
        found = self._ledger.excerpt(flip.failed_run, flip.source, 0, most, self._rules.fail_level)
        return found.last or found.first

    def log(self, flip: Flip, first: int, last: int) -> Excerpt:
        """The two ends of all that was logged of a flip's source in that run, whatever its level."""
        if flip.failed_run is None:
            return Excerpt([], [], 0)
        own = self._ledger.excerpt(flip.failed_run, flip.source, first, last)
        if own.first or flip.source != JOB_ITSELF:
            return own
        return self._ledger.excerpt(flip.failed_run, None, first, last)

    def note(self, flip: Flip) -> str:
        """What there is to say of the run in which the job itself failed, such as a common cause; mostly nothing."""
        if flip.source != JOB_ITSELF or flip.failed_run is None:
            return ""
        newest = self._ledger.runs(1)
        return newest[0].note if newest and newest[0].run.id == flip.failed_run else ""

    def recent(self, flip: Flip, most: int) -> list[int | None]:
        """What the last runs proved of a flip's source, oldest first: OK, a level, or None where it was not seen."""
        return self._ledger.recent(flip.source, most, flip.hosts[0] if len(flip.hosts) == 1 else "")

    def counted(self, level: int) -> list[Gathered]:
        """How much was logged of each source since the last digest, at a level or above; not what is silenced."""
        if not self.is_digest_due:
            return []
        parts = self._ledger.gathered(level)
        return [p for p in parts if not telling.silence_of(p.source, self._silences, self._now)]

    def gathered(self) -> Iterator[Record]:
        """Everything that was logged since the last digest, apart from what is silenced."""
        if not self.is_digest_due:
            return
        if not self._silences:
            yield from self._ledger.gathered_records()
            return
        for record in self._ledger.gathered_records():
            if not telling.silence_of(record.source, self._silences, self._now):
                yield record
